"""The file of a record again, with its gaps filled: all else is copied as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..io.containers.base import imported
from ..io.containers.cf import Packing, packing_of
from ..io.containers.netcdf import attributes_of, default_fill, opened
from ..io.export.clip import in_type
from .fill import VARIABLE_SUFFIXES, attributes
from .filling import FLAG_MEASURED, FLAG_NOT_FILLED, Part
from .netcdf_record import NetcdfRecord

COPIED_VALUES = 2**22
"""Values of a variable that are copied at once."""


class FilledFile:
    """A copy of a file, into variables of which parts are written as they are made. A context manager."""

    def __init__(self, path: Path, source: Path) -> None:
        library = imported("netCDF4", path, "NetCDF")
        self.file = opened(source)
        self.out = library.Dataset(str(path), "w", format=self.file.data_model)
        self.notes = _copied(self.file, self.out)

    def __enter__(self) -> FilledFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.out.close()
        self.file.close()


class StoredVariable:
    """A variable of a file in the axes of a record, and what stands beside it: standard deviation, flag, distance."""

    def __init__(self, source: NetcdfRecord, out: Any, beside: Sequence[Any] = ()) -> None:
        self.source, self.out, self.beside = source, out, list(beside)
        self.variable = out[source.name]
        for variable in (self.variable, *self.beside):
            variable.set_auto_maskandscale(False)
        self.packing = packing_of(attributes_of(self.variable), self.variable.dtype, default_fill(self.variable))

    def frames(self, start: int, stop: int) -> list[np.ndarray]:
        """The values, and those beside them, (n, H, W) each."""
        at = self._index(slice(start, stop))
        places = np.array([k for k in self._places() if k is not None])
        order = np.argsort(np.argsort(places))
        found = [np.asarray(self.packing.values(self.variable[at])), *(np.asarray(v[at]) for v in self.beside)]
        return [values.transpose(order).reshape(stop - start, *self.source.record.shape[1:]) for values in found]

    def _index(self, frames: slice) -> tuple[int | slice, ...]:
        """Where frames are in the variable, other axes of one place or as chosen."""
        choices = _choices(self.source)
        place = self._places()[0]
        return tuple(
            frames if k == place else slice(None) if k in self._places() else choices.get(name, 0)
            for k, name in enumerate(self.variable.dimensions)
        )

    def _places(self) -> list[int | None]:
        """The axes T, H, W in the variable, those included that a choice has taken out of the clip."""
        names = self.source.clip.array.axes
        order = (self.source.clip.order[k] for k in (0, 2, 3))
        return [None if axis is None else list(self.variable.dimensions).index(names[axis]) for axis in order]


class FilledVariable(StoredVariable):
    """A variable of the copy, into which parts are written, and what is made beside it."""

    def __init__(self, file: FilledFile, source: NetcdfRecord) -> None:
        super().__init__(source, file.out)
        self.beside = self._beside()

    def note(self, name: str, text: str) -> None:
        """Set an attribute of the flag variable."""
        self.beside[1].setncattr(name, text)

    def _beside(self) -> list[Any]:
        """The variables for standard deviation, flag and distance, named in the variable's ancillary_variables."""
        group, name = self.variable.group(), self.source.name.rpartition("/")[2]
        own = attributes_of(self.variable)
        packed = {"zlib": True, "shuffle": True} if self.out.data_model.startswith("NETCDF4") else {}
        made = []
        for which, kind, fill in ((1, "f4", np.float32(np.nan)), (2, "i1", False), (3, "f4", np.float32(np.nan))):
            new = _unused(group, f"{name}{VARIABLE_SUFFIXES[which]}")
            variable = group.createVariable(new, kind, self.variable.dimensions, fill_value=fill, **packed)
            kept = {key: own[key] for key in ("coordinates", "grid_mapping") if key in own}
            variable.setncatts(attributes(which, name, own) | kept)
            variable.set_auto_maskandscale(False)
            if which == 2 and _choices(self.source):  # places that were not chosen
                variable[...] = np.int8(FLAG_NOT_FILLED)
            made.append(variable)
        names = [str(own.get("ancillary_variables", "")).strip(), *(variable.name for variable in made)]
        self.variable.ancillary_variables = " ".join(filter(None, names))
        return made

    def add(self, part: Part) -> None:
        """Write a part: measured numbers stay as they are stored, the others are packed as they are."""
        frames = slice(part.start, part.start + len(part.flag))
        at = self._index(frames)
        stored, flag = self._in_axes(self.variable[at]), self._in_axes(part.flag, True)
        new = packed(np.nan_to_num(self._in_axes(part.filled, True)), self.packing, self.variable.dtype)
        empty = self._empty()
        gone = (flag == FLAG_NOT_FILLED) & np.isfinite(self.packing.values(stored))
        stored = np.where((flag == FLAG_MEASURED) | (flag == FLAG_NOT_FILLED), stored, new)
        self.variable[at] = (np.where(gone, empty, stored) if empty is not None else stored).reshape(self._shape(at))
        distance = np.where(np.isfinite(part.distance), part.distance, np.nan)
        for variable, values in zip(self.beside, (part.std, part.flag, distance), strict=True):
            variable[at] = self._in_axes(values, True).reshape(self._shape(at))

    def _empty(self) -> Any:
        """What stands for a missing number: where a mask hides one that is not filled, it is empty."""
        if self.packing.missing and {"_FillValue", "missing_value"} & set(self.variable.ncattrs()):
            return self.packing.missing[0]
        return np.nan if self.variable.dtype.kind == "f" else None  # netCDF's own default is a number to most readers

    def _in_axes(self, values: np.ndarray, turn: bool = False) -> np.ndarray:
        """(n, H, W) in the order that the variable has them in; what is stored is so already."""
        if not turn:
            return values if self._places()[0] is not None else values[None]
        places = self._places()
        if places[0] is None:
            return values if places[1] < places[2] else values.transpose(0, 2, 1)  # type: ignore[operator]
        return values.transpose(np.argsort(np.array(places)))

    def _shape(self, at: tuple[int | slice, ...]) -> tuple[int, ...]:
        lengths = zip(at, self.variable.shape, strict=True)
        return tuple(len(range(*part.indices(n))) for part, n in lengths if isinstance(part, slice))


def packed(values: np.ndarray, packing: Packing, dtype: np.dtype) -> np.ndarray:
    """Values as they are stored, within the valid ones, and never a number that stands for a missing one."""
    stored = (values.astype(np.float64) - packing.offset) / packing.scale if packing.is_scaled else values
    if packing.is_unsigned and dtype.kind == "i":
        found = in_type(stored, np.dtype(f"u{dtype.itemsize}"))
        return _never_missing(found, packing).view(f"i{dtype.itemsize}")
    return _never_missing(in_type(stored, dtype), packing)


def _never_missing(stored: np.ndarray, packing: Packing) -> np.ndarray:
    low, high = packing.low, packing.high
    if low is not None or high is not None:
        stored = np.clip(stored, low, high).astype(stored.dtype)
    for number in packing.missing:
        hit = stored == number
        if hit.any():
            other = number - 1 if stored.dtype.kind in "iu" and number == np.iinfo(stored.dtype).max else number + 1
            stored = np.where(hit, np.asarray(other, stored.dtype), stored)
    return stored


def _choices(source: NetcdfRecord) -> dict[str, int]:
    """The places that FILE:VARIABLE,AXIS=PLACE chose."""
    from ..io.containers.axes import split_choices

    _, choices = split_choices(source.clip.array.label)
    return {axis: int(place) for axis, place in choices.items() if place.isdigit()}


def _unused(group: Any, name: str) -> str:
    while name in group.variables:
        name += "_"
    return name


def _copied(source: Any, out: Any) -> list[str]:
    """Dimensions, attributes, variables and groups as they are stored; what could not be copied, in words."""
    notes = []
    out.setncatts(attributes_of(source))
    for name, dimension in source.dimensions.items():
        out.createDimension(name, None if dimension.isunlimited() else len(dimension))
    for name, kind in source.enumtypes.items():
        out.createEnumType(kind.dtype, name, kind.enum_dict)
    for name, variable in source.variables.items():
        if variable.dtype is not str and not (isinstance(variable.dtype, np.dtype) and variable.dtype.kind in "biufcS"):
            notes.append(f"The variable {name} is left out: it is of a type of the file's own.")
            continue
        notes += _copy(variable, out, name)
    for name, group in source.groups.items():
        notes += _copied(group, out.createGroup(name))
    return notes


def _copy(variable: Any, out: Any, name: str) -> list[str]:
    """A variable as it is stored; a sentence where its compression is another."""
    own = attributes_of(variable)
    fill = own.pop("_FillValue", None)
    encoding = _encoding(variable)
    new = out.createVariable(name, _type(variable, out), variable.dimensions, fill_value=fill, **encoding)
    new.setncatts(own)
    for one in (variable, new):
        one.set_auto_maskandscale(False)
        one.set_auto_chartostring(False)
    if not variable.shape:
        new[...] = variable[...]
        return []
    rest = max(int(np.prod(variable.shape[1:])), 1)
    size = max(1, COPIED_VALUES // rest)
    for k in range(0, variable.shape[0], size):
        stop = min(k + size, variable.shape[0])  # an unlimited axis would grow to a longer slice
        new[k:stop] = variable[k:stop]
    is_other = encoding.get("compression") == "zlib" and not variable.filters()["zlib"]
    return [f"The variable {name} is compressed by zlib: what compresses it is not written here."] if is_other else []


def _type(variable: Any, out: Any) -> Any:
    """The type of a variable, an enumeration as it is in the group that it is written to, or above it."""
    name, group = getattr(variable.datatype, "name", None), out
    if isinstance(variable.datatype, np.dtype) or name is None:
        return variable.dtype
    while group is not None:
        if name in group.enumtypes:
            return group.enumtypes[name]
        group = group.parent
    return variable.dtype


WRITTEN = ("zlib", "zstd", "bzip2", "szip")
"""Compressions that come back; others, of which the library refuses some chunks, become zlib."""


def _encoding(variable: Any) -> dict[str, Any]:
    """Compression, chunks and order of bytes, where the file has them."""
    filters = variable.filters()
    if not filters or variable.dtype is str or not variable.shape:
        return {}
    chunks, lossless = variable.chunking(), next((name for name in WRITTEN if filters.get(name)), None)
    lossless = "zlib" if filters.get("blosc") else lossless
    found: dict[str, Any] = {"compression": lossless, "complevel": filters.get("complevel") or 4}
    if lossless == "szip":
        found |= {f"szip_{name}": number for name, number in filters["szip"].items()}
    is_plain = chunks == "contiguous"
    return found | {
        "shuffle": bool(filters.get("shuffle")),
        "fletcher32": bool(filters.get("fletcher32")),
        "contiguous": is_plain and lossless is None,
        "chunksizes": None if is_plain else chunks,
        "endian": variable.endian(),
    }
