"""NetCDF with the dimensions, coordinates, attributes and packing of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...system.files import split_member
from ..containers import netcdf
from ..containers.base import imported
from ..containers.cf import packing_of
from .array_files import name_of
from .clip import COLOURED, PLAIN, Delivered, packed, portable


def write_netcdf(path: Path, clip: Delivered) -> list[str]:
    """The variable as the source has it where that is NetCDF; else time, y and x, and c for colour."""
    library = imported("netCDF4", path, "NetCDF")
    file = None if clip.like is None else split_member(clip.like)[0]
    if clip.source is None or file is None or file.suffix.lower() not in (".nc", ".nc4", ".cdf"):
        with library.Dataset(str(path), "w") as out:
            return _write_plain(out, clip)
    if clip.is_grey_coloured:
        with library.Dataset(str(path), "w") as out:
            return [COLOURED, *_write_plain(out, clip)]
    with netcdf.opened(file) as source, library.Dataset(str(path), "w", format=source.data_model) as out:
        return _write_like(out, clip, source[name_of(clip)], source)


def _write_plain(out: Any, clip: Delivered) -> list[str]:
    numbers = portable(clip.numbers)
    kept = [k for k in range(4) if k != 1 or numbers.shape[1] > 1]
    values = numbers.reshape([numbers.shape[k] for k in kept])
    for k in kept:
        out.createDimension(PLAIN[k], numbers.shape[k])
    times = out.createVariable("time", "f8", ("time",))
    times.units, times.long_name = "s", "time from the first frame of the source"
    times[:] = clip.times
    for role, name in zip("HW", PLAIN[2:], strict=True):
        if role in clip.spacing:
            step, unit = clip.spacing[role]
            places = out.createVariable(name, "f8", (name,))
            places.units = unit
            places[:] = step * np.arange(numbers.shape["TCHW".index(role)])
    variable = out.createVariable("clip", values.dtype, [PLAIN[k] for k in kept], zlib=True, fill_value=False)
    variable.set_auto_maskandscale(False)
    variable[:] = values
    return []


def _write_like(out: Any, clip: Delivered, variable: Any, source: Any) -> list[str]:
    """The variable and its coordinates; what could not be kept, in words."""
    source_clip = clip.source
    assert source_clip is not None
    notes: list[str] = []
    out.setncatts(netcdf.attributes_of(source))
    variable.set_auto_maskandscale(False)
    attributes, fill = netcdf.attributes_of(variable), netcdf.default_fill(variable)
    packing = packing_of(attributes, variable.dtype, fill)
    names, values = source_clip.array.axes, clip.arranged(np.asarray(clip.values, np.float64))
    values = values.reshape([n for n, name in zip(values.shape, names, strict=True)])
    for name, length in zip(names, values.shape, strict=True):
        out.createDimension(name, length)
        notes += _write_coordinate(out, clip, variable, name, length)
    fill_value = attributes.pop("_FillValue", None)
    options = {"zlib": True} if out.data_model.startswith("NETCDF4") else {}
    inner = name_of(clip).rpartition("/")[2]
    own = out.createVariable(inner, variable.dtype, names, fill_value=fill_value, **options)
    own.set_auto_maskandscale(False)
    own.setncatts({key: value for key, value in attributes.items() if key not in ("coordinates", "grid_mapping")})
    own[:] = packed(values, packing, variable.dtype)
    return notes


def _write_coordinate(out: Any, clip: Delivered, variable: Any, name: str, length: int) -> list[str]:
    """The coordinates of a dimension: those of the frames that were kept, or of the pixels as they were resized."""
    group = variable.group()
    while group is not None and name not in group.variables:
        group = group.parent
    if group is None or group.variables[name].dimensions != (name,):
        return []
    coordinate = group.variables[name]
    coordinate.set_auto_maskandscale(False)
    values = clip.coordinates(name, np.asarray(coordinate[:]), length)
    if values is None:
        return [f"The coordinates {name} are left out: they do not fit the frames that were recovered."]
    attributes = netcdf.attributes_of(coordinate)
    own = out.createVariable(name, coordinate.dtype, (name,), fill_value=attributes.pop("_FillValue", None))
    own.set_auto_maskandscale(False)
    own.setncatts(attributes)
    own[:] = values
    return []
