"""What the axes of an array are: time T, channel C, height H, width W, or none of them; and choices among them.

FILE:NAME,z=3,T=echo takes the place 3 on the axis z, and the axis echo for time. Axes without a name go by their
number: FILE:NAME,0=3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...errors import InputError
from .base import Array, Index, Lazy

NAMES = {
    "T": ("t", "time", "frame", "frames", "valid_time", "ocean_time", "times"),
    "C": ("c", "channel", "channels", "rgb", "color", "colour"),
    "H": ("y", "lat", "latitude", "row", "rows", "height", "nlat", "yc"),
    "W": ("x", "lon", "longitude", "column", "columns", "col", "cols", "width", "nlon", "xc"),
}
"""Names of axes that mean one thing in every file."""

_CHOICE = re.compile(r"(\w+)=(\w+)")


def roles_of(names: Sequence[str]) -> str:
    """T, C, H, W or - for every axis, by its name; see `completed`."""
    by_name = {word: role for role, words in NAMES.items() for word in words}
    return completed([by_name.get(name.lower(), "-") for name in names])


def completed(roles: Sequence[str]) -> str:
    """The roles, each once; where neither H nor W is said and two axes are open, these are H and W, in that order."""
    once = [role if role not in roles[:k] else "-" for k, role in enumerate(roles)]
    open_axes = [k for k, role in enumerate(once) if role == "-"]
    if "H" not in once and "W" not in once and len(open_axes) == 2:
        once[open_axes[0]], once[open_axes[1]] = "HW"
    return "".join(once)


def split_choices(name: str) -> tuple[str, dict[str, str]]:
    """NAME,z=3,T=echo -> NAME and {"z": "3", "T": "echo"}."""
    parts = name.split(",")
    choices: dict[str, str] = {}
    while parts and (match := _CHOICE.fullmatch(parts[-1].strip())):
        choices = {match[1]: match[2]} | choices
        parts.pop()
    return ",".join(parts), choices


def chosen(array: Array, choices: dict[str, str]) -> Array:
    """The array at the places chosen, with the roles chosen. Raises InputError for an axis or place it lacks."""
    names = list(array.axes) or [str(k) for k in range(len(array.shape))]
    roles, stored = list(array.roles), array.stored
    for choice, text in choices.items():
        if choice in names:
            continue
        place = _place(array, names, text if choice in "TCHW" else choice)
        roles = roles or ["-"] * len(names)
        roles = [choice if k == place else "-" if old == choice else old for k, old in enumerate(roles)]
    for axis in (choice for choice in choices if choice in list(names)):
        place, text = _place(array, names, axis), choices[axis]
        length = stored.shape[place]
        if not text.isdigit() or int(text) >= length:
            raise InputError(f"{array.label}: the axis {axis} has the places 0 to {length - 1}; got {axis}={text}")
        stored = _at(stored, place, int(text))
        names, roles = names[:place] + names[place + 1 :], roles[:place] + roles[place + 1 :]
    if isinstance(stored, Lazy) and _time(array.axes, array.roles) not in (None, _time(names, roles)):
        stored = replace(stored, rate=None, times=None)  # they are those of the axis that was time
    is_named = bool(array.axes or roles)
    names = names if is_named else []
    return replace(array, stored=stored, axes=tuple(names), roles=completed(roles) if is_named else "")


def _time(names: Sequence[str], roles: Sequence[str]) -> str | None:
    """The name of the axis that is time."""
    return next((name for name, role in zip(names, roles, strict=False) if role == "T"), None)


def _place(array: Array, names: Sequence[str], axis: str) -> int:
    if axis not in names:
        raise InputError(f"{array.label}: has no axis {axis}; its axes are {', '.join(names)}")
    return list(names).index(axis)


def _at(stored: np.ndarray | Lazy, place: int, number: int) -> np.ndarray | Lazy:
    """One place on an axis, which is gone then."""
    if isinstance(stored, np.ndarray):
        return stored[(slice(None),) * place + (number,)]
    read = stored.read

    def inner(index: Index) -> np.ndarray:
        return read((*index[:place], number, *index[place:]))

    return replace(stored, shape=stored.shape[:place] + stored.shape[place + 1 :], read=inner)


def turned(stored: Lazy, order: Sequence[int]) -> Lazy:
    """The same array with its axes in another order, as `numpy.transpose` gives it."""

    def read(index: Index) -> np.ndarray:
        inner: list[int | slice] = [0] * len(order)
        for part, axis in zip(index, order, strict=True):
            inner[axis] = part
        kept = [axis for axis in range(len(order)) if isinstance(inner[axis], slice)]
        return stored.read(tuple(inner)).transpose([kept.index(axis) for axis in order if axis in kept])

    return replace(stored, shape=tuple(stored.shape[axis] for axis in order), read=read)
