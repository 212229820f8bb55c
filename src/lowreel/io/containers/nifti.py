"""NIfTI, read by nibabel: axes x, y, z, t and what follows, x being the width."""

from __future__ import annotations

import gzip
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .base import Entry, Index, Lazy, Spacing, can_be_watched, check_size, imported, reading, spacing_of

PIECE = 1 << 20
KIND, REMEDY = "NIfTI", "copy it again, or convert the series again"
AXES, ROLES = ("x", "y", "z", "t", "u", "v", "w"), "WH-T---"
RGB: dict[tuple[str, ...], int] = {("R", "G", "B"): 3, ("R", "G", "B", "A"): 4}
NO_TIME = ("hz", "ppm", "rads")
"""Units of the fourth axis, as nibabel names them, by which it is one of frequencies, shifts or angular speeds: NIfTI-1
header, xyzt_units."""

SECONDS = {"sec": Fraction(1), "msec": Fraction(1, 1000), "usec": Fraction(1, 1_000_000)}


def entries(path: Path) -> list[Entry]:
    """The one image of the file, named by nothing; axes behind the third that have one place are left out. Raises
    InputError for a damaged file."""
    with reading(path, KIND, REMEDY):
        image = opened(path)
        shape, dtype = _shape(image), image.dataobj.dtype
        if min(shape, default=0) < 0:
            raise ValueError(f"an image of shape {shape}")
        problem = "" if all(shape) and len(shape) > 1 else "empty"
        axes, roles = AXES[: len(shape)], ROLES[: len(shape)]
        roles = roles.replace("T", "-") if image.header.get_xyzt_units()[1] in NO_TIME else roles
        if channels := RGB.get(dtype.names or ("",)):
            return [Entry("", (*shape, channels), "uint8", problem, (*axes, "c"), roles + "C")]
        problem = problem or ("" if dtype.kind in "biufc" else "no array of numbers")
        told = str(_dtype(image))
        told += f" scaled from {dtype.newbyteorder('=')}" if _is_scaled(image) else ""
        return [Entry("", shape, told, problem, axes, roles)]


def load(path: Path, entry: Entry) -> np.ndarray | Lazy:
    """The image with its slope and intercept; a compressed one is read whole, others frame by frame."""
    with reading(path, KIND, REMEDY):
        image = opened(path)
        dtype, rate, spacing = _dtype(image), _rate(image), _spacing(image)
    trailing = (0,) * (len(image.dataobj.shape) - len(_shape(image)))

    def read(index: Index) -> np.ndarray:
        colour = bool(image.dataobj.dtype.names)
        with reading(path, KIND, REMEDY):
            values = np.asarray(image.dataobj[(*(index[:-1] if colour else index), *trailing)])
            if colour:
                planes = np.stack([values[name] for name in values.dtype.names or ()], -1)
                return planes[..., index[-1]]
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    lazy = Lazy(entry.shape, dtype, read, rate=rate, spacing=spacing)
    if path.suffix.lower() == ".gz":
        check_size(path, entry, dtype.itemsize)
        with reading(path, KIND, REMEDY):
            _check_sum(path)
        held = read((slice(None),) * len(entry.shape))
        return replace(lazy, read=lambda index: held[index])
    return lazy


def _check_sum(path: Path) -> None:
    """Read a compressed file to its end, where gzip compares its checksum: nibabel stops before it, so that damaged
    bytes would be numbers like any others."""
    with gzip.open(path) as file:
        while file.read(PIECE):
            pass


def opened(path: Path) -> Any:
    """The image of nibabel, its numbers unread. Raises ValueError for CIFTI, which `reading` turns into a sentence."""
    image = imported("nibabel", path, "NIfTI").load(path)
    if not hasattr(image.header, "get_xyzt_units"):
        raise ValueError("it is CIFTI, of surfaces and not of pictures")
    return image


def _shape(image: Any) -> tuple[int, ...]:
    shape = tuple(int(n) for n in image.dataobj.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _is_scaled(image: Any) -> bool:
    return (image.dataobj.slope, image.dataobj.inter) != (1, 0)


def _dtype(image: Any) -> np.dtype:
    """The type of the numbers after scaling; colour is bytes."""
    dtype = image.dataobj.dtype
    if dtype.names:
        return np.dtype(np.uint8)
    native = dtype.newbyteorder("=")
    return np.dtype(np.complex128 if native.kind == "c" else np.float64) if _is_scaled(image) else native


def _spacing(image: Any) -> dict[str, Spacing]:
    """From pixel to pixel along x, y and z."""
    unit = image.header.get_xyzt_units()[0]
    found = {axis: spacing_of(size, unit) for axis, size in zip(AXES[:3], image.header.get_zooms(), strict=False)}
    return {axis: spacing for axis, spacing in found.items() if spacing is not None}


def _rate(image: Any) -> Fraction | None:
    """Frames a second, where the header tells it and they are fast enough to be watched."""
    unit = SECONDS.get(image.header.get_xyzt_units()[1])
    zooms = image.header.get_zooms()
    step = float(zooms[3]) if len(zooms) > 3 else 0.0
    if unit is None or not math.isfinite(step) or step <= 0:
        return None
    seconds = Fraction(step).limit_denominator(1_000_000) * unit
    return 1 / seconds if seconds and can_be_watched(seconds) else None
