"""Finds scene cuts in the data of a clip: places where a frame and the next have nothing in common."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from ..data import Measured
from ..operators import Data, tensors_of

GRID_CELLS = 12
"""Cells along each side of a frame in which its data is averaged."""

WINDOW_FRAMES = 8
"""Frames before and after, whose changes a change is compared with."""

CUT_CHANGE_FACTOR = 2.5
"""How many times the median of the changes around it a change has to be, for a cut."""

CUT_SPREAD_SHARE = 0.3
"""Share of the spread of all cells that a change has to be, for a cut: in a clip that stands still nearly, every change
is many times the usual one."""

SHORTEST_SCENE_FRAMES = 6
"""Frames of the shortest scene: a flash is no scene."""

LEAST_PARTS = 2
"""Parts of the operator in the shortest scene: the last one may see fewer frames, and then looks like no other."""


def outlines(measured: Measured) -> Tensor:
    """A coarse picture of each frame, (T, n), from data without a fit: means over a grid, NaN where none was seen.

    Of pixels the mean of those observed; else of A* (y - A g), g middle grey, which stands for the frame less grey.
    """
    operator = measured.operator
    if operator.is_pixel_mask:
        known = operator.observed_mask().float()  # type: ignore[union-attr]
        assert isinstance(measured.data, Tensor)
        return (_pooled(measured.data * known) / _pooled(known)).flatten(1)
    grey = operator(torch.full(operator.clip_shape, 0.5))
    return _pooled(operator.adjoint(_less(measured.data, grey))).flatten(1)


def _less(data: Data, other: Data) -> Data:
    less = tuple(y - g for y, g in zip(tensors_of(data), tensors_of(other), strict=True))
    return less if isinstance(data, tuple) else less[0]


def _pooled(frames: Tensor) -> Tensor:
    height, width = frames.shape[2:]
    return adaptive_avg_pool2d(frames, (min(GRID_CELLS, height), min(GRID_CELLS, width)))


def cuts(outlines_of_stretches: Iterable[Tensor], step: int = 1) -> list[int]:
    """Numbers of the frames with which a new scene begins, rising; from the outlines of the frames in order.

    A cut is a change that is far larger than those around it and a good part of all that ever changes. Fades from one
    scene to the next are not found. outlines_of_stretches: (N, cells) each, of any N. step: frames of a part of the
    operator, which are looked at together.
    """
    outline = torch.cat([part.nanmean(0, keepdim=True) for o in outlines_of_stretches for part in torch.split(o, step)])
    changes, shortest = _changes(outline), max(LEAST_PARTS, math.ceil(SHORTEST_SCENE_FRAMES / step))
    spread = float(outline[~outline.isnan()].std()) if outline.numel() > 1 else 0.0
    found: list[int] = []
    for t in range(1, len(outline)):
        change = float(changes[t - 1])
        around = torch.cat([changes[max(0, t - 1 - WINDOW_FRAMES) : t - 1], changes[t : t + WINDOW_FRAMES]])
        usual = float(around.median()) if len(around) else 0.0
        is_far_from_others = t - (found[-1] if found else 0) >= shortest and len(outline) - t >= shortest
        if is_far_from_others and change > max(CUT_CHANGE_FACTOR * usual, CUT_SPREAD_SHARE * spread) > 0:
            found.append(t)
    return [step * t for t in found]


def _changes(outline: Tensor) -> Tensor:
    """Mean absolute difference of each frame but the first to what was last seen; 0 where nothing was."""
    changes, last = outline.new_zeros(max(len(outline) - 1, 0)), outline[0]
    for t, cells in enumerate(outline[1:]):
        both = ~(cells.isnan() | last.isnan())
        if both.any():
            changes[t] = (cells - last)[both].abs().mean()
        last = torch.where(cells.isnan(), last, cells)
    return changes
