"""What every reader of frames offers, and the conversions they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..containers import Spacing
from .levels import GreyLevels

if TYPE_CHECKING:
    from torch import Tensor

RATE = Fraction(25)  # of folders and arrays, which carry no times
LUMA = (0.299, 0.587, 0.114)
ACCURATE = 4 | 0x2000 | 0x40000  # FFmpeg's bicubic, full chroma, exact rounding: its default darkens by a level


Spacings = tuple[Spacing | None, Spacing | None]
"""From pixel to pixel down a column, and along a row; None where that is not known."""

NO_SPACINGS: Spacings = (None, None)


class Reader(Protocol):
    """One kind of file: what it holds, and its frames as stored."""

    count: int  # frames the file says it has
    available: int  # frames that are there; fewer when it is cut short
    shape: tuple[int, int, int]  # C, H, W
    times: tuple[Fraction, ...]
    rate: Fraction
    has_audio: bool
    declared: GreyLevels | None  # black and white, where the kind of file says them
    keeps_units: bool  # whether what is recovered is written in the numbers of the file
    spacing: Spacings  # from pixel to pixel, where the file says it
    coordinates: str  # between which coordinates pixels lie, in words; empty where the file does not tell
    axes: str  # how the axes of the file are read, in words; empty where there is one way only

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """The frames of these rising numbers, each (C, H, W), in the numbers of the file."""
        ...


def coloured(frame: Tensor, channels: int) -> Tensor:
    """A frame (C, H, W) with 1 or 3 channels: the luma of colour, or grey three times."""
    if frame.shape[0] == channels:
        return frame
    if channels == 3:
        return frame.expand(3, -1, -1)
    import torch

    return _within(torch.tensordot(frame.new_tensor(LUMA), frame, 1)[None], frame)


MOSAICS = {"rggb": (0, 1, 1, 2), "bggr": (2, 1, 1, 0), "grbg": (1, 0, 2, 1), "gbrg": (1, 2, 0, 1)}
"""Colours of a tile of 2x2 pixels behind a colour filter array, row by row."""


def mosaic_of(frame: Tensor, pattern: str) -> Tensor:
    """(1, H, W): of each pixel of a frame of colours the one that a colour filter array lets through."""
    mosaic = frame[:1].clone()
    for place, colour in enumerate(MOSAICS[pattern]):
        row, column = divmod(place, 2)
        mosaic[0, row::2, column::2] = frame[colour, row::2, column::2]
    return mosaic


def central_window(shape: tuple[int, int], size: tuple[int, int]) -> tuple[range, range]:
    """Rows and columns of a frame (H, W) that are left after a central crop to the aspect ratio of `size` (H, W)."""
    (height, width), (H, W) = shape, size
    left = min(height, max(1, round(width * H / W))), min(width, max(1, round(height * W / H)))
    starts = ((whole - part) // 2 for whole, part in zip(shape, left, strict=True))
    rows, columns = (range(start, start + part) for start, part in zip(starts, left, strict=True))
    return rows, columns


def fitted(frame: Tensor, size: tuple[int, int], crop: bool) -> Tensor:
    """A frame resized to `size` (H, W), after a central crop to its aspect ratio if `crop`."""
    if crop:
        rows, columns = central_window((int(frame.shape[1]), int(frame.shape[2])), size)
        frame = frame[:, rows.start : rows.stop, columns.start : columns.stop]
    if frame.shape[1:] == size:
        return frame
    from torch.nn.functional import interpolate

    return _within(interpolate(frame[None], size, mode="bilinear", antialias=True)[0], frame)


def _within(result: Tensor, frame: Tensor) -> Tensor:
    """Averages stay within the range of what they average, rounding included."""
    return result.clamp_(float(frame.min()), float(frame.max()))


def planes_first(picture: np.ndarray) -> np.ndarray:
    """(C, H, W) of (H, W) or (H, W, 3)."""
    return picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)


def size_text(size: Sequence[int]) -> str:
    """A size in words."""
    return f"{size[0]}x{size[1]} (height x width)"


def fraction(value: Any) -> Fraction:
    """An exact fraction of one of FFmpeg's, 0 for none."""
    return Fraction(value.numerator, value.denominator) if value else Fraction(0)
