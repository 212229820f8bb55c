"""Commands of `lowreel` in processes of their own that are killed, run out of disk, or are refused memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

FaultKind = Literal["kill", "disk", "memory"]

LONGEST_SECONDS = 600
"""After which a command counts as one that hangs."""


class Fault(NamedTuple):
    """What happens to a command. kill: SIGKILL after `amount` seconds; disk: no file may have more than `amount` bytes;
    memory: `amount` bytes of addresses beyond those that it begins with."""

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


def run(arguments: Sequence[str], folder: Path, fault: Fault | None = None) -> Ended:
    """`lowreel` with these arguments in a folder, to its end or that of the fault."""
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs) / "log.txt"
        process = context().Process(target=_command, args=(list(arguments), str(folder), str(log), fault))
        process.start()
        process.join(timeout=fault.amount if fault and fault.kind == "kill" else LONGEST_SECONDS)
        hung = process.is_alive() and not (fault and fault.kind == "kill")
        if process.is_alive():
            process.kill()
            process.join()
        said = log.read_text(errors="replace") if log.exists() else ""
        return Ended(process.exitcode or 0, said, hung)


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
    batch.prepare_worker = hurried_worker
    if fault is not None and fault.kind == "disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(fault.amount),) * 2)
    if fault is not None and fault.kind == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (_address_bytes() + int(fault.amount),) * 2)
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
    runs.CHECKPOINT_SECONDS = -1.0


def _address_bytes() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
