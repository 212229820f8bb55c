"""One row of a batch: it is made, gone on with, or skipped; and the record that is kept of it."""

from __future__ import annotations

import contextlib
import gc
import shlex
import signal
import sys
import time
from dataclasses import dataclass, fields, replace
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, Literal

from ..errors import InputError
from ..runs.summary import Summary, summary_of
from ..system.files import read_json, write_json
from ..system.processes import die_with_parent, set_libraries
from .display import Screen, show_result
from .errors import in_one_line
from .manifest import Row
from .request import RunRequest, command_line
from .telling import Telling, logged_to

INTERRUPTED = "interrupted"
"""What is told in place of an error where Ctrl-C came between two fits."""

Status = Literal["begun", "finished", "stopped", "failed"]

FOLDER_SECONDS = 20.0
"""Seconds to wait for a folder in which another process still works: the worker before this one may be dying."""


@dataclass(frozen=True)
class Record:
    """How a row ended. request: what it asked for, as JSON; seconds: of its sessions, those that were killed apart;
    error: one line, where it failed; summary: that of its run."""

    name: str
    status: Status
    request: dict[str, Any] | None = None
    seconds: float = 0.0
    error: str | None = None
    summary: Summary | None = None

    @staticmethod
    def load(folder: Path, name: str) -> Record | None:
        """What is kept of a row in FOLDER/rows, or None; what cannot be read does not count."""
        try:
            path = _file(folder, name)
            kept = read_json(path)
            summary = kept.get("summary")
            record = Record(**kept | {"summary": None if summary is None else summary_of(summary, str(path))})
            return record if record.request is None or RunRequest(**record.request) else None
        except (OSError, InputError, TypeError, AttributeError):
            return None

    def save(self, folder: Path) -> None:
        """Write FOLDER/rows/NAME.json."""
        path = _file(folder, self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {each.name: getattr(self, each.name) for each in fields(self)}
        summary = None if self.summary is None else self.summary.model_dump(mode="json")
        write_json(path, kept | {"summary": summary})


def _file(folder: Path, name: str) -> Path:
    return folder / "rows" / f"{name}.json"


def is_done(row: Row, folder: Path) -> Record | None:
    """The record of a row that is finished already, with the same request and its run still there; else None."""
    record = Record.load(folder, row.name)
    if record is None or record.status != "finished" or not (folder / row.name / "summary.json").is_file():
        return None
    with contextlib.suppress(ValueError):
        return record if _is_of(record, row.request(folder)) else None
    return None


def _is_of(record: Record, request: RunRequest) -> bool:
    """Whether a row was worked on as this request before; the machine and the folder of the runs may be others."""
    return record.request is not None and RunRequest(**record.request).is_same_recovery(request)


def perform_row(row: Row, folder: Path, threads: int, *, verbose: bool = False) -> Record:
    """Make a row's run in FOLDER/NAME, or go on with it; a finished one is passed over, an error is told.

    What it prints goes to FOLDER/rows/NAME.log. verbose: so does what is logged, which goes to the error output, behind
    the name of the row, as well. Ctrl-C ends the run with the best so far, and its next time goes on.
    """
    if (done := is_done(row, folder)) is not None:
        return done
    before = Record.load(folder, row.name)
    try:
        request = row.request(folder)
    except ValueError as error:
        return Record(row.name, "failed", error=in_one_line(error))
    run, asked = folder / row.name, request.model_dump(mode="json")
    is_begun = (run / "config.json").is_file()
    if is_begun and before is not None and not _is_of(before, request):
        told = "its command line has changed since its run was begun; give the row another name"
        return replace(before, status="failed", request=asked, error=told)
    start, spent = time.monotonic(), before.seconds if is_begun and before is not None else 0.0
    Record(row.name, "begun", asked, spent).save(folder)
    log = folder / "rows" / f"{row.name}.log"
    with logged_to(sys.stderr, row.name) if verbose else contextlib.nullcontext():
        failure = _error_of(request, run, log, threads, Telling(verbose=verbose))
    summary = Summary.read(run) if failure is None else None
    status: Status = "failed" if summary is None else "finished"
    if failure == INTERRUPTED or (summary is not None and not summary.is_complete):
        status, failure = "stopped", None
    seconds = round(spent + time.monotonic() - start, 2)
    record = Record(row.name, status, asked, seconds, failure, summary)
    record.save(folder)
    return record


def _error_of(request: RunRequest, run: Path, log: Path, threads: int, telling: Telling) -> str | None:
    """Carry out a request, or go on with its run, with the output in a file; the error in one line, or None."""
    set_libraries()  # for the tasks of a cluster, which nobody has prepared
    import torch

    from ..system.checkpoints import BusyError
    from ..system.memory import trim_heap

    torch.set_num_threads(threads)
    gc.collect()
    trim_heap()  # what the row before has freed: this one plans with the memory that is left
    end = time.monotonic() + FOLDER_SECONDS
    with (
        open(log, "a", encoding="utf-8", errors="backslashreplace") as out,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        _stopped_once(),
    ):
        try:
            while True:
                go_on = (run / "config.json").is_file()
                print(f"$ lowreel {shlex.join(command_line(request, resume=go_on))}", flush=True)
                try:
                    _make(request, go_on, telling)
                    return None
                except BusyError as error:
                    if time.monotonic() > end:
                        return in_one_line(error)
                    time.sleep(0.5)
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception as error:
            print(f"error: {in_one_line(error)}", flush=True)
            return in_one_line(error)


def _make(request: RunRequest, resume: bool, telling: Telling) -> None:
    """Make the run, or go on with it, and print what it comes to."""
    from .run import run

    with Screen(telling) as screen:
        result = run(request, resume=resume, callbacks=screen)
    show_result(result, telling)


@contextlib.contextmanager
def _stopped_once() -> Any:
    """Ctrl-C ends the fit of a row, once: it may come from the terminal and from the batch too."""

    def stop(_: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def prepare_worker() -> None:
    """Import what every row needs, once for each worker; it dies with the batch that started it.

    Ctrl-C is for the row that it works on, if any.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))  # it was started without them
    die_with_parent()
    set_libraries()
    for name in ("recovery.recover", "runs.folder", "runs.report", "jobs.run"):
        import_module(f"lowreel.{name}")
