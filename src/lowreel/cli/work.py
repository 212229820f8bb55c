"""One row of a batch: made, gone on with, or passed over; and what is kept of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..errors import InputError
from ..files import read_json, write_json
from .manifest import Row

Status = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True)
class Record:
    """How a row ended. error: one line, where it failed; seconds: of all sessions; words: its command line; summary:
    that of its run."""

    name: str
    status: Status
    words: list[str]
    seconds: float = 0.0
    error: str | None = None
    summary: dict[str, Any] | None = None

    @staticmethod
    def load(folder: Path, name: str) -> Record | None:
        """What is kept of a row in FOLDER/rows, or None."""
        path = _file(folder, name)
        return Record(**read_json(path)) if path.is_file() else None

    def save(self, folder: Path) -> None:
        """Write FOLDER/rows/NAME.json."""
        path = _file(folder, self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(self))


def _file(folder: Path, name: str) -> Path:
    return folder / "rows" / f"{name}.json"


def perform_row(row: Row, folder: Path, threads: int) -> Record:
    """Make a row's run in FOLDER/NAME, or go on with it; a finished one is passed over, an error is kept.

    What it prints goes to FOLDER/rows/NAME.log. Ctrl-C ends the run with the best so far, and its next time goes on.
    """
    before = Record.load(folder, row.name)
    try:
        words = row.words(folder)
    except (InputError, ValueError) as error:
        return _kept(Record(row.name, "failed", [], error=str(error)), folder)
    if before is not None and before.status == "finished" and before.words == words:
        return before
    start = time.monotonic()
    spent = before.seconds if before is not None and before.words == words else 0.0
    failure = _error_of(_going_on(words, folder / row.name), folder / "rows" / f"{row.name}.log", threads)
    summary = read_json(path) if (path := folder / row.name / "summary.json").is_file() and failure is None else None
    status: Status = "failed" if summary is None else "finished"
    if summary is not None and summary["outcome"]["kind"] == "stopped":
        status = "stopped"
    seconds = round(spent + time.monotonic() - start, 2)
    return _kept(Record(row.name, status, words, seconds, failure, summary), folder)


def _kept(record: Record, folder: Path) -> Record:
    record.save(folder)
    return record


def _going_on(words: list[str], run: Path) -> list[str]:
    """The command line, or that which goes on with the run where it was begun."""
    if not (run / "config.json").is_file():
        return words
    return ["recover", str(run), "--resume"] if words[0] == "recover" else [*words, "--resume"]


def _error_of(words: list[str], log: Path, threads: int) -> str | None:
    """Run a command line with its output in a file; the error in one line, or None."""
    import torch

    from .commands import call, in_one_line

    torch.set_num_threads(threads)
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a", encoding="utf-8") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        print(f"$ lowreel {' '.join(words)}", flush=True)
        try:
            call(words)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            print(f"error: {in_one_line(error)}", flush=True)
            return in_one_line(error)
        finally:
            signal.signal(signal.SIGINT, before)
    return None


def prepare_worker() -> None:
    """Import what every row needs, once for each worker; Ctrl-C is for the row that it works on, if any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from .. import recover, runs  # noqa: F401
