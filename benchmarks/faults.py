"""Commands of `lowreel` in processes of their own that are killed, run out of disk, are refused memory, or have to do
with one core, a slow disk, a clock that jumps."""

from __future__ import annotations

import builtins
import contextlib
import ctypes
import io
import math
import multiprocessing
import multiprocessing.forkserver
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Literal, NamedTuple

FaultKind = Literal["kill", "disk", "tmpfs", "memory", "two", "read-only", "slow", "clock", "core", "half-core"]

LONGEST_SECONDS = 600
"""After which a command counts as one that hangs."""

CAPABILITIES_3, DAC_OVERRIDE = 0x20080522, 1
"""Version of the system's capabilities, and the one by which root writes to what is read-only."""

CLOCK_SECONDS = 86400.0
"""By which a clock that jumps goes wrong, at most, forwards or back."""

CPU_GROUPS = Path("/sys/fs/cgroup/cpu")
"""Where quotas of cores are made, of version 1 of control groups; by root alone."""


class Fault(NamedTuple):
    """What happens to a command. kill: SIGKILL after `amount` seconds; disk: no file may have more than `amount` bytes;
    tmpfs: its folder's disk has `amount` bytes free; memory: `amount` bytes of addresses beyond those that it begins
    with; two: the same command once more `amount` seconds later; read-only: killed after `amount` seconds, gone on with
    where it may not write; slow: each file is opened, synced, renamed `amount` seconds late; clock: it jumps at each
    look, by the seed `amount`; core: one core is its own; half-core: a quota of half a core."""

    kind: FaultKind
    amount: float


class Ended(NamedTuple):
    """How a command ended: its exit code (negative: the signal that ended it), what it said, whether it hung."""

    code: int
    said: str
    hung: bool = False

    @property
    def is_sentence(self) -> bool:
        """Whether it refused in words: exit code 2, of a batch whose rows failed 1, and no stack trace."""
        return self.code in (1, 2) and "Traceback" not in self.said and bool(self.said.strip())


def context() -> multiprocessing.context.ForkServerContext:
    """A server that holds torch and lowreel already, from which commands are forked in no time."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["torch", "lowreel.cli.commands", "lowreel.jobs.run", "lowreel.runs.report"])
    return found


class Running:
    """`lowreel` with these arguments in a folder, in a process of its own."""

    def __init__(self, arguments: Sequence[str], folder: Path, fault: Fault | None = None) -> None:
        self.logs = tempfile.TemporaryDirectory()
        self.log = Path(self.logs.name) / "log.txt"
        given = (list(arguments), str(folder), str(self.log), fault)
        self.process = context().Process(target=_command, args=given)
        self.process.start()

    def end(self, kill_after: float | None = None) -> Ended:
        """Wait for its end, or kill it after so many seconds; and where it hangs."""
        self.process.join(timeout=LONGEST_SECONDS if kill_after is None else kill_after)
        hung = self.process.is_alive() and kill_after is None
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        self.logs.cleanup()
        return Ended(self.process.exitcode or 0, said, hung)


def run(arguments: Sequence[str], folder: Path, fault: Fault | None = None) -> Ended:
    """`lowreel` with these arguments in a folder, to its end or that of the fault."""
    with contextlib.ExitStack() as stack:
        running = Running(arguments, folder, fault)
        if fault is not None and fault.kind == "half-core":
            group = stack.enter_context(half_a_core())
            (group / "cgroup.procs").write_text(str(running.process.pid))
        return running.end(fault.amount if fault is not None and fault.kind == "kill" else None)


@contextlib.contextmanager
def half_a_core() -> Iterator[Path]:
    """A control group whose processes together get half a core."""
    group = Path(tempfile.mkdtemp(prefix="lowreel-", dir=CPU_GROUPS))
    try:
        period = int((group / "cpu.cfs_period_us").read_text())
        (group / "cpu.cfs_quota_us").write_text(str(period // 2))
        yield group
    finally:
        while group.is_dir():
            with contextlib.suppress(OSError):  # its last process is still ending
                group.rmdir()
            time.sleep(0.1)


@contextlib.contextmanager
def disk_of(folder: Path, size: int) -> Iterator[None]:
    """A disk of so many bytes at an empty folder; by root alone. `enlarge` makes room on it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def enlarge(folder: Path, size: int) -> None:
    """Make a disk of `disk_of` one of so many bytes."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def lacking(kind: FaultKind) -> str:
    """Why a fault cannot be made on this machine; empty where it can."""
    if kind in ("tmpfs", "half-core") and os.geteuid() != 0:
        return "only root can make it"
    if kind == "half-core" and not os.access(CPU_GROUPS, os.W_OK):
        return f"no control groups at {CPU_GROUPS} that can be written"
    return ""


def _command(arguments: list[str], folder: str, log: str, fault: Fault | None) -> None:
    import torch

    from lowreel.cli import main
    from lowreel.jobs import batch
    from lowreel.runs import folder as runs
    from lowreel.training import runs as trainings

    torch.set_num_threads(1)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(target, 1)
    os.dup2(target, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(folder)
    runs.CHECKPOINT_SECONDS = trainings.SAVE_SECONDS = -1.0  # after every round, so that there is much to be lost
    runs.CHECKPOINT_TIME_SHARE = math.inf
    batch.prepare_worker = hurried_worker
    if fault is not None:
        _meet(fault)
    try:
        main(arguments)
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()


def hurried_worker() -> None:
    """What a worker of a batch begins with, and a checkpoint after every round."""
    from lowreel.jobs.worker import prepare_worker
    from lowreel.runs import folder as runs

    prepare_worker()
    runs.CHECKPOINT_SECONDS, runs.CHECKPOINT_TIME_SHARE = -1.0, math.inf


def _meet(fault: Fault) -> None:
    """Have a fault happen to this process."""
    match fault.kind:
        case "disk":
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(fault.amount),) * 2)
        case "memory":
            resource.setrlimit(resource.RLIMIT_AS, (_address_bytes() + int(fault.amount),) * 2)
        case "read-only":
            _obey_modes()
        case "core":
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        case "clock":
            right, draw = time.time, random.Random(fault.amount)
            time.time = lambda: right() + draw.uniform(-CLOCK_SECONDS, CLOCK_SECONDS)
        case "slow":
            for module, name in ((builtins, "open"), (io, "open"), *((os, name) for name in SLOW_CALLS)):
                setattr(module, name, _late(getattr(module, name), fault.amount))


def _obey_modes() -> None:
    """Give up root's right to write to what is read-only (capset(2), which Python does not have)."""
    system = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
    system.capget(header, sets)
    for each in range(3):  # effective, permitted, inheritable: the lower 32 of each come first
        sets[each] &= ~(1 << DAC_OVERRIDE)
    if system.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


SLOW_CALLS = ("open", "fsync", "replace", "rename", "mkdir", "unlink", "stat")
"""What a slow mount answers late, beside opening a file."""


def _late(call: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    @wraps(call)
    def late(*given: Any, **named: Any) -> Any:
        time.sleep(seconds)
        return call(*given, **named)

    return late


def _address_bytes() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
