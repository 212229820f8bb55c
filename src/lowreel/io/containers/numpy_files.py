"""NumPy's .npy and .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from ...errors import InputError
from .base import Entry, check_size, reading

KIND, REMEDY = "a NumPy array", "save it again with numpy.save"


def entries(path: Path) -> list[Entry]:
    """The arrays of an .npz by name; the one of an .npy has the name ""."""
    with reading(path, KIND, REMEDY):
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as file:
                return [_entry("", file)]
        with zipfile.ZipFile(path) as held:
            names = [name for name in held.namelist() if name.endswith(".npy")]
            found = []
            for name in names:
                with held.open(name) as member:
                    found.append(_entry(name.removesuffix(".npy"), member))
            return found


def load(path: Path, entry: Entry) -> np.ndarray:
    """An array; that of an .npy is mapped, not read."""
    with reading(path, KIND, REMEDY):
        if path.suffix.lower() == ".npy":
            mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return mapped
        check_size(path, entry, np.dtype(entry.dtype).itemsize)
        with zipfile.ZipFile(path) as held:
            room = held.getinfo(f"{entry.name}.npy").file_size
        if room < np.dtype(entry.dtype).itemsize * np.prod([float(n) for n in entry.shape]):
            raise InputError(f"{path}:{entry.name}: says that it has shape {entry.shape}, but holds {room} bytes")
        with np.load(path, allow_pickle=False) as loaded:
            array: np.ndarray = loaded[entry.name]
            return array


def _entry(name: str, file: IO[bytes]) -> Entry:
    version = np.lib.format.read_magic(file)
    if version > (2, 0):
        return Entry(name, (), "", "no array of numbers")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    problem = "Python objects, a pickle" if dtype.hasobject else "no array of numbers"
    return Entry(name, shape, str(dtype), "" if dtype.kind in "biufc" else problem)
