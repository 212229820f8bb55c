"""Work that is shared out among threads."""

import pytest
import torch

from lowreel.system.threads import shared_out, threads


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("pieces", [0, 1, 2, 5])
def test_each_piece_is_worked_on_by_one_thread_of_torch(count, pieces):
    """What comes out is in order, a single piece has all threads, and afterwards torch has those of before."""
    with threads(count):
        found = shared_out(lambda k: (k, torch.get_num_threads()), range(pieces))
        assert torch.get_num_threads() == count
    assert found == [(k, count if pieces == 1 else 1) for k in range(pieces)]


def test_threads_come_back_after_an_error():
    """One that a piece raises reaches the caller."""
    with threads(2):
        with pytest.raises(ZeroDivisionError):
            shared_out(lambda k: 1 / k, range(2))
        assert torch.get_num_threads() == 2
