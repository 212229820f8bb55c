"""Where the pixels and frames of an array are along its axes, by the coordinates that a file has of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from .base import FINEST, Spacing, can_be_watched, spacing_of

ROUNDING = 1e-6
"""Share of a step by which even places may differ."""

OF_FLOATS = 4
"""Units in the last place by which places that are stored as floats may differ from even ones."""

SECONDS_OF_UNIT = {
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), Fraction(1)),
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "msecs", "ms"), Fraction(1, 1000)),
    **dict.fromkeys(("microsecond", "microseconds", "us", "µs", "μs"), Fraction(1, 10**6)),
    **dict.fromkeys(("nanosecond", "nanoseconds", "ns"), Fraction(1, 10**9)),
    **dict.fromkeys(("minute", "minutes", "min"), Fraction(60)),
    **dict.fromkeys(("hour", "hours", "h"), Fraction(3600)),
    **dict.fromkeys(("day", "days", "d"), Fraction(86400)),
}
"""Units of time as files have them."""

Times = tuple[Fraction | None, tuple[Fraction, ...] | None]
"""Frames a second, and seconds of the frames where they are not even; None for what is not told."""


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


def seconds_of(unit: str) -> Fraction | None:
    """Seconds of a unit of time, also of one such as "days since 2020-01-01"; None of any other."""
    return SECONDS_OF_UNIT.get(unit.partition(" since ")[0].strip())


def spacing_by(sides: Iterable[Side], roles: str) -> dict[str, Spacing]:
    """From pixel to pixel along the axes of space, by their names, where these are even. roles: as of `Entry`."""
    steps = {side.name: (side.step, side.unit) for side, role in zip(sides, roles, strict=True) if role in "HW"}
    found = {name: spacing_of(abs(step), unit) for name, (step, unit) in steps.items() if step is not None}
    return {name: spacing for name, spacing in found.items() if spacing is not None}


def times_by(sides: Iterable[Side], roles: str) -> Times:
    """When the frames are, by the places along the axis of time, where their unit is one of time."""
    for side, role in zip(sides, roles, strict=True):
        unit = seconds_of(side.unit)
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
