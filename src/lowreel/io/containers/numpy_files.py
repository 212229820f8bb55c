"""NumPy's .npy and .npz."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from ...errors import InputError
from .base import Entry, check_size, field_of, fields_of, reading

KIND, REMEDY = "a NumPy array", "save it again with numpy.save"

READ = ((1, 0), (2, 0))
"""Versions of the format of .npy whose headers are read."""

NOT_READ = {(3, 0): "which is that of structured types whose names are no ASCII; save its fields one by one"}
"""What another one is for."""


def entries(path: Path) -> list[Entry]:
    """The arrays of an .npz by name; the one of an .npy has the name "". Of structured ones, the fields, NAME/FIELD."""
    with reading(path, KIND, REMEDY):
        if path.suffix.lower() == ".npy":
            with open(path, "rb") as file:
                return _entries("", file)
        with zipfile.ZipFile(path) as held:
            names = [name for name in held.namelist() if name.endswith(".npy")]
            found = []
            for name in names:
                with held.open(name) as member:
                    found += _entries(name.removesuffix(".npy"), member)
            return found


def load(path: Path, entry: Entry) -> np.ndarray:
    """An array, or a field of one; that of an .npy is mapped, not read. Raises InputError for a damaged file."""
    with reading(path, KIND, REMEDY):
        if path.suffix.lower() == ".npy":
            mapped: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return field_of(mapped, _path_of(mapped.dtype, entry.name))
        check_size(path, entry, np.dtype(entry.dtype).itemsize)
        with zipfile.ZipFile(path) as held:
            members = {name.removesuffix(".npy") for name in held.namelist()}
            stem = next(stem for stem in _stems(entry.name) if stem in members)
            room = held.getinfo(f"{stem}.npy").file_size
        if room < np.dtype(entry.dtype).itemsize * np.prod([float(n) for n in entry.shape]):
            raise InputError(f"{path}:{entry.name}: says that it has shape {entry.shape}, but holds {room} bytes")
        with np.load(path, allow_pickle=False) as loaded:
            values: np.ndarray = loaded[stem]
        return field_of(values, _path_of(values.dtype, entry.name.removeprefix(stem).removeprefix("/")))


def _stems(name: str) -> list[str]:
    """The name and what stands before each of its slashes, the longest first."""
    parts = name.split("/")
    return ["/".join(parts[:k]) for k in range(len(parts), 0, -1)]


def _path_of(dtype: np.dtype, name: str) -> tuple[str, ...]:
    return next((field.path for field in fields_of(dtype) if field.name == name), ())


def _entries(name: str, file: IO[bytes]) -> list[Entry]:
    version = np.lib.format.read_magic(file)
    if version not in READ:
        told = NOT_READ.get(version, "which is not known; save it again with numpy.save")
        return [Entry(name, (), "", "an array in version {}.{} of NumPy's format, {}".format(*version, told))]
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        return [Entry(name, shape, str(dtype), "Python objects, a pickle")]
    if dtype.names is None:
        return [Entry(name, shape, str(dtype), "" if dtype.kind in "biufc" else "no array of numbers")]
    return [
        Entry(
            f"{name}/{field.name}" if name else field.name,
            (*shape, *field.shape),
            str(field.dtype),
            "" if field.dtype.kind in "biufc" else "no array of numbers",
        )
        for field in fields_of(dtype)
    ]
