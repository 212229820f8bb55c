"""How a baseline judges its own choices: by a part of the entries that it leaves out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..data import hold_out
from ..errors import InputError
from ..operators import Data, LinearOperator, Mask, inner, map_data, project_onto_data
from .interpolation import local_means

LEFT_OUT_SHARE = 0.05
"""Share of the entries that are left out."""

TRIAL_FRAMES, TRIAL_PIXELS = 48, 128
"""Frames, and pixels of each, that choices are tried on, at most: those in the middle."""


def left_out(operator: LinearOperator, entries: Data) -> Data:
    """Booleans like the data: a seeded part of the entries, shaped like what is missing (`data.hold_out`).

    Raises InputError where nothing would be left.
    """
    return hold_out(operator, LEFT_OUT_SHARE, known=entries)


def error_on(held: Data, operator: LinearOperator, clip: Tensor, data: Data) -> float:
    """Sum of the squared residuals of a clip (T, C, H, W) at these entries, in squared units of the data."""
    residual = map_data(lambda found, y, h: (found - y) * h, operator(clip), data, held)
    return float(inner(residual, residual))


@dataclass(frozen=True)
class Trial:
    """The middle of a clip's data, on which a choice is tried: fitted and held are entries of it, start is a rough clip
    that has not seen those held out."""

    data: Data
    operator: LinearOperator
    fitted: Data
    held: Data
    start: Tensor

    def error(self, clip: Tensor) -> float:
        """Sum of the squared residuals of a clip (T, C, H, W) at what is held out, in squared units of the data."""
        return error_on(self.held, self.operator, clip, self.data)


def trial_of(data: Data, operator: LinearOperator, entries: Data) -> Trial | None:
    """What choices are tried on; None where too few entries are true to leave any out."""
    data, operator, entries = _middle(data, operator, entries)
    try:
        held = left_out(operator, entries)
    except InputError:
        return None
    fitted = map_data(lambda e, h: e & ~h, entries, held)
    return Trial(data, operator, fitted, held, _rough_clip(data, operator, fitted))


def trial_share(operator: LinearOperator) -> float:
    """What a trial has of the numbers of a clip, about."""
    frames, _, height, width = operator.clip_shape
    share = min(1.0, TRIAL_FRAMES / frames)
    if operator.is_pixel_mask and not operator.hides_regions:
        share *= min(1.0, TRIAL_PIXELS / height) * min(1.0, TRIAL_PIXELS / width)
    return share


def _middle(data: Data, operator: LinearOperator, entries: Data) -> tuple[Data, LinearOperator, Data]:
    """Data, operator and entries of the frames in the middle, where the clip can be cut, and of pixels in the middle
    of these, where it is pixels that are missing."""
    count, step = len(operator.parts()), operator.part_frames
    few = max(1, TRIAL_FRAMES // step)
    if count > few:
        parts = range((count - few) // 2, (count - few) // 2 + few)
        data, entries = (operator.take(y, parts) for y in (data, entries))
        operator = operator.subset(parts)
    if not operator.is_pixel_mask or operator.hides_regions or not isinstance(data, Tensor):
        return data, operator, entries
    assert isinstance(entries, Tensor)
    for axis in (2, 3):
        length = min(TRIAL_PIXELS, data.shape[axis])
        data, entries = (t.narrow(axis, (t.shape[axis] - length) // 2, length) for t in (data, entries))
    if tuple(data.shape) == operator.clip_shape or not entries.any():
        return data, operator, entries
    return data.contiguous(), Mask(tuple(data.shape), entries.contiguous()), entries.contiguous()


def _rough_clip(data: Data, operator: LinearOperator, entries: Data) -> Tensor:
    """What a trial starts from: local means of the pixels, or the clip of least norm."""
    if operator.is_pixel_mask:
        return local_means(data, entries)  # type: ignore[arg-type]
    return project_onto_data(torch.zeros(operator.clip_shape), operator, data, entries)
