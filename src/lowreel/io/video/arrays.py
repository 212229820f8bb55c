"""Clips in files of arrays: .npy, .npz, .mat, .h5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ...errors import InputError
from ...system.files import atomic_write
from ..containers import as_clip, load_clip
from .levels import GreyLevels, declared_bits
from .reader import RATE

if TYPE_CHECKING:
    from torch import Tensor


class ArrayReader:
    """An array of a file, FILE or FILE:NAME, at 25 frames per second; .npy is mapped, others are held in memory."""

    rate, has_audio, keeps_units = RATE, False, True

    def __init__(self, path: Path) -> None:
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
        self.declared = {"b": GreyLevels(1.0, 0.0, "booleans")}.get(values.dtype.kind)
        if values.dtype == np.uint8:
            self.declared = declared_bits(8, "numbers of")
        self.axes = f"{values.shape} {values.dtype}, read as {_read_as(values.shape, self._frames.shape)}"

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """See `Reader`."""
        for index in indices:
            frame = np.asarray(self._frames[index])
            yield frame if frame.dtype.isnative else frame.astype(frame.dtype.newbyteorder("="))


def _read_as(shape: Sequence[int], clip_shape: Sequence[int]) -> str:
    """The axes of a clip that has this shape, in words; the clip is a view of it."""
    frames, channels, height, width = clip_shape
    named = {2: "(H, W)", 3: "(T, H, W)" if shape[0] == frames else "(H, W, T)"}
    orders = {"(T, C, H, W)": (0, 1, 2, 3), "(T, H, W, C)": (0, 2, 3, 1), "(H, W, C, T)": (2, 3, 1, 0)}
    for words, order in orders.items():
        if tuple(shape) == tuple(clip_shape[k] for k in order):
            named.setdefault(4, words)
    return f"{named.get(len(shape), '')}: T {frames}, C {channels}, H {height}, W {width}"


class TensorReader:
    """A clip (T, C, H, W) in memory with grey levels in [0, 1], at 25 frames per second."""

    rate, has_audio, keeps_units, axes = RATE, False, False, ""
    declared: GreyLevels | None = GreyLevels(1.0, 0.0, "drawn in [0, 1]")

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
    """Write float32 .npy of the given (T, C, H, W) shape by slices, atomically: stored = x * scale + offset.

    Raises ValueError when the frames do not add up to `shape`, OSError when the disk is full.
    """
    shape, count = tuple(int(n) for n in shape), 0
    # Plain writes: a memory map on a full disk would end the program with SIGBUS.
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        whole = [clip_or_slices] if hasattr(clip_or_slices, "dtype") else clip_or_slices
        for part in cast("Iterable[Tensor]", whole):
            if tuple(part.shape[1:]) != shape[1:]:
                raise ValueError(f"frames of shape {tuple(part.shape[1:])} in a clip of shape {shape}")
            stored = part.detach().cpu()
            stored = stored if (scale, offset) == (1, 0) else stored.double() * scale + offset
            file.write(stored.numpy().astype("<f4").tobytes())
            count += len(part)
        if count != shape[0]:
            raise ValueError(f"{count} frames came for a clip of shape {shape}")
