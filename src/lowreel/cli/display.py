"""What the command line shows: the bar while a run goes on, the table when it has ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..recover import Progress


def show_summary(folder: Path, summary: dict[str, Any], notes: list[str]) -> None:
    """Print the closing table, whether to trust the result, and where it lies."""
    from rich.console import Console

    from ..report import figures_table

    console = Console()
    console.print(figures_table(summary))
    console.print(f"\n[bold]{summary['trust']}[/]")
    console.print(summary["outcome"]["sentence"])
    for note in notes:
        console.print(note)
    console.print(f"Results in {folder}: recovered.mp4, report.png, summary.json", highlight=False)


class ProgressBar:
    """The progress bar: rounds, loss, held-out error, time left; silent when the output is not a terminal."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("recovering"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("loss {task.fields[loss]}  held-out {task.fields[heldout]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self.task: Any = None

    def __enter__(self) -> ProgressBar:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def show(self, progress: Progress) -> None:
        """Move the bar to where the run stands."""
        if self.task is None:
            self.task = self.bar.add_task("", total=progress.steps, loss="", heldout="")
        from ..metrics import error_decibels

        known = progress.best_error < float("inf")
        heldout = f"{error_decibels(progress.best_error):.2f} dB" if known else "-"
        loss = f"{progress.state.loss:.2e}"
        self.bar.update(self.task, completed=progress.state.step, total=progress.steps, loss=loss, heldout=heldout)
