"""Clips that are drawn from a name: `rotating-mnist:7`, `moving-mnist:0`, `color-wheel`, `beating-heart`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, interpolate

from ...errors import InputError
from ...system import streams
from ...system.names import split_clip_name
from .heart import beating_heart
from .official import SAMPLE, mnist_digit, sample_digits

SIDE, DIGIT = 64, 28


def drawn(source: str | Path) -> Tensor:
    """The clip of a name, (T, C, H, W) in [0, 1].

    `rotating-mnist:N` is test digit N of MNIST (0 to 99 come with the package) turned by 2 degrees a frame, 32
    frames; `moving-mnist:SEED` two of the digits 0 to 99 that bounce in the frame, 20 frames; `color-wheel:SEED` a
    wheel of 12 colours turned by 1 degree a frame, 64 frames. These are 64x64 (paper, Section 3). `beating-heart:SEED`
    is a slice through a breathing chest, 24 frames of 128x128. The number is 0 if left out.

    Raises InputError for a number that is too large, and for a digit whose file is not there.
    """
    name, number = split_clip_name(source)
    if number >= 2**32:
        raise InputError(f"{source}: the number should be below 2^32")
    return DRAWN[name](number)


def rotating_mnist(number: int, frames: int = 32) -> Tensor:
    """A test digit turned counterclockwise by 2 degrees a frame, (T, 1, 64, 64); resized bilinearly before."""
    digit = mnist_digit(number).float()[None, None] / 255
    still = interpolate(digit, (SIDE, SIDE), mode="bilinear").expand(frames, -1, -1, -1)
    angle = torch.deg2rad(2.0 * torch.arange(frames))
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(-1, 2, 2)
    grid = affine_grid(torch.cat([turn, torch.zeros(frames, 2, 1)], 2), [frames, 1, SIDE, SIDE], align_corners=False)
    return grid_sample(still, grid, align_corners=False).clamp_(0, 1)


def moving_mnist(seed: int, frames: int = 20) -> Tensor:
    """Two digits that move in straight lines and bounce off the border, (T, 1, 64, 64), the brighter one in front.

    Start and direction are uniform, a tenth of the free way a frame (Srivastava et al., 2015).
    """
    room, clip = SIDE - DIGIT, torch.zeros(frames, 1, SIDE, SIDE)
    for k in range(2):
        which, *place_of, turn = streams.uniforms(seed, streams.DRAW, k, 4)
        digit = sample_digits()[int(SAMPLE * which), 0].float() / 255
        place, angle = np.array(place_of), 2 * math.pi * turn
        way = np.array([math.sin(angle), math.cos(angle)])
        for frame in clip[:, 0]:
            top, left = (room * place).astype(int)
            window = frame[top : top + DIGIT, left : left + DIGIT]
            torch.maximum(window, digit, out=window)
            place = place + 0.1 * way
            way = np.where((place <= 0) | (place >= 1), -way, way)
            place = place.clip(0, 1)
    return clip


def color_wheel(seed: int, frames: int = 64) -> Tensor:
    """A disc of 12 slices, hues 30 degrees apart, on black, turned by 1 degree a frame from an angle of the seed's.

    (T, 3, 64, 64); each pixel is the mean of 4x4 points, so that edges are smooth.
    """
    start = 0.0 if seed == 0 else 360 * float(streams.uniforms(seed, streams.DRAW, 0, 1)[0])
    points = (torch.arange(4 * SIDE) + 0.5) / (2 * SIDE) - 1
    y, x = torch.meshgrid(points, points, indexing="ij")
    angle, inside = torch.rad2deg(torch.atan2(-y, x)), (x.hypot(y) <= 0.95).float()
    drawn = []
    for t in range(frames):
        hue = 30 * torch.div((angle - start - t) % 360, 30, rounding_mode="floor")
        corner = torch.stack([(hue / 60 + shift) % 6 for shift in (5, 3, 1)])
        colour = 1 - torch.minimum(corner, 4 - corner).clamp(0, 1)
        drawn.append((colour * inside).view(3, SIDE, 4, SIDE, 4).mean((2, 4)))
    return torch.stack(drawn)


DRAWN: dict[str, Callable[[int], Tensor]] = {
    "rotating-mnist": rotating_mnist,
    "moving-mnist": moving_mnist,
    "color-wheel": color_wheel,
    "beating-heart": beating_heart,
}
"""What draws the clip of a name and a number; the names are those of `system.names`."""
