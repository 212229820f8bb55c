"""Which array of a file is a clip, and its axes in our order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...system.files import split_member
from .base import Array, Entry
from .reading import entries_of, is_matlab, load, which

MATLAB_AXES = "(H, W), (H, W, T) or (H, W, C, T) with C = 1 or 3"
NUMPY_AXES = "(H, W), (T, H, W), (T, C, H, W) or (T, H, W, C) with C = 1 or 3"


def wanted_axes(matlab: bool) -> str:
    """The shapes that a clip may have, in words."""
    return MATLAB_AXES if matlab else NUMPY_AXES


def as_clip(array: Array) -> np.ndarray:
    """A view of shape (T, C, H, W). Raises InputError for an array of other axes."""
    values, shape = array.values, array.values.shape
    order = _order(shape, array.matlab)
    if order is None:
        raise InputError(f"{array.label}: expected an array {wanted_axes(array.matlab)}; got {shape}")
    return values[(...,) + (None,) * (4 - len(shape))].transpose(order)


def _order(shape: Sequence[int], matlab: bool) -> tuple[int, int, int, int] | None:
    """Where T, C, H and W are in a shape that was filled up with ones behind; None for no clip."""
    match len(shape), matlab:
        case 2, _:
            return 2, 3, 0, 1
        case 3, True:
            return 2, 3, 0, 1
        case 3, False:
            return 0, 3, 1, 2
        case 4, True if shape[2] in (1, 3):
            return 3, 2, 0, 1
        case 4, False if shape[1] in (1, 3):
            return 0, 1, 2, 3
        case 4, False if shape[3] in (1, 3):
            return 0, 3, 1, 2
    return None


def clip_entry(entries: Sequence[Entry], matlab: bool) -> Entry | None:
    """The array that is the clip: the only one, one named x or clip, or the only one that can be a moving clip."""
    numbers = [entry for entry in entries if not entry.problem]
    named = [entry for entry in numbers if entry.name in ("x", "clip")]
    moving = [e for e in numbers if len(e.shape) > 2 and _order(e.shape, matlab) and "complex" not in e.dtype]
    return next((found[0] for found in (numbers, named, moving) if len(found) == 1), None)


def load_clip(path: str | Path) -> Array:
    """The array that FILE:NAME says, or the clip of FILE; an InputError lists them where several may be meant."""
    file, name = split_member(path)
    if name is None:
        entries = entries_of(file)
        entry = clip_entry(entries, is_matlab(file))
        if entry is None:
            raise InputError(which(file, entries))
        name = entry.name
    return load(file, name)
