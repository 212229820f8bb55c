"""Scans of a complex clip where the answer is known: a beating disc, smooth coil maps, rows and spokes."""

import math

import numpy as np
import torch

from lowreel.operators import MRI
from lowreel.operators.trajectories import radial


def smooth_maps(coils, height, width):
    """Maps of coils around the picture: Gaussian, each with a linear phase, of sum of squares 1; (coils, H, W)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    angles = 2 * math.pi * torch.arange(coils)[:, None, None] / coils
    distance = (y - 1.2 * angles.sin()) ** 2 + (x - 1.2 * angles.cos()) ** 2
    phase = 1.5 * (y * angles.cos() - x * angles.sin()) + angles
    maps = torch.polar((-distance / 1.5).exp(), phase)
    return maps / maps.abs().square().sum(0).sqrt()


def rows_mask(frames, height, width, rows, seed=0):
    """Of each frame the four rows in the middle and others at random, whole ones; booleans (T, H, W)."""
    draw = np.random.default_rng(seed)
    mask = torch.zeros(frames, height, width, dtype=torch.bool)
    mask[:, height // 2 - 2 : height // 2 + 2] = True
    for own in mask:
        own[torch.from_numpy(draw.choice(height, rows - 4, replace=False))] = True
    return mask


def beating(frames, height, width):
    """A bright disc that beats on a grey one, with a smooth phase; complex (T, 1, H, W)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    t = torch.arange(frames)[:, None, None] / frames
    grey = 0.4 * torch.sigmoid(20 * (0.8 - (y**2 + x**2).sqrt())).expand(frames, -1, -1)
    heart = 0.3 + 0.1 * torch.sin(2 * math.pi * t) - ((y - 0.1) ** 2 + (x + 0.1) ** 2).sqrt()
    size = grey + 0.5 * torch.sigmoid(20 * heart)
    return torch.polar(size, (0.8 * x + 0.5 * y**2).expand(frames, -1, -1))[:, None]


def noise_of(like, sigma, seed=0):
    """Complex noise of standard deviation sigma."""
    draw = torch.Generator().manual_seed(seed)
    return sigma * torch.randn(like.shape, dtype=torch.complex64, generator=draw)


def cartesian(frames=8, side=24, rows=10, coils=4):
    """An operator of rows."""
    return MRI(
        (frames, 1, side, side), mask=rows_mask(frames, side, side, rows), coil_maps=smooth_maps(coils, side, side)
    )


def spokes(frames=8, side=24, count=6, coils=4):
    """An operator of golden-angle spokes."""
    path = radial(count, side, frames, golden_angle=True)
    return MRI((frames, 1, side, side), trajectory=path, coil_maps=smooth_maps(coils, side, side))
