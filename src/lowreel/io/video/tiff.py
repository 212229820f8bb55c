"""TIFF, read by tifffile: ImageJ's and OME's stacks too, series, axes, photometry and depth; a frame at a time."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import tifffile

from ...errors import InputError
from ...system.files import split_member
from ...system.memory import machine_bytes
from .lerc import is_lerc_of_floats, numbers_of
from .levels import GreyLevels, declared_bits
from .reader import RATE
from .tiff_axes import axes_of
from .tiff_times import frame_times, pixels_of
from .tiff_values import (
    ON_THEIR_SIDE,
    ORIENTATION,
    calibration_of,
    check_none_hidden,
    check_none_missing,
    mask_of,
    missing_number,
    pixel_spacing,
    upright,
)

WHITE_IS_ZERO, BLACK_IS_ZERO, FULL_COLOUR, PALETTE, TRANSPARENCY, YCBCR = 0, 1, 2, 3, 4, 6
PHOTOMETRIES = (WHITE_IS_ZERO, BLACK_IS_ZERO, FULL_COLOUR, PALETTE, TRANSPARENCY)
JPEG = (6, 7, 34892)
UNASSOCIATED, ASSOCIATED = 2, 1
NDTIFF = 2
"""From which major version on Micro-Manager's stacks keep what their frames are in a file beside them."""

PACKED = 'pip install "lowreel[tiff]", which reads compressed TIFF, or save it without compression'


class TiffReader:
    """One series of a TIFF, FILE or FILE:SERIES (its number or name), at the times that it tells, or 25 a second.

    channel: which one, where there are several that are no colour; plane: which one of the axis beside time. Numbers of
    a white-is-zero file are turned round. Raises InputError for several series, channels or planes of which none was
    chosen, a colour space that is not read, planes that are missing, and damage. Other files that an OME-TIFF names are
    not opened.
    """

    has_audio, keeps_units, coordinates = False, True, ""

    def __init__(self, path: Path, channel: int | None = None, plane: int | None = None) -> None:
        self.path, name = split_member(path)
        with _reading(self.path):
            self._file = tifffile.TiffFile(self.path, _multifile=False)
        self._close = weakref.finalize(self, self._file.close)
        try:
            with _reading(self.path):
                self._choose(name)
            self._axes = axes_of(str(path), self._layout(), self._page.size, channel, plane)
            self._describe()
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def _choose(self, name: str | None) -> None:
        """Find the series that is meant."""
        series = list(self._file.series)
        if "BinaryOnly" in (xml := self._file.ome_metadata or "") or _names_other_files(xml):
            raise InputError(f"{self.path}: its planes lie in several files, OME-TIFF; save them as one file")
        texts = [f"{k}: {s.name or 'without name'}, {s.axes} {tuple(s.shape)} {s.dtype}" for k, s in enumerate(series)]
        pictures = [s for s in series if not s.keyframe.is_mask] or series  # GDAL keeps what is missing in masks beside
        found = [s for k, s in enumerate(series) if name in (str(k), s.name)] if name is not None else pictures
        if not found or (name is None and len(found) > 1):
            several = f"holds {len(series)} series" if name is None else f"has no series {name}; it has"
            listed = "; ".join(texts[:20]) or "none"
            raise InputError(f"{self.path}: {several}, {listed}; say which by its number, such as {self.path}:0")
        is_ndtiff = (self._file.micromanager_metadata or {}).get("MajorVersion", 0) >= NDTIFF
        if is_ndtiff and len(found[0]) > 1 and found[0].kind != "ndtiff":
            raise InputError(
                f"{self.path}: is NDTiff, whose frames stand in the order in which they were stored; which is which is "
                "told by NDTiff.index, the file beside it; put it there again"
            )
        self._series, self.number = found[0], series.index(found[0])
        self._count_of_series = len(series)
        self._page = found[0].keyframe
        self._mask = None if self._page.is_mask else mask_of(found[0], series)
        pages = math.prod(found[0].get_shape(squeeze=False)) // max(1, self._page.size)
        self._offset = found[0].dataoffset
        if self._offset is None and (len(found[0]) != pages or any(page is None for page in found[0])):
            raise InputError(f"{self.path}: planes are missing: {pages} are promised; save it again")
        promised = found[0].nbytes + (self._offset or 0)
        if self._offset is not None and promised > self.path.stat().st_size:
            raise InputError(f"{self.path}: is cut short: {promised} bytes are promised; copy it again")
        if found[0].transform is not None:
            raise InputError(f"{self.path}: its numbers have a scale of their own, MD Gel; save it as plain TIFF")

    @property
    def true_is_black(self) -> bool:
        """Whether it holds truth values with white as zero, as tifffile writes an array of bool."""
        return self._turned and np.dtype(self._series.dtype).kind == "b"

    @property
    def _which(self) -> tuple[int, int]:
        """The number of the series, and of how many."""
        return self.number, self._count_of_series

    def _layout(self) -> tuple[str, tuple[int, ...], int]:
        """Axes and shape of the series, and how many of its samples are colour, or no more than alpha beside grey."""
        axes, shape = self._series.get_axes(squeeze=False), tuple(self._series.get_shape(squeeze=False))
        photometric, extra = self._photometric(), tuple(int(e) for e in self._page.extrasamples)
        if photometric == FULL_COLOUR:
            return axes, shape, 3
        samples = dict(zip(axes, shape, strict=True)).get("S", 1)
        alpha_only = samples == 2 and extra and extra[0] in (ASSOCIATED, UNASSOCIATED)
        return axes, shape, 1 if alpha_only or samples == 1 else 0

    def _photometric(self) -> int:
        """Black is zero where the file does not say it. Raises InputError for what is not read."""
        said = self._page.photometric
        photometric = BLACK_IS_ZERO if said is None else int(said)
        if photometric == YCBCR and int(self._page.compression) in JPEG:
            return FULL_COLOUR  # tifffile turns these into RGB
        if photometric not in PHOTOMETRIES:
            name = getattr(said, "name", str(said))
            raise InputError(f"{self.path}: pictures of {name} are not read; save them as RGB or grey")
        return photometric

    def _describe(self) -> None:
        axes, photometric, dtype = self._axes, self._photometric(), np.dtype(self._series.dtype)
        if dtype.kind not in "biuf":
            raise InputError(f"{self.path}: expected real numbers, got {dtype}; take the magnitude, abs(...), first")
        if axes.frame_numbers * dtype.itemsize > machine_bytes():
            raise InputError(f"{self.path}: says that a frame has {axes.frame_numbers:.3g} numbers; cut it smaller")
        self._has_palette = photometric == PALETTE and self._page.colormap is not None
        self._turned = photometric == WHITE_IS_ZERO
        if self._turned and dtype.kind not in "bu":
            raise InputError(f"{self.path}: white is zero, and its numbers are {dtype}: where is black? Save it anew")
        self._calibration = calibration_of(self.path, self._file.imagej_metadata or {})
        if self._mask is not None and len(self._mask) != axes.frames:  # masks of pages that are no whole frames
            for number, page in enumerate(self._mask):
                with _reading(self.path):
                    seen = page.asarray().astype(bool)
                check_none_hidden(self.path, number, seen)
            self._mask = None
        if self._calibration and (self._turned or self._has_palette or axes.colour is not None):
            raise InputError(f"{self.path}: is calibrated by ImageJ, and no plain grey; save it as grey of 32 bits")
        self._missing = missing_number(self._page) if dtype.kind in "iuf" else None
        self.count = self.available = axes.frames
        said = int(self._page.tags.valueof(ORIENTATION, 1))
        self._orientation = said if 1 < said <= max(ON_THEIR_SIDE) else 1
        on_side = self._orientation in ON_THEIR_SIDE
        height, width = (axes.width, axes.height) if on_side else (axes.height, axes.width)
        self.shape = (3 if self._has_palette else axes.colours, height, width)
        self.dtype = np.dtype(np.uint8) if self._has_palette else np.dtype("f8") if self._calibration else dtype
        with _reading(self.path):
            told = frame_times(self._file, axes, *self._which)
        self.frame_times = told
        self.times = tuple(i / RATE for i in range(self.count)) if told is None else told.shown
        self.rate = RATE if told is None or told.is_usual else 1 / told.step
        self.declared = self._declared(dtype)
        with _reading(self.path):
            pixels = pixels_of(self._file.ome_metadata, *self._which)
            down, across = pixel_spacing(self._file, self._page, pixels)
            self.spacing = (across, down) if on_side else (down, across)
        of_series = f"series {self.number} of {self._count_of_series}, " if self._count_of_series > 1 else ""
        kind = "ImageJ, " if self._series.kind == "imagej" else "OME, " if self._series.kind == "ome" else ""
        turned = ", white is zero: turned round" if self._turned else ", a palette: its colours" * self._has_palette
        turned += self._calibration.text if self._calibration else ""
        turned += f", turned upright as the file says (Orientation {said})" if self._orientation > 1 else ""
        self.axes = f"{kind}{of_series}{axes.text} {dtype}{turned}{f'; {told.text}' if told else ''}"

    def _declared(self, dtype: np.dtype) -> GreyLevels | None:
        """Black and white where the file says them: by bits per sample, OME's significant bits, or white is zero."""
        bits = int(self._page.bitspersample)
        if dtype.kind == "b" or self._has_palette:
            return declared_bits(1 if dtype.kind == "b" else 8, "pixels of" if dtype.kind == "b" else "colours of")
        if dtype.kind != "u" or self._calibration:
            return None
        if bits < 8 * dtype.itemsize or bits == 8 or self._turned:
            return declared_bits(bits, "white is zero in" if self._turned else "BitsPerSample says")
        significant = _significant_bits(self._file.ome_metadata, *self._which)
        if significant is None or significant >= bits:
            return None
        return declared_bits(significant, "OME says")._replace(is_bound=True)

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """See `Reader`."""
        for index in indices:
            frame = self._axes.picture(index, self._read_page)
            check_none_missing(self.path, index, frame, self._missing)
            if self._mask is not None:
                with _reading(self.path):
                    seen = self._mask[index].asarray().astype(bool)
                check_none_hidden(self.path, index, seen)
            yield upright(self._mapped(frame), self._orientation)

    def _mapped(self, frame: np.ndarray) -> np.ndarray:
        """(C, H, W) with the palette, the photometry and the calibration undone."""
        if self._has_palette:
            colours = np.asarray(self._page.colormap)
            colours = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)
            return colours[:, frame[0]]
        if not self._turned:
            return self._calibration.applied(frame) if self._calibration else frame
        return ~frame if frame.dtype.kind == "b" else (2 ** int(self._page.bitspersample) - 1 - frame)

    def _read_page(self, number: int) -> np.ndarray:
        """The numbers of a page, flat, in the machine's order of bytes."""
        if self._offset is None:
            with _reading(self.path):
                page = self._series[number]
                assert page is not None
                if is_lerc_of_floats(self._page):
                    return numbers_of(self._file, page, self._page)
                return np.ascontiguousarray(page.asarray()).reshape(-1)
        stored = np.dtype(self._series.dtype).newbyteorder(self._file.byteorder)
        size = self._page.size * stored.itemsize
        data = os.pread(self._file.filehandle.fileno(), size, self._offset + number * size)
        if len(data) < size:
            raise InputError(f"{self.path}: is cut short: page {number} is not whole; copy it again")
        return np.frombuffer(data, stored).astype(stored.newbyteorder("="), copy=False)


def _names_other_files(xml: str) -> bool:
    """Whether the planes that OME describes lie in more than one file."""
    return len({part.split('"')[0] for part in xml.split('FileName="')[1:]}) > 1


def _significant_bits(xml: str | None, number: int, count: int) -> int | None:
    """What OME's XML says of the bits of a series; None where it says nothing, or not of which series."""
    pixels = pixels_of(xml, number, count)
    said = "" if pixels is None else pixels.get("SignificantBits", "")
    return int(said) if said.isdecimal() and 1 < int(said) <= 32 else None


class _Told(logging.Handler):
    """Keeps what tifffile says of a file, which it would else go on with: planes that it fills with zeros."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR or " series " in text:
            self.sentences.append(text.split("> ", 1)[-1])


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever tifffile says against a file becomes an InputError, what it only logs too."""
    told, logger = _Told(), logging.getLogger("tifffile")
    passed_on, logger.propagate = logger.propagate, False
    logger.addHandler(told)
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # damage shows as whatever its parser stumbles over
        text = " ".join(str(error).split()) or type(error).__name__
        if "imagecodecs" in text or "COMPRESSION" in text:
            raise InputError(f"{path}: {text}; {PACKED}") from None
        raise InputError(f"{path}: cannot be read as TIFF ({text}); copy it again, or save it anew") from None
    finally:
        logger.removeHandler(told)
        logger.propagate = passed_on
    if told.sentences:
        raise InputError(f"{path}: cannot be read as TIFF ({told.sentences[0]}); copy it again, or save it anew")


def series_of(path: Path) -> list[dict[str, Any]]:
    """Number, name, axes, shape and type of each series of a file."""
    with _reading(path), tifffile.TiffFile(path, _multifile=False) as file:
        return [
            {"series": k, "name": s.name, "axes": s.axes, "shape": tuple(s.shape), "type": str(s.dtype)}
            for k, s in enumerate(file.series)
        ]
