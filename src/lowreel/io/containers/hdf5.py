"""HDF5, which MATLAB's version 7.3 is too, read by h5py."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .axes import roles_of, turned
from .base import Entry, Index, Lazy, check_size, imported, reading
from .cf import Packing, packing_of

KIND, REMEDY = "HDF5", "copy it again, or save it again"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
DEFLATE = 1100  # deflate makes nothing smaller than by 1032
HIDDEN = ("#refs#", "#subsystem#")  # where MATLAB 7.3 keeps the contents of cells and objects
COMPLEX_FIELDS = ("real", "imag")
ACQUISITIONS = ("head", "traj", "data")  # of ISMRMRD, one after the other as they were measured
IMAGES, IMAGE_ROLES = ("image", "coil", "z", "y", "x"), "T--HW"
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
            found.append(_entry(name, item, is_matlab(path)))

    with reading(path, KIND, REMEDY), _h5py(path).File(path, "r") as file:
        file.visititems(note)  # follows no links, so that an array cannot come from another file
    return found


def load(path: Path, entry: Entry) -> Lazy:
    """A data set; MATLAB's in MATLAB's order of axes, which version 7.3 stores reversed."""
    with reading(path, KIND, REMEDY):
        data = _h5py(path).File(path, "r")[entry.name]
        if DEFLATE * data.id.get_storage_size() < data.dtype.itemsize * math.prod(entry.shape):
            check_size(path, entry, data.dtype.itemsize)  # the header claims more than the file can hold
        if data.id.get_storage_size() == 0:
            raise InputError(f"{path}:{entry.name}: has a shape, {entry.shape}, but no numbers; save it again")
        is_complex, is_logical = data.dtype.names == COMPLEX_FIELDS, _matlab_class(data) == "logical"
        packing = Packing() if is_complex else packing_of(data.attrs, data.dtype)
        dtype = np.dtype(np.complex128 if is_complex else bool if is_logical else packing.dtype(data.dtype))

    def read(index: Index) -> np.ndarray:
        if all(isinstance(part, slice) and part == slice(None) for part in index):
            check_size(path, entry, data.dtype.itemsize)
        with reading(path, KIND, REMEDY):
            values = data[index]
        if is_complex:
            return values["real"] + 1j * values["imag"]
        return values.astype(bool) if is_logical else packing.values(np.asarray(values))

    stored = Lazy(tuple(int(n) for n in data.shape), dtype, read)
    return turned(stored, range(len(data.shape))[::-1]) if is_matlab(path) else stored


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
    return imported("h5py", path, "HDF5 (.h5, .mat of version 7.3)")


def _matlab_class(data: Any) -> str:
    kind = data.attrs.get("MATLAB_class", b"")
    return kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind)


def _entry(name: str, data: Any, matlab: bool) -> Entry:
    kind, dtype = _matlab_class(data), data.dtype
    shape = tuple(int(n) for n in data.shape or ())
    named = "complex" if dtype.names == COMPLEX_FIELDS else kind or str(dtype)
    problem = CLASSES_IN_WORDS.get(kind, "")
    if data.shape is None or data.attrs.get("MATLAB_empty", 0):
        problem = problem or "empty"
    elif data.external or data.is_virtual:
        problem = "a link to numbers in another file"
    elif dtype.kind not in "biufc" and dtype.names != COMPLEX_FIELDS:
        problem = problem or "no array of numbers"
    if dtype.names == ACQUISITIONS:
        problem = "acquisitions of ISMRMRD; sort them into spectra (T, H, W) and save these as .npy, .h5 or .cfl"
    if len(shape) == len(IMAGES) and {"header", "attributes"} <= set(data.parent) and name.endswith("/data"):
        return Entry(name, shape, named, problem, IMAGES, IMAGE_ROLES)  # a series of images, ISMRMRD
    names = () if matlab or problem else _axis_names(data)
    return Entry(name, shape[::-1] if matlab else shape, named, problem, names, roles_of(names) if names else "")


def _axis_names(data: Any) -> tuple[str, ...]:
    """The labels of the axes, or the names of their scales; none unless all have one, each its own."""
    names = [axis.label or (axis.keys()[0] if len(axis) else "") for axis in data.dims]
    return tuple(names) if all(names) and len(set(names)) == len(names) else ()
