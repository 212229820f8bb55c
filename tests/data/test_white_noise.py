"""White noise: its size, its seed, and where it is added."""

import math

import pytest
import torch
from cases import OPERATORS, SHAPE, T, flat, levels

from lowreel.data import NoNoise, WhiteNoise, add_white_noise
from lowreel.errors import InputError
from lowreel.operators import Gaussian, Identity, MissingPixels, Stacked, tensors_of


def test_noise_level_is_in_grey_levels_for_pixels():
    """For pixels sigma is the level and the noise has that standard deviation, mean 0; dropped pixels stay zero."""
    operator = MissingPixels((8, 1, 32, 32), 0.5, seed=0)
    y = operator(levels(*operator.clip_shape))
    noisy, entry = add_white_noise(y, operator, level=0.1, seed=3)
    seen = (noisy - y)[operator.observed_mask()]
    assert entry == WhiteNoise(level=0.1, sigma=0.1, seed=3)
    assert abs(float(seen.mean())) < 5 * 0.1 / math.sqrt(seen.numel())
    assert abs(float(seen.var()) / 0.01 - 1) < 5 * math.sqrt(2 / seen.numel())
    assert not noisy[~operator.observed_mask()].any()


def test_noise_level_is_in_units_of_the_row_norm():
    """sigma = level times the root mean square norm of the rows, so that the level does not depend on m."""
    for m in (12, 48):
        operator = Gaussian((40, 2, 8, 3), m)
        y = operator(torch.zeros(operator.clip_shape))
        noisy, entry = add_white_noise(y, operator, level=0.2)
        rows = torch.stack([operator.matrix(t) for t in range(T)]).square().sum(-1).mean().sqrt()
        assert entry.sigma == pytest.approx(0.2 * float(rows), rel=0.05)
        assert abs(float(noisy.var()) / entry.sigma**2 - 1) < 5 * math.sqrt(2 / noisy.numel())


@pytest.mark.parametrize("name", ["missing", "gaussian", "mask + gaussian", "functions, complex", "mask @ mask"])
@pytest.mark.parametrize("snr", [0.0, 20.0])
def test_snr_is_reached(name, snr):
    """10 log10(|y|^2 / E|e|^2) is the ratio asked for; complex data too."""
    operator = OPERATORS[name]()
    y = operator(levels(*SHAPE, dtype=torch.float32))
    noisy = [flat(add_white_noise(y, operator, snr=snr, seed=seed)[0]) for seed in range(30)]
    power = torch.stack([(e - flat(y)).square().sum() for e in noisy]).mean()
    rows = sum(int(k.sum()) for k in tensors_of(operator.observed_mask()))
    wanted = float(flat(y).square().sum()) / 10 ** (snr / 10)
    assert abs(float(power) / wanted - 1) < 5 * math.sqrt(2 / (30 * rows))
    silent = torch.cat([k.flatten() for k in tensors_of(operator.observed_mask())])
    if not any(t.is_complex() for t in tensors_of(y)):
        assert not noisy[0][~silent].any()


@pytest.mark.parametrize("name", ["missing", "mask + gaussian", "functions, complex"])
def test_noise_is_seeded(name):
    """The same seed gives the same bits, another seed other noise; zero noise changes nothing."""
    operator = OPERATORS[name]()
    y = operator(levels(*SHAPE, dtype=torch.float32))
    one, again, other = (flat(add_white_noise(y, operator, level=0.1, seed=seed)[0]) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    silent, entry = add_white_noise(y, operator, level=0.0)
    assert torch.equal(flat(silent), flat(y))
    assert entry == NoNoise()


def test_noise_of_stack_members_differs():
    """Two members of a stack get noise of their own."""
    operator = Stacked([Identity(SHAPE), Identity(SHAPE)])
    one, other = add_white_noise(operator(torch.zeros(SHAPE)), operator, level=1.0)[0]
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    "asked", [{}, {"level": 0.1, "snr": 20}, {"level": -1}, {"level": math.nan}, {"level": math.inf}]
)
def test_wrong_noise_is_refused(asked):
    """Neither, both, or a level that is no standard deviation."""
    operator = Identity(SHAPE)
    with pytest.raises(InputError, match="noise: "):
        add_white_noise(torch.ones(SHAPE), operator, **asked)
