"""The tab on which frames between those of a run are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import gradio as gr

from ..errors import InputError
from ..settings import InterpolateSettings
from .reactions import FILMS, in_words, quiet
from .run_view import between
from .service import Service
from .svg import path as drawn_path
from .svg import picture_link


def interpolate_tab(service: Service, mine: gr.BrowserState, current: gr.State, tab: Any) -> None:
    """Put the tab together: run, place along its path, the frame there, a slow-motion video."""
    run = gr.Dropdown([], label="run", elem_id="path-run")
    place = gr.Slider(0, 1, step=0.02, label="place along the path, in frames", elem_id="place")
    with gr.Row():
        picture, plot = gr.HTML(elem_id="drawn"), gr.HTML(elem_id="path")
    with gr.Row():
        first, last = gr.Number(0, precision=0, label="from frame"), gr.Number(1, precision=0, label="to frame")
        count = gr.Number(200, precision=0, label="frames to draw")
        curve = gr.Dropdown(["linear", "cubic"], value="linear", label="curve")
    make, video = gr.Button("Slow-motion video", elem_id="make"), gr.HTML(elem_id="slow")

    def entered(own: list[str], opened: str, before: str | None) -> Any:
        choices = service.drawable(own)
        return gr.update(choices=choices, value=chosen_of([key for _, key in choices], opened, before))

    tab.select(entered, [mine, current, run], run, **quiet(make))

    def chosen(key: str | None) -> tuple[Any, ...]:
        look = service.look(key or "")
        end = look.shape[0] - 1 if look is not None else 1
        return gr.update(maximum=end, value=end / 2), 0, end

    def draw(key: str | None, at: float) -> tuple[str, str]:
        look = service.look(key or "")
        found = None if look is None else look.representation()
        if found is None:
            return "", ""
        shown, points, mark = between(found, min(at, len(found.codes) - 1))
        frame = f'<figure><img src="{picture_link(shown)}" alt="the frame at {at:.2f}"></figure>'
        return f'<div class="strip">{frame}</div>', drawn_path(points, mark)

    run.change(chosen, run, [place, first, last], **quiet(make))
    place.change(in_words(draw), [run, place], [picture, plot], trigger_mode="always_last", **quiet(make))

    def film(
        key: str | None, a: float | None, b: float | None, frames: float | None, bend: Literal["linear", "cubic"]
    ) -> str:
        if a is None or b is None or frames is None:
            raise InputError("Say from which frame to which, and how many to draw.")
        asked = InterpolateSettings(between=(int(a), int(b)), frames=int(frames), curve=bend)
        return service.interpolated(key or "", asked)

    make.click(in_words(film), [run, first, last, count, curve], video, api_visibility="private", **FILMS)


def chosen_of(keys: Sequence[str], opened: str, before: str | None) -> str | None:
    """Which of the runs with these addresses is chosen at first: the one that is open, or its first section; else the
    one that was chosen before."""
    own = [key for key in keys if opened and opened in (key, key.partition("/")[0])]
    return own[0] if own and before not in own else before
