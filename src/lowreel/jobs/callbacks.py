"""What a run tells while it is made. Imports no torch."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from ..errors import DataWarning

if TYPE_CHECKING:
    from ..recovery.comparison import Baseline
    from ..recovery.fit import Progress


class Callbacks:
    """What is told of a run while it is made; each method does nothing unless it is overridden."""

    def say(self, sentence: str) -> None:
        """What is known before the fit: the units of arrays, the sections, the time and the memory."""

    def on_progress(self, progress: Progress, section: int, sections: int) -> None:
        """Called after every epoch. section: number of the section under way, from 1; sections: how many there are."""

    def on_fit(self, what: str, progress: Progress) -> None:
        """Called after every epoch of a fit of several clips. what: is fitted, in words."""

    def on_baseline(self, name: str, baseline: Baseline) -> None:
        """Called when there is a first picture."""


@contextlib.contextmanager
def data_warnings_said(say: Callable[[str], None]) -> Iterator[None]:
    """Within the block, say each DataWarning once, as a sentence; other warnings are not touched."""
    told: set[str] = set()
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, DataWarning):
                usual(message, category, filename, lineno, file, line)
            elif str(message) not in told:
                told.add(str(message))
                say(f"Warning: {message}")

        warnings.simplefilter("always", DataWarning)
        warnings.showwarning = show
        yield
