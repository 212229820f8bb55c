"""The axes of a data set of HDF5 as its dimension scales, EMD, NeXus or HyperSpy tell them: names, spacing, times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from .axes import roles_of
from .base import FINEST, SECONDS_OF_UNIT, Spacing, can_be_watched, spacing_of

ROUNDING = 1e-6
"""Share of a step by which even places may differ."""

OF_FLOATS = 4
"""Units in the last place by which places that are stored as floats may differ from even ones."""

Times = tuple[Fraction | None, tuple[Fraction, ...] | None]
"""Frames a second, and seconds of the frames where they are not even; None for what is not told."""


def text_of(attribute: Any) -> str:
    """An attribute as text, whatever kind of text it is."""
    attribute = attribute.ravel()[0] if isinstance(attribute, np.ndarray) and attribute.size else attribute
    return attribute.decode(errors="replace") if isinstance(attribute, bytes) else str(attribute)


@dataclass(frozen=True)
class Side:
    """An axis of a data set. places: where its pixels or frames are, in the unit; None where the file does not tell."""

    name: str
    unit: str = ""
    places: np.ndarray | None = None

    @property
    def step(self) -> float | None:
        """The distance from each place to the next, where all are alike but for rounding."""
        places = self.places
        if places is None or len(places) < 2 or not np.isfinite(places).all():
            return None
        ends = places[[0, -1]].astype(np.float64)
        step = (ends[1] - ends[0]) / (len(places) - 1)
        off = np.abs(places - (ends[0] + step * np.arange(len(places)))).max()
        return float(step) if off <= _rounding(places, step) else None


def sides_of(data: Any) -> tuple[Side, ...]:
    """Its axes in their order, by the first of the kinds that names each of them by a name of its own; else none. Where
    a group names them, only if all of the names say what they are: it may mean another array by them."""
    for kind in (_of_scales, _of_emd, _of_nexus, _of_hyperspy):
        found = kind(data)
        names = [side.name for side in found]
        is_each = len(set(names)) == len(data.shape) and all(names)
        if is_each and (kind is _of_scales or "-" not in roles_of(names)):
            return tuple(found)
    return ()


def spacing_along(data: Any) -> Mapping[str, Spacing]:
    """From pixel to pixel along the axes of space, by their names, where these are even."""
    sides = sides_of(data)
    roles = roles_of([side.name for side in sides])
    steps = {side.name: (side.step, side.unit) for side, role in zip(sides, roles, strict=True) if role in "HW"}
    found = {name: spacing_of(abs(step), unit) for name, (step, unit) in steps.items() if step is not None}
    return {name: spacing for name, spacing in found.items() if spacing is not None}


def times_along(data: Any) -> Times:
    """When its frames are, by the places along the axis of time, where their unit is one of time."""
    sides = sides_of(data)
    for side, role in zip(sides, roles_of([side.name for side in sides]), strict=True):
        unit = SECONDS_OF_UNIT.get(side.unit)
        if role == "T" and unit is not None and side.places is not None:
            return by_stamps(side.places, unit)
    return None, None


def by_stamps(stamps: np.ndarray, unit: Fraction = Fraction(1)) -> Times:
    """Mean rate of frames with these times, and the times from the first on unless they are even but for rounding.

    unit: in seconds. None where the times do not rise, and where they are too fast or too slow to be watched.
    """
    steps = np.diff(stamps.astype(np.float64))
    if not len(steps) or not np.isfinite(steps).all() or (steps <= 0).any():
        return None, None
    own = tuple(Fraction(round((s - float(stamps[0])) * float(unit) * FINEST), FINEST) for s in stamps.tolist())
    if not own[-1] or not can_be_watched(*(b - a for a, b in pairwise(own))):
        return None, None
    mean = Side("", places=stamps).step or float(steps.mean())
    is_even = Side("", places=stamps).step is not None
    return Fraction(1 / (mean * float(unit))).limit_denominator(1_000_000), None if is_even else own


def _rounding(places: np.ndarray, step: float) -> float:
    """How far places may be from even ones: as floats are rounded, and as times are."""
    last = np.finfo(places.dtype).eps if places.dtype.kind == "f" else 0.0
    return max(ROUNDING * abs(step), OF_FLOATS * float(last) * float(np.abs(places).max()))


def _numbers(stored: Any, length: int) -> np.ndarray | None:
    """The numbers of a data set along an axis: one a place, or the first two where the steps are even."""
    shape, kind = getattr(stored, "shape", None), getattr(getattr(stored, "dtype", None), "kind", "")
    if kind not in ("i", "u", "f") or shape not in ((length,), (2,)):
        return None
    found = np.asarray(stored[()])
    return found if shape == (length,) else _from_two(found.astype(np.float64), length)


def _from_two(first: np.ndarray, length: int) -> np.ndarray:
    return np.asarray(first[0] + (first[1] - first[0]) * np.arange(length))


def _unit(attributes: Any) -> str:
    """The unit as it is said, without the brackets and underlines of EMD."""
    return text_of(attributes.get("units", "")).strip("[] ").replace("_", "")


def _of_scales(data: Any) -> list[Side]:
    """HDF5 itself: labels of the axes, and data sets that are their scales."""
    found = []
    for axis, length in zip(data.dims, data.shape, strict=True):
        scale = axis[0] if len(axis) else None
        name = axis.label or (axis.keys()[0] if len(axis) else "")
        found.append(Side(name) if scale is None else Side(name, _unit(scale.attrs), _numbers(scale, length)))
    return found


def _of_emd(data: Any) -> list[Side]:
    """Electron microscopy datasets (EMD 0.2): dim1, dim2, ... beside the array are its axes."""
    group = data.parent
    if "emd_group_type" not in group.attrs:
        return []
    scales = [group.get(f"dim{k + 1}") for k in range(len(data.shape))]
    return [
        Side("")
        if scale is None
        else Side(text_of(scale.attrs.get("name", "")).strip("[]"), _unit(scale.attrs), _numbers(scale, length))
        for scale, length in zip(scales, data.shape, strict=True)
    ]


def _of_nexus(data: Any) -> list[Side]:
    """NeXus: the group whose signal the array is names its axes (NXdata, axes), and holds them."""
    group = data.parent
    if text_of(group.attrs.get("signal", "")) != data.name.rpartition("/")[2]:
        return []
    names = [text_of(name) for name in np.atleast_1d(group.attrs.get("axes", ()))]
    if len(names) != len(data.shape):
        return []
    scales = [group.get(name) for name in names]
    return [
        Side(name) if scale is None else Side(name, _unit(scale.attrs), _numbers(scale, length))
        for name, scale, length in zip(names, scales, data.shape, strict=True)
    ]


def _of_hyperspy(data: Any) -> list[Side]:
    """HyperSpy: groups axis-0, axis-1, ... beside the array, each with offset and scale, or with its places."""
    found = []
    for k, length in enumerate(data.shape):
        group = data.parent.get(f"axis-{k}")
        if group is None or not hasattr(group, "attrs") or "name" not in group.attrs:
            return []
        places = _numbers(group.get("axis"), length) if hasattr(group, "get") else None
        if places is None and {"offset", "scale"} <= set(group.attrs):
            offset, scale = (np.asarray(group.attrs[key]) for key in ("offset", "scale"))
            if offset.dtype.kind in "iuf" and scale.dtype.kind in "iuf" and offset.size == scale.size == 1:
                places = float(offset.item()) + float(scale.item()) * np.arange(length)
        found.append(Side(text_of(group.attrs["name"]), _unit(group.attrs), places))
    return found
