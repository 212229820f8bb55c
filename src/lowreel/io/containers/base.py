"""What a file says of its variables, what comes out of it, and what both have to pass."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...system.memory import machine_bytes

SLOWEST, FASTEST = 1, Fraction(1, 10_000)
"""Frames that are so many seconds apart, or more, or less than so few, are shown at the usual rate, not in their own
time: a video cannot be watched so, or not be written."""

FINEST = 10**9
"""Largest denominator of a time in seconds: what lies below is rounding of the file."""

DEEPEST = 8
"""Groups in groups, or structs in structs, that are looked into."""

DEFLATE_FACTOR = 1100
"""How many times as large as its file an array may be that is packed by deflate, which makes nothing smaller than by
1032: what says that it is larger is damaged."""


@dataclass(frozen=True)
class Entry:
    """A variable of a file, as its header tells, before anything is read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    problem: str = ""
    """Why it is no array of numbers ("a cell array"); empty where it is one."""
    axes: tuple[str, ...] = ()
    """The names that the file gives its axes; empty where it names none."""
    roles: str = ""
    """What each of these axes is: T, C, H, W, or - for none of them."""
    is_main: bool = False
    """Whether the file says that this is the array to look at, such as the finest level of a pyramid."""

    def __str__(self) -> str:
        return (f"{self.name} ({self.problem})" if self.problem else f"{self.name} {self.facts}").strip()

    @property
    def facts(self) -> str:
        """Shape and type in words, and what the axes are where the file says it."""
        named = [f"{name} = {role}" if role != "-" else name for name, role in zip(self.axes, self.roles, strict=True)]
        return f"{self.shape} {self.dtype}" + (f", axes {', '.join(named)}" if named else "")


Index = tuple[int | slice, ...]

Spacing = tuple[float, str]
"""A distance and its unit, one of `LENGTHS` or as a file has it; empty where it has none."""

SPACE_UNITS = {
    **{"picometer": "pm", "angstrom": "Å", "nanometer": "nm", "micrometer": "µm", "millimeter": "mm"},
    **{"centimeter": "cm", "meter": "m", "kilometer": "km", "in": "inch", "inches": "inch"},
    **{"micron": "µm", "microns": "µm", "um": "µm", "μm": "µm", "\\u00B5m": "µm", "\u212b": "Å", "\\u00C5": "Å"},
    **{unit: unit for unit in ("pm", "Å", "nm", "µm", "mm", "cm", "inch", "m", "km")},
}
"""Units of length as files have them, and as they are shown."""

METRES = {
    **{"pm": 1e-12, "Å": 1e-10, "nm": 1e-9, "µm": 1e-6, "mm": 1e-3, "cm": 1e-2},
    **{"inch": 0.0254, "m": 1.0, "km": 1e3},
}
"""Units of length, as they are shown, in metres."""

LENGTHS = frozenset(METRES)
NO_UNITS, PIXELS = ("", "unknown", "None"), ("pixel", "pixels")


def spacing_of(distance: Any, unit: Any) -> Spacing | None:
    """A distance of a file with its unit; None for what is no distance above 0, whatever the file has there, and for
    one in pixels."""
    told = str(unit)
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        found = float(distance)
        if math.isfinite(found) and found > 0 and told not in PIXELS:
            return found, "" if told in NO_UNITS else SPACE_UNITS.get(told, told)
    return None


def in_unit(spacing: Spacing, unit: str) -> float:
    """A distance in one of `LENGTHS` in another of them."""
    return spacing[0] * (METRES[spacing[1]] / METRES[unit])


@dataclass(frozen=True)
class Lazy:
    """An array in a file, of which only what is asked for is read.

    levels: (scale, offset) where the file declares black and white. rate: frames a second, where it tells that.
    times: seconds of the frames from the first on, where it tells each and they are not even; rate is their mean then.
    spacing: distance from place to place along an axis, by its name, with the unit, where it tells that. coordinates:
    between which the places of an axis lie, by its name, in words, where it tells that.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    read: Callable[[Index], np.ndarray]
    """The numbers at an integer or a slice for each axis, as NumPy indexes."""
    levels: tuple[float, float] | None = None
    rate: Fraction | None = None
    times: tuple[Fraction, ...] | None = None
    spacing: Mapping[str, Spacing] | None = None
    coordinates: Mapping[str, str] | None = None

    def __getitem__(self, index: Index) -> np.ndarray:
        return self.read(index)


@dataclass(frozen=True)
class Array:
    """An array with its place, FILE:NAME, for messages. matlab: its axes are (H, W, ...), as MATLAB orders them.

    axes, roles: as in `Entry`.
    """

    stored: np.ndarray | Lazy
    label: str
    matlab: bool = False
    axes: tuple[str, ...] = ()
    roles: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, without reading it."""
        return tuple(int(n) for n in self.stored.shape)

    @property
    def dtype(self) -> np.dtype:
        """The type of its numbers, without reading them."""
        return self.stored.dtype

    @cached_property
    def values(self) -> np.ndarray:
        """All of its numbers, in memory unless the file is mapped; what is missing is NaN."""
        whole = (slice(None),) * len(self.shape)
        return self.stored if isinstance(self.stored, np.ndarray) else self.stored[whole]

    @property
    def levels(self) -> tuple[float, float] | None:
        """Scale and offset that the file declares."""
        return self.stored.levels if isinstance(self.stored, Lazy) else None

    @property
    def rate(self) -> Fraction | None:
        """Frames a second that the file tells."""
        return self.stored.rate if isinstance(self.stored, Lazy) else None

    @property
    def times(self) -> tuple[Fraction, ...] | None:
        """Seconds from the first frame on, where the file tells them one by one and they are not even."""
        return self.stored.times if isinstance(self.stored, Lazy) else None

    @property
    def spacing(self) -> Mapping[str, Spacing]:
        """Distances along its axes that the file tells, by their names."""
        return (self.stored.spacing if isinstance(self.stored, Lazy) else None) or {}

    @property
    def coordinates(self) -> Mapping[str, str]:
        """Between which coordinates its axes lie, in words, by their names."""
        return (self.stored.coordinates if isinstance(self.stored, Lazy) else None) or {}


@dataclass(frozen=True)
class Field:
    """A field of a structured type. path: its names, from the outside in; shape: of the numbers that each entry has."""

    path: tuple[str, ...]
    dtype: np.dtype
    shape: tuple[int, ...]

    @property
    def name(self) -> str:
        """NAME, or OUTER/INNER."""
        return "/".join(self.path)


def fields_of(dtype: np.dtype) -> list[Field]:
    """The fields of a structured type, those of structures in it one by one."""
    found = []
    for name in dtype.names or ():
        base, shape = dtype[name].base, dtype[name].shape
        inner = fields_of(base) if base.names and not shape else []
        found += [Field((name, *field.path), field.dtype, field.shape) for field in inner]
        found += [] if inner else [Field((name,), base, shape)]
    return found


def field_of(values: np.ndarray, path: tuple[str, ...]) -> np.ndarray:
    """The numbers of a field; its own axes come last."""
    for name in path:
        values = values[name]
    return values


def spacing_text(height: Spacing | None, width: Spacing | None) -> str:
    """How far apart pixels are down a column and along a row, in words; empty where neither is known."""
    known = {name: each for name, each in (("height", height), ("width", width)) if each is not None}
    told = [f"{each:.6g} {unit or 'of no unit'}" for each, unit in known.values()]
    if len({unit for _, unit in known.values()}) == 1:  # it is said once
        told[:-1] = [f"{each:.6g}" for each, _ in list(known.values())[:-1]]
    return f"{' x '.join(told)} ({' x '.join(known)})" if known else ""


def can_be_watched(*steps: Fraction) -> bool:
    """Whether frames that are so many seconds apart, all above 0, are shown in their own time."""
    return min(steps) >= FASTEST and sum(steps) < SLOWEST * len(steps)


def imported(name: str, path: Path, what: str) -> Any:
    """A library that is no part of a plain installation; an InputError says how to get it, or what is wrong with it."""
    library = name.partition(".")[0]
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(f'{path}: {what} needs {library}; pip install "lowreel[formats]"') from None
    except Exception as error:  # such as a part of it that meets a version of another library which it cannot name
        raise InputError(
            f"{path}: {library}, which reads {what}, is here and cannot be loaded ({error}); "
            f'python -c "import {name}" shows where it stops'
        ) from None


@contextlib.contextmanager
def reading(path: Path, kind: str, remedy: str) -> Iterator[None]:
    """Whatever a reader says of a damaged file becomes an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # parsers of others meet damage with whatever comes: zlib.error, KeyError, TypeError
        text = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as {kind} ({text}); {remedy}") from None


def check_size(path: Path, entry: Entry, item: int) -> None:
    """Raise InputError where the header claims an array beyond the machine's memory, or an empty one."""
    size, memory = item * math.prod(entry.shape), machine_bytes()
    if size > memory:
        there = f"this machine's memory has {memory / 1e9:.3g} GB"
        raise InputError(f"{path}:{entry.name}: says that it takes {size / 1e9:.3g} GB, and {there}; cut it smaller")
    if size == 0:
        raise InputError(f"{path}:{entry.name}: is empty, {entry.facts}; expected an array of numbers")
