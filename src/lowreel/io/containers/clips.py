"""Which array of a file is a clip, and its axes in our order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...system.files import split_member
from .axes import split_choices
from .base import Array, Entry
from .reading import entries_of, is_matlab, load, which

MATLAB_AXES = "(H, W), (H, W, T) or (H, W, C, T) with C = 1 or 3"
LEAST_PICTURE, WITH_ALPHA = 16, 4
"""Rows and columns from which on a third axis of 3 places is more likely colours than columns; colours and alpha."""

NUMPY_AXES = "(H, W), (T, H, W), (T, C, H, W) or (T, H, W, C) with C = 1 or 3"


def wanted_axes(matlab: bool) -> str:
    """The shapes that a clip may have, in words."""
    return MATLAB_AXES if matlab else NUMPY_AXES


@dataclass(frozen=True)
class Frames:
    """An array as a clip (T, C, H, W); frames are read when they are asked for. order: the axes T, C, H, W in it."""

    array: Array
    order: tuple[int | None, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, C, H, W)."""
        return tuple(1 if axis is None else self.array.shape[axis] for axis in self.order)

    @property
    def dtype(self) -> np.dtype:
        """As stored; numbers of a part may be float64 where some of them are missing."""
        return self.array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def times(self, usual: Fraction) -> tuple[Fraction, ...]:
        """Seconds of the frames from the first on, as the file tells them; usual: frames a second where it does not."""
        rate = self.array.rate or usual
        return self.array.times or tuple(k / rate for k in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def __getitem__(self, frames: int | slice) -> np.ndarray:
        """One frame (C, H, W), or several (n, C, H, W)."""
        index: list[int | slice] = [slice(None) if k in self.order else 0 for k in range(len(self.array.shape))]
        if self.order[0] is not None:
            index[self.order[0]] = frames
        values = np.asarray(self.array.stored[tuple(index)])
        kept = [k for k, part in enumerate(index) if isinstance(part, slice)]
        wanted = [axis for axis in self.order if axis in kept]
        values = values.transpose([kept.index(axis) for axis in wanted if axis is not None])
        several = isinstance(frames, slice)
        for place, axis in enumerate(self.order if several else self.order[1:]):
            if axis is None:
                values = np.expand_dims(values, place)
        return values


def as_clip(array: Array) -> Frames:
    """The array as a clip of shape (T, C, H, W). Raises InputError for an array of other axes."""
    shape = array.shape
    if array.roles:
        return Frames(array, _order_by_roles(array))
    order = _order(shape, array.matlab)
    if order is None:
        time = "T=2" if array.matlab else "T=0"
        advice = f"; say which is time, such as {_choosing(array, time)}, or take one place on an axis, such as "
        advice = f"{advice}{_choosing(array, '0=0')}" if len(shape) > 2 else ""
        advice += f"; {_choosing(array, 'C=2')} is one picture of colours" if _may_be_colours(shape) else ""
        advice += "; of colours with alpha save x[..., :3]" if len(shape) > 2 and shape[-1] == WITH_ALPHA else ""
        raise InputError(f"{array.label}: expected an array {wanted_axes(array.matlab)}; got {shape}{advice}")
    return Frames(array, tuple(axis if axis < len(shape) else None for axis in order))


def _may_be_colours(shape: Sequence[int]) -> bool:
    """Whether an array may be one picture of colours, (H, W, 3), and not frames of 3 columns, or MATLAB's 3 frames."""
    return len(shape) == 3 and shape[2] == 3 and min(shape[:2]) >= LEAST_PICTURE


def _order(shape: Sequence[int], matlab: bool) -> tuple[int, int, int, int] | None:
    """Where T, C, H and W are in a shape that was filled up with ones behind; None for no clip."""
    match len(shape), matlab:
        case 3, _ if _may_be_colours(shape):
            return None
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


def _order_by_roles(array: Array) -> tuple[int | None, ...]:
    """The axes T, C, H, W of an array whose file says what they are; axes of one place beside them are passed over."""
    places = {role: k for k, role in enumerate(array.roles) if role != "-"}
    names = dict(enumerate(array.axes))
    there = ", ".join(f"{name} {length}" for name, length in zip(array.axes, array.shape, strict=True))
    if missing := [role for role in "HW" if role not in places]:
        raise InputError(f"{array.label}: has the axes {there}; {_which_axes(array, missing)}")
    left = [k for k, role in enumerate(array.roles) if role == "-" and array.shape[k] > 1]
    if left:
        time = "" if "T" in places else f", or take it for time: {_choosing(array, f'T={names[left[0]]}')}"
        ask = f"take one place on {names[left[0]]}, such as {_choosing(array, f'{names[left[0]]}=0')}{time}"
        raise InputError(f"{array.label}: has the axes {there}; a clip has time, height, width and colour: {ask}")
    if "C" in places and array.shape[places["C"]] not in (1, 3):
        ask = _choosing(array, f"{names[places['C']]}=0")
        count = array.shape[places["C"]]
        raise InputError(f"{array.label}: has {count} channels, which are no colour; take one, such as {ask}")
    return tuple(places.get(role) for role in "TCHW")


def _which_axes(array: Array, missing: Sequence[str]) -> str:
    """The question which axes the missing ones of H and W are, with axes that are nothing yet, the last long ones of
    them, else with those that the file alone says are something; what to leave out where too few are left."""
    typed = split_choices(split_member(array.label)[1] or "")[1]
    free = [k for k, role in enumerate(array.roles) if role == "-"]
    others = [k for k, role in enumerate(array.roles) if role in "TC" and array.axes[k] not in typed.values()]
    likely = [*others, *sorted(free, key=lambda k: array.shape[k] > 1)]
    if len(likely) < len(missing):
        advice = f"leave out {' or '.join(f'{k}={v}' for k, v in typed.items())}" if typed else "choose another array"
        return f"a clip has both height and width; {advice}"
    axes = sorted(likely[-len(missing) :])
    ask = ",".join(f"{role}={array.axes[k]}" for role, k in zip(missing, axes, strict=True))
    words = " and ".join({"H": "height", "W": "width"}[role] for role in missing)
    return f"which {'are' if len(missing) > 1 else 'is'} {words}? Say it, such as {_choosing(array, ask)}"


def _choosing(array: Array, choice: str) -> str:
    """The label with a choice, as a user types it."""
    file, name = split_member(array.label)
    return f"{file}:{name},{choice}" if name else f"{file}:{choice}"


def clip_entry(entries: Sequence[Entry], matlab: bool) -> Entry | None:
    """The array that is the clip: the only one, the one that the file says, one named x or clip that is no axis, or the
    only one that can be a moving clip."""
    numbers = [entry for entry in entries if not entry.problem]
    main = [entry for entry in numbers if entry.is_main]
    named = [entry for entry in numbers if entry.name in ("x", "clip") and len(entry.shape) > 1]
    moving = [entry for entry in numbers if "complex" not in entry.dtype and _may_move(entry, matlab)]
    return next((found[0] for found in (numbers, main, named, moving) if len(found) == 1), None)


def _may_move(entry: Entry, matlab: bool) -> bool:
    if entry.roles:
        return set("HW") <= set(entry.roles) and len(entry.shape) > 2
    return len(entry.shape) > 2 and _order(entry.shape, matlab) is not None


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
