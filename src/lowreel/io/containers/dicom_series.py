"""A folder of DICOM files with one frame each, as scanners export a cine: frames in the order of their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from . import dicom
from .base import Entry, Index, Lazy, check_size, reading

SAME = (
    "ImageType",
    "EchoNumbers",
    "EchoTime",
    "SeriesInstanceUID",
    "Rows",
    "Columns",
    "BitsStored",
    "PixelRepresentation",
    "PhotometricInterpretation",
)


def is_series(path: Path) -> bool:
    """Whether this is a folder with files .dcm."""
    return path.is_dir() and any(_is_dicom(file) for file in path.iterdir())


def entries(path: Path) -> list[Entry]:
    """The frames of the folder, named by nothing, with the axes of a single file of many frames."""
    headers = _headers(path)
    first = dicom.entries(headers[0][0])[0]
    shape, roles = (len(headers), *first.shape[1:]), first.roles
    problem = first.problem or _problem([header for _, header in headers])
    places = len({_place(header) for _, header in headers})
    if not problem and 1 < places < len(headers):
        problem = f"DICOM at {places} positions, several frames at each; put those of one position into a folder"
    told = "float64" if any(dicom.is_rescaled(header) for _, header in headers) else first.dtype
    return [Entry("", shape, told, problem, first.axes, roles if places == 1 else "-" + roles[1:])]


def load(path: Path, entry: Entry) -> Lazy:
    """The frames, each as its own file says it."""
    frames = [dicom.load(file, dicom.entries(file)[0]) for file, _ in _headers(path)]
    dtype = np.result_type(*[frame.dtype for frame in frames])
    levels = {frame.levels for frame in frames}

    def read(index: Index) -> np.ndarray:
        first, rest = index[0], index[1:]
        if isinstance(first, int):
            return frames[first][0, *rest].astype(dtype, copy=False)
        check_size(path, entry, dtype.itemsize)
        return np.stack([frames[number][0, *rest] for number in range(len(frames))[first]]).astype(dtype, copy=False)

    declared = levels.pop() if len(levels) == 1 else None
    return Lazy(entry.shape, dtype, read, levels=declared, spacing=frames[0].spacing)


def first_header(path: Path) -> Any:
    """The header of the first frame of a folder."""
    return _headers(path)[0][1]


def _is_dicom(file: Path) -> bool:
    return file.suffix.lower() == ".dcm" and file.name[0] != "."


def _headers(path: Path) -> list[tuple[Path, Any]]:
    """The files with their headers, by the number of the instance."""
    found = []
    for file in sorted(path.iterdir()):
        if _is_dicom(file):
            with reading(file, dicom.KIND, dicom.REMEDY):
                found.append((file, dicom.opened(file)))
    return sorted(found, key=lambda pair: int(pair[1].get("InstanceNumber") or 0))


def _problem(headers: list[Any]) -> str:
    """Why these are no frames of one clip; empty where they are."""
    for name in SAME:
        if len({str(header.get(name)) for header in headers}) > 1:
            return f"a folder of DICOM whose {name} differs; keep one series in it"
    if any(int(header.get("NumberOfFrames") or 1) > 1 for header in headers):
        return "a folder of DICOM with several frames in a file; give one of its files"
    numbers = [header.get("InstanceNumber") for header in headers]
    if len(headers) > 1 and (None in numbers or len({int(n) for n in numbers}) < len(numbers)):
        return "a folder of DICOM without an InstanceNumber of its own for each frame, so that their order is not known"
    return ""


def _place(header: Any) -> tuple[int, ...] | None:
    position = header.get("ImagePositionPatient")
    return None if position is None else tuple(round(float(n) / dicom.MILLIMETRES) for n in position)
