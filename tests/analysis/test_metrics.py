"""Figures of merit, against values known by hand."""

import math

import pytest
import torch
from cases import levels, noise

from lowreel.analysis.metrics import error_decibels, psnr, psnr_range, ssim


def test_psnr_of_a_known_error():
    """An error of 0.1 everywhere is 20 dB, of 0.01 it is 40 dB; with a single entry wrong by d, 10 log10(n / d^2)."""
    truth = levels(3, 1, 8, 9)
    assert psnr(truth + 0.1, truth) == pytest.approx(20)
    assert psnr(truth - 0.01, truth) == pytest.approx(40)
    found = truth.clone()
    found[1, 0, 2, 3] += 0.5
    assert psnr(found, truth) == pytest.approx(10 * math.log10(3 * 8 * 9 / 0.25))


def test_psnr_is_of_the_clip_not_a_mean_of_frames():
    """The error is averaged over the clip before the logarithm."""
    truth = torch.zeros(2, 1, 4, 4)
    found = torch.stack([torch.full((1, 4, 4), 0.1), torch.full((1, 4, 4), 0.3)])
    assert psnr(found, truth) == pytest.approx(-10 * math.log10((0.01 + 0.09) / 2))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.2, 0.7), (0.4, 0.5)])
def test_psnr_range_takes_the_true_range_for_its_peak(low, high):
    """psnr_range = psnr + 20 log10(max - min), by the range of the true clip, not of the one found."""
    truth = low + (high - low) * levels(2, 3, 5, 6)
    truth.view(-1)[:2] = torch.tensor([low, high], dtype=torch.float64)
    found = truth + 0.1 * noise(2, 3, 5, 6)
    assert psnr_range(found, truth) == pytest.approx(psnr(found, truth) + 20 * math.log10(high - low))


def test_equal_clips():
    """PSNR is infinite, SSIM 1."""
    truth = levels(2, 3, 9, 8, dtype=torch.float32)
    assert psnr(truth, truth) == math.inf
    assert psnr_range(truth, truth) == math.inf
    assert ssim(truth, truth) == pytest.approx(1)


def test_float32_clips_are_compared_in_float64():
    """A difference that float32 squares would lose still counts."""
    truth = torch.full((1, 1, 1000, 1000), 0.5)
    found = truth.clone()
    found[0, 0, 0, 0] = torch.nextafter(torch.tensor(0.5), torch.tensor(1.0))
    step = float(found[0, 0, 0, 0]) - 0.5
    assert psnr(found, truth) == pytest.approx(-10 * math.log10(step**2 / 1e6))


def test_shapes_have_to_agree():
    """Two clips of different shape are not compared by broadcasting."""
    with pytest.raises(ValueError, match=r"expected two clips of one shape, got \(1, 1, 4, 4\) and \(2, 1, 4, 4\)"):
        psnr(torch.zeros(1, 1, 4, 4), torch.zeros(2, 1, 4, 4))


@pytest.mark.parametrize("shape", [(2, 1, 9, 8), (2, 3, 9, 8), (1, 3, 5, 4), (1, 1, 3, 30)])
def test_ssim_falls_with_the_error(shape):
    """More noise, less similarity; always at most 1, small frames too."""
    truth = levels(*shape, dtype=torch.float32)
    scores = [ssim(truth + size * noise(*shape, dtype=torch.float32), truth) for size in (0, 0.1, 0.5)]
    assert scores[0] == pytest.approx(1)
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == 3


def test_ssim_of_frames_too_small_for_a_window_is_nan():
    """Two pixels have no structure."""
    assert math.isnan(ssim(torch.zeros(1, 1, 2, 9), torch.zeros(1, 1, 2, 9)))


def test_ssim_is_the_mean_over_frames():
    """Each frame counts the same."""
    truth = levels(3, 1, 9, 9, dtype=torch.float32)
    found = truth + torch.tensor([0.0, 0.1, 0.4])[:, None, None, None] * noise(3, 1, 9, 9, dtype=torch.float32)
    each = [ssim(found[t : t + 1], truth[t : t + 1]) for t in range(3)]
    assert ssim(found, truth) == pytest.approx(sum(each) / 3)


def test_error_decibels():
    """The PSNR that a mean squared error stands for."""
    assert error_decibels(0.01) == pytest.approx(20)
    assert error_decibels(0.0) == math.inf
