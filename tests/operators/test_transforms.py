"""Fourier, Hadamard and cosine transforms: against SciPy, and which coefficients are taken."""

import math

import numpy as np
import pytest
import torch
from cases import SHAPE, dense, flat, noise

from lowreel.errors import InputError
from lowreel.operators import Fourier, SinglePixel, from_spec
from lowreel.operators.fast_transforms import _stripes, dct, hadamard, inverse_dct

close = torch.testing.assert_close


def test_fourier_rows_hold_the_centre():
    """round(amount H) whole rows of each frame, those around zero among them; all rows are a unitary map."""
    mask = Fourier((5, 1, 50, 8), "rows", 0.3, seed=1).mask[:, 0]
    assert mask.all(2).sum(1).tolist() == mask.any(2).sum(1).tolist() == [15] * 5
    assert mask[:, [0, 1]].all()
    assert len({tuple(frame[:, 0].tolist()) for frame in mask}) > 1
    x = noise(*SHAPE)
    close(flat(Fourier(SHAPE, "rows", 1.0).double()(x)).norm(), x.norm())


def test_radial_lines_go_through_zero():
    """Each line has about as many points as the frame is wide, zero among them, and frames have lines of their own."""
    mask = Fourier((3, 1, 64, 64), "radial", 1).mask[:, 0]
    assert mask[:, 0, 0].all()
    assert all(45 <= count <= 100 for count in mask.flatten(1).sum(1).tolist())
    assert int((mask[0] & mask[1]).sum()) < 20
    assert int(Fourier((1, 1, 64, 64), "radial", 8).mask.sum()) > 5 * int(mask[0].sum())


@pytest.mark.parametrize("count", [1, 2, 8, 32])
def test_hadamard_is_the_matrix(count):
    """The transform is SciPy's Hadamard matrix on both axes; stripes and pieces are those that one counts."""
    from scipy.linalg import hadamard as matrix_of
    from scipy.ndimage import label

    matrix, x = matrix_of(count), noise(2, count, count)
    close(hadamard(x), torch.from_numpy(matrix).double() @ x @ torch.from_numpy(matrix).double())
    assert _stripes(count).tolist() == [1 + int((row[1:] != row[:-1]).sum()) for row in matrix]
    operator = SinglePixel((1, 1, count, count), count**2, "cake")
    patterns = dense(operator).reshape(-1, count, count) > 0
    pieces = [label(p)[1] + label(~p)[1] for p in patterns.numpy()]
    assert pieces == sorted(pieces)


@pytest.mark.parametrize("side", [(3, 4), (5, 7), (6, 12)])
def test_no_cake_pattern_is_a_sum_of_others(side):
    """At any size: a number that is held out would follow from the others, and say nothing of the clip."""
    camera = SinglePixel((1, 1, *side), math.prod(side), "cake")
    assert np.linalg.cond(dense(camera)) < 100
    before = {name: value for name, value in camera.spec().items() if name != "patterns"}
    with pytest.raises(InputError, match="measure again"):
        from_spec(before)


@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_cosine_transform_is_that_of_scipy(count):
    """DCT-II, orthonormal, and its inverse, for even and odd lengths."""
    from scipy.fft import dct as dct_of

    x = noise(3, count)
    close(dct(x).numpy(), dct_of(x.numpy(), norm="ortho"))
    close(inverse_dct(dct(x)), x)
