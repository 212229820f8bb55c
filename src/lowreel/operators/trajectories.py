"""Paths of a scan through the spectrum: points in radians per pixel, (T, interleaves, samples, 2), rows first.

Where all frames share them T is 1. A path that spans the spectrum goes from -pi to pi.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InputError
from .transforms import GOLDEN

__all__ = ["radial", "spiral"]

TURN_DEGREES = 360 / ((1 + math.sqrt(5)) / 2)
"""Angle from one spiral to the next in golden order, in degrees: the larger part of a turn."""


def radial(spokes: int, samples: int, frames: int, *, golden_angle: bool = True, oversampling: int = 2) -> Tensor:
    """Spokes through zero, (T, spokes, samples * oversampling, 2).

    samples: those that a field of view of so many pixels asks for; the readout takes `oversampling` times as many, as
    scanners do, which costs no time. golden_angle: each spoke is turned by 111.25 degrees from the one before, on
    through all frames (Winkelmann et al., IEEE Trans. Med. Imaging 26:68, 2007); else the spokes share half a turn
    evenly and all frames have the same ones (T = 1). Raises InputError for numbers below 1.
    """
    _check(spokes=spokes, samples=samples, frames=frames, oversampling=oversampling)
    number = torch.arange(frames * spokes if golden_angle else spokes, dtype=torch.float64)
    angles = math.pi * ((number * GOLDEN) % 1 if golden_angle else number / spokes)
    count = samples * oversampling
    radius = (torch.arange(count, dtype=torch.float64) - count // 2) * (2 * math.pi / count)
    points = radius[:, None] * _directions(angles)[:, None]
    return points.reshape(-1, spokes, count, 2).float()


def spiral(
    interleaves: int, samples: int, frames: int, *, turns: float, golden_angle: bool = True, density: float = 1.0
) -> Tensor:
    """Spirals out of zero, (T, interleaves, samples, 2), of radius pi s^density and angle 2 pi turns s, s in [0, 1).

    density: 1 for turns that are evenly apart (Archimedes), above 1 for closer ones near zero. golden_angle: each
    interleaf is turned by 222.5 degrees from the one before, on through all frames; else the interleaves share a turn
    evenly and all frames have the same ones (T = 1). Samples are evenly spaced in the angle. Raises InputError for
    numbers below 1, and for turns or a density that are not above 0.
    """
    _check(interleaves=interleaves, samples=samples, frames=frames)
    if not (turns > 0 and density > 0):
        raise InputError(f"spiral: expected turns and a density above 0, got {turns:g} and {density:g}")
    number = torch.arange(frames * interleaves if golden_angle else interleaves, dtype=torch.float64)
    first = number * math.radians(TURN_DEGREES) if golden_angle else number * (2 * math.pi / interleaves)
    along = torch.arange(samples, dtype=torch.float64) / samples
    angles = first[:, None] + 2 * math.pi * turns * along
    points = (math.pi * along**density)[:, None] * _directions(angles)
    return points.reshape(-1, interleaves, samples, 2).float()


def _directions(angles: Tensor) -> Tensor:
    """Unit vectors, rows first; angle 0 is along the columns' numbers."""
    return torch.stack([angles.sin(), angles.cos()], -1)


def _check(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1 or count != int(count):
            raise InputError(f"trajectory: expected a whole number of {name}, 1 or more, got {count}")
