"""Any file or folder of frames as a lazily read clip."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...errors import InputError
from ...system.files import ARRAY_FILES, TIFF_FILES, is_array_file, split_member
from ...system.names import is_clip_name, is_wrong_clip_name, split_clip_name
from ..containers import LENGTHS, advice, is_series, refuse_hidden, spacing_text
from .array_clips import ArrayReader, TensorReader
from .levels import Extent, GreyLevels, check_within, found_levels, looked_at, said_levels, with_black
from .movies import VideoReader
from .pictures import PICTURES, PictureReader, film_of, pictures_of
from .reader import MOSAICS, Reader, Spacings, central_window, coloured, fitted, mosaic_of
from .tiff import TiffReader

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


MOST_ASPECT = 10
"""Beyond it, or below its inverse, pixels are shown as squares: a film of them would be a line."""

HELD_BYTES = 1 << 26
"""Bytes of frames that were looked at and are held until they are read."""


@dataclass(frozen=True)
class Choice:
    """What is taken of a file, where it leaves a choice: white and black in its numbers, a channel, a plane; of
    colours the one of each pixel that a colour filter array sees."""

    levels: tuple[float, float] | None = None
    white: float | None = None
    black: float | None = None
    channel: int | None = None
    plane: int | None = None
    mosaic: str | None = None


@dataclass(frozen=True)
class Clip:
    """A lazily read clip; `read` gives (n, C, H, W) float32, x = (stored - offset) / scale.

    `times` holds one `Fraction` per frame, seconds from the first frame of the file on; `rate` is the average number
    of frames per second.
    """

    source: Path
    shape: tuple[int, int, int, int]
    times: tuple[Fraction, ...]
    rate: Fraction
    _reader: Reader = field(repr=False)
    _indices: range = field(repr=False)
    _crop: bool = field(repr=False)
    _choice: Choice = field(repr=False)
    _held: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def levels(self) -> GreyLevels:
        """Black and white: said, declared, or found by looking at frames. Raises InputError as `found_levels`.

        Frames that are looked at are held for the next reading where they take little: no frame is read twice then.
        """
        return _levels(str(self.source), self._reader, self._indices, self._choice, self._held)

    def levels_at_a_glance(self) -> GreyLevels:
        """The same; of a large file, by a few of its frames."""
        return _levels(str(self.source), self._reader, (), self._choice)

    @property
    def scale(self) -> float:
        """Distance of white from black, in the numbers of the file."""
        return self.levels.scale

    @property
    def offset(self) -> float:
        """Black, in the numbers of the file."""
        return self.levels.offset

    @property
    def dtype(self) -> np.dtype:
        """The type of the numbers of the file; one frame is read for it."""
        return next(iter(self._reader.stored(self._indices[:1]))).dtype

    @property
    def has_audio(self) -> bool:
        """Whether the file has sound."""
        return self._reader.has_audio

    @property
    def keeps_units(self) -> bool:
        """Whether what is recovered is written in the numbers of the file: of arrays and TIFF."""
        return self._reader.keeps_units

    @property
    def axes(self) -> str:
        """How the axes of the file are read, in words; empty where there is one way only."""
        return self._reader.axes

    @property
    def spacing(self) -> tuple[float, str] | None:
        """From pixel to pixel of a row as it is read, and the unit, such as µm; None where the file says no length."""
        across = self.spacings[1]
        return across if across is not None and across[1] in LENGTHS else None

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel over its height as it is read, 1 where the file does not say both in one unit."""
        down, across = self.spacings
        if down is None or across is None or down[1] != across[1]:
            return Fraction(1)
        found = across[0] / down[0]
        return Fraction(found).limit_denominator(1000) if 1 / MOST_ASPECT < found < MOST_ASPECT else Fraction(1)

    @property
    def spacings(self) -> Spacings:
        """From pixel to pixel down a column and along a row, as they are read."""
        (height, width), (H, W) = self._reader.shape[1:], self.shape[2:]
        rows, columns = central_window((height, width), (H, W)) if self._crop else (range(height), range(width))
        down, across = self._reader.spacing
        return down and (down[0] * len(rows) / H, down[1]), across and (across[0] * len(columns) / W, across[1])

    def __repr__(self) -> str:
        frames, channels, height, width = self.shape
        of = "grey" if channels == 1 else "colour"
        return f"Clip({self.source}, {frames} frames of {height}x{width}, {of}, {float(self.rate):.4g} a second)"

    def _repr_html_(self) -> str:
        """What a notebook shows: some frames, and what the file is; without frames where they cannot be read."""
        import html

        from ...system.film_strip import frames_of_strip, strip_html

        told = f"<p>{html.escape(repr(self))}{html.escape(f'; {self.axes}') if self.axes else ''}</p>"
        shown = frames_of_strip(len(self))
        try:
            frames = [self.read(t, t + 1)[0] for t in shown]
        except InputError as error:
            return f"<div>{told}<p>{html.escape(str(error))}</p></div>"
        import torch

        return f"<div>{strip_html(torch.stack(frames), shown, self.source.name, len(self))}{told}</div>"

    @property
    def grid(self) -> str:
        """How far apart pixels are as they are read, or between which coordinates those of the file lie, in words;
        empty where it is silent."""
        return spacing_text(*self.spacings) or self._reader.coordinates

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Frames `start` up to `stop` (Python's slice rules), (n, C, H, W) float32; decodes only these.

        Raises InputError when a frame cannot be decoded, or has numbers beyond the black and white that were said.
        """
        import torch

        indices = self._indices[start:stop]
        out = torch.empty(len(indices), *self.shape[1:])
        levels = self.levels if len(indices) else GreyLevels(1.0)
        for index, place, stored in zip(indices, out, self._stored(indices), strict=True):
            frame = levels.applied(stored)
            if levels.is_bound:
                check_within(frame, index, levels, str(self.source))
            if self._choice.mosaic is not None and len(frame) == 3:
                frame = mosaic_of(frame, self._choice.mosaic)
            place.copy_(fitted(coloured(frame, self.shape[1]), self.shape[2:], self._crop))
        return out

    def _stored(self, indices: range) -> Iterator[np.ndarray]:
        """Frames as they are stored: those that are held, once, else from the file."""
        held = dict(self._held)
        self._held.clear()
        if all(index in held for index in indices):
            return (held.pop(index) for index in indices)
        return self._reader.stored(indices)


def _levels(
    label: str, reader: Reader, read: Sequence[int], choice: Choice, held: dict[int, np.ndarray] | None = None
) -> GreyLevels:
    if choice.levels is not None:
        return GreyLevels(*choice.levels, "in the units of the data")
    said = said_levels(choice.white, choice.black, label)
    if said is None:
        said = with_black(reader.declared or _found(label, reader, read, held), choice.black, label)
    return said


def _found(label: str, reader: Reader, read: Sequence[int], held: dict[int, np.ndarray] | None) -> GreyLevels:
    """Levels of the frames that are looked at; held: takes those that will be read, of HELD_BYTES at most."""
    extent, wanted = Extent(label), set(read) if held is not None else set()
    indices = looked_at(reader.available, 8 * math.prod(reader.shape), read)
    for index, stored in zip(indices, reader.stored(indices), strict=True):
        extent.add(index, stored)
        if held is not None and index in wanted and len(wanted) * stored.nbytes <= HELD_BYTES:
            held[index] = stored
    found = found_levels(extent.checked())
    part = "" if len(indices) == reader.available else f" (of {len(indices)} frames that were looked at)"
    return found._replace(why=found.why + part)


def open_clip(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fit: Literal["squash", "crop"] = "squash",
    channels: int | None = None,
    frames: slice | None = None,
    levels: tuple[float, float] | None = None,
    white: float | None = None,
    black: float | None = None,
    channel: int | None = None,
    plane: int | None = None,
    mosaic: str | None = None,
) -> Clip:
    """Open a video, a picture, a folder of pictures, or a file of arrays (docs/files-of-others.md); reads no frame yet.

    A name in place of a file, such as rotating-mnist:7, is a clip that is drawn: rotating-mnist, moving-mnist,
    color-wheel or beating-heart with a number, 0 if left out; they differ by number and stay the same for good.

    `size` (H, W) resizes to exactly that, `fit="crop"` after a central crop to its aspect ratio; `channels` 1 takes
    the luma of colour, 3 repeats grey; `frames` selects start:stop:step. Raises InputError for whatever the file,
    or a wish, has wrong. Arrays may be (H, W), (T, H, W), (T, C, H, W) or (T, H, W, C), those of MATLAB (H, W),
    (H, W, T) or (H, W, C, T); FILE.mat:NAME says which of several is meant, FILE:NAME,z=3 takes a place on an axis. Of
    a TIFF FILE.tif:SERIES does, `channel` chooses of channels that are no colour, `plane` of the axis beside time.
    `mosaic`, such as rggb, takes of colours what a colour filter array sees, with `channels` 1.

    `white` and `black`, in the numbers of the file, stand in place of those that it declares or that are found in it
    (docs/files-of-others.md); so do `levels`, (scale, offset), without a check that nothing lies beyond them.
    """
    _check_wishes(size, fit, channels)
    if mosaic is not None and (mosaic not in MOSAICS or channels != 1):
        raise InputError(f"mosaic: expected one of {', '.join(MOSAICS)}, with channels=1; got {mosaic}")
    choice = Choice(levels, white, black, channel, plane, mosaic)
    if is_clip_name(path):
        reader, name = _drawing(path, choice), ":".join(map(str, split_clip_name(path)))
        return _clip(Path(name), reader, size, fit, channels, frames, choice)
    return _clip(Path(path), _reader(Path(path), choice), size, fit, channels, frames, choice)


def _drawing(name: str | Path, choice: Choice) -> Reader:
    """The reader of a clip that is drawn."""
    said = {"--white": choice.white, "--black": choice.black, "--channel": choice.channel, "--plane": choice.plane}
    for flag in (flag for flag, value in said.items() if value is not None):
        raise InputError(f"{name}: is drawn, in [0, 1]; leave out {flag}")
    from ..datasets.clips import drawn

    return TensorReader(drawn(name))


def _clip(
    path: Path,
    reader: Reader,
    size: tuple[int, int] | None,
    fit: str,
    channels: int | None,
    frames: slice | None,
    choice: Choice,
) -> Clip:
    indices = _selected(path, reader, frames or slice(None))
    shape = (len(indices), channels or reader.shape[0], *(size or reader.shape[1:]))
    times = tuple(reader.times[i] for i in indices)
    rate = reader.rate / indices.step
    return Clip(path, shape, times, rate, reader, indices, fit == "crop", choice)


def _check_wishes(size: tuple[int, int] | None, fit: str, channels: int | None) -> None:
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise InputError(f"a size is height and width, both at least 1; got {size}")
    if fit not in ("squash", "crop"):
        raise InputError(f"fit is squash or crop; got {fit}")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is 1 (grey) or 3 (colour); got {channels}")


def _reader(path: Path, choice: Choice) -> Reader:
    if is_wrong_clip_name(path):
        raise InputError(f"{path}: expected NAME:NUMBER, such as {str(path).split(':')[0]}:7")
    file, name = split_member(path)
    if not file.exists():
        raise InputError(
            f"{file}: no such file or folder; expected a video, a picture, a folder of "
            f"pictures, or arrays, {', '.join(ARRAY_FILES)}"
        )
    if file.is_file() and file.suffix.lower() in TIFF_FILES:
        return TiffReader(path, choice.channel, choice.plane)
    for flag, wish in (("--channel", choice.channel), ("--plane", choice.plane)):
        if wish is not None:
            raise InputError(f"{path}: {flag} {wish}: is for TIFF with several; in arrays type FILE:NAME,AXIS=PLACE")
    if is_array_file(path) or is_series(file):
        return ArrayReader(path)
    refuse_hidden(file)
    if name is not None:
        raise InputError(f"{path}: {file} is a folder of pictures, without axes to choose from; leave out :{name}")
    if file.is_dir():
        return PictureReader(path, pictures_of(path))
    if path.suffix.lower() in PICTURES:
        pages, times = film_of(path)
        return PictureReader(path, [(path, page) for page in pages], times)
    if choice.white is not None or choice.black is not None:
        raise InputError(f"{path}: a video says itself what is black and white; leave out --white and --black")
    try:
        return VideoReader(path)
    except InputError:
        known = advice(path)
        if known is None:
            raise
        raise InputError(f"{path}: {known}") from None


def _selected(path: Path, reader: Reader, wish: slice) -> range:
    if wish.step is not None and wish.step < 1:
        raise InputError(f"{path}: the step of the frames must be at least 1; got {wish.step}")
    indices = range(reader.count)[wish]
    if not indices:
        parts = (wish.start, wish.stop, wish.step)
        text = ":".join("" if part is None else str(part) for part in parts).removesuffix(":")
        raise InputError(f"{path}: --frames {text} selects none of its {reader.count} frames")
    if indices[-1] >= reader.available:
        there = f"{reader.available} of its {reader.count} frames are there"
        use = f"use --frames :{reader.available}, or " if reader.available else ""
        raise InputError(f"{path}: the file is cut short: {there}; {use}download or encode it again")
    return indices
