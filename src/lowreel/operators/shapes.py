"""Shapes of clips, and which frames of a longer clip an excerpt holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..errors import InputError

Shape = tuple[int, ...]

FrameWindow = tuple[int, int]
"""Of a clip that is an excerpt of a longer one: the number of its first frame there, and how many there are."""


def checked_clip_shape(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """`shape` as four integers of one or more, (T, C, H, W), of a grey clip also (T, H, W); else an InputError."""
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise InputError(f"operator: expected a clip shape (T, C, H, W) of ones or more, got {tuple(shape)}")
    frames, *channels, height, width = (int(n) for n in shape)
    return frames, channels[0] if channels else 1, height, width


def without_channel(shape: Sequence[int], clip_shape: Shape) -> bool:
    """Whether an array of this shape is a clip of that one, (T, 1, H, W), without its axis of channels."""
    frames, channels, height, width = clip_shape
    return channels == 1 and tuple(shape) == (frames, height, width)


def frame_numbers(frames: int, within: FrameWindow | None) -> range:
    """By which the random numbers of these frames are drawn. Raises InputError for an excerpt beyond its clip."""
    if within is None:
        return range(frames)
    first, total = within
    if not 0 <= first <= total - frames:
        raise InputError(f"operator: {frames} frames from number {first} on are no excerpt of {total} frames")
    return range(first, first + frames)


def within_spec(within: FrameWindow | None) -> dict[str, Any]:
    """What `parameters_spec` says of an excerpt; nothing of a whole clip."""
    return {} if within is None else {"within": list(within)}


def misfit(name: str, wanted: Any, what: str, got: Any) -> str:
    """What an operator of a name says to a clip or to data (`what`) of another shape than it wants."""
    advice = "crop or resize the clip" if what == "clip" else "give the data in that shape"
    if what == "data" and len(wanted) == 1 and all(isinstance(n, int) for n in got) and math.prod(got) == wanted[0]:
        advice = "flatten it, y.reshape(-1), the last axis running fastest"
    told = f"{name}: expected {what} of shape {wanted}, got {got}"
    return f"{told}; {advice}, or build the operator for this size"
