"""How a recovery is shown while it is made: a bar and a picture in a notebook, a bar in a terminal, else nothing."""

from __future__ import annotations

import sys
import time
import warnings
from typing import TYPE_CHECKING, Any, Self

from ..jobs.display import ProgressBar, progress_text
from ..runs.preview import PREVIEW_TIME_SHARE, Live
from ..system.film_strip import film_strip

if TYPE_CHECKING:
    from ..recovery.comparison import Baseline
    from ..recovery.fit import Progress

PICTURE_SECONDS = 2.0
"""From one picture in a notebook to the next, at least."""


def is_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which shows pictures and HTML."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def display_of(progress: bool | None) -> Display:
    """What shows a recovery. progress: True shows it, False is quiet; None shows it in a notebook and in a terminal."""
    if progress is False:
        return Display()
    if is_notebook():
        return NotebookDisplay()
    return TerminalDisplay() if progress or sys.stdout.isatty() else Display()


class Display:
    """Shows nothing. A context: what it draws is finished at its end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, progress: Progress) -> None:
        """Show where a recovery stands after an epoch."""

    def tell_baseline(self, name: str, baseline: Baseline) -> None:
        """Say that there is a first picture."""


class TerminalDisplay(Display):
    """The bar of the command line; where the output is no terminal, a line now and then."""

    def __init__(self) -> None:
        self.bar = ProgressBar(closing="; now the verdict")

    def __enter__(self) -> Self:
        self.bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.__exit__()

    def show(self, progress: Progress) -> None:
        """Move the bar."""
        self.bar.show(progress)

    def tell_baseline(self, name: str, baseline: Baseline) -> None:
        """Print a line."""
        self.bar.tell_baseline(name, baseline)


class NotebookDisplay(Display):
    """A bar of tqdm, and below it frames of the clip as they become better.

    Both take at most PREVIEW_TIME_SHARE of the time.
    """

    def __init__(self) -> None:
        self.bar: Any = None
        self.picture: Any = None
        self.due = 0.0

    def __exit__(self, kind: object = None, *_: object) -> None:
        if self.bar is None:
            return
        if kind is None:  # a fit that ended before all epochs were made is over too: the bar would turn red
            self.bar.total = self.bar.n
            self.bar.refresh()
        self.bar.close()

    def tell_baseline(self, name: str, baseline: Baseline) -> None:
        """Show its frames until the fit has some."""
        self._draw(Live.of_baseline(name, baseline.clip, baseline.heldout_db), time.monotonic())

    def show(self, progress: Progress) -> None:
        """Move the bar, and draw frames when it is time."""
        if self.bar is None:
            self.bar = _notebook_bar(progress.planned)
        self.bar.total = max(progress.planned, progress.made)
        self.bar.update(progress.made - self.bar.n)
        self.bar.set_postfix_str(progress_text(progress), refresh=False)
        begun = time.monotonic()
        if begun >= self.due or progress.made >= progress.planned:
            self._draw(Live.of(progress), begun)

    def _draw(self, live: Live | None, begun: float) -> None:
        from IPython.display import Image, display

        if live is None:
            return
        image = Image(data=film_strip(live.frames))
        if self.picture is None:
            self.picture = display(image, display_id=True)
        else:
            self.picture.update(image)
        took = time.monotonic() - begun
        self.due = begun + max(PICTURE_SECONDS, took / PREVIEW_TIME_SHARE)


def _notebook_bar(total: int) -> Any:
    """The bar of tqdm that this notebook can show: widgets where ipywidgets are there, else text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that ipywidgets are missing: the bar of text does
        from tqdm.auto import tqdm

        return tqdm(total=total, desc="recovering", unit="epoch", leave=True)
