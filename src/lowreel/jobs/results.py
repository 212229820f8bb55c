"""What a batch leaves behind: results.csv and report.html, beside the runs."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import InputError
from ..recovery.verdict import VerdictKind
from ..runs.summary import Summary
from ..system.files import atomic_write, remove_leftovers
from .manifest import BATCH_FILES, Row
from .worker import Record, Status

FIGURES = ("psnr", "psnr_range", "ssim", "heldout_db", "heldout_range_db", "rank", "steps", "trust")
"""Fields of a run's summary that are columns of the results."""

LEVELS = {
    "best_baseline_psnr_range": "baselines_psnr_range",
    "best_baseline_heldout_db": "baselines_heldout_db",
    "best_baseline_heldout_range_db": "baselines_heldout_range_db",
}
"""Columns with the level of the best baseline, and where the summary has it."""

PAGE_COLUMNS = {
    "psnr_range": "PSNR (range), dB",
    "best_baseline": "best baseline",
    "best_baseline_psnr_range": "its PSNR (range), dB",
    "heldout_range_db": "held-out (range), dB",
    "best_baseline_heldout_range_db": "of that baseline, dB",
    "seconds": "seconds",
}
"""Columns that are on the page too, and what stands above them."""

PAGE_NAMES = ("status", *PAGE_COLUMNS.values())
"""What stands above the columns of the page behind the name of the row."""

WRITE_SECONDS = 30.0
"""Seconds from one writing of the results to the next while rows are made, at least."""

RARELY = 20
"""And at least so many times what a writing takes, of very many rows."""

VERDICTS: dict[VerdictKind, str] = {
    "use": "Use it",
    "use_with_care": "Use with care",
    "undecided": "Undecided",
    "unknown": "Nothing can be said",
    "do_not_use": "Do not use",
}
"""The kinds of verdict in words."""


def check_folder(folder: Path) -> None:
    """Raise InputError where a batch may not write: into a file, into the folder of a run, or where other files have
    the names that a batch gives its own."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder for the runs")
    if (folder / "config.json").is_file():
        raise InputError(f"{folder}: holds a run; give a new folder, or that of a batch, with -o")
    for name in BATCH_FILES:
        if (folder / name).exists() and not (folder / "rows").is_dir():
            raise InputError(f"{folder}: its {name} is not of a batch and would be lost; give another folder with -o")


class Results:
    """The records of the rows of a batch, those of earlier sessions too."""

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        self.folder, self.rows = folder, rows
        self.records: dict[str, Record] = {}
        self.told: set[str] = set()
        self.due = time.monotonic() + WRITE_SECONDS
        for name in ("results", "report"):
            remove_leftovers(folder, name)
        self._load()

    def _load(self) -> None:
        found = {row.name: Record.load(self.folder, row.name) for row in self.rows}
        self.records |= {name: record for name, record in found.items() if record is not None and name not in self.told}

    def add(self, record: Record) -> None:
        """Note how a row ended in this session."""
        self.records[record.name] = record
        self.told.add(record.name)

    @property
    def failed(self) -> int:
        """How many rows have failed."""
        return sum(record.status == "failed" for record in self.records.values())

    def line(self, record: Record) -> str:
        """One line for the screen."""
        made = sum(name in self.told or kept.status == "finished" for name, kept in self.records.items())
        told = record.error or _levels(record) or record.status
        return f"[{made}/{len(self.rows)}] {record.name}: {record.status} in {record.seconds:.0f} s; {told}"

    def as_json(self) -> list[dict[str, Any]]:
        """Each row as it ended: its name, status, seconds, error, and the summary of its run."""
        told = []
        for row in self.rows:
            record = self.records.get(row.name)
            ended = self._cells(row) if record is None else {"seconds": record.seconds, "error": record.error}
            summary = None if record is None or record.summary is None else record.summary.model_dump(mode="json")
            status = "not begun" if record is None else record.status
            told.append({"name": row.name, "status": status, **ended, "summary": summary})
        return told

    def closing(self) -> str:
        """How many rows ended how, and where to look."""
        counts = Counter(record.status for record in self.records.values())
        told = ", ".join(f"{counts[s]} {s}" for s in ("finished", "stopped", "failed", "begun") if counts[s])
        left = len(self.rows) - counts["finished"]
        more = f" The same command takes up the other {left} again." if left else ""
        return f"{told or 'nothing'} of {len(self.rows)} rows. See {self.folder / 'report.html'}, results.csv.{more}"

    def write_now_and_then(self) -> None:
        """Write the results if some time has passed since the last writing; a failure is tried again the next time."""
        begun = time.monotonic()
        if begun < self.due:
            return
        with suppress(OSError):
            self.write()
        ended = time.monotonic()
        self.due = ended + max(WRITE_SECONDS, RARELY * (ended - begun))

    def write(self) -> None:
        """Write results.csv and report.html, with rows under way and those that ended last of all on Ctrl-C."""
        self._load()
        found = ["name", "status", "verdict", "outcome", "seconds", *FIGURES, "best_baseline", *LEVELS, "error"]
        asked = list(dict.fromkeys(name for row in self.rows for name in row.columns if name not in found))
        with atomic_write(self.folder / "results.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*found, *asked], extrasaction="ignore")
            writer.writeheader()
            for row in self.rows:
                writer.writerow({**row.columns, **dict.fromkeys(found), **self._cells(row)})
        with atomic_write(self.folder / "report.html") as temporary:
            temporary.write_text(self._page(), encoding="utf-8")

    def _cells(self, row: Row) -> dict[str, Any]:
        record = self.records.get(row.name)
        if record is None:
            return {"name": row.name, "status": "not begun"}
        ended = {"name": row.name, "status": record.status, "seconds": record.seconds, "error": record.error}
        return ended if record.summary is None else ended | _figures(record.summary, record.status)

    def _page(self) -> str:
        from jinja2 import Environment

        cells = [self._cells(row) for row in self.rows]
        counts = [_counted(str(cell["status"]) for cell in cells), _counted(cell.get("verdict") for cell in cells)]
        template = (files("lowreel") / "assets" / "batch.html").read_text(encoding="utf-8")
        page = Environment(autoescape=True).from_string(template)
        shown = list(map(self._page_row, self.rows, cells))
        return page.render(rows=shown, columns=PAGE_NAMES, counts="; ".join(filter(None, counts)))

    def _page_row(self, row: Row, cells: dict[str, Any]) -> dict[str, Any]:
        """What the page says of a row. picture, report, video: links to files of the run, None where there are none."""

        def link(file: str) -> str | None:
            return f"{quote(row.name)}/{file}" if (self.folder / row.name / file).is_file() else None

        failed = cells["status"] == "failed"
        classes = {"failed": failed, "bad": failed or cells.get("verdict") == VERDICTS["do_not_use"]}
        told = [cells["status"], *(cells.get(name) for name in PAGE_COLUMNS)]
        return {
            "name": row.name,
            "asked": _asked(row),
            "picture": link("strip.png") or link("report.png"),
            "report": link("report.png"),
            "video": link("recovered.mp4"),
            "told": cells.get("error") or cells.get("trust"),
            "texts": [(name, _text(value)) for name, value in zip(PAGE_NAMES, told, strict=True)],
            "classes": " ".join(name for name, holds in classes.items() if holds),
        }


def _figures(summary: Summary, status: Status) -> dict[str, Any]:
    """The cells that a run's summary fills."""
    best = _best_baseline(summary)
    return {
        "verdict": None if status == "failed" else VERDICTS[summary.verdict],
        "outcome": summary.outcome.kind,
        "best_baseline": best,
        **{name: getattr(summary, name) for name in FIGURES},
        **{column: getattr(summary, name).get(best) for column, name in LEVELS.items()},
    }


def _levels(record: Record) -> str | None:
    summary = record.summary
    if summary is None:
        return None
    level = summary.psnr_range
    return summary.trust if level is None else f"{level} dB (peak max - min); {summary.trust}"


def _best_baseline(summary: Summary) -> str | None:
    """By psnr_range where there is a true clip, else by held-out data."""
    levels = summary.baselines_psnr_range or summary.baselines_heldout_db
    known = {name: level for name, level in levels.items() if level is not None}
    return max(known, key=known.__getitem__, default=None)


def _counted(words: Iterable[str | None]) -> str:
    """How often each word is there: "finished: 3, failed: 1"."""
    return ", ".join(f"{word}: {count}" for word, count in Counter(word for word in words if word).most_common())


def _asked(row: Row) -> str:
    """The clip or data of a row, and how it is measured."""
    return ", ".join(str(row.columns[name]) for name in ("clip", "data", "operator", "mask") if name in row.columns)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
