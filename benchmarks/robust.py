"""What is lost when a command is killed, the disk is full, memory is refused, or its machine is odd: counted.

    python -m benchmarks robust [JOB ...] [--faults kill ...] [--trials 100] [--minutes N] [--seed 0]

JOB is the beginning of recover, sections, batch, train, fill, pack or export; default: all. Each is done once without a
fault. Then, so many times with each kind of fault at a random moment or size, it is begun, meets the fault, and is
gone on with as its own words say until it ends. `--trials` is the number of each kind of fault, shared out among all
jobs. Kinds: kill (SIGKILL), disk (no file may grow further), tmpfs (a full disk), memory (no more addresses), two (a
second process in the same folder), read-only (after a kill, a folder that cannot be written), slow (each file is opened
and synced late), clock (time.time jumps by up to a day), core (one core), half-core (a container's quota). Counted are
results that have the bits of the unbroken one, faults that ended in a sentence (exit code 2, no stack trace; of kills
there is none to say), and what was neither; a run may not say that it took less than no time, or more than it did.
Checkpoints are written after every round. Counts are kept in benchmarks/results/robust.json.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import numpy as np

from .commands import JOBS, Job
from .faults import Ended, Fault, FaultKind, Running, disk_of, enlarge, lacking, run
from .results import Rows
from .trees import here

MOST_TRIES = 4
"""How often a command is begun anew or gone on with after a fault, before its result counts as lost."""

MEMORY_BYTES = (0.0, 100e6)
"""Addresses that a command may take beyond those that it begins with, least and most."""

SLOW_SECONDS = (0.002, 0.05)
"""By which a slow mount is late, least and most."""

LARGE_DISK_BYTES = 2**28
"""Of a disk on which there is room again."""

TIME_SHARE, TIME_SECONDS = 1.05, 1.0
"""By how much the seconds that a run says may be more than those of the clock on the wall."""


def main(arguments: list[str]) -> None:
    kinds = get_args(FaultKind)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks robust",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="beginnings of names; default: all")
    parser.add_argument("--faults", nargs="+", choices=kinds, default=kinds, help="default: all")
    parser.add_argument("--trials", type=int, default=35, help="of each kind of fault, shared out among all jobs")
    parser.add_argument("--minutes", type=float, help="no trial begins later")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    kept, rows = Rows("robust"), []
    until = None if chosen.minutes is None else time.monotonic() + 60 * chosen.minutes
    for job in JOBS:
        if not any(job.name.startswith(start) for start in chosen.jobs or [""]):
            continue
        counting, trials = Counting(job, chosen.seed, until), max(1, round(chosen.trials * job.share / 100))
        for row in counting.rows(chosen.faults, trials):
            print(line(row), *row["lost"], *row["other"], sep="\n", flush=True)
            rows.append(row)
            kept.add(counts_of(row) | {"commit": here().commit, "seed": chosen.seed})
    print(table(rows))


def counts_of(row: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a row: of texts, which hold paths of this machine, how many there are."""
    texts = "lost", "other"
    return {name: value for name, value in row.items() if name not in texts} | {
        f"{name}_count": len(row[name]) for name in texts
    }


@dataclass
class Counting:
    """Trials of one job. until: of time.monotonic; no trial begins later, None: all do."""

    job: Job
    seed: int
    until: float | None
    seconds: float = 0.0
    expected: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def rows(self, kinds: Sequence[FaultKind], trials: int) -> Iterator[dict[str, Any]]:
        """A row of counts for each kind of fault, as they come."""
        with tempfile.TemporaryDirectory() as name:
            base = Path(name)
            (base / "start").mkdir()
            self.job.prepare(base / "start")
            self._unbroken(base)
            for kind in kinds:
                if told := lacking(kind):
                    print(f"{kind}: {told}")
                else:
                    yield self._row(kind, trials, base)

    def _unbroken(self, base: Path) -> None:
        """Do it once without a fault."""
        folder = shutil.copytree(base / "start", base / "unbroken")
        begun = time.monotonic()
        ended = run(self.job.begin.split(), folder)
        self.seconds = time.monotonic() - begun
        if ended.code != 0:
            raise RuntimeError(f"{self.job.name}: without a fault it ended with {ended.code}: {ended.said}")
        self.expected = digests(folder, self.job)
        made, before = _sizes(folder), _sizes(base / "start")
        new = [size for name, size in made.items() if name not in before]
        self.sizes = {"largest": max(new), "grown": sum(made.values()) - sum(before.values())}

    def _row(self, kind: FaultKind, trials: int, base: Path) -> dict[str, Any]:
        draw = random.Random(f"{self.seed} {self.job.name} {kind}")
        row: dict[str, Any] = {"job": self.job.name, "fault": kind, "trials": 0, "met": 0, "same": 0, "sentences": 0}
        row |= {"traces": 0, "other": [], "lost": [], "unbroken_seconds": round(self.seconds, 2), "seconds": 0.0}
        for k in range(trials):
            if self.until is not None and time.monotonic() > self.until:
                break
            folder, fault = base / f"{kind}{k}", self._fault(kind, draw)
            row["trials"] += 1
            with self._disk(folder, fault, base / "start"):
                trial = Trial(self.job, folder, fault, self.expected, row)
                begun = time.monotonic()
                trial.perform()
                row["seconds"] = round(row["seconds"] + time.monotonic() - begun, 2)
            shutil.rmtree(folder)
        return row

    @contextlib.contextmanager
    def _disk(self, folder: Path, fault: Fault, start: Path) -> Iterator[None]:
        """A folder with what the job begins with; of a full disk on one of its own."""
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            if fault.kind == "tmpfs":
                stack.enter_context(disk_of(folder, LARGE_DISK_BYTES))
            shutil.copytree(start, folder, dirs_exist_ok=True)
            if fault.kind == "tmpfs":
                pages = sum(-(-path.stat().st_size // 4096) + 1 for path in folder.rglob("*"))
                enlarge(folder, 4096 * (pages + 1) + int(fault.amount))
            yield

    def _fault(self, kind: FaultKind, draw: random.Random) -> Fault:
        match kind:
            case "kill" | "two" | "read-only":
                return Fault(kind, draw.uniform(0, self.seconds))
            case "disk":
                return Fault(kind, draw.uniform(0, self.sizes["largest"]))
            case "tmpfs":
                return Fault(kind, draw.uniform(0, self.sizes["grown"]))
            case "memory":
                return Fault(kind, draw.uniform(*MEMORY_BYTES))
            case "slow":
                return Fault(kind, draw.uniform(*SLOW_SECONDS))
            case "clock":
                return Fault(kind, draw.random())
            case "core" | "half-core":
                return Fault(kind, 0.0)


@dataclass
class Trial:
    """One fault, and how the command goes on after it; counts go into `row`."""

    job: Job
    folder: Path
    fault: Fault
    expected: dict[str, str]
    row: dict[str, Any]

    def perform(self) -> None:
        """Begin, meet the fault, and go on until it ends."""
        begun, before = time.monotonic(), set(self.folder.rglob("summary.json"))
        match self.fault.kind:
            case "two":
                ended = self._two()
            case "read-only":
                ended = self._read_only()
            case _:
                ended = run(self.job.begin.split(), self.folder, self.fault)
                self._count(ended)
        if self.fault.kind == "tmpfs":
            enlarge(self.folder, LARGE_DISK_BYTES)
        for _ in range(MOST_TRIES):
            if self._is_done(ended):
                break
            goes_on = (self.folder / self.job.marker).exists()
            ended = run(self._next(), self.folder)
            if ended.code == 2 and goes_on:  # its words say that there is nothing to go on with
                ended = run(self.job.begin.split(), self.folder)
        self.row["other"] += self._wrong_times(time.monotonic() - begun, before)
        if self._is_done(ended) and digests(self.folder, self.job) == self.expected:
            self.row["same"] += 1
        else:
            self.row["lost"].append(f"{self.fault}: {ended.code}: {ended.said[-300:]}")

    def _is_done(self, ended: Ended) -> bool:
        """Whether there is no more to do: it came to its end, or says that the whole file is there already."""
        return ended.code == 0 or (ended.is_sentence and digests(self.folder, self.job) == self.expected)

    def _next(self) -> list[str]:
        """The command that goes on, or begins where there is nothing to go on with."""
        return (self.job.resume if (self.folder / self.job.marker).exists() else self.job.begin).split()

    def _two(self) -> Ended:
        """The same command in the same folder a little later: of two at least one comes to its end."""
        first = Running(self.job.begin.split(), self.folder)
        first.process.join(timeout=self.fault.amount)
        second = Running(self._next(), self.folder)
        both = [first.end(), second.end()]
        for ended in both:
            self._count(ended)
        return min(both, key=lambda ended: abs(ended.code))

    def _read_only(self) -> Ended:
        """Killed, and gone on with by somebody who may not write: nothing is changed."""
        run(self.job.begin.split(), self.folder, Fault("kill", self.fault.amount))
        before = _written(self.folder)
        modes = {path: path.stat().st_mode for path in [self.folder, *self.folder.rglob("*")]}
        for path, mode in modes.items():
            path.chmod(mode & 0o555 | 0o444)
        ended = run(self._next(), self.folder, self.fault)
        for path, mode in modes.items():
            path.chmod(mode)
        self._count(ended)
        if _written(self.folder) != before:
            self.row["other"].append("a folder that is read-only was changed")
        return ended

    def _count(self, ended: Ended) -> None:
        """How a command ended that met its fault."""
        if ended.code == 0:
            return
        self.row["met"] += 1
        if "Traceback" in ended.said:
            self.row["traces"] += 1
            self.row["other"].append(ended.said[-600:])
        elif ended.is_sentence:
            self.row["sentences"] += 1
        elif self.fault.kind != "kill":
            self.row["other"].append(f"{'hung' if ended.hung else ended.code}: {ended.said[-300:]}")

    def _wrong_times(self, seconds: float, before: set[Path]) -> list[str]:
        """Runs that say they took less than no time, or more than they did; `before`: of those that were there."""
        told = []
        for path in set(self.folder.rglob("summary.json")) - before:
            said = json.loads(path.read_text()).get("seconds", 0.0)
            if not 0 <= said <= TIME_SHARE * seconds + TIME_SECONDS:
                told.append(f"said to take {said} s, took {seconds:.1f} s")
        return told


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file."""
    return {os.path.relpath(path, folder): path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def _written(folder: Path) -> dict[str, bytes]:
    """What files there are, and what is in them."""
    return {os.path.relpath(path, folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def digests(folder: Path, job: Job) -> dict[str, str]:
    """SHA-256 of each result that is there; of files that tell the time, NetCDF and weights, of their arrays."""
    contents = {".nc": _arrays, ".safetensors": _tensors}
    there = [folder / name for name in job.results if (folder / name).exists()]
    return {
        str(path.relative_to(folder)): hashlib.sha256(contents.get(path.suffix, Path.read_bytes)(path)).hexdigest()
        for path in there
    }


def _tensors(path: Path) -> bytes:
    from safetensors.numpy import load_file

    return b"".join(name.encode() + values.tobytes() for name, values in sorted(load_file(path).items()))


def _arrays(path: Path) -> bytes:
    import netCDF4

    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return b"".join(np.ascontiguousarray(v[...]).tobytes() for _, v in sorted(file.variables.items()))


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    said = "-" if row["fault"] == "kill" else str(row["sentences"])
    cells = [row["job"], row["fault"], row["trials"], row["met"], row["same"], said, row["traces"], len(row["other"])]
    return f"| {' | '.join(map(str, cells))} |"


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    head = "| job | fault | trials | met it | ended in the same bits | a sentence | stack traces | other ends |"
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *map(line, rows)])
