"""HDF5, which MATLAB's version 7.3 is too, read by h5py."""

from __future__ import annotations

import contextlib
import importlib
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .axes import roles_of, turned
from .base import DEFLATE_FACTOR, Entry, Index, Lazy, check_size, field_of, fields_of, imported, reading
from .cf import Packing, packing_of
from .hdf5_axes import sides_of, text_of
from .hdf5_conventions import is_of_truth, is_unsigned, mask_of, named_axes, times_of, with_own_packing
from .other_kinds import MINC
from .places import spacing_by

KIND, REMEDY = "HDF5", "copy it again, or save it again"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
HIDDEN = ("#refs#", "#subsystem#")  # where MATLAB 7.3 keeps the contents of cells and objects
COMPLEX_FIELDS = ("real", "imag")
NO_NUMBERS = "no array of numbers"
ACQUISITIONS = ("head", "traj", "data")  # of ISMRMRD, one after the other as they were measured
RAW = "raw data of ISMRMRD"
IMAGES, IMAGE_ROLES = ("image", "coil", "z", "y", "x"), "T--HW"
UNLIKE, MOMENT = ("slice", "contrast", "set", "average", "image_type"), ("repetition", "phase")
"""Counters of ISMRMRD's images by which they are of different things, and of different times."""

HDF_4_MARKS, HDF_EOS_2 = ("HDF4_OBJECT_TYPE", "calibrated_nt"), "StructMetadata.0"
"""Attributes of a data set, and the beginning of one of the file, by which it was made of HDF 4."""

ODIM_CONVENTIONS = "ODIM_H5"
ODIM = (
    "of a weather radar (ODIM_H5), whose gain, nodata and undetect are not read; save its values as .npy, with NaN "
    "where they are missing"
)

CLASSES_IN_WORDS = {"cell": "a cell array", "char": "text", "function_handle": "a function", "string": "text"}


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 does, behind the 512 bytes that MATLAB puts first or without them."""
    with open(path, "rb") as file:
        start = file.read(520)
    return SIGNATURE in (start[:8], start[512:]) or start.startswith(b"MATLAB 7.3")


def entries(path: Path) -> list[Entry]:
    """The data sets of a file with their groups, GROUP/NAME; MATLAB's with their axes in MATLAB's order."""
    found: list[Entry] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, _h5py(path).Dataset) and name.split("/")[0] not in HIDDEN:
            found.extend(_entries(name, item, is_matlab(path)))

    with reading(path, KIND, REMEDY), _h5py(path).File(path, "r") as file:
        file.visititems(note)  # follows no links, so that an array cannot come from another file
    return found


def load(path: Path, entry: Entry) -> Lazy:
    """A data set; MATLAB's in MATLAB's order of axes, which version 7.3 stores reversed. Raises InputError for one that
    is not there, damaged, or too large."""
    with reading(path, KIND, REMEDY):
        file = _h5py(path).File(path, "r")
        if entry.name not in file:
            return _field(path, file, entry)
        data = file[entry.name]
        _check_filters(path, entry, data)
        if DEFLATE_FACTOR * data.id.get_storage_size() < data.dtype.itemsize * math.prod(entry.shape):
            check_size(path, entry, data.dtype.itemsize)  # the header claims more than the file can hold
        if data.id.get_storage_size() == 0:
            raise InputError(f"{path}:{entry.name}: has a shape, {entry.shape}, but no numbers; save it again")
        is_complex = data.dtype.names == COMPLEX_FIELDS
        is_logical = _matlab_class(data) == "logical" or is_of_truth(data)
        packing = Packing() if is_complex else with_own_packing(data, packing_of(data.attrs, data.dtype))
        _check_offset(path, entry, data, packing)
        dtype = np.dtype(np.complex128 if is_complex else bool if is_logical else packing.dtype(data.dtype))
        sides = sides_of(data)
        roles = roles_of([side.name for side in sides])
        rate, times = times_of(data, sides, roles)
        spacing = spacing_by(sides, roles)
        mask = mask_of(data)

    def read(index: Index) -> np.ndarray:
        if all(isinstance(part, slice) and part == slice(None) for part in index):
            check_size(path, entry, data.dtype.itemsize)
        with reading(path, KIND, REMEDY):
            values, masked = data[index], None if mask is None else mask[index] != 0
        if is_complex:
            values = np.asarray(values["real"] + 1j * values["imag"])
        else:
            values = values.astype(bool) if is_logical else packing.values(np.asarray(values))
        return values if masked is None or not np.any(masked) else np.where(masked, np.nan, values)

    stored = Lazy(tuple(int(n) for n in data.shape), dtype, read, rate=rate, times=times, spacing=spacing)
    return turned(stored, range(len(data.shape))[::-1]) if is_matlab(path) else stored


def _check_filters(path: Path, entry: Entry, data: Any) -> None:
    """Raise InputError where it is compressed by what this machine has not, which HDF5 says only of each chunk."""
    known, filters = _h5py(path).h5z.filter_avail, data.id.get_create_plist()
    for code, _, _, name in map(filters.get_filter, range(filters.get_nfilters())):
        if not known(code):
            told = name.decode(errors="replace").partition(";")[0].strip() or "without a name"
            raise InputError(
                f"{path}:{entry.name}: is compressed by {told}, filter {code} of HDF5, which is not here; "
                "pip install hdf5plugin, which has it, as most others"
            )


def _check_offset(path: Path, entry: Entry, data: Any, packing: Packing) -> None:
    """Raise InputError for an offset of a data set that was made of HDF 4, where its sign is not that of NetCDF: HDF 4
    User's Guide, SDgetcal, and the products of MODIS take it off what is stored."""
    if packing.offset and (set(HDF_4_MARKS) & set(data.attrs) or any(k.startswith(HDF_EOS_2) for k in data.file.attrs)):
        raise InputError(
            f"{path}:{entry.name}: was made of HDF 4, where most products mean scale_factor * (stored - add_offset) "
            "and some, as NetCDF, scale_factor * stored + add_offset; save the values as .npy"
        )


def _field(path: Path, file: Any, entry: Entry) -> Lazy:
    """A field of a data set of a compound type, DATASET/FIELD; its own axes come last."""
    stem = entry.name
    while stem not in file:
        stem = stem.rpartition("/")[0]
    data, name = file[stem], entry.name[len(stem) + 1 :]
    _check_filters(path, entry, data)
    field = next(field for field in fields_of(data.dtype) if field.name == name)
    outer = len(data.shape)

    def read(index: Index) -> np.ndarray:
        check_size(path, entry, field.dtype.itemsize) if all(part == slice(None) for part in index) else None
        with reading(path, KIND, REMEDY):
            values = field_of(np.asarray(data.fields(field.path[0])[index[:outer]]), field.path[1:])
        kept = sum(isinstance(part, slice) for part in index[:outer])
        return values[(slice(None),) * kept + index[outer:]]

    return Lazy(entry.shape, field.dtype.newbyteorder("="), read)


def is_netcdf(path: Path) -> bool:
    """Whether the netCDF library wrote it: its dimensions are data sets of a kind of their own."""
    if not is_hdf5(path) or is_matlab(path):
        return False
    with reading(path, KIND, REMEDY), _h5py(path).File(path, "r") as file:
        return "_NCProperties" in file.attrs or any("_Netcdf4Dimid" in item.attrs for item in file.values())


def is_matlab(path: Path) -> bool:
    """Whether the axes are those of MATLAB: by the suffix, or by the text that it begins its files with."""
    with open(path, "rb") as file:
        return path.suffix.lower() == ".mat" or file.read(10) == b"MATLAB 7.3"


def _h5py(path: Path) -> Any:
    """h5py, with the filters of hdf5plugin, which detectors and microscopes compress with, where that is installed."""
    _with_plugins()
    return imported("h5py", path, "HDF5 (.h5, .mat of version 7.3)")


@cache
def _with_plugins() -> None:
    """Once, as Python looks for what is not there again and again."""
    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")


def _matlab_class(data: Any) -> str:
    return text_of(data.attrs.get("MATLAB_class", b""))


def _entries(name: str, data: Any, matlab: bool) -> list[Entry]:
    """The data set, or the fields of a compound one, DATASET/FIELD."""
    dtype, whole = data.dtype, _entry(name, data, matlab)
    is_plain = dtype.names in (None, COMPLEX_FIELDS, ACQUISITIONS) or matlab or whole.problem != NO_NUMBERS
    if is_plain or _is_of_images(name, data, "/header"):
        return [whole]
    shape = tuple(int(n) for n in data.shape)
    return [
        Entry(
            f"{name}/{field.name}",
            (*shape, *field.shape),
            str(field.dtype),
            "" if field.dtype.kind in "biufc" else NO_NUMBERS,
        )
        for field in fields_of(dtype)
    ]


def _acquisitions(data: Any) -> str:
    """What raw data of ISMRMRD is, and what to do with it."""
    told = f"{len(data)} readouts"
    if len(data):
        head = data.fields("head")[0]
        told += f", the first of {head['active_channels']} coils and {head['number_of_samples']} samples"
    return f"{RAW}, {told}: a scan, no clip; type: lowreel recover {data.file.filename} -o RUN"


def _is_of_images(name: str, data: Any, end: str) -> bool:
    """Whether it belongs to a series of images of ISMRMRD."""
    return name.endswith(end) and {"header", "attributes"} <= set(data.parent)


def _are_moments(header: Any) -> bool:
    """Whether the images of a series of ISMRMRD differ by their time alone, and stand in its order."""
    names = header.dtype.names or ()
    if not {*UNLIKE, *MOMENT} <= set(names):
        return True
    heads = header[()].ravel()
    moments = list(zip(*(heads[name].tolist() for name in MOMENT), strict=True))
    return all(len(np.unique(heads[name])) <= 1 for name in UNLIKE) and moments == sorted(moments)


def _entry(name: str, data: Any, matlab: bool) -> Entry:
    kind, dtype = _matlab_class(data), data.dtype
    shape = tuple(int(n) for n in data.shape or ())
    named = "complex" if dtype.names == COMPLEX_FIELDS else kind or _type_of(data)
    problem = MINC if name.startswith("minc-2.0/") else CLASSES_IN_WORDS.get(kind, "")
    if data.shape is None or data.attrs.get("MATLAB_empty", 0):
        problem = problem or "empty"
    elif data.external or data.is_virtual:
        problem = "a link to numbers in another file"
    elif dtype.kind not in "biufc" and dtype.names != COMPLEX_FIELDS:
        problem = problem or NO_NUMBERS
    if dtype.names == ACQUISITIONS:
        problem = _acquisitions(data)
    if text_of(data.file.attrs.get("Conventions", "")).startswith(ODIM_CONVENTIONS):
        problem = problem or ODIM
    if len(shape) == len(IMAGES) and _is_of_images(name, data, "/data"):  # a series of images, ISMRMRD
        roles = IMAGE_ROLES if _are_moments(data.parent["header"]) else IMAGE_ROLES.replace("T", "-")
        return Entry(name, shape, named, problem, IMAGES, roles)
    names, roles = ((), "") if matlab or problem else named_axes(data)
    return Entry(name, shape[::-1] if matlab else shape, named, problem, names, roles)


def _type_of(data: Any) -> str:
    """The type of its numbers in words."""
    return "bool" if is_of_truth(data) else str(Packing(is_unsigned=is_unsigned(data)).dtype(data.dtype))
