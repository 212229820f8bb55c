"""`lowreel.fill`: an array with gaps in, the filled array and how sure it is out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from ..errors import InputError
from ..settings import FillKeywords, FillSettings
from ..system.as_tensor import check_axes
from .filling import FLAGS, Account, OnProgress, Part, fill_record
from .record import Record

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class FilledRecord:
    """What `fill` returns, each as the record was given, an array or an xarray.DataArray, (T, H, W).

    filled: the measured values as they are, gaps filled, NaN where nothing is. std: standard deviation of a measured
    value around what is filled in, at measured pixels that of the noise. flag: 0 measured, 1 filled, 2 filled far from
    data, 3 not filled. distance: pixels to the nearest measured one of the same frame. account: what was chosen, by
    which errors.
    """

    filled: Any
    std: Any
    flag: Any
    distance: Any
    account: Account

    def __repr__(self) -> str:
        return f"FilledRecord({self.account.sentence})"


def fill(
    record: Any,
    settings: FillSettings | None = None,
    *,
    mask: Any = None,
    inside: Any = None,
    times: Any = None,
    others: Sequence[Any] = (),
    callback: OnProgress | None = None,
    **choices: Unpack[FillKeywords],
) -> FilledRecord:
    """Fill the gaps of a record: an array with NaN, a masked array, or an xarray.DataArray, (T, H, W), in any unit.

    mask: True where there is a measured value, (T, H, W) or (H, W), beside what NaN says. inside: (H, W), True where
    there may be values (sea); without it pixels that were never measured stay empty. times: (T,), rising, numbers or
    datetimes; of a DataArray its own unless given, else the numbers of the frames. Dates count in days. others: further
    variables of the same shape and times, each with gaps of its own, which are used where that lowers the error; they
    are not filled themselves. callback: called now and then with what is being done, in words, and which share of it
    is, 0 to 1. choices: fields of `FillSettings` by name, as in `fill(record, max_gap=3)`, in place of those of
    `settings`. Ctrl-C (a KeyboardInterrupt) once a section of the record is filled leaves the gaps of the others empty.

    Returns a `FilledRecord`. Raises InputError for another shape, text or complex numbers, times that do not rise, and
    fewer than 50 measured values. A single frame may be given as (H, W).
    """
    settings = _checked(settings, choices)
    values, own_times = _plain(record)
    flat = values.ndim == 2
    clip = values[None] if flat else values
    if clip.ndim != 3:
        raise InputError(f"record: expected (time, height, width), got shape {values.shape}; fill channels one by one")
    known = np.isfinite(clip)
    if mask is not None:
        known &= _fitting(mask, clip.shape, "mask")
    where = None if inside is None else _fitting(inside, clip.shape[1:], "inside")
    moments = own_times if times is None else times
    at, unit = numbers_of_times(np.arange(len(clip)) if moments is None else np.asarray(moments))

    gathered = _Gathered(clip, known)
    own = Record("record", clip.shape, _reader(clip, known), at, unit, where)
    beside = [_other(k, one, own) for k, one in enumerate(others)]
    account = fill_record(own, settings, gathered.add, beside, callback)
    arrays = (gathered.filled, gathered.std, gathered.flag, gathered.distance)
    filled, std, flag, distance = (_like(record, a[0] if flat else a, k) for k, a in enumerate(arrays))
    return FilledRecord(filled, std, flag, distance, account)


def _reader(clip: np.ndarray, known: np.ndarray) -> Callable[[int, int], np.ndarray]:
    def read(start: int, stop: int) -> np.ndarray:
        return np.where(known[start:stop], clip[start:stop], np.nan).astype(np.float32)

    return read


def _other(number: int, given: Any, own: Record) -> Record:
    """Another variable, at the times of the record that it may help, unless it has times that differ."""
    values, times = _plain(given)
    clip = values[None] if values.ndim == 2 else values
    label = str(getattr(given, "name", None) or f"others[{number}]")
    if clip.shape != own.shape:
        raise InputError(f"{label}: expected shape {own.shape} as the record has, got {clip.shape}")
    at = own.times if times is None else numbers_of_times(np.asarray(times))[0]
    return Record(label, own.shape, _reader(clip, np.isfinite(clip)), at, own.time_unit)


def _checked(settings: FillSettings | None, choices: FillKeywords) -> FillSettings:
    """The settings, the usual ones without any, with the choices put in. Raises InputError for anything else."""
    if not isinstance(settings, FillSettings | None):
        got = type(settings).__name__
        raise InputError(f"settings: expected lowreel.FillSettings(max_gap=3, ...) or None, got {got}")
    return FillSettings(**((settings or FillSettings()).model_dump() | dict(choices)))


class _Gathered:
    """The parts in memory."""

    def __init__(self, clip: np.ndarray, known: np.ndarray) -> None:
        kind = clip.dtype if clip.dtype.kind == "f" else np.dtype(np.float64)
        self.filled = np.full(clip.shape, np.nan, kind.newbyteorder("="))
        self.filled[known] = clip[known]
        self.std = np.full(clip.shape, np.nan, np.float32)
        self.flag = np.zeros(clip.shape, np.int8)
        self.distance = np.zeros(clip.shape, np.float32)

    def add(self, part: Part) -> None:
        """Put a part in its place; a duplicate that counts as a gap is filled anew."""
        frames = slice(part.start, part.start + len(part.flag))
        self.filled[frames][part.flag != 0] = part.filled[part.flag != 0]
        self.std[frames], self.flag[frames], self.distance[frames] = part.std, part.flag, part.distance


def _plain(record: Any) -> tuple[np.ndarray, Any]:
    """The numbers, NaN where masked, and the times that a DataArray has."""
    times = None
    if hasattr(record, "dims") and hasattr(record, "coords"):
        if not hasattr(record, "dtype"):
            raise InputError("record: is a Dataset; give one of its variables, such as ds['sst'], each by itself")
        check_axes(record, "record")
        first = record.dims[0] if record.dims else None
        times = record.coords[first].values if len(record.dims) == 3 and first in record.coords else None
        record = record.values
    masked = isinstance(record, np.ma.MaskedArray)
    values = np.asarray(np.ma.getdata(record) if masked else record)
    if values.dtype.kind not in "biuf":
        raise InputError(f"record: expected real numbers, got {values.dtype}")
    if masked and np.ma.getmaskarray(record).any():
        kind = values.dtype if values.dtype.kind == "f" else np.float64
        values = np.where(np.ma.getmaskarray(record), np.nan, values.astype(kind))
    return values, times


def _fitting(given: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """A mask as booleans of a shape to which it is broadcast."""
    values = np.asarray(getattr(given, "values", given))
    if values.ndim == len(shape) + 1 and values.shape[1 - values.ndim :] == shape:
        values = np.asarray(values.any(0))
    if values.shape not in (shape, shape[1:]):
        raise InputError(f"{what}: expected shape {shape} or {shape[1:]}, got {values.shape}")
    known = np.nan_to_num(values) != 0 if values.dtype.kind == "f" else values != 0
    return np.broadcast_to(known, shape)


def numbers_of_times(times: np.ndarray) -> tuple[np.ndarray, str]:
    """Times as float64, and their unit: days for dates, else that of the record. Raises InputError for other kinds."""
    if times.dtype.kind == "M":
        return (times - times[0]) / DAY, "days"
    if times.dtype.kind not in "iuf":
        raise InputError(f"times: expected numbers or dates of NumPy, got {times.dtype}; convert them first")
    return times.astype(np.float64), "the record's unit of time"


VARIABLE_SUFFIXES = ("", "_std", "_flag", "_gap_distance")
"""What is put behind the name of the variable: filled, std, flag, distance."""


def _like(record: Any, values: np.ndarray, which: int) -> Any:
    """As the record: a DataArray with its coordinates, the filled one with attributes and encoding too."""
    if not hasattr(record, "dims"):
        return values
    found = record.copy(data=values)
    found.encoding = dict(record.encoding) if which == 0 else {}
    if which:
        found.attrs = attributes(which, str(record.name or "value"), dict(record.attrs))
        found.name = f"{record.name or 'value'}{VARIABLE_SUFFIXES[which]}"
    return found


def attributes(which: int, name: str, of_variable: dict[str, Any]) -> dict[str, Any]:
    """CF attributes of what stands beside the filled variable: 1 its std, 2 its flag, 3 its gap distance."""
    title = of_variable.get("long_name") or name
    standard = of_variable.get("standard_name")
    if which == 1:
        found = {"long_name": f"standard deviation of {title} around what is filled in"}
        found |= {"units": of_variable["units"]} if "units" in of_variable else {}
        return found | ({"standard_name": f"{standard} standard_error"} if standard else {})
    if which == 2:
        found = {"long_name": f"where {title} was measured, and where it is filled in"}
        found |= {"standard_name": f"{standard} status_flag"} if standard else {}
        return found | {"flag_values": np.arange(len(FLAGS), dtype=np.int8), "flag_meanings": " ".join(FLAGS)}
    return {"long_name": f"pixels to the nearest measured {title} of the same frame", "units": "1"}
