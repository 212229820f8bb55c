"""What the command line shows: the bar while a run goes on, the table when it has ended."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TextIO

from .callbacks import Callbacks
from .telling import Telling

if TYPE_CHECKING:
    from ..recovery.comparison import Baseline
    from ..recovery.fit import Progress
    from ..runs.summary import Summary
    from ..training.runs import TrainProgress
    from .run import RunResult
    from .together import GroupResult


def show_result(result: RunResult, telling: Telling = Telling()) -> None:  # noqa: B008 (frozen)
    """Print what a run came to, as a table or as JSON."""
    if telling.as_json:
        found = {"folder": str(result.folder), "summary": result.summary.model_dump(mode="json"), "notes": result.notes}
        print(json.dumps(found, indent=2))
    elif not telling.quiet:
        show_summary(result.folder, result.summary, result.notes)


def show_clips(result: GroupResult, telling: Telling = Telling()) -> None:  # noqa: B008
    """Print what became of each clip of a run of several, as a table or as JSON."""
    if telling.as_json:
        clips = {name: summary.model_dump(mode="json") for name, summary in result.summaries.items()}
        print(json.dumps({"folder": str(result.folder), "clips": clips, "notes": result.notes}, indent=2))
    elif not telling.quiet:
        _print_clips(result)


def _print_clips(result: GroupResult) -> None:
    """Print a table of several clips, whether to trust each, and where they lie."""
    from rich.console import Console

    from ..runs.report import table_of_clips

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
    """A progress bar with fields of text and the time left; where the output is no terminal, a line now and then.

    to: where it is drawn; the standard output if None.
    """

    def __init__(self, what: str, to: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.what, self.to = what, to or sys.stdout
        self.bar = Progress(
            TextColumn(what),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[text]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=Console(file=self.to),
            disable=not self.to.isatty(),
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
            print(text, file=self.to, flush=True)
        else:
            self.bar.console.print(text, highlight=False)

    def move(self, done: int, total: int, text: str) -> None:
        """Say how far things are."""
        if self.task is None:
            self.task = self.bar.add_task("", total=total, text=text)
        self.bar.update(self.task, completed=done, total=total, text=text)
        if self.bar.disable and time.monotonic() - self.printed > LINE_SECONDS:
            self.printed = time.monotonic()
            print(f"{self.what} {done}/{total}  {text}", file=self.to, flush=True)


def progress_text(progress: Progress) -> str:
    """Loss, held-out error and stage of a recovery in words."""
    known = progress.best_error < float("inf")
    heldout = f"  held-out {progress.heldout_db:.2f} dB" if known else ""
    text = f"loss {progress.state.loss:.2e}{heldout}"
    if progress.stage == "search":
        return f"choosing settings, {len(progress.trials)} fits done  {text}"
    return f"last fit, with all data  {text}" if progress.stage == "last" else text


class ProgressBar(Bar):
    """The progress of a recovery: epochs, loss, held-out error, time left. what: what is recovered, in words; closing:
    what is said after the last epoch."""

    def __init__(self, what: str = "recovering", to: TextIO | None = None, *, closing: str = "; now the files") -> None:
        super().__init__(what, to)
        self.closing = closing

    def tell_baseline(self, name: str, baseline: Baseline) -> None:
        """Say that there is a first picture."""
        level = "" if math.isnan(baseline.heldout_db) else f", {baseline.heldout_db:.1f} dB on held-out data"
        self.say(f"first picture: {name}{level}")

    def show(self, progress: Progress) -> None:
        """Move the bar to where the run stands."""
        text = progress_text(progress)
        if progress.made >= progress.planned and progress.stage != "search":
            text += self.closing
        self.move(progress.made, progress.planned, text)


class Screen(Callbacks):
    """Callbacks that print what is said, and show a bar for the clip, or for each of its sections.

    As a context: within it the records of the package's logger are printed too, if that is wanted; at its end the bar
    is taken away. telling: how much is told, and where.
    """

    def __init__(self, telling: Telling = Telling()) -> None:  # noqa: B008 (frozen)
        self.bar: ProgressBar | None = None
        self.telling = telling
        self._logged = telling.logged()

    def __enter__(self) -> Self:
        self._logged.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._end_bar()
        self._logged.__exit__(None, None, None)

    def _end_bar(self) -> None:
        if self.bar is not None:
            self.bar.__exit__()

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        self.telling.say(sentence)

    def on_progress(self, progress: Progress, section: int, sections: int) -> None:
        """Move the bar; begin one for a section that has none."""
        if self.telling.quiet:
            return
        self._bar_of(f"section {section} of {sections}" if sections > 1 else "recovering").show(progress)

    def on_fit(self, what: str, progress: Progress) -> None:
        """Move the bar of what is fitted; begin one where it has none."""
        if self.telling.quiet:
            return
        self._bar_of(what).show(progress)

    def on_baseline(self, name: str, baseline: Baseline) -> None:
        """Say that there is a first picture."""
        if self.telling.quiet:
            return
        self._bar_of("recovering").tell_baseline(name, baseline)

    def _bar_of(self, what: str) -> ProgressBar:
        if self.bar is None or self.bar.what != what:
            self._end_bar()
            self.bar = ProgressBar(what, self.telling.stream).__enter__()
            if self.bar.bar.disable and what != "recovering":
                self.telling.say(what)
        return self.bar


class TrainingBar(Bar):
    """The progress of a training: minibatches, PSNR of the reconstructions, time left."""

    def __init__(self) -> None:
        super().__init__("training")

    def show(self, progress: TrainProgress) -> None:
        """Move the bar to where the training stands."""
        psnr = progress.history[-1]["psnr"]
        self.move(progress.state.step, progress.steps, "" if psnr is None else f"reconstruction {psnr:.2f} dB")
