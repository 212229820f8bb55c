"""NIfTI with the header of the source: affine, spacing, units, slope and intercept."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from ...system.files import split_member
from ..containers import nifti
from ..containers.axes import split_choices
from ..containers.base import imported
from .clip import Delivered, as_bytes, in_type, portable

UNITS_OF_NIFTI = {"mm": "mm", "µm": "micron", "m": "meter"}
"""The units of length that NIfTI has, by its names."""


def write_nifti(path: Path, clip: Delivered) -> list[str]:
    """(x, y, 1, t), colour as bytes in RGB, as the source has it where that is NIfTI; else with pixels of the size that
    it tells, and of a millimetre where it tells none."""
    nibabel = imported("nibabel", path, "NIfTI")
    file = None if clip.like is None else split_member(clip.like)[0]
    like = None
    if clip.source is not None and file is not None and file.name.lower().endswith((".nii", ".nii.gz")):
        like = nifti.opened(file)
    if clip.numbers.shape[1] == 3:
        volume, notes = _coloured(clip)
    else:
        volume, notes = clip.numbers[:, 0].transpose(2, 1, 0)[:, :, None], []
    if like is None:
        told = [unit for _, unit in clip.spacing.values() if unit in UNITS_OF_NIFTI]
        unit = told[0] if told and clip.pixel_in(told[0]) is not None else "mm"
        pixel = clip.pixel_in(unit)
        height, width = pixel or (1.0, 1.0)
        notes += [] if pixel else clip.size_is_lost("NIfTI")
        image = nibabel.Nifti1Image(portable(volume), np.diag([width, height, 1.0, 1.0]))
        image.header.set_xyzt_units(UNITS_OF_NIFTI[unit], "sec")
        image.header.set_zooms((width, height, 1, float(1 / clip.rate)))
    else:
        stored = volume.dtype if clip.is_grey_coloured else like.dataobj.dtype.newbyteorder("=")
        header = like.header.copy()
        header.set_data_dtype(stored)
        scaled = (1.0, 0.0) if stored.names else (like.dataobj.slope, like.dataobj.inter)
        if not stored.names:
            planes = np.asarray(clip.values[:, 0], np.float64).transpose(2, 1, 0)[:, :, None]
            volume = in_type((planes - scaled[1]) / scaled[0], stored)  # nibabel writes them as they are
        image = type(like)(volume, _affine(clip, like.affine), header)
        zooms = like.header.get_zooms()
        rows, columns = clip.resized()
        steps = set(np.diff(clip.frames or [0, 1]).tolist()) or {1}
        times = zooms[3] * min(steps) if len(zooms) > 3 else float(1 / clip.rate)
        notes += ["NIfTI has one time for all frames: the least between two is written."] if len(steps) > 1 else []
        image.header.set_zooms((zooms[0] * columns, zooms[1] * rows, zooms[2] if len(zooms) > 2 else 1, times))
        if scaled != (1, 0):
            image.header.set_slope_inter(*scaled)
    content = image.to_bytes()
    path.write_bytes(gzip.compress(content, 6, mtime=0) if path.suffix.lower() == ".gz" else content)
    return notes


def _coloured(clip: Delivered) -> tuple[np.ndarray, list[str]]:
    """Colour as NIfTI has it: three bytes a pixel."""
    numbers, notes = as_bytes(clip.numbers, "NIfTI")
    planes = np.ascontiguousarray(numbers.transpose(3, 2, 0, 1)[:, :, None])
    return planes.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0], notes


def _affine(clip: Delivered, affine: np.ndarray) -> np.ndarray:
    """The affine of the pixels as they were cropped and resized, and of the slice that was taken."""
    rows, columns = clip.resized()
    scale = np.diag([columns, rows, 1.0, 1.0])
    top, left = (taken.start for taken in clip.taken)
    scale[0, 3], scale[1, 3] = left + (columns - 1) / 2, top + (rows - 1) / 2  # the first pixel's centre
    _, choices = split_choices(split_member(clip.like or "")[1] or "")
    scale[2, 3] = int(choices["z"]) if choices.get("z", "").isdigit() else 0
    return affine @ scale
