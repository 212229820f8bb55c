"""How the page answers what is pressed: errors in words, a look at a run now and then, one video at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from ..errors import InputError

LOOK_SECONDS, SLOW_LOOK_SECONDS = 2.0, 10.0
"""Seconds between two looks at a run, at first and when it has gone on for long: what is new has to be drawn by the
server and by the browser, perhaps on the cores of the run, and a run that is long changes slowly."""

LOOKS = 15.0
"""Looks in the time that a run has taken so far, about."""

FILMS = {"concurrency_limit": 1, "concurrency_id": "films"}
"""Videos are made one at a time."""


def quiet(button: gr.Button) -> dict[str, Any]:
    """Of an event: that it shows no progress, and that Gradio tells no component but a button that it goes on.

    Else it tells all that the event changes. Each of these then counts seconds from frame to frame of the browser until
    the event is over; one that is taken out of the page meanwhile counts for ever. A button counts nothing.
    """
    return {"show_progress": "hidden", "show_progress_on": [button], "api_visibility": "private"}


def in_words(act: Callable[..., Any]) -> Callable[..., Any]:
    """What is wrong with what was asked for is told on the page."""

    @functools.wraps(act)  # Gradio looks at the signature
    def told(*given: Any) -> Any:
        try:
            return act(*given)
        except InputError as error:
            raise gr.Error(str(error), duration=12, print_exception=False) from None

    return told


def pace(seconds: float) -> float:
    """Seconds from one look to the next at a run that has taken so long; few values, so that it seldom changes."""
    return next((step for step in (LOOK_SECONDS, 5.0) if seconds < LOOKS * step), SLOW_LOOK_SECONDS)
