"""A variable of a NetCDF file as a record: gaps by NaN, fill values and masks, times by its coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..io.containers import Frames, as_clip, load, load_clip
from ..io.containers.axes import split_choices
from ..io.containers.netcdf import attributes_of, opened
from ..io.video import read_mask
from ..system.files import split_member
from .record import Record

SUFFIXES = (".nc", ".nc4", ".cdf")


@dataclass(frozen=True)
class NetcdfRecord:
    """The record with the clip that it is read from, the file and the name of the variable in it."""

    record: Record
    clip: Frames
    path: Path
    name: str


def netcdf_record(
    text: str | Path, *, mask: Path | None = None, mask_variable: str | None = None, inside: str | None = None
) -> NetcdfRecord:
    """FILE or FILE:VARIABLE, (time, y, x) in any order, other axes of one place or chosen (FILE:sst,depth=0).

    mask: a picture, video or array, white where there is a measured value. mask_variable: the same as a variable of the
    file, not zero where measured. inside: a variable (y, x), not zero where there may be values, turned round where its
    standard_name is land_binary_mask. Raises InputError for another kind of file, axes, or masks of another shape.
    """
    path, _ = split_member(text)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{text}: expected a NetCDF file ({', '.join(SUFFIXES)}); arrays of other files are filled in Python: "
            "lowreel.fill(array)"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a NetCDF file ({', '.join(SUFFIXES)})")
    array = load_clip(text)
    clip = as_clip(array)
    frames, channels, height, width = clip.shape
    if channels != 1 or array.dtype.kind not in "biuf":
        raise InputError(f"{text}: expected real numbers with time, height and width; got {array.shape} {array.dtype}")
    name = split_choices(array.label[len(str(path)) + 1 :])[0]
    known = None
    if mask is not None:
        known = read_mask(mask, clip.shape)[:, 0].numpy()
    if mask_variable is not None:
        own = _mask(path, mask_variable, (frames, height, width))
        known = own if known is None else known & own
    where = None if inside is None else _mask(path, inside, (1, height, width))[0]
    times, unit = _times(path, name, clip)

    def read(start: int, stop: int) -> np.ndarray:
        values = clip[start:stop][:, 0].astype(np.float32)
        return values if known is None else np.where(known[start:stop], values, np.nan)

    record = Record(str(text), (frames, height, width), read, times, unit, where)
    return NetcdfRecord(record, clip, path, name)


def _mask(path: Path, name: str, shape: tuple[int, int, int]) -> np.ndarray:
    """A variable as booleans of a shape, not zero where it is True; missing numbers are False."""
    array = load(path, name)
    values = np.nan_to_num(np.asarray(array.values))
    if values.ndim == 3 and array.roles:
        values = np.asarray(as_clip(array)[:])[:, 0]
        values = np.nan_to_num(values)
    values = values[None] if values.ndim == 2 else values
    if values.shape not in (shape, (1, *shape[1:])):
        raise InputError(f"{path}:{name}: expected a mask {shape} or {shape[1:]}, got {array.shape}")
    with opened(path) as file:
        is_land = attributes_of(file[name]).get("standard_name") == "land_binary_mask"
    return np.broadcast_to((values == 0) if is_land else (values != 0), shape)


def _times(path: Path, name: str, clip: Frames) -> tuple[np.ndarray, str]:
    """The numbers of the time coordinate and their unit; those of the frames where there is none."""
    place = clip.order[0]
    plain = np.arange(clip.shape[0], dtype=np.float64), "frames"
    if place is None or not clip.array.axes:
        return plain
    dimension = clip.array.axes[place]
    with opened(path) as file:
        variable = _coordinate(file, file[name], dimension)
        if variable is None:
            return plain
        variable.set_auto_mask(False)
        numbers = np.asarray(variable[:], np.float64)
        units = str(attributes_of(variable).get("units", ""))
    return numbers, units.partition(" since ")[0].strip() or "the record's unit of time"


def _coordinate(file: Any, variable: Any, dimension: str) -> Any:
    """The coordinate of a dimension: of its name, or one along it alone whose units are since some date."""
    group = variable.group()
    while group is not None:
        own = group.variables.get(dimension)
        if own is not None and own.dimensions == (dimension,) and own.dtype != str:
            return own
        for other in group.variables.values():
            if other.dimensions == (dimension,) and " since " in str(attributes_of(other).get("units", "")):
                return other
        group = group.parent
    return None
