"""Clips in files of arrays: .npy, .npz, .mat, .h5."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...system.files import atomic_write
from ..containers import Array, as_clip, load_clip
from .reader import RATE

SLICE = 1 << 26  # bytes of an array looked at at once


class ArrayReader:
    """An array of a file, FILE or FILE:NAME, at 25 frames per second; .npy is mapped, others are held in memory.

    `levels`, (scale, offset), stand in place of the array's own.
    """

    rate, has_audio = RATE, False

    def __init__(self, path: Path, levels: tuple[float, float] | None = None) -> None:
        array = load_clip(path)
        values = array.values
        if values.dtype.kind not in "biuf" or values.size == 0:
            kind = f"{values.dtype} of shape {values.shape}"
            advice = "; take its magnitude, abs(...), first" if values.dtype.kind == "c" else ""
            raise InputError(f"{path}: expected an array of real numbers, not empty; got {kind}{advice}")
        self._frames = as_clip(array)
        self.count = self.available = len(self._frames)
        channels, height, width = self._frames.shape[1:]
        self.shape = (channels, height, width)
        self.times = tuple(i / RATE for i in range(self.count))
        found = _range(array, self._frames)
        self.scale, self.offset = levels or found

    def frames(self, indices: range) -> Iterator[Tensor]:
        """See `Reader`."""
        for index in indices:
            stored = np.asarray(self._frames[index])
            if (self.scale, self.offset) != (1, 0):
                stored = (stored.astype(np.float64) - self.offset) / self.scale
            yield torch.from_numpy(np.array(stored, dtype=np.float32, order="C"))


class TensorReader:
    """A clip (T, C, H, W) in memory with grey levels in [0, 1], at 25 frames per second."""

    rate, has_audio, scale, offset = RATE, False, 1.0, 0.0

    def __init__(self, clip: Tensor) -> None:
        self._clip = clip
        self.count = self.available = len(clip)
        channels, height, width = clip.shape[1:]
        self.shape = (channels, height, width)
        self.times = tuple(i / RATE for i in range(self.count))

    def frames(self, indices: range) -> Iterator[Tensor]:
        """See `Reader`."""
        yield from (self._clip[index] for index in indices)


def _range(array: Array, clip: np.ndarray) -> tuple[float, float]:
    """The scale and offset that bring an array to [0, 1].

    uint8 has 255, and so have MATLAB's doubles that are whole numbers up to 255; floats within [0, 1] stay; all
    others, 12 bits in uint16 for one, are read through once, by slices, and take the range that is there.
    """
    if clip.dtype.kind == "b" or clip.dtype == np.uint8:
        return (1.0 if clip.dtype.kind == "b" else 255.0), 0.0
    low, high, bad, first, whole = math.inf, -math.inf, 0, -1, array.matlab
    step = max(1, SLICE // max(1, clip[0].nbytes))
    for start in range(0, len(clip), step):
        part = np.asarray(clip[start : start + step])
        if not (finite := np.isfinite(part)).all():
            bad += int((~finite).sum())
            first = start + int((~finite).any(axis=(1, 2, 3)).argmax()) if first < 0 else first
        low, high = min(low, float(part.min())), max(high, float(part.max()))
        whole = whole and bool((part == np.floor(part)).all())
    if bad:
        raise InputError(f"{array.label}: {bad} numbers are NaN or infinite, first in frame {first}; replace them")
    if low >= 0 and high <= 1 and clip.dtype.kind == "f":
        return 1.0, 0.0
    if whole and low >= 0 and high <= 255 and clip.dtype.kind == "f":
        return 255.0, 0.0
    offset = min(0.0, low)
    return high - offset or 1.0, offset


def write_npy(
    path: str | Path,
    clip_or_slices: Tensor | Iterable[Tensor],
    shape: Sequence[int],
    *,
    scale: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Write float32 .npy of the given (T, C, H, W) shape by slices, atomically: stored = x * scale + offset.

    Raises ValueError when the frames do not add up to `shape`, OSError when the disk is full.
    """
    shape, count = tuple(int(n) for n in shape), 0
    # Plain writes: a memory map on a full disk would end the program with SIGBUS.
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in [clip_or_slices] if isinstance(clip_or_slices, Tensor) else clip_or_slices:
            if tuple(part.shape[1:]) != shape[1:]:
                raise ValueError(f"frames of shape {tuple(part.shape[1:])} in a clip of shape {shape}")
            stored = part.detach().cpu()
            stored = stored if (scale, offset) == (1, 0) else stored.double() * scale + offset
            file.write(stored.numpy().astype("<f4").tobytes())
            count += len(part)
        if count != shape[0]:
            raise ValueError(f"{count} frames came for a clip of shape {shape}")
