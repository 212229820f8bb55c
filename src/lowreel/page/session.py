"""The process of one run of the page: the same command line, in a process that ends with the server."""

from __future__ import annotations

import contextlib
import ctypes
import runpy
import signal
import sys


def die_with_parent() -> None:
    """Have this process killed when the thread that started it ends, however that comes about (Linux alone)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    die_with_parent()
    sys.argv[0] = "lowreel"
    runpy.run_module("lowreel", run_name="__main__")
