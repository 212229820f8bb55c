"""Threads of the linear algebra that SciPy brings with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within the block BLAS and LAPACK use one thread: for many small systems, which more threads only slow down.

    The limit is that of the process, so other threads share it while the block lasts.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield
