"""`lowreel recover` of a scan: raw data of a scanner, or arrays of it, as data of a clip whose white is 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..settings import ArraysSettings
from ..system.files import HDF5_FILES, split_member
from ..system.memory import parse_bytes
from ..system.names import source_text
from ..system.values import parse_frames, parse_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..data import Measured
    from ..io.scans import Scan

SCAN = "mri"
"""The --operator of scans."""

FRAMES_PER_SECOND = 25.0
"""Of scans that do not tell their times."""


def is_scan(data: Path, wish: ArraysSettings) -> bool:
    """Whether a file is of a scanner: by --operator, else by what it holds (ISMRMRD, fastMRI)."""
    if wish.operator is not None:
        return wish.operator == SCAN
    file = split_member(data)[0]
    if file.suffix.lower() not in HDF5_FILES or not file.is_file():
        return False
    from ..io.scans import is_raw_scan

    return is_raw_scan(file)


def measured_scan(data: Path, wish: ArraysSettings, memory: str | None, say: Callable[[str], None]) -> Measured:
    """Data and operator of a scan; says what was taken for what, and in which units the clip is.

    Raises InputError where the file holds no scan, or more than one, and for arrays that do not fit each other.
    """
    import torch

    from ..data import Levels, Measured, as_noise, in_levels
    from ..data.scans import MOST_COILS, problem_of
    from ..io.scans import scan_of
    from ..operators import RealForm
    from ..recovery.levels import complex_levels

    if wish.y is not None and split_member(data)[1] is not None:
        raise InputError(f"--y {wish.y}: {data} says already which array is meant; give one of the two")
    sides = parse_size(wish.frame_shape)
    scan = scan_of(
        data if wish.y is None else f"{split_member(data)[0]}:{wish.y}",
        trajectory=_beside(data, wish.trajectory),
        coil_maps=_beside(data, wish.coil_maps),
        mask=_beside(data, wish.mask),
        frame_numbers=None if wish.gating is None else _numbers(Path(wish.gating)),
        readouts_per_frame=wish.readouts_per_frame,
        frame_shape=None if sides is None else (sides[0], sides[1]),
    )
    scan, first = _some_frames(scan, wish.frames)
    is_whitened = scan.noise_covariance is not None
    if is_whitened and wish.sigma is not None:
        raise InputError(f"{scan.label}: it has a noise scan, which says how large the noise is; leave out --sigma")
    budget = None if memory is None else parse_bytes(memory) // 2
    made = problem_of(scan, coils=wish.coils or MOST_COILS, memory=budget)
    for sentence in made.told:
        say(f"{sentence[:1].upper()}{sentence[1:]}.")
    levels = Levels(wish.scale) if wish.scale else complex_levels(made.data, RealForm(made.operator))
    say(f"In the units of {scan.label} white is {levels.scale:.4g} ({'as --scale says' if wish.scale else 'found'}).")
    information = {"source": source_text(data), "rate": str(int(FRAMES_PER_SECOND)), "audio": False}
    information |= {"scale": levels.scale, "offset": 0.0, "reading": {"fit": "squash", "frames": [first, None]}}
    seconds = (torch.arange(len(scan.kspace), dtype=torch.float64) + first) / FRAMES_PER_SECOND
    if scan.times is None:
        say(f"The times of its frames are not read; they are taken for {FRAMES_PER_SECOND:g} a second.")
    times = seconds if scan.times is None else torch.from_numpy(scan.times).double()
    sigma = 1.0 if is_whitened and not scan.is_averaged else wish.sigma
    noise = as_noise(None if sigma is None else sigma / levels.scale)
    return Measured(in_levels(made.data, made.operator, levels), made.operator, times, noise, information)


def _beside(data: Path, text: str | None) -> str | None:
    """An array of DATA by its name, or FILE or FILE:NAME of another file."""
    if text is None:
        return None
    return text if split_member(text)[0].exists() else f"{split_member(data)[0]}:{text}"


def _numbers(file: Path) -> NDArray[np.integer]:
    """The frame of each readout: whole numbers in a text file, or an array."""
    import numpy as np

    from ..io.containers import load_named

    if not split_member(file)[0].is_file():
        raise InputError(f"--gating {file}: no such file; give a text file or an array of a frame number a readout")
    if file.suffix.lower() in (".txt", ".csv"):
        try:
            return np.array([int(word) for word in file.read_text(encoding="utf-8").replace(",", " ").split()])
        except ValueError as error:
            raise InputError(f"--gating {file}: expected whole numbers, one for each readout ({error})") from None
    return np.asarray(load_named(file).values).reshape(-1)


def _some_frames(scan: Scan, text: str | None) -> tuple[Scan, int]:
    """The frames that are wanted, and the number of the first."""
    if text is None:
        return scan, 0
    count = len(scan.kspace)
    first, last, step = slice(*(parse_frames(text) or [None])).indices(count)
    if step != 1:
        raise InputError(f"--frames {text}: a scan is recovered frame after frame; give A:B without a step")
    if last <= first:
        raise InputError(f"--frames {text}: expected some of the {count} frames of {scan.label}")
    each = {name: getattr(scan, name) for name in ("mask", "trajectory", "times")}
    own = {name: a[first:last] if a is not None and len(a) == count else a for name, a in each.items()}
    return replace(scan, kspace=scan.kspace[first:last], **own), first
