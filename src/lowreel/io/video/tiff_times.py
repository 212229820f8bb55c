"""When the frames of a TIFF were taken: OME's planes and time increment, ImageJ's frame interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

from ..containers import FINEST, can_be_watched
from .reader import RATE
from .tiff_axes import Axes

SECONDS_OF_WORD = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Fraction(1)),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), Fraction(1, 1000)),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs", "usec", "microsecond", "microseconds"), Fraction(1, 10**6)),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), Fraction(1, 10**9)),
    **dict.fromkeys(("min", "minute", "minutes"), Fraction(60)),
    **dict.fromkeys(("h", "hr", "hour", "hours"), Fraction(3600)),
    "d": Fraction(86400),
}
"""Seconds of the units of time that OME and ImageJ write."""


@dataclass(frozen=True)
class FrameTimes:
    """When frames were taken, in seconds from the first of them on, as the file says it.

    told_by: the entry that says it; start: of the first frame on the clock of the file; unit: as the file names it, and
    in seconds.
    """

    own: tuple[Fraction, ...]
    told_by: str
    start: Fraction = Fraction(0)
    unit: str = "s"

    @property
    def step(self) -> Fraction:
        """Mean time from one frame to the next, in seconds."""
        return self.own[-1] / (len(self.own) - 1)

    @property
    def is_usual(self) -> bool:
        """Whether frames are so far apart, or so near, that they are shown at the usual rate, not in their own time."""
        return not can_be_watched(*(b - a for a, b in pairwise(self.own)))

    @property
    def shown(self) -> tuple[Fraction, ...]:
        """The times that a clip has."""
        return tuple(k / RATE for k in range(len(self.own))) if self.is_usual else self.own

    @property
    def text(self) -> str:
        """What the file says, in words."""
        even = len({b - a for a, b in pairwise(self.own)}) == 1
        told = f"{'' if even else 'on average '}{float(self.step):.6g} s from frame to frame ({self.told_by})"
        return f"{told}, taken as {RATE} a second" if self.is_usual else told


def frame_times(file: Any, axes: Axes, number: int, count: int) -> FrameTimes | None:
    """The times that a file of tifffile tells for the frames of series `number` of `count`; None where it tells none.

    Of a series whose frames are places in depth there are none. Times that do not rise are passed over.
    """
    letter = None if axes.time is None else axes.letters[axes.time]
    if letter is None or letter == "Z":
        return None
    if file.is_ome:
        return _of_ome(file.ome_metadata, axes, number, count) if letter == "T" else None
    return _of_imagej(file.imagej_metadata or {}, axes.frames)


def pixels_of(xml: str | None, number: int, count: int) -> ElementTree.Element | None:
    """What OME's XML says of the pixels of a series; None where it does not say of which."""
    if not xml:
        return None
    found = [e for e in ElementTree.fromstring(xml).iter() if _name(e) == "Pixels"]
    return found[number] if len(found) == count else None


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _of_ome(xml: str, axes: Axes, number: int, count: int) -> FrameTimes | None:
    pixels = pixels_of(xml, number, count)
    if pixels is None:
        return None
    chosen = {f"The{axes.letters[place]}": str(entry) for place, entry in axes.fixed.items()}
    taken: dict[str, tuple[Fraction | None, str]] = {}
    for plane in pixels:
        if _name(plane) == "Plane" and all(plane.get(key, "0") == entry for key, entry in chosen.items()):
            taken.setdefault(plane.get("TheT", "0"), _seconds(plane, "DeltaT"))
    planes = [taken.get(str(k), (None, "")) for k in range(axes.frames)]
    times = [seconds for seconds, _ in planes if seconds is not None]
    if len(times) == axes.frames and all(a < b for a, b in pairwise(times)):
        own = tuple((t - times[0]).limit_denominator(FINEST) for t in times)
        return FrameTimes(own, "DeltaT of OME", times[0], planes[0][1])
    step, unit = _seconds(pixels, "TimeIncrement")
    return _even(step, axes.frames, "TimeIncrement of OME", unit)


def _seconds(element: ElementTree.Element, key: str) -> tuple[Fraction | None, str]:
    """A time in seconds and its unit; OME's default is the second."""
    unit = element.get(f"{key}Unit", "s")
    return _number(element.get(key), SECONDS_OF_WORD.get(unit)), unit


def _of_imagej(known: dict[str, Any], frames: int) -> FrameTimes | None:
    unit = str(known.get("tunit", "sec"))
    found = _even(
        _number(known.get("finterval"), SECONDS_OF_WORD.get(unit.lower())), frames, "finterval of ImageJ", unit
    )
    rate = _number(known.get("fps"), Fraction(1))
    return found or _even(1 / rate if rate else None, frames, "fps of ImageJ", "sec")


def _number(value: Any, unit: Fraction | None) -> Fraction | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return None if unit is None or not math.isfinite(number) else Fraction(str(number)) * unit


def _even(step: Fraction | None, frames: int, told_by: str, unit: str) -> FrameTimes | None:
    """Frames at one distance, as a simple fraction where the file has rounded it: 0.33333 s is a third."""
    if step is None or step <= 0 or frames < 2:
        return None
    simple = step.limit_denominator(1000)
    step = simple if abs(simple - step) < step / 10**5 else step.limit_denominator(FINEST)
    return FrameTimes(tuple(k * step for k in range(frames)), told_by, unit=unit) if step > 0 else None
