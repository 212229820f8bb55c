"""Processes: variables that libraries read when they are loaded, cores, and signals to stop (Ctrl-C, a scheduler's)."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import platform
import signal
import threading
from collections.abc import Iterator

from .control_groups import core_limits

LIBRARY_VARIABLES = {
    # Threads that wait for each other give their core away soon: a busy machine then slows a fit by 2, not by 10.
    "GOMP_SPINCOUNT": "10000",
    # Arrays of large frames are given back to the system and fetched again all the time: by large pages a fifth faster.
    "THP_MEM_ALLOC_ENABLE": "1",
}
"""What libraries read from the environment when they are loaded."""

if platform.machine() in ("x86_64", "AMD64"):  # elsewhere torch may multiply matrices by it
    # Linear interpolation is thousands of 2x2 systems, each shared between threads that spin: beside another process
    # that does so too it took a thousand times longer (docs/choices.md).
    LIBRARY_VARIABLES["OPENBLAS_NUM_THREADS"] = "1"


def set_libraries() -> None:
    """Set LIBRARY_VARIABLES in the environment, except those that the user has set.

    Call it before NumPy, SciPy and torch are loaded: they read these variables once.
    """
    for name, value in LIBRARY_VARIABLES.items():
        os.environ.setdefault(name, value)


def cores() -> int:
    """How many cores this process may use: those it is bound to, or fewer, rounded up, where a container's or a job's
    quota is smaller. loky.cpu_count knows no quotas of the groups in between, such as a scheduler's."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return math.ceil(min([bound, *core_limits()]))


def die_with_parent() -> None:
    """Have the system kill this process when the thread that started it ends, for whatever reason; Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Signals by which a user (Ctrl-C) or a scheduler asks a process to stop."""


@contextlib.contextmanager
def defer_stops() -> Iterator[None]:
    """Hold back STOP_SIGNALS during the block; one that came meanwhile is delivered at its end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def ignore_stops() -> Iterator[None]:
    """Ignore STOP_SIGNALS during the block, for a process that is stopping already; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(stop, signal.SIG_IGN) for stop in STOP_SIGNALS]
    try:
        yield
    finally:
        for stop, handler in zip(STOP_SIGNALS, before, strict=True):
            signal.signal(stop, handler)
