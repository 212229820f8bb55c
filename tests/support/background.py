"""Commands in a process of their own, for tests that kill them or take their disk away. Imports little: see `start`."""

import math
import os
import resource
import signal
import sys
from pathlib import Path

WRITES = ("fsync", "replace")


def start(context, arguments, folder, **options):
    """Start `lowreel` with these arguments in `folder`; its output goes to out.txt and err.txt in `log`.

    arguments: a list, or words with spaces between. log: a folder that exists. dies_at: it is killed right before its
    n-th fsync or rename. largest: bytes a file may have. hurried: a checkpoint after every epoch, in the workers of a
    batch too. The process is forked from a server that holds torch already. Reports are not drawn: their files are
    written as all others are, with nothing in them.
    """
    arguments = arguments.split() if isinstance(arguments, str) else arguments
    process = context.Process(target=_command, args=([str(a) for a in arguments], str(folder)), kwargs=options)
    process.start()
    return process


def _command(arguments, folder, *, log, dies_at=None, largest=None, hurried=False):
    import torch

    from lowreel.cli import main
    from lowreel.runs import folder as runs
    from lowreel.runs import slide
    from lowreel.training import runs as trainings

    torch.set_num_threads(1)
    slide.write_figure = lambda figure, path, kind, about: path.write_bytes(b"")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in ((1, "out.txt"), (2, "err.txt")):
        os.dup2(os.open(Path(log) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(folder)
    if hurried:
        from lowreel.jobs import batch

        runs.CHECKPOINT_SECONDS = trainings.SAVE_SECONDS = -1.0
        runs.CHECKPOINT_TIME_SHARE = math.inf
        batch.prepare_worker = hurried_worker
    if dies_at is not None:
        _mortal(dies_at)
    if largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    try:
        main(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def hurried_worker():
    """`prepare_worker` of the workers of a batch, which then write a checkpoint after every epoch."""
    from lowreel.jobs.worker import prepare_worker
    from lowreel.runs import folder as runs

    prepare_worker()
    runs.CHECKPOINT_SECONDS, runs.CHECKPOINT_TIME_SHARE = -1.0, math.inf


def _mortal(dies_at):
    left = [dies_at]

    def counted(write):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments, **options)

        return call

    for name in WRITES:
        setattr(os, name, counted(getattr(os, name)))
