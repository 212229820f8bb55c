"""What the command line shows: the bar while a run goes on, the table when it has ended."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .callbacks import Callbacks

if TYPE_CHECKING:
    from ..recovery.comparison import Baseline
    from ..recovery.fit import Progress
    from ..runs.summary import Summary
    from ..training.runs import TrainProgress
    from .run import RunResult
    from .together import GroupResult


def shown(make: Callable[[Callbacks], RunResult]) -> None:
    """Make a run, show its progress, and print the result. make: a function that is given callbacks that print."""
    with Screen() as screen:
        result = make(screen)
    show_summary(result.folder, result.summary, result.notes)


def shown_together(make: Callable[[Callbacks], GroupResult]) -> None:
    """Make a run of several clips, show its progress, and print what became of each."""
    from rich.console import Console

    from ..runs.report import table_of_clips

    with Screen() as screen:
        result = make(screen)
    console = Console()
    console.print(table_of_clips(result.summaries))
    for name, summary in result.summaries.items():
        console.print(f"[bold]{name}[/]: {summary.trust}", highlight=False)
    for sentence in dict.fromkeys(summary.outcome.sentence for summary in result.summaries.values()):
        console.print(sentence)
    for note in result.notes:
        console.print(note)
    console.print(f"Results in {result.folder}/clips/NAME: recovered.mp4, report.png, summary.json", highlight=False)


def show_summary(folder: Path, summary: Summary, notes: Sequence[str]) -> None:
    """Print the closing table, whether to trust the result, and where it lies."""
    from rich.console import Console

    from ..runs.report import figures_table

    console = Console()
    console.print(figures_table(summary))
    console.print(f"\n[bold]{summary.trust}[/]")
    console.print(summary.outcome.sentence)
    for note in notes:
        console.print(note)
    better = "recommended.mp4, " if (Path(folder) / "recommended.mp4").is_file() else ""
    console.print(f"Results in {folder}: recovered.mp4, {better}report.png, summary.json", highlight=False)


LINE_SECONDS = 30.0
"""How often a line is printed where the output is not a terminal."""


class Bar:
    """A progress bar with fields of text and the time left; where the output is no terminal, a line now and then."""

    def __init__(self, what: str) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.what = what
        self.bar = Progress(
            TextColumn(what),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            disable=not sys.stdout.isatty(),
        )
        self.task: Any = None
        self.printed = time.monotonic()

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        if self.bar.disable:
            print(text, flush=True)
        else:
            self.bar.console.print(text, highlight=False)

    def move(self, done: int, total: int, text: str) -> None:
        """Say how far things are."""
        if self.task is None:
            self.task = self.bar.add_task("", total=total, text=text)
        self.bar.update(self.task, completed=done, total=total, text=text)
        if self.bar.disable and time.monotonic() - self.printed > LINE_SECONDS:
            self.printed = time.monotonic()
            print(f"{self.what} {done}/{total}  {text}", flush=True)


class ProgressBar(Bar):
    """The progress of a recovery: rounds, loss, held-out error, time left. what: what is recovered, in words."""

    def __init__(self, what: str = "recovering") -> None:
        super().__init__(what)

    def tell_baseline(self, name: str, baseline: Baseline) -> None:
        """Say that there is a first picture."""
        level = "" if math.isnan(baseline.heldout_db) else f", {baseline.heldout_db:.1f} dB on held-out data"
        self.say(f"first picture: {name}{level}")

    def show(self, progress: Progress) -> None:
        """Move the bar to where the run stands."""
        from ..analysis.metrics import error_decibels

        known = progress.best_error < float("inf")
        heldout = f"  held-out {error_decibels(progress.best_error):.2f} dB" if known else ""
        text = f"loss {progress.state.loss:.2e}{heldout}"
        if progress.stage == "search":
            text = f"choosing settings, {len(progress.trials)} fits done  {text}"
        elif progress.stage == "last":
            text = f"last fit, with all data  {text}"
        if progress.made >= progress.planned and progress.stage != "search":
            text += "; now the files"
        self.move(progress.made, progress.planned, text)


class Screen(Callbacks):
    """Callbacks that print what is said, and show a bar for the clip, or for each of its sections.

    As a context: the bar is taken away at its end.
    """

    def __init__(self) -> None:
        self.bar: ProgressBar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.__exit__()

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        print(sentence, flush=True)

    def on_progress(self, progress: Progress, section: int, sections: int) -> None:
        """Move the bar; begin one for a section that has none."""
        self._bar_of(f"section {section} of {sections}" if sections > 1 else "recovering").show(progress)

    def on_fit(self, what: str, progress: Progress) -> None:
        """Move the bar of what is fitted; begin one where it has none."""
        self._bar_of(what).show(progress)

    def on_baseline(self, name: str, baseline: Baseline) -> None:
        """Say that there is a first picture."""
        self._bar_of("recovering").tell_baseline(name, baseline)

    def _bar_of(self, what: str) -> ProgressBar:
        if self.bar is None or self.bar.what != what:
            self.__exit__()
            self.bar = ProgressBar(what).__enter__()
            if self.bar.bar.disable and what != "recovering":
                print(what, flush=True)
        return self.bar


class TrainingBar(Bar):
    """The progress of a training: minibatches, PSNR of the reconstructions, time left."""

    def __init__(self) -> None:
        super().__init__("training")

    def show(self, progress: TrainProgress) -> None:
        """Move the bar to where the training stands."""
        psnr = progress.history[-1]["psnr"]
        self.move(progress.state.step, progress.steps, "" if psnr is None else f"reconstruction {psnr:.2f} dB")
