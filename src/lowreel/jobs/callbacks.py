"""What a run tells while it is made. Imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..recovery.comparison import Baseline
    from ..recovery.fit import Progress


class Callbacks:
    """What is told of a run while it is made; each method does nothing unless it is overridden."""

    def say(self, sentence: str) -> None:
        """What is known before the fit: the units of arrays, the sections, the time and the memory."""

    def on_progress(self, progress: Progress, section: int, sections: int) -> None:
        """Called after every round. section: number of the section under way, from 1; sections: how many there are."""

    def on_baseline(self, name: str, baseline: Baseline) -> None:
        """Called when there is a first picture."""
