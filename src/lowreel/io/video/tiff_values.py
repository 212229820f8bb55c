"""What stands beside the numbers of a TIFF: ImageJ's calibration, GDAL's number for what is missing, spacing."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import numpy as np

from ...errors import InputError
from ..containers import Spacing, spacing_of

STRAIGHT_LINE = 0
"""ImageJ's number of the calibration value = c0 + c1 * stored; 16 bits with a sign are stored so, with c0 = -32768."""

NODATA = 42113
"""GDAL's tag with the number of what is missing, as text."""


REPLACE = (
    "replace them, or save the stack as .npy with NaN in their place and fill them in: lowreel recover FILE.npy "
    "--operator mask"
)
"""What to do with what is missing."""


ORIENTATION = 274
"""TIFF's tag of how pictures are to be turned; TIFF 6.0, section 8."""

ON_THEIR_SIDE = (5, 6, 7, 8)
"""Orientations in which stored rows are columns to be seen."""


class Calibration(NamedTuple):
    """value = intercept + slope * stored."""

    intercept: float
    slope: float

    def applied(self, frame: np.ndarray) -> np.ndarray:
        """The values of stored numbers, float64."""
        return self.intercept + self.slope * frame.astype(np.float64)

    @property
    def text(self) -> str:
        """What it is, in words."""
        return f", calibrated by ImageJ: {self.intercept:g} + {self.slope:g} times what is stored"


def calibration_of(path: Path, known: dict[str, Any]) -> Calibration | None:
    """The calibration that ImageJ's description of a file says; None where there is none.

    Raises InputError for a curve, and for one without its numbers.
    """
    if "cf" not in known:
        return None
    ends = known.get("c0"), known.get("c1")
    is_line = known["cf"] == STRAIGHT_LINE and all(isinstance(n, int | float) and math.isfinite(n) for n in ends)
    if not is_line or not ends[1]:
        raise InputError(
            f"{path}: its numbers are calibrated by a curve of ImageJ's (cf={known['cf']}); convert it to 32 bits "
            "there, Image > Type > 32-bit, and save it again"
        )
    found = Calibration(float(ends[0] or 0), float(ends[1]))
    return None if found == (0, 1) else found


def missing_number(page: Any) -> np.generic | None:
    """The number by which GDAL marks what is missing, in the type of the page; None where it has no place in that."""
    said = str(page.tags.valueof(NODATA, "")).strip("\x00 ")
    dtype = np.dtype(page.dtype)
    try:
        number = int(said) if dtype.kind in "iu" and said.lstrip("+-").isdigit() else float(said)
    except ValueError:
        return None
    if dtype.kind == "f":
        return None if math.isnan(number) else dtype.type(number)  # NaN is missing in every file
    if not np.iinfo(dtype).min <= number <= np.iinfo(dtype).max or number != int(number):  # NaN lies in no range
        return None
    found: np.generic = dtype.type(int(number))
    return found


def check_none_missing(path: Path, index: int, frame: np.ndarray, missing: np.generic | None) -> None:
    """Raise InputError where a frame holds the number that stands for what is missing."""
    gone = None if missing is None else frame == missing
    if gone is not None and gone.any():
        raise InputError(
            f"{path}: {int(gone.sum())} numbers of frame {index}, {gone.mean():.1%}, are {missing}, by which the file "
            f"marks what is missing (GDAL_NODATA); {REPLACE}"
        )


def mask_of(series: Any, others: Sequence[Any]) -> Any:
    """The series of the transparency masks of a series' pages, one of the same size for each, as GDAL writes them; None
    where there is none. TIFF 6.0, section 8, NewSubfileType."""
    size, count = tuple(series.keyframe.shaped[2:4]), len(series)
    masks = [s for s in others if s.keyframe.is_mask and tuple(s.keyframe.shaped[2:4]) == size and len(s) == count]
    return next(iter(masks), None)


def check_none_hidden(path: Path, index: int, seen: np.ndarray) -> None:
    """Raise InputError where the mask beside a frame, True where there is something to see, hides pixels of it."""
    if not seen.all():
        raise InputError(
            f"{path}: {int((~seen).sum())} pixels of frame {index}, {1 - seen.mean():.1%}, are missing, as a mask in "
            f"the file says; {REPLACE}"
        )


def upright(frame: np.ndarray, orientation: int) -> np.ndarray:
    """A frame (C, H, W) turned and mirrored as TIFF's Orientation says, 1 to 8: where its first row and its first
    column are to be seen."""
    frame = frame.swapaxes(1, 2) if orientation in ON_THEIR_SIDE else frame
    return frame[:, :: -1 if orientation in (3, 4, 7, 8) else 1, :: -1 if orientation in (2, 3, 6, 7) else 1]


def pixel_spacing(file: Any, page: Any, pixels: ElementTree.Element | None) -> tuple[Spacing | None, Spacing | None]:
    """From pixel to pixel down a column and along a row, as OME or ImageJ says it: what a TIFF says without these is
    of its print. pixels: OME's element."""
    if file.is_ome:
        known = {} if pixels is None else pixels.attrib
        height, width = (known.get(f"PhysicalSize{k}") for k in "YX")
        units = (known.get(f"PhysicalSize{k}Unit", "\u00b5m") for k in "YX")
        return spacing_of(height, next(units)), spacing_of(width, next(units))
    unit = (file.imagej_metadata or {}).get("unit")
    if not unit:
        return None, None
    return spacing_of(_pitch(page, "YResolution"), unit), spacing_of(_pitch(page, "XResolution"), unit)


def _pitch(page: Any, tag: str) -> float | None:
    """From pixel to pixel by a tag of resolution, pixels a unit; None where it has no such number."""
    with contextlib.suppress(TypeError, ValueError, ZeroDivisionError):
        pixels, units = page.tags.valueof(tag)
        return float(units / pixels)
    return None
