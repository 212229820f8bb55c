"""Work that is shared out among threads: in order, no more at once than is asked for."""

import threading

import pytest
import torch

from lowreel.system.threads import in_order, threads


def test_torch_has_its_threads_again():
    """Within the block as many as asked for, also in threads that are begun there; after it those of before."""
    before = torch.get_num_threads()
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
    assert set(in_order(lambda _: torch.get_num_threads(), range(4), 2)) == {1}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_what_is_made_comes_in_order(at_once):
    """The second is made before the first where two may be at once; all are yielded in the order they were given."""
    second = threading.Event()
    made, most, now = [], 0, 0
    lock = threading.Lock()

    def make(k):
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        if k == 0 and at_once > 1:
            assert second.wait(60)
        if k == 1:
            second.set()
        with lock:
            now -= 1
            made.append(k)
        return 10 * k

    assert list(in_order(make, iter(range(7)), at_once)) == [0, 10, 20, 30, 40, 50, 60]
    assert sorted(made) == list(range(7))
    assert most <= at_once
    assert (made[0] == 0) == (at_once == 1)


def test_no_more_is_taken_than_is_needed():
    """While one is waited for, as many as are made at once have been taken besides."""
    taken = []

    def given():
        for k in range(100):
            taken.append(k)
            yield k

    found = in_order(lambda k: k, given(), 2)
    assert next(found) == 0
    assert len(taken) == 3
    found.close()
    assert len(taken) == 3


def test_an_error_comes_in_its_turn():
    """What was made before it is yielded; nothing after it."""

    def make(k):
        if k == 2:
            raise ValueError("two")
        return k

    found = in_order(make, range(100), 2)
    assert [next(found), next(found)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(found)
