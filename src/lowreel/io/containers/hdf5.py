"""HDF5, which MATLAB's version 7.3 is too, read by h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from .base import Entry, check_size, reading

KIND, REMEDY = "HDF5", "copy it again, or save it again"
SIGNATURE = b"\x89HDF\r\n\x1a\n"
HIDDEN = ("#refs#", "#subsystem#")  # where MATLAB 7.3 keeps the contents of cells and objects
COMPLEX = ("real", "imag")
WORDS = {"cell": "a cell array", "char": "text", "function_handle": "a function", "string": "text"}


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


def load(path: Path, entry: Entry) -> np.ndarray:
    """A data set; MATLAB's in MATLAB's order of axes, which version 7.3 stores reversed."""
    with reading(path, KIND, REMEDY), _h5py(path).File(path, "r") as file:
        data = file[entry.name]
        check_size(path, entry, data.dtype.itemsize)
        if data.id.get_storage_size() == 0:
            raise InputError(f"{path}:{entry.name}: has a shape, {entry.shape}, but no numbers; save it again")
        values = data[()]
        if values.dtype.names == COMPLEX:
            values = values["real"] + 1j * values["imag"]
        if _matlab_class(data) == "logical":
            values = values.astype(bool)
    return values.T if is_matlab(path) else values


def is_matlab(path: Path) -> bool:
    """Whether the axes are those of MATLAB: by the suffix, or by the text that it begins its files with."""
    with open(path, "rb") as file:
        return path.suffix.lower() == ".mat" or file.read(10) == b"MATLAB 7.3"


def _h5py(path: Path) -> Any:
    try:
        import h5py
    except ImportError:
        hint = 'pip install "lowreel[interop]", or save it in MATLAB with -v7'
        raise InputError(f"{path}: HDF5 (.h5, .mat of version 7.3) needs h5py; {hint}") from None
    return h5py


def _matlab_class(data: Any) -> str:
    kind = data.attrs.get("MATLAB_class", b"")
    return kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind)


def _entry(name: str, data: Any, matlab: bool) -> Entry:
    kind, dtype = _matlab_class(data), data.dtype
    shape = tuple(int(n) for n in data.shape or ())
    named = "complex" if dtype.names == COMPLEX else kind or str(dtype)
    problem = WORDS.get(kind, "")
    if data.shape is None or data.attrs.get("MATLAB_empty", 0):
        problem = problem or "empty"
    elif data.external or data.is_virtual:
        problem = "a link to numbers in another file"
    elif dtype.kind not in "biufc" and dtype.names != COMPLEX:
        problem = problem or "no array of numbers"
    return Entry(name, shape[::-1] if matlab else shape, named, problem)
