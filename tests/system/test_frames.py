"""Frames that stand for all of a clip."""

import numpy as np
import pytest

from lowreel.system.frames import spread


@pytest.mark.parametrize("most", [1, 2, 5, 6, 9])
def test_frames_are_spread_evenly(most):
    """As linspace rounds: so many, or all of fewer, the first and the last among them."""
    for count in range(1, 200):
        found = spread(count, most)
        assert found == sorted({round(t) for t in np.linspace(0, count - 1, min(count, most)).tolist()})
        assert len(found) == min(count, most)
        assert found[0] == 0
        assert most == 1 or found[-1] == count - 1
    assert spread(0, most) == []
