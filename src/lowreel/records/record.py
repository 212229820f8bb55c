"""A record with gaps: frames that are read a few at a time, their times, and where there may be values at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import InputError

FRAMES_AT_ONCE_VALUES = 2**23
"""Values that are read at once where the whole record is looked through."""

LEAST_VALUES = 50
"""Values that have to be there for anything to be said of the others."""


@dataclass(frozen=True)
class Record:
    """read(start, stop): frames (n, H, W) float32, NaN in the gaps. times: (T,), rising, in `time_unit`.

    inside: (H, W) bool, where there may be values; None where only pixels with a value in some frame are filled.
    """

    label: str
    shape: tuple[int, int, int]
    read: Callable[[int, int], np.ndarray]
    times: np.ndarray
    time_unit: str = "frames"
    inside: np.ndarray | None = None

    def __post_init__(self) -> None:
        frames, height, width = self.shape
        if self.times.shape != (frames,) or not np.isfinite(self.times).all():
            raise InputError(f"{self.label}: expected a finite time for each of {frames} frames")
        if (np.diff(self.times) <= 0).any():
            raise InputError(f"{self.label}: its times do not rise; sort the frames by time, each time once")
        if self.inside is not None and self.inside.shape != (height, width):
            raise InputError(f"{self.label}: where values may be is {self.inside.shape}, its frames {height, width}")

    def chunks(self) -> list[tuple[int, int]]:
        """Stretches of frames that are read at once."""
        frames, height, width = self.shape
        size = max(1, FRAMES_AT_ONCE_VALUES // (height * width))
        return [(k, min(k + size, frames)) for k in range(0, frames, size)]

    def digest(self) -> str:
        """SHA-256 of all that a filling goes by: the values with their gaps, the times, where values may be."""
        found = hashlib.sha256(repr((self.shape, self.time_unit, self.inside is None)).encode())
        found.update(np.ascontiguousarray(self.times, np.float64).data)
        if self.inside is not None:
            found.update(np.packbits(self.inside).data)
        for start, stop in self.chunks():
            values = np.array(self.read(start, stop), np.float32, order="C")
            values[np.isnan(values)] = np.nan  # of the many bit patterns of NaN one
            found.update(values.data)
        return found.hexdigest()


def measured(record: Record) -> np.ndarray:
    """Where the record has values, (T, H, W) bool, inside of where it may. Raises InputError for too few of them."""
    found = np.zeros(record.shape, bool)
    for start, stop in record.chunks():
        found[start:stop] = np.isfinite(record.read(start, stop))
    if record.inside is not None:
        found &= record.inside
    if found.sum() < LEAST_VALUES:
        raise InputError(
            f"{record.label}: has {int(found.sum())} values; expected {LEAST_VALUES} at least to fill from"
        )
    return found


def duplicates(record: Record) -> list[int]:
    """Frames that repeat the one before to the last bit, where that has values: dropped by the recorder."""
    before, found = None, []
    for start, stop in record.chunks():
        for t, frame in enumerate(record.read(start, stop), start):
            same = before is not None and np.isfinite(frame).any() and np.array_equal(frame, before, equal_nan=True)
            found += [t] if same else []
            before = frame
    return found
