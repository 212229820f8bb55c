"""Which stored number is black and which is white: one rule for every kind of file (docs/files-of-others.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

WHITES = (1, 255, 1023, 4095, 16383, 65535)
"""White of 1, 8, 10, 12, 14 and 16 bits."""

SHIFTS = (4, 6, 8)
"""Bits at the lower end that are 0 in each number, where counts of 12, 10 or 8 bits were moved to the top of 16."""

LOOKED_AT = 1 << 28
"""Bytes of a file that is looked at whole; of a larger one, the frames that are read and SPREAD others."""

SPREAD = 32


class GreyLevels(NamedTuple):
    """x = (stored - offset) / scale, for a clip x in [0, 1].

    why: where this comes from, in words; is_bound: whether numbers beyond black and white contradict it.
    """

    scale: float
    offset: float = 0.0
    why: str = ""
    is_bound: bool = False

    def applied(self, stored: np.ndarray) -> Tensor:
        """The stored numbers as float32 grey levels."""
        import torch

        if (self.scale, self.offset) == (1, 0):
            return torch.from_numpy(np.array(stored, dtype=np.float32, order="C"))
        if self.offset == 0 and stored.dtype.kind == "u" and stored.itemsize <= 2:
            return torch.from_numpy(stored.astype(np.float32, order="C") / np.float32(self.scale))
        levels = (stored.astype(np.float64) - self.offset) / self.scale
        return torch.from_numpy(levels.astype(np.float32, order="C"))


def declared_bits(bits: int, who: str) -> GreyLevels:
    """White of so many bits, as a file says it."""
    return GreyLevels(float(2**bits - 1), 0.0, f"{who} {bits} bit{'s' if bits > 1 else ''}")


class Extent:
    """What is found in frames that are looked at one after the other: their range, whether all are whole, their bits.

    label: the file, for messages.
    """

    def __init__(self, label: str) -> None:
        self.label, self.low, self.high = label, math.inf, -math.inf
        self.is_whole, self.used = True, 0
        self._bad, self._first = 0, -1

    def add(self, index: int, stored: np.ndarray) -> None:
        """Look at the frame of this number."""
        if stored.dtype.kind == "f":
            finite = np.isfinite(stored)
            if not finite.all():
                self._bad += int((~finite).sum())
                self._first = index if self._first < 0 else self._first
                return
            self.is_whole = self.is_whole and bool((stored == np.floor(stored)).all())
            if self.is_whole and stored.min() >= 0 and float(stored.max()) <= WHITES[-1]:  # counts, saved as floats
                self.used |= int(np.bitwise_or.reduce(stored.astype(np.int32), axis=None))
        elif stored.itemsize > 1:
            self.used |= int(np.bitwise_or.reduce(stored, axis=None))
        self.low, self.high = min(self.low, float(stored.min())), max(self.high, float(stored.max()))

    def checked(self) -> Extent:
        """Raise InputError where a number was NaN or infinite."""
        if self._bad:
            first = f"{self._bad} numbers are NaN or infinite, first in frame {self._first}"
            fill = "save them as .npy and fill them in: lowreel recover FILE.npy --operator mask"
            raise InputError(f"{self.label}: {first}; replace them, or {fill}")
        return self


def found_levels(extent: Extent) -> GreyLevels:
    """Levels of numbers whose file declares none.

    Floats within [0, 1] stay. Whole numbers that are not negative have the white of the bits that are used: the
    smallest of 1, 8, 10, 12, 14 and 16 bits that holds the largest of them. Others have the range that is there: white
    is the largest number, black the smallest, or 0 where none is negative. Raises InputError where 16 bits have both
    their lowest and their highest bits unused: whether the counts were moved up cannot be seen.
    """
    low, high = extent.low, extent.high
    if low >= 0 and high <= 1 and not extent.is_whole:
        return GreyLevels(1.0, 0.0, "numbers within 0 and 1")
    if extent.is_whole and low >= 0 and high <= WHITES[-1]:
        return _white_of_bits(extent)
    offset = min(0.0, low)
    return GreyLevels(high - offset or 1.0, offset, "the range that is there")


def _white_of_bits(extent: Extent) -> GreyLevels:
    white = next(white for white in WHITES if white >= extent.high)
    free = (extent.used & -extent.used).bit_length() - 1 if extent.used else 0
    shift = max((s for s in SHIFTS if s <= free), default=0)
    if shift and extent.high >= 2**15:
        bits = 16 - shift
        return GreyLevels(float((2**bits - 1) << shift), 0.0, f"the upper {bits} of 16 bits are used")
    if shift and white > 255:
        moved = (2 ** (16 - shift) - 1) << shift
        raise InputError(
            f"{extent.label}: which number is white? The largest is {extent.high:g}, and the lowest {shift} bits are "
            f"never used: say --white {white} for counts of {white.bit_length()} bits, --white {moved} for "
            f"{16 - shift} bits moved to the top of 16"
        )
    bits = white.bit_length()
    return GreyLevels(float(white), 0.0, f"{bits} bit{'s are' if bits > 1 else ' is'} used")


def looked_at(count: int, frame_bytes: int, read: Iterable[int]) -> list[int]:
    """The frames by which levels are found: all of them, or those that are read and others spread over a large file."""
    if count * frame_bytes <= LOOKED_AT:
        return list(range(count))
    return sorted({*read, *(k * (count - 1) // (SPREAD - 1) for k in range(SPREAD))})


def said_levels(white: float | None, black: float | None, label: str) -> GreyLevels | None:
    """Levels of which the user said both ends, or white with black at 0; None where white has to be found. Raises
    InputError where white is not above black."""
    if white is None:
        return None
    offset = black or 0.0
    if not (math.isfinite(white) and math.isfinite(offset) and white > offset):
        raise InputError(f"{label}: --white {white:g} has to be above black, which is {offset:g}")
    why = "as --white and --black say" if black is not None else "as --white says"
    return GreyLevels(white - offset, offset, why, is_bound=True)


def with_black(found: GreyLevels, black: float | None, label: str) -> GreyLevels:
    """The levels that were found, with the black that the user said. Raises InputError where that is not below
    white."""
    if black is None:
        return found
    white = found.offset + found.scale
    if not (math.isfinite(black) and black < white):
        raise InputError(f"{label}: --black {black:g} has to be below white, which is {white:g} ({found.why})")
    return GreyLevels(white - black, black, f"black as --black says, white: {found.why}", is_bound=True)


def check_within(levels: Tensor, index: int, said: GreyLevels, label: str) -> None:
    """Raise InputError where a frame, (C, H, W) in grey levels, has numbers beyond the black and white that were
    said."""
    low, high = float(levels.min()), float(levels.max())
    if low < -1e-6 or high > 1 + 1e-6:
        ends = [said.offset + said.scale * v for v in (low, high)]
        raise InputError(
            f"{label}: frame {index} holds numbers from {ends[0]:g} to {ends[1]:g}, beyond black {said.offset:g} and "
            f"white {said.offset + said.scale:g} ({said.why}); give others with --black and --white"
        )
