"""Snapshots, blur, coarser pixels and long exposures: what a camera of that kind does."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import levels, noise

from lowreel.operators import Blur, Downsample, LongExposure, Snapshot

close = torch.testing.assert_close


def test_a_snapshot_is_the_sum_of_masked_frames():
    """y_k = sum_b mask_b x_(B k + b), the last picture of fewer frames."""
    x, mask = noise(7, 3, 5, 6), levels(3, 5, 6)
    y = Snapshot((7, 3, 5, 6), 3, mask=mask).double()(x)
    mask = mask.float().double()[:, None]
    close(y[0], (mask * x[:3]).sum(0))
    close(y[2], mask[0] * x[6])


def test_random_snapshot_masks_are_half_open():
    """0 and 1 equally often, other ones for each of the frames together."""
    codes = Snapshot((4, 1, 40, 70), 4, seed=3).codes
    assert set(codes.unique().tolist()) == {0, 1}
    assert abs(float(codes.mean()) - 0.5) < 5 * 0.5 / math.sqrt(codes.numel())
    assert abs(float(((2 * codes[0] - 1) * (2 * codes[1] - 1)).mean())) < 5 / math.sqrt(codes[0].numel())


def test_blur_is_a_convolution():
    """A kernel that is not symmetric comes out of a point as it is; a constant frame stays what it is."""
    point, kernel = torch.zeros(1, 1, 7, 9), noise(3, 5).float()
    point[0, 0, 3, 4] = 1
    close(Blur((1, 1, 7, 9), kernel=kernel)(point)[0, 0, 2:5, 2:7], kernel)
    close(Blur((2, 3, 7, 9), 2.0)(torch.full((2, 3, 7, 9), 0.4)), torch.full((2, 3, 7, 9), 0.4))


def test_means_of_pixels_and_frames():
    """Downsampling averages tiles, smaller ones at the border; a long exposure averages frames."""
    x = levels(4, 1, 5, 4)
    coarse = Downsample((4, 1, 5, 4), 2)(x)
    close(coarse[:, :, 1, 0], x[:, :, 2:4, :2].mean((-1, -2)))
    close(coarse[:, :, 2, 1], x[:, :, 4:, 2:].mean((-1, -2)))
    close(LongExposure((4, 1, 5, 4), 3)(x), torch.stack([x[:3].mean(0), x[1:].mean(0)]))


DROP = Path("../shared/data/sci/drop40_cacti.mat")


@pytest.mark.skipif(not DROP.exists(), reason="the snapshot benchmark file is not here")
def test_snapshot_is_the_convention_of_the_benchmark_file():
    """meas / 255 of drop40_cacti.mat is what `Snapshot` makes of its first 8 frames and its mask."""
    from scipy.io import loadmat

    held = loadmat(DROP, variable_names=["orig", "mask", "meas"])
    clip = torch.from_numpy(held["orig"][..., :8].astype(np.float32).transpose(2, 0, 1) / 255)[:, None]
    mask = held["mask"].astype(np.float32).transpose(2, 0, 1)
    y = Snapshot(tuple(clip.shape), 8, mask=mask)(clip)
    np.testing.assert_allclose(y[0, 0], held["meas"][..., 0] / 255, atol=1e-4)
