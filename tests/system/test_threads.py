"""Work that is shared out among threads."""

import pytest
import torch

from lowreel.system.threads import shared_out, threads


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("pieces", [0, 1, 2, 5])
def test_pieces_share_the_threads_of_torch(count, pieces):
    """What comes out is in order, a single piece has all threads, and afterwards torch has those of before."""
    with threads(count):
        found = shared_out(lambda k: (k, torch.get_num_threads()), range(pieces))
        two = shared_out(lambda _: torch.get_num_threads(), range(pieces), at_once=2)
        assert torch.get_num_threads() == count
    assert found == [(k, max(1, count // max(pieces, 1))) for k in range(pieces)]
    assert two == [max(1, count // max(1, min(pieces, 2)))] * pieces


def test_threads_come_back_after_an_error():
    """One that a piece raises reaches the caller."""
    with threads(2):
        with pytest.raises(ZeroDivisionError):
            shared_out(lambda k: 1 / k, range(2))
        assert torch.get_num_threads() == 2
