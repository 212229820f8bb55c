"""Baselines for records with gaps, where the answer is known."""

import numpy as np
import pytest

from lowreel.baselines.background import additive_background
from lowreel.baselines.covariance import SpaceTimeCovariance, estimate_covariance
from lowreel.baselines.eof_iteration import eof_iteration
from lowreel.baselines.optimal_interpolation import optimal_interpolation

COVARIANCE = SpaceTimeCovariance(
    np.array([1.0, 0.5]), np.array([[30.0, 20.0], [5.0, 6.0]]), np.array([np.inf, 2.0]), 0.01
)
TIMES = np.array([0.0, 1.0, 4.0])


def between(one, other):
    """Covariances of values at places (n, 3) and (m, 3), by the formula."""
    apart = (one[:, None] - other).astype(float)
    lags = TIMES[one[:, 0]][:, None] - TIMES[other[:, 0]]
    return (COVARIANCE.in_space(apart[..., 1], apart[..., 2]) * COVARIANCE.in_time(lags)).sum(0)


def test_optimal_interpolation_is_kriging_by_all_values_where_a_tile_sees_them():
    """Mean and variance of the dense equations."""
    rng = np.random.default_rng(0)
    known = rng.random((3, 8, 8)) < 0.4
    values = rng.standard_normal(known.shape)
    found = optimal_interpolation(values, known, TIMES, ~known, COVARIANCE)
    at, wanted = np.argwhere(known), np.argwhere(~known)
    weights = np.linalg.solve(between(at, at) + COVARIANCE.noise * np.eye(len(at)), between(at, wanted))
    variance = COVARIANCE.variance - (weights * between(at, wanted)).sum(0)
    np.testing.assert_allclose(found.mean[~known], weights.T @ values[known], atol=2e-3)
    np.testing.assert_allclose(found.variance[~known], variance, atol=2e-3)
    assert np.isnan(found.mean[known]).all()


def test_optimal_interpolation_with_another_variable_is_co_kriging():
    """Two variables with a correlation in each term, gaps and noise of their own: the dense equations."""
    rng = np.random.default_rng(0)
    known = rng.random((6, 8, 8)) < 0.3  # at each of three times both
    values, noise = rng.standard_normal(known.shape), np.tile([0.01, 0.2], 3)
    coupling = np.array([[[1, 0], [0, 1]], [[1, -0.7], [-0.7, 1]]])
    wanted = ~known & (np.arange(6) % 2 == 0)[:, None, None]
    each = noise[:, None, None] * np.ones(known.shape)
    found = optimal_interpolation(values, known, np.repeat(TIMES, 2), wanted, COVARIANCE, each, coupling=coupling)

    def coupled(one, other):
        (t, v), (s, w) = ((at[:, 0] // 2, at[:, 0] % 2) for at in (one, other))
        apart = (one[:, None] - other).astype(float)
        terms = COVARIANCE.in_space(apart[..., 1], apart[..., 2]) * COVARIANCE.in_time(TIMES[t][:, None] - TIMES[s])
        return (terms * coupling[:, v[:, None], w]).sum(0)

    at, to = np.argwhere(known), np.argwhere(wanted)
    weights = np.linalg.solve(coupled(at, at) + np.diag(noise[at[:, 0]]), coupled(at, to))
    np.testing.assert_allclose(found.mean[wanted], weights.T @ values[known], atol=3e-3)


def test_optimal_interpolation_of_a_wide_frame():
    """Tiles far apart, of unequally many pixels, are solved together."""
    rng = np.random.default_rng(0)
    known = rng.random((2, 12, 700)) < 0.1
    wanted = ~known & (np.arange(700) % 97 < 3)
    found = optimal_interpolation(rng.standard_normal(known.shape), known, TIMES[:2], wanted, COVARIANCE)
    assert np.isfinite(found.mean[wanted]).all()
    assert (found.variance[wanted] <= COVARIANCE.variance * 1.001).all()


def test_values_beside_gaps_have_a_noise_of_their_own():
    """What is added at edges is found within a half, and optimal interpolation then trusts the others more."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:24, :30]
    clip = np.array([np.sin(x / 8 + 0.3 * t) * np.cos(y / 9) for t in range(3)])
    known = rng.random(clip.shape) < 0.6
    edges = rng.random(clip.shape) < 0.4
    values = clip + (0.03 + 0.4 * edges) * rng.standard_normal(clip.shape)
    found = estimate_covariance(values.astype("f4"), known, np.arange(3.0), edges=edges)
    assert np.sqrt(found.noise) < 0.12
    assert np.sqrt(found.edge_noise) == pytest.approx(0.4, rel=0.5)
    errors = [
        np.square(optimal_interpolation(values, known, np.arange(3.0), ~known, found, e).mean - clip)[~known].mean()
        for e in (found.noise + found.edge_noise * edges, None)
    ]
    assert errors[0] < 0.7 * errors[1]


def test_the_covariance_of_a_smooth_field_with_noise():
    """The noise is found within a third; values nearby are tied more than those far away."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :50]
    clip = np.array([np.sin(x / 8 + 0.3 * t) * np.cos(y / 9) for t in range(3)])
    known = rng.random(clip.shape) < 0.7
    found = estimate_covariance(
        (clip + 0.1 * rng.standard_normal(clip.shape)).astype("f4"), known, np.arange(3.0), seed=0
    )
    assert np.sqrt(found.noise) == pytest.approx(0.1, rel=0.33)
    near, far = found.in_space(np.array([1.0, 30.0]), np.zeros(2)).sum(0)
    assert near > 2 * abs(far)


def test_an_additive_record_is_its_background():
    """Means of pixels and anomalies of frames, exactly; a frame without data lies between its neighbours."""
    pixels, frames = np.arange(30.0).reshape(5, 6), np.array([0.0, 2.0, -1.0, 3.0])
    values = pixels + frames[:, None, None]
    known = np.random.default_rng(0).random(values.shape) < 0.8
    known[2] = False
    found = additive_background(values, known, np.array([0.0, 1.0, 2.0, 4.0]))
    np.testing.assert_allclose(found.clip[[0, 1, 3]], values[[0, 1, 3]], atol=1e-3)
    assert found.frames[2] == pytest.approx((2 * found.frames[1] + found.frames[3]) / 3, abs=1e-5)


def test_a_yearly_cycle_of_each_pixel_is_background():
    """Of unlike size and time from pixel to pixel, of which three months in four are seen."""
    times, down = np.arange(0.0, 30.0), np.arange(5.0)[:, None]
    phase = 2 * np.pi * times[:, None, None] / 12 + np.arange(6.0) / 6
    values = down * np.cos(phase) + down * np.arange(6.0)
    known = np.random.default_rng(0).random(values.shape) < 0.75
    errors = [np.abs(additive_background(values, known, times, year).clip - values)[~known] for year in (None, 12.0)]
    assert errors[1].mean() < 0.15 * errors[0].mean()


def test_eof_iteration_completes_a_record_of_one_function():
    """Rank one, a third of it missing; pixels never known stay at zero."""
    rng = np.random.default_rng(0)
    clip = rng.standard_normal((12, 1, 1)) * rng.standard_normal((1, 20, 20))
    known = rng.random(clip.shape) < 0.67
    known[:, 0, 0] = False
    found = eof_iteration(clip, known)
    error = (found - clip)[:, 1:]
    assert np.sqrt(np.square(error).mean()) < 0.02
    assert not found[:, 0, 0].any()
