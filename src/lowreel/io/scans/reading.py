"""One way into every file that holds a scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...system.files import split_member
from ..containers.axes import split_choices
from ..containers.hdf5 import is_hdf5
from . import fastmri, ismrmrd
from .arrays import from_arrays
from .scan import Readouts, Scan, frames_of, gated

Numbers = Sequence[int] | NDArray[np.integer]


def is_raw_scan(file: str | Path) -> bool:
    """Whether a file is HDF5 that holds acquisitions of ISMRMRD, or the spectra of fastMRI."""
    return is_hdf5(Path(file)) and (bool(ismrmrd.groups_of(Path(file))) or fastmri.is_fastmri(Path(file)))


def scan_of(
    path: str | Path,
    *,
    trajectory: str | Path | None = None,
    coil_maps: str | Path | None = None,
    mask: str | Path | None = None,
    frame_numbers: Numbers | None = None,
    readouts_per_frame: int | None = None,
    frame_shape: tuple[int, int] | None = None,
) -> Scan:
    """The scan in a file: raw ISMRMRD, fastMRI, BART (.cfl), or an array of MATLAB, NumPy, HDF5 and others.

    path: FILE, FILE:NAME, and what is chosen in it: FILE:slice=2,T=repetition of counters, FILE:NAME,H=0,W=1,C=2,T=3 of
    axes (C: coils; H, W: readouts and samples along a trajectory). trajectory, coil_maps, mask: FILE or FILE:NAME of
    arrays beside it. frame_numbers: the frame of each readout that belongs to the clip, in the order in which they
    were measured, below 0 left out (`gated`). readouts_per_frame: so many, one after the other, make a frame.
    frame_shape: (H, W), where nothing else says it.

    Raises InputError, which says what to choose, where a file holds more than one clip, and for what does not fit.
    """
    if frame_numbers is not None and readouts_per_frame is not None:
        raise InputError("scan: frame numbers and readouts per frame both say what a frame is; give one of them")
    file, name = split_member(path)
    if not file.is_file():
        raise InputError(f"{file}: no such file; expected a scan: ISMRMRD or fastMRI (.h5), BART (.cfl), or an array")
    stem, choices = split_choices(name or "")
    groups = ismrmrd.groups_of(file) if is_hdf5(file) else []
    group = _group(groups, stem, file)
    if group is not None:
        _refuse(file, "ISMRMRD", coil_maps=coil_maps, mask=mask, frame_shape=frame_shape)
        readouts, numbers = ismrmrd.load(file, group, choices, trajectory)
        return frames_of(readouts, _numbers(readouts, numbers, frame_numbers, readouts_per_frame))
    if is_hdf5(file) and stem in ("", "kspace") and "H" not in choices and fastmri.is_fastmri(file):
        _refuse(file, "fastMRI", coil_maps=coil_maps, mask=mask, trajectory=trajectory, frame_shape=frame_shape)
        scan = fastmri.load(file, choices)
    else:
        scan = from_arrays(path, trajectory=trajectory, coil_maps=coil_maps, mask=mask, frame_shape=frame_shape)
    if readouts_per_frame is not None:
        frame_numbers = _consecutive(_count(scan), readouts_per_frame, scan.label)
    return scan if frame_numbers is None else gated(scan, frame_numbers)


def _refuse(file: Path, kind: str, **given: object) -> None:
    """Raise InputError for what a kind of file tells itself, and is given beside it."""
    names = [name.replace("_", " ") for name, value in given.items() if value is not None]
    if names:
        raise InputError(f"{file}: {names[0]} is given beside arrays; {kind} tells it itself; leave it out")


def _group(groups: Sequence[str], stem: str, file: Path) -> str | None:
    """The group of acquisitions that is meant; None where the file has none."""
    if not groups or stem in groups:
        return stem if groups else None
    if stem or len(groups) > 1:
        wanted = f"no acquisitions {stem}" if stem else f"{len(groups)} groups of acquisitions"
        raise InputError(f"{file}: holds {wanted}; it has {', '.join(groups)}; say which, such as {file}:{groups[0]}")
    return groups[0]


def _numbers(readouts: Readouts, counted: NDArray[np.int64], given: Numbers | None, per_frame: int | None) -> Numbers:
    """The frame of each readout: given, so many one after the other, or counted."""
    if given is not None:
        return given
    if per_frame is not None:
        return _consecutive(len(readouts.kspace), per_frame, readouts.label)
    if counted.any():
        return counted
    again = readouts.rows is not None and len(np.unique(readouts.rows)) < len(readouts.rows)
    if again or (readouts.trajectory is not None and len(readouts.kspace) > 1):
        raise InputError(
            f"{readouts.label}: no counter says which of its {len(readouts.kspace)} readouts make a frame; say how "
            "many do, one after the other (--readouts-per-frame N), or give the frame of each (--gating FILE)"
        )
    return counted


def _consecutive(count: int, together: int, label: str) -> NDArray[np.int64]:
    """0, 0, .., 1, 1, ..; readouts at the end that make no whole frame are left out, -1."""
    if not 1 <= together <= count:
        raise InputError(f"{label}: expected 1 to {count} readouts per frame, got {together}")
    numbers = np.arange(count) // together
    return np.where(numbers < count // together, numbers, -1)


def _count(scan: Scan) -> int:
    """Readouts that were measured, of all frames."""
    frames, _, count, _ = scan.kspace.shape
    return frames * count if scan.mask is None else int(scan.mask.any(2).sum())
