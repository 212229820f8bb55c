"""What a scanner adds to a clip, simulated: a smooth phase, the sensitivities of coils, rows chosen at random."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..system import streams
from .transforms import CENTRE_SHARE

__all__ = ["cartesian_rows", "simulated_coil_maps", "simulated_phase", "with_phase"]

COIL_DISTANCE, COIL_RADIUS = 1.6, 0.8
"""Distance of the middle of a coil from that of the picture, and radius of its wire, in half widths of the picture."""

WIRE_PIECES = 64
"""Straight pieces that a coil's wire is made of."""

PHASE_TURNS = 0.35
"""The simulated phase departs from its mean by at most so many turns."""


def simulated_coil_maps(coils: int, shape: tuple[int, int], seed: int = 0) -> Tensor:
    """Sensitivities of round coils that stand about the picture, (coils, H, W), complex64; pure function of its seed.

    The field of each wire by the law of Biot and Savart, its part across the main field, B_x - i B_y (Roemer et al.,
    Magn. Reson. Med. 16:192, 1990); the first coil's place is random, the others are evenly apart. Scaled so that the
    squares of their moduli add up to 1 at each pixel. Raises InputError for less than one coil.
    """
    if coils < 1:
        raise InputError(f"coil maps: expected 1 coil or more, got {coils}")
    rows, columns = (np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape)
    shift, turn = streams.uniforms(seed, streams.COILS, 0, 2)
    places = 2 * math.pi * (np.arange(coils) + shift) / coils
    maps = np.stack([_field_of_coil(place, columns[None, :], rows[:, None]) for place in places])
    maps *= np.exp(2j * math.pi * (turn + streams.uniforms(seed, streams.COILS, 1, coils)))[:, None, None]
    return torch.from_numpy(maps / np.sqrt((np.abs(maps) ** 2).sum(0))).to(torch.complex64)


def _field_of_coil(place: float, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.complex128]:
    """B_x - i B_y of a ring at this angle whose axis points at the middle; the main field is along z.

    Each piece of the wire adds its direction times where one is from it, over the third power of the distance.
    """
    axis = np.array([math.cos(place), math.sin(place), 0.0])
    across, up = np.array([-axis[1], axis[0], 0.0]), np.array([0.0, 0.0, 1.0])
    turns = np.linspace(0, 2 * math.pi, WIRE_PIECES, endpoint=False)[:, None]
    wire = COIL_DISTANCE * axis + COIL_RADIUS * (np.cos(turns) * across + np.sin(turns) * up)
    along = np.roll(wire, -1, 0) - wire
    field = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.complex128)
    for middle, (dx, dy, dz) in zip(wire + along / 2, along, strict=True):
        right, down, out = x - middle[0], y - middle[1], -middle[2]
        cubed = (right**2 + down**2 + out**2) ** 1.5
        field += ((dy * out - dz * down) - 1j * (dz * right - dx * out)) / cubed
    return field


def simulated_phase(shape: tuple[int, int], seed: int = 0) -> Tensor:
    """A smooth phase in radians, (H, W), float32: waves of at most one period a picture; pure function of its seed.

    An uneven main field, and the coil that sends, leave such a phase. It departs from its mean by at most PHASE_TURNS
    turns.
    """
    rows, columns = (np.arange(n) / n for n in shape)
    numbers = iter(streams.uniforms(seed, streams.PHASE, 0, 18))
    phase = np.zeros(shape)
    for down in (0.0, 0.5, 1.0):
        for right in (0.0, 0.5, 1.0):
            weight, start = next(numbers) - 0.5, next(numbers)
            phase += weight * np.cos(2 * math.pi * (down * rows[:, None] + right * columns[None, :] + start))
    phase -= phase.mean()
    return torch.from_numpy(phase * (2 * math.pi * PHASE_TURNS / max(float(np.abs(phase).max()), 1e-12))).float()


def with_phase(clip: Tensor, seed: int = 0) -> Tensor:
    """The clip (T, C, H, W) times exp(i `simulated_phase`), complex: its modulus is the clip."""
    phase = simulated_phase((clip.shape[-2], clip.shape[-1]), seed).to(clip.device, clip.real.dtype)
    return clip * torch.polar(torch.ones_like(phase), phase)


def cartesian_rows(acceleration: float, shape: tuple[int, int], frames: int, seed: int = 0) -> Tensor:
    """Booleans (T, 1, H, W): about H / acceleration whole rows a frame, others in each, zero in the middle.

    The CENTRE_SHARE around zero are always there; the others are drawn with a chance that falls with the square of the
    distance from the edge (Lustig et al., Magn. Reson. Med. 58:1182, 2007). Raises InputError for an acceleration
    below 1.
    """
    height, width = shape
    if not 1 <= acceleration <= height:
        raise InputError(f"acceleration: expected a number from 1 to the {height} rows, got {acceleration:g}")
    kept = max(1, round(height / acceleration))
    distance = np.abs(np.arange(height) - height // 2) / (height / 2)
    chance = (1 - distance) ** 2 + 1 / height
    order = np.argsort(distance, kind="stable")
    mask = np.zeros((frames, 1, height, width), bool)
    for frame in range(frames):
        words = np.log(streams.uniforms(seed, streams.LINES, frame, height) + 2.0**-54) / chance
        words[order[: min(kept, max(1, round(CENTRE_SHARE * height)))]] = 1
        mask[frame, 0, np.argsort(-words, kind="stable")[:kept]] = True
    return torch.from_numpy(mask)
