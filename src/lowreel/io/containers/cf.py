"""How numbers are packed, and which are missing: the attributes that NetCDF, HDF5 and Zarr files share.

Rules: NetCDF Users Guide, appendix "Attribute Conventions", and CF Conventions, sections 2.5 and 8.1. These want the
ends of what is valid in the type of the packed numbers; where they are floats and those integers, they are ends of the
values, as netCDF-Java and GDAL take them (`EnhanceScaleMissingUnsigned`; GDAL's netCDF driver).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

NEARBY = 0.01
"""Share of a step of packed numbers by which an end of what is valid may lie off: ends and scales are often float32."""


@dataclass(frozen=True)
class Packing:
    """value = stored * scale + offset; stored numbers that are missing: some, or beyond the valid ones."""

    scale: float = 1.0
    offset: float = 0.0
    missing: tuple[Any, ...] = ()
    low: Any = None
    high: Any = None
    is_unsigned: bool = False
    """Whether signed integers stand for unsigned ones, which older files did not know."""

    @property
    def is_scaled(self) -> bool:
        """Whether values are others than those that are stored."""
        return (self.scale, self.offset) != (1, 0)

    def dtype(self, stored: np.dtype) -> np.dtype:
        """The type of the values where none is missing."""
        if self.is_scaled:
            return np.dtype(np.float64)
        native = stored.newbyteorder("=")
        return np.dtype(f"u{native.itemsize}") if self.is_unsigned and native.kind == "i" else native

    def values(self, stored: np.ndarray) -> np.ndarray:
        """What stored numbers stand for; float64 with NaN where some are missing."""
        stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        if self.is_unsigned and stored.dtype.kind == "i":
            stored = stored.view(f"u{stored.dtype.itemsize}")
        gone = np.zeros(stored.shape, bool)
        for number in self.missing:
            gone |= stored == number
        gone = gone if self.low is None else gone | (stored < self.low)
        gone = gone if self.high is None else gone | (stored > self.high)
        if self.is_scaled:
            stored = stored.astype(np.float64) * self.scale + self.offset
        if not gone.any():
            return stored
        return np.where(gone, np.nan, stored.astype(np.complex128 if stored.dtype.kind == "c" else np.float64))


def packing_of(attributes: Mapping[str, Any], stored: np.dtype, default: Any = None) -> Packing:
    """What the attributes of a variable say of its numbers; default: what stands where nothing was written."""
    unsigned = str(attributes.get("_Unsigned", "")).lower() == "true"
    missing = [n for key in ("_FillValue", "missing_value") for n in _numbers(attributes.get(key))]
    if default is not None and attributes.get("_FillValue") is None:
        missing.append(default)
    valid = _numbers(attributes.get("valid_range"))
    lows = valid[:1] or _numbers(attributes.get("valid_min"))
    highs = valid[1:2] or _numbers(attributes.get("valid_max"))
    scale = first_number(attributes.get("scale_factor"), 1.0)
    offset = first_number(attributes.get("add_offset"), 0.0)
    low, high = (next(iter(ends), None) for ends in (lows, highs))
    of_values = any(isinstance(end, float | np.floating) for end in (low, high))
    if stored.kind in "iu" and (scale, offset) != (1, 0) and scale and of_values:
        low, high = _packed_ends(low, high, scale, offset)
        if unsigned:  # what the numbers cannot be needs no end, and would be taken for a large one
            low = None if low is not None and low < 0 else low
            high = None if high is not None and high < 0 else high
    low, high = (None if end is None else _cast(end, stored, unsigned) for end in (low, high))
    as_stored = [_cast(number, stored, unsigned) for number in missing]
    missing = [number for number in as_stored if number is not None]
    return Packing(scale, offset, tuple(missing), low, high, unsigned)


def _packed_ends(low: Any, high: Any, scale: float, offset: float) -> tuple[float | None, float | None]:
    """The least and the largest packed number whose values lie between two; None where there is no such end."""
    ends = [None if end is None else (float(end) - offset) / scale for end in (low, high)]
    least, largest = ends if scale > 0 else ends[::-1]
    least = None if least is None or not np.isfinite(least) else float(np.ceil(least - NEARBY))
    largest = None if largest is None or not np.isfinite(largest) else float(np.floor(largest + NEARBY))
    return least, largest


def _numbers(value: Any) -> list[Any]:
    """The numbers of an attribute, which may be one or several; none for a text."""
    found = np.atleast_1d(np.asarray(value)) if value is not None else np.empty(0)
    return list(found.ravel()) if found.dtype.kind in "biufc" else []


def first_number(value: Any, usual: float) -> float:
    """The number of an attribute, be it alone or the first of several; the usual one where there is none."""
    return float((_numbers(value) or [usual])[0])


def _cast(number: Any, stored: np.dtype, unsigned: bool) -> Any:
    """A number in the type that is stored; None where it has no place there, as NaN has none among integers."""
    kind = stored.newbyteorder("=")
    if kind.kind not in "iu":
        return kind.type(number)
    if not np.isfinite(number) or number != np.floor(number):
        return None
    given, limits = int(number), np.iinfo(kind)
    if not limits.min <= given <= limits.max + (unsigned and limits.max + 1):
        return None
    return given % (1 << (8 * kind.itemsize)) if unsigned else given
