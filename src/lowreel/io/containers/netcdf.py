"""NetCDF, classic and 4, read by netCDF4; NetCDF 4 under the name .h5 too."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np

from .axes import completed, roles_of
from .base import Entry, Index, Lazy, check_size, imported, reading
from .cf import packing_of
from .netcdf_classic import is_classic, least_size
from .other_kinds import MINC
from .places import MOST_PLACES, Side, times_by

KIND, REMEDY = "NetCDF", "copy it again, or look at it with ncdump -h"
AXIS_ROLES = {"T": "T", "Y": "H", "X": "W", "Z": "-"}
STANDARD = {"time": "T", "latitude": "H", "grid_latitude": "H", "projection_y_coordinate": "H"}
STANDARD |= {"longitude": "W", "grid_longitude": "W", "projection_x_coordinate": "W"}


def entries(path: Path) -> list[Entry]:
    """The variables of a file with their groups, GROUP/NAME, and the names of their dimensions."""
    with reading(path, KIND, REMEDY), opened(path) as file:
        return [_entry(name, variable) for name, variable in variables(file)]


def load(path: Path, entry: Entry) -> Lazy:
    """A variable, unpacked; NaN where it is missing."""
    with reading(path, KIND, REMEDY):
        variable = opened(path)[entry.name]
        variable.set_auto_maskandscale(False)
        variable.set_always_mask(False)
        packing = packing_of(attributes_of(variable), variable.dtype, default_fill(variable))

    def read(index: Index) -> np.ndarray:
        check_size(path, entry, 8) if all(part == slice(None) for part in index) else None
        with reading(path, KIND, REMEDY):
            return packing.values(np.asarray(variable[index]))

    with reading(path, KIND, REMEDY):
        coordinates = _coordinates(variable, entry)
        rate, times = times_by([_side(variable, name) for name in entry.axes], entry.roles)
    return Lazy(entry.shape, packing.dtype(variable.dtype), read, rate=rate, times=times, coordinates=coordinates)


def opened(path: Path) -> Any:
    """The file, for reading. Raises ValueError for a classic one that is cut short."""
    library = imported("netCDF4", path, "NetCDF")
    if is_classic(path) and path.stat().st_size < least_size(path):
        raise ValueError("the file is cut short")
    return library.Dataset(str(path), "r")


def variables(group: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """Every variable of a group and of those in it, by name."""
    found = [(prefix + name, variable) for name, variable in group.variables.items()]
    for name, inner in group.groups.items():
        found += variables(inner, f"{prefix}{name}/")
    return found


def attributes_of(variable: Any) -> dict[str, Any]:
    """The attributes of a variable."""
    return {name: variable.getncattr(name) for name in variable.ncattrs()}


def default_fill(variable: Any) -> Any:
    """What stands where nothing was written; bytes have no such number, by the NetCDF Users Guide."""
    import netCDF4

    kind = variable.dtype.newbyteorder("=").str[1:]
    return None if kind in ("i1", "u1") else netCDF4.default_fillvals.get(kind)


def _entry(name: str, variable: Any) -> Entry:
    dtype = variable.dtype
    if not isinstance(dtype, np.dtype) or dtype.kind not in "biufc":
        return Entry(name, tuple(int(n) for n in variable.shape), "", "no array of numbers")
    shape = tuple(int(n) for n in variable.shape)
    packing = packing_of(attributes_of(variable), dtype, default_fill(variable))
    told = f"{packing.dtype(dtype)} packed in {dtype}" if packing.is_scaled else str(packing.dtype(dtype))
    problem = "" if all(shape) else "empty"
    if "image-max" in variable.group().variables or name.startswith("minc-2.0/"):
        problem = MINC
    roles = completed([_role(variable, dimension) for dimension in variable.dimensions])
    return Entry(name, shape, told, problem, tuple(variable.dimensions), roles)


def _coordinates(variable: Any, entry: Entry) -> dict[str, str]:
    """From where to where the coordinates of each axis go, in words."""
    told = {}
    for name in entry.axes:
        axis = variable.group().variables.get(name)
        if axis is not None and axis.ndim == 1 and axis.size and axis.dtype.kind in "iuf":
            with contextlib.suppress(
                RuntimeError, OSError, ValueError, TypeError
            ):  # shown alone, never a reason to refuse
                ends = np.ma.filled(np.ma.asarray(axis[:: max(1, axis.size - 1)], np.float64)[[0, -1]], np.nan)
                told[name] = f"{name} {ends[0]:.6g} to {ends[1]:.6g} {attributes_of(axis).get('units', '')}".rstrip()
    return told


def _coordinate(variable: Any, dimension: str) -> Any:
    """The variable of a dimension's name, of its group or one above; None where there is none."""
    group = variable.group()
    while group is not None and dimension not in group.variables:
        group = group.parent
    return None if group is None else group.variables[dimension]


def _side(variable: Any, name: str) -> Side:
    """An axis with its coordinates."""
    axis = _coordinate(variable, name)
    if axis is None or axis.dimensions != (name,) or axis.dtype.kind not in "iuf" or axis.size > MOST_PLACES:
        return Side(name)

    def read() -> np.ndarray:
        axis.set_auto_mask(True)
        found = axis[:]
        return np.asarray(found.astype(np.float64).filled(np.nan) if np.ma.is_masked(found) else found)

    return Side(name, str(attributes_of(axis).get("units", "")), read)


def _role(variable: Any, dimension: str) -> str:
    """What an axis is, by the attributes of its coordinates, else by its name."""
    axis = _coordinate(variable, dimension)
    attributes = {} if axis is None else attributes_of(axis)
    units = str(attributes.get("units", "")).lower()
    if (axis := str(attributes.get("axis", "")).upper()) in AXIS_ROLES:
        return AXIS_ROLES[axis]
    if (standard := str(attributes.get("standard_name", ""))) in STANDARD:
        return STANDARD[standard]
    if " since " in units:
        return "T"
    if units.startswith(("degrees_n", "degree_n", "degrees n", "degree n")):
        return "H"
    if units.startswith(("degrees_e", "degree_e", "degrees e", "degree e")):
        return "W"
    return roles_of([dimension])
