"""Clips in files of arrays: NumPy's, MATLAB's, and those of the field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ...errors import InputError
from ...system.files import atomic_write
from ..containers import as_clip, complex_advice, load_clip, missing_sentence
from .levels import GreyLevels, declared_bits
from .reader import NO_SPACINGS, RATE

if TYPE_CHECKING:
    from torch import Tensor


class ArrayReader:
    """An array of a file, FILE or FILE:NAME, at the times that the file tells, or 25 frames per second; see `Lazy`."""

    has_audio, keeps_units = False, True

    def __init__(self, path: Path) -> None:
        array = load_clip(path)
        if array.dtype.kind not in "biuf" or math.prod(array.shape) == 0:
            kind = f"{array.dtype} of shape {array.shape}"
            advice = f"; {complex_advice(array)}" if array.dtype.kind == "c" else ""
            raise InputError(f"{path}: expected an array of real numbers, not empty; got {kind}{advice}")
        self._array, self._frames = array, as_clip(array)
        self.count = self.available = len(self._frames)
        channels, height, width = self._frames.shape[1:]
        self.shape = (channels, height, width)
        self.rate = array.rate or RATE
        self.times = self._frames.times(RATE)
        self.declared = {"b": GreyLevels(1.0, 0.0, "booleans")}.get(array.dtype.kind)
        if array.dtype == np.uint8:
            self.declared = declared_bits(8, "numbers of")
        if array.levels:
            self.declared = GreyLevels(*array.levels, "the bits that the file says are used")
        down, across = ("" if k is None or not array.axes else array.axes[k] for k in self._frames.order[2:])
        self.spacing = array.spacing.get(down), array.spacing.get(across)
        self.coordinates = ", ".join(array.coordinates[axis] for axis in (down, across) if axis in array.coordinates)
        named = f", axes {', '.join(array.axes)}" if array.axes else ""
        self.axes = f"{array.shape} {array.dtype}{named}, read as {_read_as(array.shape, self._frames.order)}"

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """See `Reader`."""
        for index in indices:
            frame = np.asarray(self._frames[index])
            if frame.dtype.kind == "f" and not np.isfinite(frame).all():
                raise InputError(missing_sentence(self._array, self._frames))
            yield frame if frame.dtype.isnative else frame.astype(frame.dtype.newbyteorder("="))


def _read_as(shape: Sequence[int], order: Sequence[int | None]) -> str:
    """What the axes of an array are, in words; order: where T, C, H and W are among them."""
    letters = {axis: letter for axis, letter in zip(order, "TCHW", strict=True) if axis is not None}
    named = ", ".join(letters.get(k, "-") for k in range(len(shape)))
    sizes = (1 if axis is None else shape[axis] for axis in order)
    return f"({named}): {', '.join(f'{letter} {size}' for letter, size in zip('TCHW', sizes, strict=True))}"


class TensorReader:
    """A clip (T, C, H, W) in memory with grey levels in [0, 1], at 25 frames per second."""

    rate, has_audio, keeps_units, axes, coordinates = RATE, False, False, "", ""
    declared: GreyLevels | None = GreyLevels(1.0, 0.0, "drawn in [0, 1]")
    spacing = NO_SPACINGS

    def __init__(self, clip: Tensor) -> None:
        self._clip = clip
        self.count = self.available = len(clip)
        channels, height, width = clip.shape[1:]
        self.shape = (channels, height, width)
        self.times = tuple(i / RATE for i in range(self.count))

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """See `Reader`."""
        yield from (self._clip[index].numpy() for index in indices)


def write_npy(
    path: str | Path,
    clip_or_slices: Tensor | Iterable[Tensor],
    shape: Sequence[int],
    *,
    scale: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Write .npy of the given (T, C, H, W) shape by slices, atomically: stored = x * scale + offset.

    float32; complex64 where the first slice is complex, whose slices then all have to be.

    Raises ValueError when the frames do not add up to `shape`, OSError when the disk is full.
    """
    shape, count = tuple(int(n) for n in shape), 0
    # Plain writes: a memory map on a full disk would end the program with SIGBUS.
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        is_whole = hasattr(clip_or_slices, "dtype")  # written by frames, as copies of it would take twice its memory
        slices = cast("Tensor", clip_or_slices).split(1) if is_whole else clip_or_slices
        parts = iter(cast("Iterable[Tensor]", slices))
        first = next(parts, None)
        stored_type = "<c8" if first is not None and first.is_complex() else "<f4"
        np.lib.format.write_array_header_1_0(file, {"descr": stored_type, "fortran_order": False, "shape": shape})
        for part in chain([] if first is None else [first], parts):
            if tuple(part.shape[1:]) != shape[1:]:
                raise ValueError(f"frames of shape {tuple(part.shape[1:])} in a clip of shape {shape}")
            stored = part.detach().cpu().numpy()
            if (scale, offset) != (1, 0):
                stored = stored.astype(np.complex128 if stored_type == "<c8" else np.float64) * scale + offset
            file.write(stored.astype(stored_type).tobytes())
            count += len(part)
        if count != shape[0]:
            raise ValueError(f"{count} frames came for a clip of shape {shape}")
