"""The standard deviation of each pixel: where fits disagree, scaled by held-out data; and how it is judged."""

import math

import pytest
import torch
from cases import Linear, levels, moving

from lowreel.operators import Gaussian, MissingPixels
from lowreel.recovery.recover import recover
from lowreel.recovery.uncertainty import calibration, disagreement, likeliest, scale_and_floor, uncertainty
from lowreel.settings import RecoverSettings
from lowreel.solver.problem import Problem

close = torch.testing.assert_close
SHAPE = (4, 2, 24, 20)
CLIP = levels(*SHAPE, dtype=torch.float32) * 0.5 + 0.25
WIDTH = 0.002 + 0.05 * levels(4, 1, 24, 20, seed=9, dtype=torch.float32)
"""True standard deviation of the errors, another in each pixel."""


def off(seed):
    """The clip with errors of standard deviation WIDTH."""
    return CLIP + WIDTH * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


class Fit:
    """What a fit made, as uncertainty asks for it."""

    def __init__(self, clip):
        self.clip = clip

    def stretches(self):
        yield self.clip


def problem_of(operator, heldout):
    times = torch.arange(SHAPE[0], dtype=torch.float64)
    return Problem(operator(CLIP), operator, Linear(SHAPE[1:], 3).float(), times, heldout=heldout)


def test_the_likeliest_scale_is_found():
    """Squares of normal numbers of variance a d give back a, within sampling error, and next to no floor."""
    spread = levels(20_000, seed=3, dtype=torch.float32) + 0.01
    residual = 0.3 * spread * torch.randn(20_000, generator=torch.Generator().manual_seed(1)).square()
    scale, floor = likeliest(residual, spread)
    assert scale * (1 + floor) == pytest.approx(0.3, rel=0.15)
    assert floor < 0.02


def test_noise_of_known_size_is_no_error_of_the_clip():
    """Residuals that are noise alone leave little for the clip."""
    spread = torch.ones(20_000)
    residual = (0.1 * torch.randn(20_000, generator=torch.Generator().manual_seed(1))).square()
    scale, floor = likeliest(residual, spread, noise=0.01)
    assert scale * (1 + floor) < 0.15 * 0.01


def test_disagreement_sees_where_fits_differ():
    """Zero where they agree, and largest in the pixel where one of them is off."""
    other = CLIP.clone()
    other[2, :, 10, 12] += 0.3
    found = disagreement(CLIP, [(Fit(CLIP), 1e-3), (Fit(other), 1e-3)])
    assert found.shape == (4, 1, 24, 20)
    assert int(found.argmax()) == 2 * 24 * 20 + 10 * 20 + 12
    assert not found[0].any()


@pytest.mark.parametrize("kind", ["missing", "gaussian"])
def test_sigma_is_that_of_the_errors(kind):
    """With independent errors of known size in all fits, sigma is right in scale and larger where the errors are."""
    held = torch.zeros(SHAPE, dtype=torch.bool)
    if kind == "missing":
        operator = MissingPixels(SHAPE, 0.5, seed=1)
        held = operator.mask.expand(SHAPE) & (levels(*SHAPE, seed=4) < 0.3).any(1, keepdim=True)
    else:
        operator = Gaussian(SHAPE, 300, seed=1)
        held = torch.ones(operator.data_shape, dtype=torch.bool)
    problem = problem_of(operator, held)
    error = float((off(0) - CLIP).square().mean())
    others = [(Fit(off(seed)), error) for seed in (1, 2, 3)]
    sigma = uncertainty(problem, off(0), *scale_and_floor(problem, off(0), error, others), others)
    judged = calibration(off(0), CLIP, sigma)
    assert 0.9 < judged["within_2_sigma"] < 0.99
    assert judged["log_likelihood"] > judged["log_likelihood_constant"]
    assert judged["error_by_tenth"][-1] > 1.5 * judged["error_by_tenth"][0]
    known = operator.mask.expand(SHAPE) if kind == "missing" else torch.zeros(SHAPE, dtype=torch.bool)
    assert torch.equal(sigma == 0, known)


def test_calibration_of_normal_errors():
    """Normal errors of the sigma that is given: 68 and 95 %, each tenth's error is its sigma, likelihood by formula."""
    wide = WIDTH.expand(SHAPE).repeat(30, 1, 1, 1)
    errors = wide * torch.randn(wide.shape, generator=torch.Generator().manual_seed(0))
    judged = calibration(errors, torch.zeros_like(errors), wide)
    assert judged["within_1_sigma"] == pytest.approx(0.6827, abs=0.01)
    assert judged["within_2_sigma"] == pytest.approx(0.9545, abs=0.01)
    assert judged["error_by_tenth"] == pytest.approx(judged["sigma_by_tenth"], rel=0.05)
    one = calibration(torch.full((10,), 0.2), torch.zeros(10), torch.full((10,), 0.1))
    assert one["log_likelihood"] == pytest.approx(-math.log(0.1) - 0.5 * math.log(2 * math.pi) - 2)


@pytest.mark.parametrize("noise", [{"kind": "poisson", "photons": 10.0, "sigma": 0.1}, {"kind": "unknown"}])
def test_no_map_where_noise_cannot_be_told_from_errors(noise):
    """Residuals that noise of unknown size makes would be taken for errors of the clip."""
    operator = MissingPixels((6, 1, 32, 32), 0.5, seed=2)
    settings = RecoverSettings(baselines="none", steps=2, heldout=0.1)
    found = recover(operator(moving(6, 1, 32, 32)), operator, settings, noise=noise)
    assert found.trials
    assert found.uncertainty is None


def test_a_recovery_with_a_search_has_a_map():
    """Of the clip's shape, zero at the observed pixels; none where settings were fixed."""
    operator = MissingPixels((6, 1, 32, 32), 0.5, seed=2)
    y = operator(moving(6, 1, 32, 32))
    settings = RecoverSettings(baselines="none", steps=6, heldout=0.1)
    found = recover(y, operator, settings)
    assert found.uncertainty.shape == found.clip.shape
    assert torch.equal(found.uncertainty == 0, operator.observed_mask())
    assert recover(y, operator, settings.model_copy(update={"quality": "draft"})).uncertainty is None
