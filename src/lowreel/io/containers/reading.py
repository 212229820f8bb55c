"""One way into every kind of file: what is there, and an array by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ...errors import InputError
from ...system.files import ARRAY_FILES, split_member
from . import hdf5, matlab, numpy_files
from .base import Array, Entry


def entries_of(path: str | Path) -> list[Entry]:
    """The variables of a .mat, .h5, .hdf5, .npz or .npy file, whose data is not read.

    Raises InputError for another file and for a damaged one; for HDF5 where h5py is not installed.
    """
    path = Path(path)
    if path.suffix.lower() not in ARRAY_FILES:
        raise InputError(f"{path}: expected a file of arrays, {', '.join(ARRAY_FILES)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected one of arrays, {', '.join(ARRAY_FILES)}")
    return _reader(path).entries(path)


def load(path: str | Path, name: str) -> Array:
    """The array of that name; MATLAB's in MATLAB's order of axes, whatever its version.

    Raises InputError where there is none (and lists those there are), and for cells, structs, text, objects, an
    empty array, one that claims to be larger than file or memory.
    """
    path = Path(path)
    entries = entries_of(path)
    by_name = {entry.name: entry for entry in entries}
    entry = by_name.get(name)
    if entry is None:
        raise InputError(f"{path}: holds no array {name}; it holds {listed(entries)}")
    if entry.problem:
        raise InputError(f"{path}:{name}: is {entry.problem}; expected an array of numbers")
    reader = _reader(path)
    return Array(reader.load(path, entry), f"{path}:{name}" if name else str(path), is_matlab(path))


def is_matlab(path: Path) -> bool:
    """Whether the axes of a file's arrays are in MATLAB's order."""
    reader = _reader(path)
    return reader is matlab or (reader is hdf5 and hdf5.is_matlab(path))


def load_named(text: str | Path) -> Array:
    """The array that FILE:NAME says, or FILE where it holds a single one. Raises InputError as `load` does."""
    path, name = split_member(text)
    if name is not None:
        return load(path, name)
    entries = entries_of(path)
    numbers = [entry for entry in entries if not entry.problem]
    if len(numbers) != 1:
        raise InputError(which(path, entries))
    return load(path, numbers[0].name)


def which(path: Path, entries: Sequence[Entry]) -> str:
    """The sentence for a file that does not say by itself which array is meant."""
    numbers = [entry for entry in entries if not entry.problem]
    if not numbers:
        return f"{path}: holds no array of numbers; it holds {listed(entries)}"
    return f"{path}: holds the arrays {listed(entries)}; say which, such as {path}:{numbers[-1].name}"


def listed(entries: Sequence[Entry]) -> str:
    """The entries in words, the first 20 of them."""
    more = f" and {len(entries) - 20} more" if len(entries) > 20 else ""
    return ", ".join(str(entry) for entry in entries[:20]) + more or "(none)"


def _reader(path: Path) -> ModuleType:
    if path.suffix.lower() in (".npy", ".npz"):
        return numpy_files
    return hdf5 if path.suffix.lower() != ".mat" or hdf5.is_hdf5(path) else matlab
