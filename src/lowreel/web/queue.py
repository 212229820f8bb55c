"""The queue of the page: its recoveries run one after the other, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from ..errors import InputError
from ..jobs.request import RunRequest, command_line
from ..runs.preview import LIVE, Live
from ..runs.summary import Summary
from ..settings import ServeSettings
from ..system.files import read_json, write_json

Status = Literal["waiting", "running", "finished", "stopped", "failed"]

POLL_SECONDS = 0.2
"""Seconds between two looks at the processes."""

GRACE_SECONDS = 900.0
"""Seconds that a run has to end in after it was told to: its baselines and its files are still to come."""

EACH = 3
"""One visitor may have this part of the queue."""

START_SECONDS = 30.0
"""Seconds that a run gets to begin in before it is told to end: it then has something to keep."""

RETRY_SECONDS = 2.0
"""Seconds before a run is tried again in whose folder another process works: that of a server that died."""

MOMENT_SECONDS = 1e-3
"""From one that was asked for to the next, at least: by this they are in order."""

RUN, REQUEST = "run", "request.json"
"""The run folder in that of a recovery, and what is asked for."""

_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True)
class Job:
    """One recovery that was asked for. request: as seen from its own folder; title: what the user calls it;
    created, spent: seconds; error: one sentence, where it failed; visitor: the network address of who asked."""

    id: str
    title: str
    request: RunRequest
    created: float
    status: Status = "waiting"
    spent: float = 0.0
    error: str | None = None
    visitor: str = ""


@dataclass
class _Process:
    popen: subprocess.Popen[bytes]
    begun: float
    wished: float | None = None
    """When somebody wanted it to end."""
    told: float | None = None
    """When it was told to."""


@dataclass
class Queue:
    """All recoveries of a page, in the order in which they were asked for; kept in FOLDER/ID.

    Addresses of runs are random and cannot be guessed; whoever has one may look at the run and stop it.
    """

    folder: Path
    settings: ServeSettings
    _known: dict[str, Job] = field(default_factory=dict)
    _running: dict[str, _Process] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Find the runs of before, and begin to work on those that are not over."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.folder.glob("*/job.json"):
            with contextlib.suppress(InputError, TypeError, KeyError):
                known = read_json(path)
                job = Job(request=RunRequest.load(path.with_name(REQUEST)), **known)
                self._known[job.id] = replace(job, status="waiting") if job.status == "running" else job
        self._thread = threading.Thread(target=self._work, name="runs of the page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Kill what runs; it goes on from its last checkpoint when the page is served again."""
        self._end.set()
        if self._thread is not None:
            self._thread.join(10)

    def new_folder(self, visitor: str = "") -> Path:
        """A folder for a recovery that is about to be asked for; its name is its address. Raises InputError where too
        many wait."""
        self._check_room(visitor)
        folder = self.folder / secrets.token_urlsafe(16)
        folder.mkdir()
        return folder

    def add(self, folder: Path, title: str, request: RunRequest, visitor: str = "") -> Job:
        """Put a recovery at the end of the queue. folder: of `new_folder`, with the upload in it."""
        with self._lock:
            job = Job(folder.name, title, request, self._now(), visitor=visitor)
            self._check_room(visitor)
            request.save(folder / REQUEST)
            self._keep(job)
        return job

    def go_on(self, job: Job) -> None:
        """Put one that was stopped or failed at the end of the queue, with as much time as at first."""
        with self._lock:
            self._check_room(job.visitor)
            if self._known[job.id].status in ("stopped", "failed"):
                self._keep(replace(job, status="waiting", created=self._now(), spent=0.0, error=None))

    def delete(self, job: Job) -> None:
        """Forget a recovery that is over, and remove its folder. Raises InputError for one that is not over."""
        with self._lock:
            if self._known[job.id].status in ("waiting", "running"):
                raise InputError("It is not over yet; stop it first.")
            del self._known[job.id]
        discard(self.folder / job.id)

    def expectation(self, job: Job) -> str:
        """What its command line said it would take, once it has."""
        with contextlib.suppress(OSError):
            lines = (self.folder / job.id / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
            return " ".join(line for line in lines[:40] if line.startswith(("In ", "Expect ")))
        return ""

    def _check_room(self, visitor: str) -> None:
        with self._lock:
            due = [job for job in self._known.values() if job.status in ("waiting", "running")]
            if len(due) >= self.settings.waiting:
                raise InputError("The queue is full; try again later.")
            if sum(job.visitor == visitor for job in due) >= max(1, self.settings.waiting // EACH):
                raise InputError("No more of your recoveries may wait; try again when some of them are over.")

    def get(self, address: str) -> Job | None:
        """The recovery with this address, or None."""
        return self._known.get(address) if _ID.fullmatch(address) else None

    def run_folder(self, job: Job) -> Path:
        """Where its run is, once it has begun."""
        return self.folder / job.id / "run"

    def place(self, job: Job) -> int:
        """How many are before it in the queue, those that run included; 0 where it waits for nothing."""
        with self._lock:
            before = [j.id for j in self._waiting()]
            return len(self._running) + before.index(job.id) if job.id in before else 0

    def is_ending(self, job: Job) -> bool:
        """Whether it runs, and was asked to end."""
        process = self._running.get(job.id)
        return process is not None and process.wished is not None

    def stop(self, job: Job) -> None:
        """End a recovery with the best it has; one that waits is taken out of the queue."""
        with self._lock:
            if (process := self._running.get(job.id)) is not None:
                process.wished = process.wished or time.monotonic()
            elif self._known[job.id].status == "waiting":
                self._keep(replace(self._known[job.id], status="stopped", error="Stopped before it was begun."))

    def _keep(self, job: Job) -> None:
        self._known[job.id] = job
        content = {own.name: getattr(job, own.name) for own in fields(job) if own.name != "request"}
        write_json(self.folder / job.id / "job.json", content)

    def _work(self) -> None:
        while not self._end.wait(POLL_SECONDS):
            with self._lock:
                for name in list(self._running):
                    self._tried(self._look_at, name)
                for job in self._waiting():
                    due = self._not_before.get(job.id, 0.0) <= time.monotonic()
                    if due and len(self._running) < self.settings.at_once:
                        self._tried(self._begin, job.id)
        with self._lock:
            for name, process in self._running.items():
                self._signal(process, signal.SIGKILL)
                process.popen.wait()
                spent = self._known[name].spent + time.monotonic() - process.begun
                with contextlib.suppress(OSError):
                    self._keep(replace(self._known[name], spent=spent))

    def _tried(self, step: Callable[[str], None], name: str) -> None:
        """Take a step with a recovery; one whose folder is gone, or a full disk, does not stop the others."""
        try:
            step(name)
        except Exception as error:
            if (process := self._running.pop(name, None)) is not None:
                self._signal(process, signal.SIGKILL)
                process.popen.wait()
            told = f"Its folder cannot be worked in ({type(error).__name__})."
            self._known[name] = replace(self._known[name], status="failed", error=told)

    def _now(self) -> float:
        """Seconds since 1970, later than when any other was asked for, even where the clock was set back meanwhile."""
        return max([time.time(), *(job.created + MOMENT_SECONDS for job in self._known.values())])

    def _waiting(self) -> list[Job]:
        """Those that wait, in their order."""
        return sorted((j for j in self._known.values() if j.status == "waiting"), key=lambda j: j.created)

    def _begin(self, name: str) -> None:
        job, folder = self._known[name], self.folder / name
        words = command_line(job.request, resume=(folder / RUN / "config.json").is_file())
        for path in lives(folder / "run"):  # of a process that is gone
            path.unlink()
        environment = dict(os.environ)
        if self.settings.at_once > 1:
            environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // self.settings.at_once))
        with open(folder / "log.txt", "ab") as log:
            log.write(f"$ lowreel {shlex.join(words)}\n".encode())
            log.flush()
            popen = subprocess.Popen(
                [sys.executable, "-m", "lowreel.web.session", "run", REQUEST],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
        self._running[job.id] = _Process(popen, time.monotonic())
        self._keep(replace(job, status="running"))

    def _look_at(self, name: str) -> None:
        process, job, now = self._running[name], self._known[name], time.monotonic()
        code = process.popen.poll()
        if code is None:
            if process.wished is None and job.spent + now - process.begun > 60 * self.settings.minutes:
                process.wished = now
            if process.wished is not None and process.told is None:
                has_before = any(self.run_folder(job).rglob("state.safetensors"))
                is_late = not lives(self.run_folder(job)) and (now - process.wished > START_SECONDS or not has_before)
                if is_late or self._has_something(job):
                    process.told = now
                    self._signal(process, signal.SIGINT)
            elif process.told is not None and now - process.told > GRACE_SECONDS:
                self._signal(process, signal.SIGKILL)
            return
        del self._running[name]
        job = replace(job, spent=job.spent + now - process.begun)
        self._keep(self._ended(job, code, process.told is not None))

    def _has_something(self, job: Job) -> bool:
        """Whether a run is in its fits: it then ends with the best so far. In its baselines it ends soon by itself."""
        shown = [live for path in lives(self.run_folder(job)) if (live := Live.load(path.parent)) is not None]
        return bool(shown) and all(live.about["made"] < live.about["planned"] for live in shown)

    def _ended(self, job: Job, code: int, told: bool) -> Job:
        """The job after its process has ended."""
        folder = self.folder / job.id
        summary = Summary.read(folder / "run") if code == 0 else None
        if summary is not None:
            return replace(job, status="finished" if summary.is_complete else "stopped", error=None)
        error = _last_error(folder)
        if told and code in (130, -signal.SIGINT, -signal.SIGKILL):  # by itself, while it was importing, or in the end
            is_begun = (folder / "run" / "config.json").is_file()
            sentence = "Stopped; it goes on from its last checkpoint." if is_begun else "Stopped before it had begun."
            return replace(job, status="stopped", error=sentence)
        if error is not None and "another lowreel works in this folder" in error:
            self._not_before[job.id] = time.monotonic() + RETRY_SECONDS
            return replace(job, status="waiting")
        if error is None:
            error = (
                "Killed, as it seems for lack of memory." if code < 0 else f"It ended with code {code}; see its log."
            )
        return replace(job, status="failed", error=error)

    @staticmethod
    def _signal(process: _Process, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.popen.pid, number)


def lives(run: Path) -> list[Path]:
    """What shows a run under way, or its section."""
    return [path for path in (run / LIVE, *run.glob(f"sections/*/{LIVE}")) if path.is_file()]


def _last_error(folder: Path) -> str | None:
    """What the command line said last, without the server's folders; None where it said nothing of an error."""
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    lines = lines[max((k for k, line in enumerate(lines) if line.startswith("$ lowreel ")), default=0) :]
    errors = [line.removeprefix("lowreel: error: ") for line in lines if line.startswith("lowreel: error: ")]
    return errors[-1].replace(f"{folder.resolve()}/", "").replace(f"{folder}/", "") if errors else None


def discard(folder: Path) -> None:
    """Remove the folder of a recovery that was not asked for after all."""
    shutil.rmtree(folder, ignore_errors=True)
