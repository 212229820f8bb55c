"""The linear algebra that SciPy brings with it: loaded while there is memory for it, and its threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from .memory import room_for_addresses

BLAS_BYTES = 2**27
"""Addresses that have to be free for SciPy's BLAS: about twice the 73 MB that it takes as it is loaded."""


def load_blas() -> None:
    """Load SciPy's BLAS, 0.05 s. Raises MemoryError where less than BLAS_BYTES are left to this process.

    Whatever computes does so as it is imported, before its own arrays are there: the OpenBLAS of SciPy's wheels
    (1.17.1) asks for its first memory again and again as it is loaded, and never gives up where that is refused.
    """
    if room_for_addresses() < BLAS_BYTES:
        raise MemoryError
    import_module("scipy.linalg")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within the block BLAS and LAPACK use one thread: for many small systems, which more threads only slow down.

    The limit is that of the process, so other threads share it while the block lasts.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


load_blas()
