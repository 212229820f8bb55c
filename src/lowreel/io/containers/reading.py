"""One way into every kind of file: what is there, and an array by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from ...errors import InputError
from ...system.files import ARRAY_FILES, HDF5_FILES, is_array_file, split_member
from . import bart, dicom, dicom_series, hdf5, matlab, netcdf, nifti, numpy_files, zarr_folders
from .axes import chosen, split_choices
from .base import Array, Entry
from .other_kinds import RAW_PICTURES, advice, advice_by_content

READERS = {
    ".npy": numpy_files,
    ".npz": numpy_files,
    ".mat": matlab,
    **dict.fromkeys(HDF5_FILES, hdf5),
    ".nc": netcdf,
    ".nc4": netcdf,
    ".cdf": netcdf,
    ".nii": nifti,
    ".nii.gz": nifti,
    ".dcm": dicom,
    ".cfl": bart,
    ".zarr": zarr_folders,
}
"""By the end of the name; MATLAB 7.3 and NetCDF under the name .h5 are told by what they hold."""


MARKS = (
    (128, b"DICM", "DICOM", ".dcm"),
    (344, b"n+1\0", "NIfTI", ".nii"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5", ".h5"),
    (0, b"CDF\x01", "NetCDF", ".nc"),
    (0, b"CDF\x02", "NetCDF", ".nc"),
    (0, b"CDF\x05", "NetCDF", ".nc"),
    (0, b"MATLAB ", "MATLAB", ".mat"),
    (0, b"\x93NUMPY", "NumPy", ".npy"),
    *((0, mark, "TIFF", ".tif") for mark in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
)
"""What stands where in a file of each kind, and what its name should end with."""

REMEDIES = {"a cell array": "; where it holds frames, type in MATLAB: x = cat(3, {name}{{:}}); save('new.mat', 'x')"}
"""By the problem of a variable that is no array of numbers, what to do with it."""

MANY = 20
"""Files of a folder that are looked into."""

ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray")


def refuse_hidden(path: Path) -> None:
    """Raise InputError for an array file under a name of another kind, which a reader of videos may take for one."""
    if path.is_dir():
        kind, end = ("Zarr", ".zarr") if any((path / mark).exists() for mark in ZARR_MARKS) else ("", "")
        if not kind and any(_is_dicom(file) for file in sorted(path.iterdir())[:MANY]):
            raise InputError(f"{path}: holds DICOM; give its files names that end with .dcm")
    else:
        with open(path, "rb") as file:
            start = file.read(512)
        if known := advice_by_content(path, start):
            raise InputError(f"{path}: {known}")
        found = ((kind, end) for place, mark, kind, end in MARKS if start[place : place + len(mark)] == mark)
        kind, end = next(found, ("", ""))
    if kind and path.suffix.lower() in (".mnc", *RAW_PICTURES):
        raise InputError(f"{path}: {advice(path)}")
    if kind:
        raise InputError(f"{path}: is {kind}; give it a name that ends with {end}, such as {path.name}{end}")


def _is_dicom(file: Path) -> bool:
    """Whether a file without an ending that says it is DICOM."""
    if not file.is_file():
        return False
    with open(file, "rb") as opened:
        return opened.read(132)[128:] == b"DICM"


def entries_of(path: str | Path) -> list[Entry]:
    """The variables of a file of arrays, whose data is not read.

    Raises InputError for another file, for a damaged one, and where the library that reads it is not installed.
    """
    path = Path(path)
    if dicom_series.is_series(path):
        return dicom_series.entries(path)
    if not is_array_file(path):
        raise InputError(f"{path}: expected a file of arrays, {', '.join(ARRAY_FILES)}")
    if not (path.is_dir() if path.suffix.lower() == ".zarr" else path.is_file()):
        raise InputError(f"{path}: no such file; expected one of arrays, {', '.join(ARRAY_FILES)}")
    found: list[Entry] = _reader(path).entries(path)
    return found


def load(path: str | Path, name: str) -> Array:
    """The array of that name, or of NAME,AXIS=PLACE,...; MATLAB's in MATLAB's order of axes, whatever its version.

    Raises InputError where there is none (and lists those there are), and for cells, structs, text, objects, an
    empty array, one that claims to be larger than file or memory.
    """
    path = Path(path)
    entries = entries_of(path)
    by_name = {entry.name: entry for entry in entries}
    stem, choices = (name, {}) if name in by_name else split_choices(name)
    if not stem and stem not in by_name and len(by_name) == 1:
        stem = next(iter(by_name))  # FILE:z=3 of a file with one array
    entry = by_name.get(stem)
    if entry is None:
        raise InputError(f"{path}: holds no array {name}; it holds {listed(entries)}")
    if entry.problem:
        raise InputError(f"{path}:{name}: is {entry.problem}; expected an array of numbers{_remedy(entry)}")
    label = f"{path}:{name}" if name else str(path)
    array = Array(_reader(path).load(path, entry), label, is_matlab(path), entry.axes, entry.roles)
    return chosen(array, choices) if choices else array


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


def _remedy(entry: Entry) -> str:
    return REMEDIES.get(entry.problem, "").format(name=entry.name)


def which(path: Path, entries: Sequence[Entry]) -> str:
    """The sentence for a file that does not say by itself which array is meant."""
    numbers = [entry for entry in entries if not entry.problem]
    if not numbers:
        remedies = [_remedy(entry) for entry in entries if entry.problem in REMEDIES]
        return f"{path}: holds no array of numbers; it holds {listed(entries)}{(remedies or [''])[0]}"
    likely = max(numbers, key=lambda entry: len(entry.shape))  # the first of them: what belongs to it stands behind
    return f"{path}: holds the arrays {listed(entries)}; say which, such as {path}:{likely.name}"


def listed(entries: Sequence[Entry]) -> str:
    """The entries in words, the first 20 of them."""
    more = f" and {len(entries) - 20} more" if len(entries) > 20 else ""
    return ", ".join(str(entry) for entry in entries[:20]) + more or "(none)"


def _reader(path: Path) -> ModuleType:
    if dicom_series.is_series(path):
        return dicom_series
    name = path.name.lower()
    reader = next(reader for end, reader in READERS.items() if name.endswith(end))
    if reader is matlab and hdf5.is_hdf5(path):
        return hdf5
    return netcdf if reader is hdf5 and hdf5.is_netcdf(path) else reader
