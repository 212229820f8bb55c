"""Random projections: their distribution, and the same numbers whether they are held or drawn anew."""

import itertools
import math

import pytest
import torch
from cases import levels

from lowreel.operators import Gaussian, Signs
from lowreel.operators.projections import BLOCK_ROWS


def test_gaussian_entries_have_mean_zero_and_variance_one_over_m():
    """Mean and variance lie within five standard errors; E|Ax|^2 = |x|^2."""
    m = 64
    rows = torch.stack([Gaussian((3, 1, 16, 16), m, seed=2).matrix(t) for t in range(3)]).double()
    count = rows.numel()
    assert abs(float(rows.mean())) * math.sqrt(m) < 5 / math.sqrt(count)
    assert abs(float(rows.var()) * m - 1) < 5 * math.sqrt(2 / count)


def test_gaussian_frames_and_seeds_are_independent():
    """The correlation between two frames' matrices, two rows, or two seeds lies within five standard errors of 0."""
    one, other = (
        torch.stack([Gaussian((2, 1, 16, 16), 64, seed=seed).matrix(t) for t in range(2)]).double() for seed in (0, 1)
    )
    for a, b in [(one[0], one[1]), (one, other), (one[:, :-1], one[:, 1:]), (one[..., :128], one[..., 128:])]:
        pair = torch.stack([a.flatten(), b.flatten()])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 5 / math.sqrt(pair.shape[1])


def test_signs_are_plus_and_minus_one():
    """Entries +-1 / sqrt(m), both equally often, frames and seeds independent; the bits take an eighth of a byte."""
    one, other = (Signs((2, 1, 16, 16), 64, seed=seed) for seed in (0, 1))
    rows = [operator.matrix(t).flatten() * 8 for operator in (one, other) for t in (0, 1)]
    for row in rows:
        assert set(row.tolist()) == {-1, 1}
        assert abs(float(row.mean())) < 5 / math.sqrt(len(row))
    for a, b in itertools.combinations(rows, 2):
        assert abs(float((a * b).mean())) < 5 / math.sqrt(len(a))
    assert one.held.numel() == 2 * 64 * 256 // 8


@pytest.mark.parametrize("kind", [Gaussian, Signs])
def test_projections_drawn_anew_are_those_held(kind):
    """However many rows are held in memory, y = A x and A* y are the same to the bit."""
    m = 5 * BLOCK_ROWS - 1
    x, y = levels(2, 1, 63, 9, dtype=torch.float32), levels(2, m, dtype=torch.float32)
    shape, whole = tuple(x.shape), kind.bytes_for(tuple(x.shape), m)
    tilings = [kind(shape, m, seed=3, memory=round(whole * share)) for share in (0, 0.25, 0.5, 0.8, 1, 2)]
    assert sorted({operator.held.numel() for operator in tilings}) == [
        operator.held.numel() for operator in tilings[:5]
    ]
    assert all(operator.held.numel() * operator.held.element_size() <= round(whole) for operator in tilings)
    for operator in tilings[1:]:
        assert torch.equal(operator(x), tilings[0](x))
        assert torch.equal(operator.adjoint(y), tilings[0].adjoint(y))
        assert torch.equal(operator.subset([1])(x[1:]), tilings[0](x)[1:])
