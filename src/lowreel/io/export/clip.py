"""A recovered clip and the file that it is to be like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...system.files import TIFF_FILES, is_array_file, split_member
from ..containers import Frames, as_clip, is_series, load_clip
from ..containers.base import LENGTHS, Spacing, in_unit, spacing_text
from ..containers.cf import Packing
from ..containers.places import even_step
from ..video import PICTURES, open_clip
from ..video.reader import central_window

PLAIN = ("time", "c", "y", "x")
"""What the axes T, C, H, W are called where the source has no names for them."""

COLOURED = "The source is grey, the clip has colours: what else the source says of its numbers and axes is left out."
"""Said where an array in colour has other axes than the grey one that it is like."""


@dataclass(frozen=True)
class Delivered:
    """A recovered clip, and what is known of where it came from.

    values: (T, C, H, W), in the numbers of the source where that is TIFF or a file of arrays, else in [0, 1]. times:
    seconds of the frames on the clock of the source. like: the file, FILE or FILE:NAME, whose kind, axes and type it is
    to have; None where there is none. is_cropped: whether frames were cut to their shape before they were resized.
    channel, plane: what was taken of a TIFF that has several. picked: which frames of the array these are, where the
    run knows that.
    """

    values: np.ndarray
    times: tuple[float, ...]
    rate: Fraction = Fraction(25)
    like: Path | None = None
    is_cropped: bool = False
    channel: int | None = None
    plane: int | None = None
    picked: slice | None = None

    @property
    def _is_like_arrays(self) -> bool:
        return self.like is not None and (is_array_file(self.like) or is_series(split_member(self.like)[0]))

    @cached_property
    def source(self) -> Frames | None:
        """The array that it is like, as a clip; None where that is no file of arrays, or no clip of real numbers."""
        if not self._is_like_arrays:
            return None
        assert self.like is not None
        try:
            found = as_clip(load_clip(self.like))
        except InputError:
            if split_member(self.like)[0].exists():
                return None  # data of another kind, such as pictures of several frames, tell nothing of the clip
            raise
        return found if found.dtype.kind in "biuf" and len(self.values) <= len(found) else None

    @cached_property
    def frames(self) -> list[int] | None:
        """Which frames of the array these are, as they were picked of it, else by their times; None where neither is
        known."""
        if self.source is None:
            return None
        if self.picked is not None and len(numbers := range(len(self.source))[self.picked]) == len(self.times):
            return list(numbers)
        return self.found_among([float(time) for time in self.source.times(Fraction(25))])

    def found_among(self, times: Sequence[float]) -> list[int] | None:
        """Which of these rising times the frames have; None where one of them has none."""
        known = np.asarray(times, np.float64)
        numbers = [int(np.abs(known - t).argmin()) for t in self.times]
        step = float(np.diff(known).min()) if len(known) > 1 else 1.0
        found = all(abs(known[n] - t) < 0.1 * step for n, t in zip(numbers, self.times, strict=True))
        return numbers if found else None

    @cached_property
    def numbers(self) -> np.ndarray:
        """(T, C, H, W) in the type of the source: integers rounded and kept within their range, bits for pictures."""
        if self.source is not None:
            return in_type(np.asarray(self.values), self.source.dtype)
        if self.like is None or self._is_like_arrays:
            return np.asarray(self.values, np.complex64 if np.iscomplexobj(self.values) else np.float32)
        opened = open_clip(self.like, channel=self.channel, plane=self.plane)
        if opened.keeps_units:  # TIFF
            return in_type(np.asarray(self.values), opened.dtype)
        dtype = np.dtype(np.uint8 if opened.dtype.itemsize == 1 else np.uint16)
        is_video = self.like.is_file() and self.like.suffix.lower() not in PICTURES
        scale, offset = (255.0 if dtype.itemsize == 1 else 65535.0, 0.0) if is_video else (opened.scale, opened.offset)
        return in_type(np.asarray(self.values, np.float64) * scale + offset, dtype)

    @property
    def is_grey_coloured(self) -> bool:
        """Whether it has colours that its source, an array, has no axis for."""
        return self.source is not None and self.source.order[1] is None and self.values.shape[1] > 1

    @cached_property
    def in_axes(self) -> np.ndarray:
        """`numbers` in the order of axes of the source; (T, H, W) or (T, C, H, W) where it has none."""
        return self.arranged(self.numbers)

    def arranged(self, clip: np.ndarray) -> np.ndarray:
        """A clip (T, C, H, W) in the order of axes of the source."""
        if self.source is None:
            return clip[:, 0] if clip.shape[1] == 1 else clip
        order = self.source.order
        kept = [k for k, axis in enumerate(order) if axis is not None or clip.shape[k] > 1]
        if any(order[k] is None for k in kept):  # as `is_grey_coloured`
            return clip
        squeezed = clip.reshape([clip.shape[k] for k in kept])
        places = [order[k] for k in kept]
        turned = squeezed.transpose(sorted(range(len(places)), key=lambda k: places[k] or 0))
        lacking = [k for k in range(len(self.source.array.shape)) if k not in places]
        return np.expand_dims(turned, lacking) if lacking else turned

    def coordinates(self, name: str, found: np.ndarray, length: int) -> np.ndarray | None:
        """Coordinates on an axis of the source: those of the frames that were kept, or of the pixels as they were
        resized. found: of the source; length: how many there are now. None where they do not fit."""
        array = self.source.array if self.source is not None else None
        role = dict(zip(array.axes, array.roles, strict=True))[name] if array else "-"
        if role == "T":
            values = None if self.frames is None else found[self.frames]
        elif role in "HW" and len(taken := self.taken["HW".index(role)]) == length:
            values = found[taken.start : taken.stop]
        elif role in "HW" and found.dtype.kind == "f":
            centres = taken.start + (np.arange(length) + 0.5) * len(taken) / length - 0.5
            values = np.interp(centres, np.arange(len(found)), found).astype(found.dtype)
        elif length == len(found):
            values = found
        else:
            values = None
        return None if values is None or len(values) != length else values

    def resized(self) -> tuple[float, float]:
        """By how much pixels grew in height and width; 1 where the size is that of the source or is not known."""
        rows, columns = self.taken
        return len(rows) / self.values.shape[2], len(columns) / self.values.shape[3]

    @property
    def taken(self) -> tuple[range, range]:
        """Rows and columns of the array that it is like of which the frames are; their own where there is none."""
        return self.taken_of((self.values if self.source is None else self.source).shape[2:])

    def taken_of(self, size: Sequence[int]) -> tuple[range, range]:
        """Rows and columns of frames of this size (H, W) of which these were made."""
        height, width = size
        now = self.values.shape[2], self.values.shape[3]
        return central_window((height, width), now) if self.is_cropped else (range(height), range(width))

    @cached_property
    def spacing(self) -> dict[str, Spacing]:
        """From pixel to pixel along H and W, as far as the array or TIFF that it is like tells, as these were
        cropped and resized."""
        if self.source is None:
            return self._spacing_of_tiff
        array, growth = self.source.array, dict(zip("HW", self.resized(), strict=True))
        roles = {role: name for name, role in zip(array.axes, array.roles, strict=False) if role in "HW"}
        known = {role: array.spacing[name] for role, name in roles.items() if name in array.spacing}
        return {role: (step * growth[role], unit) for role, (step, unit) in known.items()}

    @property
    def _spacing_of_tiff(self) -> dict[str, Spacing]:
        if self.like is None or split_member(self.like)[0].suffix.lower() not in TIFF_FILES:
            return {}
        opened = open_clip(self.like, channel=self.channel, plane=self.plane)
        taken = zip(self.taken_of(opened.shape[2:]), self.values.shape[2:], strict=True)
        growth = (len(own) / now for own, now in taken)
        given = zip("HW", opened.spacings, growth, strict=True)
        return {role: (told[0] * factor, told[1]) for role, told, factor in given if told is not None}

    def pixel_in(self, unit: str) -> tuple[float, float] | None:
        """Height and width of a pixel in a unit of length; None where they are not known both, or as no lengths."""
        found = [self.spacing.get(role) for role in "HW"]
        lengths = [in_unit(told, unit) for told in found if told is not None and told[1] in LENGTHS]
        return (lengths[0], lengths[1]) if len(lengths) == len(found) else None

    def size_is_lost(self, kind: str) -> list[str]:
        """A sentence for a kind of file that has lengths for both sides of a pixel, or none; empty where the source
        tells of neither side."""
        told = spacing_text(self.spacing.get("H"), self.spacing.get("W"))
        said = f"The size of the pixels, {told}, is left out: {kind} wants height and width, both as lengths."
        return [said] if told else []

    @property
    def is_even(self) -> bool:
        """Whether its frames are as far apart as each other, but for rounding."""
        return len(self.times) < 2 or even_step(np.asarray(self.times)) is not None


def portable(numbers: np.ndarray) -> np.ndarray:
    """Numbers in a type that every kind of file has: no booleans, half floats or integers of 64 bits."""
    if numbers.dtype.kind == "b":
        return numbers.astype(np.uint8)
    if numbers.dtype.kind in "iu" and numbers.dtype.itemsize == 8:
        return numbers.astype(np.float64)
    return numbers.astype(np.float32) if numbers.dtype == np.float16 else numbers


def as_bytes(numbers: np.ndarray, kind: str) -> tuple[np.ndarray, list[str]]:
    """Colours in bytes, with a note where there were more bits; kind: the kind of file that has no more."""
    if numbers.dtype == np.uint8:
        return numbers, []
    low, high = float(numbers.min()), float(numbers.max())
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    scaled = in_type((numbers.astype(np.float64) - low) / ((high - low) or 1) * 255, np.dtype(np.uint8))
    return scaled, [f"Colour of {kind} has 8 bits: export to .tif or .npy for more."]


def packed(values: np.ndarray, packing: Packing, dtype: np.dtype) -> np.ndarray:
    """Numbers as a file stores them, by its scale, offset and type."""
    stored = (values - packing.offset) / packing.scale if packing.is_scaled else values
    if packing.is_unsigned and dtype.kind == "i":
        return in_type(stored, np.dtype(f"u{dtype.itemsize}")).view(f"i{dtype.itemsize}")
    return in_type(stored, dtype)


def in_type(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers in a type: rounded to integers and kept within their range, or as floats."""
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        within = np.clip(np.rint(values.astype(np.float64)), limits.min, limits.max)
        top = within >= limits.max  # the largest of 64 bits is no float
        return np.where(top, limits.max, np.where(top, 0, within).astype(dtype)).astype(dtype)
    return values.astype(dtype.newbyteorder("="))
