"""Where the pixels and frames of an array are along its axes, by the coordinates that a file has of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np

from .base import FINEST, Spacing, can_be_watched, spacing_of

MOST_PLACES = 1 << 20
"""Along an axis whose coordinates are read: more are no pixels or frames of a clip."""

ROUNDING, MOST_ROUNDING = 1e-6, 0.1
"""Shares of a step by which even places may differ, and may at most, however roughly they are stored."""

OF_FLOATS = 4
"""Units in the last place by which places that are stored as floats may differ from even ones."""

_OF_SECONDS = {
    Fraction(1): ("second", "seconds", "sec", "secs", "s"),
    Fraction(1, 1000): ("millisecond", "milliseconds", "msec", "msecs", "ms"),
    Fraction(1, 10**6): ("microsecond", "microseconds", "usec", "usecs", "us", "µs", "μs"),
    Fraction(1, 10**9): ("nanosecond", "nanoseconds", "nsec", "nsecs", "ns"),
    Fraction(60): ("minute", "minutes", "min", "mins"),
    Fraction(3600): ("hour", "hours", "hr", "hrs", "h"),
    Fraction(86400): ("day", "days", "d"),
}
SECONDS_OF_UNIT = {unit: seconds for seconds, units in _OF_SECONDS.items() for unit in units}
"""Units of time as files have them."""

Times = tuple[Fraction | None, tuple[Fraction, ...] | None]
"""Frames a second, and seconds of the frames where they are not even; None for what is not told."""

NO_COORDINATES = (
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)
"""What libraries raise for coordinates that cannot be read: what these tell is never a reason to refuse an array."""


@dataclass(frozen=True)
class Side:
    """An axis of a data set. read: gives where its pixels or frames are, in the unit; None where the file does not
    tell. Nothing is read before it is asked for."""

    name: str
    unit: str = ""
    read: Callable[[], np.ndarray | None] | None = None

    @cached_property
    def places(self) -> np.ndarray | None:
        """Its coordinates; None where there are none, or none that can be read."""
        with contextlib.suppress(*NO_COORDINATES):
            return self.read() if self.read is not None else None
        return None


def even_step(places: np.ndarray) -> float | None:
    """The distance from each place to the next; None where these are not alike but for rounding."""
    if not 2 <= len(places) <= MOST_PLACES or not np.isfinite(places).all():
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        moved = _from_first(places)
        step = float(moved[-1]) / (len(places) - 1)
        off = np.abs(moved - step * np.arange(len(places))).max()
    return step if off <= min(max(ROUNDING * abs(step), _rounding(places)), MOST_ROUNDING * abs(step)) else None


def _from_first(places: np.ndarray) -> np.ndarray:
    """How far places are from the first one: whole numbers since 1970 are no floats, and unsigned ones wrap round."""
    exact = places.astype(np.int64) if places.dtype.kind in "iu" else places
    return np.asarray(exact - exact[0], np.float64)


def _rounding(places: np.ndarray) -> float:
    """How far places may be from where they should be, as floats are rounded."""
    last = float(np.finfo(places.dtype).eps) if places.dtype.kind == "f" else 0.0
    return OF_FLOATS * last * float(np.abs(places).max())


def seconds_of(unit: str) -> Fraction | None:
    """Seconds of a unit of time, also of one such as "days since 2020-01-01"; None of any other."""
    name = re.split(r"\s+since\s", unit, maxsplit=1, flags=re.IGNORECASE)[0].strip().rstrip(".")
    return SECONDS_OF_UNIT.get(name, SECONDS_OF_UNIT.get(name.lower()) if len(name) > 2 else None)


def spacing_by(sides: Iterable[Side], roles: str) -> dict[str, Spacing]:
    """From pixel to pixel along the axes of space, by their names, where these are even. roles: as of `Entry`."""
    found = {}
    for side, role in zip(sides, roles, strict=True):
        step = even_step(side.places) if role in "HW" and side.places is not None else None
        if step is not None and (spacing := spacing_of(abs(step), side.unit)) is not None:
            found[side.name] = spacing
    return found


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
    if not 2 <= len(stamps) <= MOST_PLACES or not np.isfinite(stamps).all():
        return None, None
    with np.errstate(over="ignore", invalid="ignore"):
        seconds = _from_first(stamps) * float(unit)
        steps = np.diff(seconds)
    if not np.isfinite(seconds).all() or (steps <= 0).any() or seconds[-1] > FINEST:
        return None, None
    step = even_step(stamps)
    if step is not None:
        own = Fraction(step * float(unit)).limit_denominator(FINEST)
        rounding = max(ROUNDING, _rounding(stamps) / (step * (len(stamps) - 1)))
        return (_rate(step * float(unit), rounding), None) if own and can_be_watched(own) else (None, None)
    each = tuple(Fraction(round(second * FINEST), FINEST) for second in seconds.tolist())
    if not can_be_watched(*(b - a for a, b in pairwise(each))):
        return None, None
    return _rate(float(seconds[-1]) / (len(each) - 1)), each


def _rate(step: float, rounding: float = ROUNDING) -> Fraction:
    """Frames a second of a step in seconds: the simplest number that is as near as even steps may be, by that share."""
    simple = (Fraction(1 / step).limit_denominator(most) for most in (1, 1001, 10**6))
    return next((rate for rate in simple if abs(float(rate) * step - 1) <= rounding), Fraction(1 / step))
