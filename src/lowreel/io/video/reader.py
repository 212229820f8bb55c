"""What every reader of frames offers, and the conversions they share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

RATE = Fraction(25)  # of folders and arrays, which carry no times
LUMA = (0.299, 0.587, 0.114)
ACCURATE = 4 | 0x2000 | 0x40000  # FFmpeg's bicubic, full chroma, exact rounding: its default darkens by a level


class Reader(Protocol):
    """One kind of file: what it holds, and its frames as stored, mapped to grey levels in [0, 1]."""

    count: int  # frames the file says it has
    available: int  # frames that are there; fewer when it is cut short
    shape: tuple[int, int, int]  # C, H, W
    times: tuple[Fraction, ...]
    rate: Fraction
    scale: float
    offset: float
    has_audio: bool

    def frames(self, indices: range) -> Iterator[Tensor]:
        """The frames of an ascending range, each (C, H, W) float32."""
        ...


def coloured(frame: Tensor, channels: int) -> Tensor:
    """A frame with 1 or 3 channels: the luma of colour, or grey three times."""
    if frame.shape[0] == channels:
        return frame
    if channels == 3:
        return frame.expand(3, -1, -1)
    return _within(torch.tensordot(frame.new_tensor(LUMA), frame, 1)[None], frame)


def fitted(frame: Tensor, size: tuple[int, int], crop: bool) -> Tensor:
    """A frame resized to `size` (H, W), after a central crop to its aspect ratio if `crop`."""
    (height, width), (H, W) = frame.shape[1:], size
    if crop and width * H > height * W:
        cut = max(1, round(height * W / H))
        frame = frame[:, :, (width - cut) // 2 :][:, :, :cut]
    elif crop:
        cut = max(1, round(width * H / W))
        frame = frame[:, (height - cut) // 2 :][:, :cut]
    if frame.shape[1:] == size:
        return frame
    return _within(interpolate(frame[None], size, mode="bilinear", antialias=True)[0], frame)


def _within(result: Tensor, frame: Tensor) -> Tensor:
    """Averages stay within the range of what they average, rounding included."""
    return result.clamp_(float(frame.min()), float(frame.max()))


def from_integers(stored: np.ndarray) -> Tensor:
    """(H, W) or (H, W, 3) of uint8 or uint16 -> (C, H, W) in [0, 1]."""
    peak = float(np.iinfo(stored.dtype).max)
    planes = stored[None] if stored.ndim == 2 else stored.transpose(2, 0, 1)
    return torch.from_numpy(planes.astype(np.float32) / np.float32(peak))


def size_text(size: Sequence[int]) -> str:
    """A size in words."""
    return f"{size[0]}x{size[1]} (height x width)"


def fraction(value: Any) -> Fraction:
    """An exact fraction of one of FFmpeg's, 0 for none."""
    return Fraction(value.numerator, value.denominator) if value else Fraction(0)
