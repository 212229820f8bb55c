"""A slice through a chest, drawn: a heart that beats while the chest breathes. Data for dynamic MRI that anyone has."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ...system import streams

SIDE_PIXELS = 128
"""Height and width as it is drawn."""

POINTS_PER_PIXEL = 2
"""Along each axis: a pixel is the mean of the points in it, so that edges are smooth."""

BEATS_FRAMES, BREATH_FRAMES = 9.0, 31.0
"""Frames of a heartbeat and of a breath."""

TEXTURE_WAVES, TEXTURE_SHARE = 24, 0.06
"""Waves of the texture of tissue, and how far it departs from 1."""


class Ellipse(NamedTuple):
    """Centre and half axes as shares of the half width, turned by radians, and the grey level inside."""

    down: float
    right: float
    tall: float
    wide: float
    turn: float
    level: float


def beating_heart(seed: int, frames: int = 24) -> Tensor:
    """Chest, lungs, liver, heart muscle, two chambers and a vessel, (T, 1, 128, 128), with texture that moves along.

    The chambers shrink by a third with each beat while the muscle thickens; breathing moves the heart and the liver
    down and widens the lungs. seed: of sizes, places, phases and texture, within what hearts have.
    """
    draw = iter(streams.uniforms(seed, streams.DRAW, 0, 11 + 4 * TEXTURE_WAVES))
    vary = [1 + 0.08 * (next(draw) - 0.5) for _ in range(8)]
    begin = [2 * math.pi * next(draw) for _ in range(2)]
    tilt = next(draw) - 0.5
    waves = torch.tensor([[next(draw) for _ in range(4)] for _ in range(TEXTURE_WAVES)])
    points = (torch.arange(SIDE_PIXELS * POINTS_PER_PIXEL) + 0.5) / (SIDE_PIXELS * POINTS_PER_PIXEL / 2) - 1
    drawn = []
    for t in range(frames):
        beat = 0.5 - 0.5 * math.cos(2 * math.pi * t / BEATS_FRAMES + begin[0])
        breath = 0.5 - 0.5 * math.cos(2 * math.pi * t / BREATH_FRAMES + begin[1])
        picture = torch.zeros(len(points), len(points))
        for part in _parts(beat, breath, vary, tilt):
            _paint(picture, part, points)
        picture *= _texture(waves, points, 0.06 * breath)
        square = (SIDE_PIXELS, POINTS_PER_PIXEL, SIDE_PIXELS, POINTS_PER_PIXEL)
        drawn.append(picture.reshape(square).mean((1, 3)))
    return torch.stack(drawn)[:, None].clamp_(0, 1)


def _parts(beat: float, breath: float, vary: list[float], tilt: float) -> list[Ellipse]:
    """What is seen, the later ones in front. beat, breath: 0 to 1."""
    down, across = -0.02 + 0.07 * breath, 0.12 * vary[0]
    outer, inner = 0.34 * vary[1], 0.24 * vary[2] * (1 - 0.33 * beat)
    turn = 0.6 + 0.4 * tilt
    wide = 1 + 0.05 * breath
    return [
        Ellipse(0.0, 0.0, 0.72 * wide, 0.93, 0.0, 0.42),
        Ellipse(-0.02, 0.0, 0.62 * wide, 0.84, 0.0, 0.3),
        Ellipse(-0.05, -0.47 * vary[3], 0.5 * wide, 0.3 * vary[4], 0.12, 0.06),
        Ellipse(-0.05, 0.52, 0.46 * wide, 0.26 * vary[5], -0.12, 0.06),
        Ellipse(0.36 + 0.07 * breath, -0.42, 0.17, 0.3, 0.15, 0.5),
        Ellipse(down - 0.05, across - 0.3, 0.26 * vary[6] * (1 - 0.12 * beat), 0.2, turn, 0.82),
        Ellipse(down, across, outer, outer * 0.88, turn, 0.48),
        Ellipse(down, across, inner, inner * 0.8, turn, 0.95),
        Ellipse(down + 0.1 * inner, across + 0.35 * inner, 0.2 * inner, 0.16 * inner, turn, 0.55),
        Ellipse(0.34, 0.06 * vary[7], 0.07 * (1 + 0.15 * beat), 0.07 * (1 + 0.15 * beat), 0.0, 0.9),
        Ellipse(0.52, -0.02, 0.13, 0.16, 0.0, 0.62),
    ]


def _paint(picture: Tensor, part: Ellipse, points: Tensor) -> None:
    """Fill an ellipse, in the square about it."""
    reach = max(part.tall, part.wide)
    rows, columns = (
        slice(*torch.searchsorted(points, torch.tensor([c - reach, c + reach])).tolist()) for c in part[:2]
    )
    down, right = points[rows, None] - part.down, points[None, columns] - part.right
    along = down * math.cos(part.turn) + right * math.sin(part.turn)
    across = right * math.cos(part.turn) - down * math.sin(part.turn)
    inside = (along / part.tall).square() + (across / part.wide).square() <= 1
    picture[rows, columns].masked_fill_(inside, part.level)


def _texture(waves: Tensor, points: Tensor, shift: float) -> Tensor:
    """Factors about 1: plane waves of 2 to 14 periods a frame, moved down by `shift` half widths."""
    down, right, start, weight = waves.T[:, :, None]
    along = math.pi * (2 + 12 * down) * (points - shift) + 2 * math.pi * start
    across = math.pi * (24 * right - 12) * points
    weight = weight - 0.5  # cos(a + b) = cos a cos b - sin a sin b
    found = (weight * along.cos()).T @ across.cos() - (weight * along.sin()).T @ across.sin()
    return 1 + TEXTURE_SHARE * found / max(float(found.abs().max()) / 2, 1e-9)
