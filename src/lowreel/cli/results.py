"""What a batch leaves behind: results.csv and report.html, beside the runs."""

from __future__ import annotations

import csv
import html
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..errors import InputError
from ..files import replacing
from .manifest import TAKEN, Row
from .work import Record

FIGURES = ("psnr", "psnr_range", "ssim", "heldout_db", "rank", "steps", "trust")
"""Fields of a run's summary that are columns of the results."""


def check_folder(folder: Path) -> None:
    """Raise InputError where a batch may not write there: a file, the folder of a run, or one that holds files of the
    names of a batch's own and no records of rows."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder for the runs")
    if (folder / "config.json").is_file():
        raise InputError(f"{folder}: holds a run; give a new folder, or that of a batch, with -o")
    for name in TAKEN:
        if (folder / name).exists() and not (folder / "rows").is_dir():
            raise InputError(f"{folder}: its {name} is not of a batch and would be lost; give another folder with -o")


class Results:
    """The records of the rows of a batch, those of earlier sessions too."""

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        self.folder, self.rows = folder, rows
        self.records: dict[str, Record] = {}
        self.told: set[str] = set()
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

    def closing(self) -> str:
        """How many rows ended how, and where to look."""
        counts = Counter(record.status for record in self.records.values())
        told = ", ".join(f"{counts[s]} {s}" for s in ("finished", "stopped", "failed", "begun") if counts[s])
        left = len(self.rows) - counts["finished"]
        more = f" The same command takes up the other {left} again." if left else ""
        return f"{told or 'nothing'} of {len(self.rows)} rows. See {self.folder / 'report.html'}, results.csv.{more}"

    def write(self) -> None:
        """Write results.csv and report.html, with the rows that ended last of all on Ctrl-C."""
        self._load()
        found = ["name", "status", "seconds", *FIGURES, "best_baseline", "error"]
        asked = list(dict.fromkeys(name for row in self.rows for name in row.columns if name not in found))
        with replacing(self.folder / "results.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*found, *asked], extrasaction="ignore")
            writer.writeheader()
            for row in self.rows:
                writer.writerow({**row.columns, **dict.fromkeys(found), **self._cells(row)})
        with replacing(self.folder / "report.html") as temporary:
            temporary.write_text(self._page(), encoding="utf-8")

    def _cells(self, row: Row) -> dict[str, Any]:
        record = self.records.get(row.name)
        if record is None:
            return {"name": row.name, "status": "not begun"}
        summary = record.summary or {}
        figures = {name: summary.get(name) for name in FIGURES}
        best = _best_baseline(summary)
        return {
            "name": row.name,
            "status": record.status,
            "seconds": record.seconds,
            "best_baseline": None if best is None else f"{best[0]} {best[1]:.2f}",
            "error": record.error,
            **figures,
        }

    def _page(self) -> str:
        rows = "\n".join(self._page_row(row) for row in self.rows)
        return PAGE.replace("{count}", str(len(self.rows))).replace("{rows}", rows)

    def _page_row(self, row: Row) -> str:
        cells, link = self._cells(row), quote(row.name)
        picture = self.folder / row.name / "report.png"
        shown = f'<a href="{link}/report.png"><img src="{link}/report.png" alt="" loading="lazy"></a>'
        video = f'<a href="{link}/recovered.mp4">{html.escape(row.name)}</a>'
        is_there = (self.folder / row.name / "recovered.mp4").is_file()
        texts = [
            shown if picture.is_file() else "",
            video if is_there else html.escape(row.name),
            html.escape(str(cells["status"])),
            *(_text(cells.get(name)) for name in ("psnr_range", "heldout_db", "best_baseline", "seconds")),
            _text(cells.get("error") or cells.get("trust")),
        ]
        return f'<tr class="{cells["status"]}">' + "".join(f"<td>{text}</td>" for text in texts) + "</tr>"


def _levels(record: Record) -> str | None:
    summary = record.summary
    if summary is None:
        return None
    level = summary.get("psnr_range")
    return f"{level} dB (peak max - min); {summary['trust']}" if level is not None else str(summary["trust"])


def _best_baseline(summary: dict[str, Any]) -> tuple[str, float] | None:
    """By psnr_range where there is a true clip, else by held-out data."""
    levels = summary.get("baselines_psnr_range") or summary.get("baselines_heldout_db") or {}
    known = {name: level for name, level in levels.items() if isinstance(level, int | float)}
    return max(known.items(), key=lambda item: item[1], default=None)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(f"{value:.2f}" if isinstance(value, float) else str(value))


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>lowreel batch</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 15px/1.4 system-ui, sans-serif; margin: 1.2rem; }
  table { border-collapse: collapse; width: 100%; }
  td, th { border-bottom: 1px solid #8884; padding: .4rem .6rem; text-align: left; vertical-align: top; }
  img { width: 11rem; display: block; }
  tr.failed td:nth-child(3) { color: #c33; font-weight: 600; }
</style>
<h1>{count} rows</h1>
<table>
<thead><tr><th></th><th>name</th><th>status</th><th>PSNR (range), dB</th><th>held-out, dB</th><th>best baseline</th>
<th>seconds</th><th></th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</html>
"""
