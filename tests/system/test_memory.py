"""Limits on addresses, as `ulimit -v` and some schedulers set them."""

import math
import resource
import sys

import pytest

from lowreel.system import linear_algebra
from lowreel.system.memory import room_for_addresses


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has is told by Linux alone")
def test_room_for_addresses_is_what_the_limit_leaves():
    """Of a limit less what the process has; without a limit there is no end of it."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    if before[0] == resource.RLIM_INFINITY:
        assert room_for_addresses() == math.inf
    limit = 2**45 if before[1] == resource.RLIM_INFINITY else min(2**45, before[1])
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
        found = room_for_addresses()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert 0 < limit - found < 2**44


def test_a_library_that_would_wait_for_memory_for_ever_is_not_loaded(monkeypatch):
    monkeypatch.setattr(linear_algebra, "room_for_addresses", lambda: linear_algebra.BLAS_BYTES - 1)
    with pytest.raises(MemoryError):
        linear_algebra.load_blas()
