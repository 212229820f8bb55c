"""Any file or folder of frames as a lazily read clip; masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ...errors import InputError
from ...system.files import is_array_file, split_member
from .arrays import ArrayReader, TensorReader
from .movies import VideoReader
from .pictures import PICTURES, PictureReader, pages_of, pictures_of
from .reader import Reader, coloured, fitted, size_text


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
    scale: float
    offset: float
    has_audio: bool
    _reader: Reader = field(repr=False)
    _indices: range = field(repr=False)
    _crop: bool = field(repr=False)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int = 0, stop: int | None = None) -> Tensor:
        """Frames `start` up to `stop` (Python's slice rules), (n, C, H, W) float32; decodes only these.

        Raises InputError when a frame cannot be decoded.
        """
        indices = self._indices[start:stop]
        out = torch.empty(len(indices), *self.shape[1:])
        for place, frame in zip(out, self._reader.frames(indices), strict=True):
            place.copy_(fitted(coloured(frame, self.shape[1]), self.shape[2:], self._crop))
        return out


def open_clip(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fit: Literal["squash", "crop"] = "squash",
    channels: int | None = None,
    frames: slice | None = None,
    levels: tuple[float, float] | None = None,
) -> Clip:
    """Open a video, a picture, a folder of pictures, or an array in .npy, .npz, .mat or .h5; reads no frame yet.

    `size` (H, W) resizes to exactly that, `fit="crop"` after a central crop to its aspect ratio; `channels` 1 takes
    the luma of colour, 3 repeats grey; `frames` selects start:stop:step. Raises InputError for whatever the file,
    or a wish, has wrong. Arrays may be (H, W), (T, H, W), (T, C, H, W) or (T, H, W, C), those of MATLAB (H, W),
    (H, W, T) or (H, W, C, T); FILE.mat:NAME says which of several is meant; all but .npy are held in memory.
    `levels`, (scale, offset), stand in place of those found in an array.
    """
    _check_wishes(size, fit, channels)
    return _clip(Path(path), _reader(Path(path), levels), size, fit, channels, frames)


def clip_of(
    tensor: Tensor,
    name: str,
    *,
    size: tuple[int, int] | None = None,
    fit: Literal["squash", "crop"] = "squash",
    channels: int | None = None,
    frames: slice | None = None,
) -> Clip:
    """A clip of frames in memory, (T, C, H, W) in [0, 1], with the wishes of `open_clip`; `name` is its source."""
    _check_wishes(size, fit, channels)
    return _clip(Path(name), TensorReader(tensor), size, fit, channels, frames)


def _clip(
    path: Path, reader: Reader, size: tuple[int, int] | None, fit: str, channels: int | None, frames: slice | None
) -> Clip:
    indices = _selected(path, reader, frames or slice(None))
    shape = (len(indices), channels or reader.shape[0], *(size or reader.shape[1:]))
    times = tuple(reader.times[i] for i in indices)
    rate = reader.rate / indices.step
    wishes = (reader, indices, fit == "crop")
    return Clip(path, shape, times, rate, reader.scale, reader.offset, reader.has_audio, *wishes)


def read_mask(path: str | Path, clip_shape: Sequence[int]) -> Tensor:
    """A mask from a picture, folder, video or array: bool (T, 1, H, W), True (white, more than half) = keep.

    One single frame serves all T. Never resized. A mask that holds only zeros and ones of its own units counts as 0
    and 1. Raises InputError for another size or number of frames, and for a mask that hides everything or nothing.
    """
    clip, (frames, height, width) = open_clip(path, channels=1), (clip_shape[0], *clip_shape[2:])
    if clip.shape[2:] != (height, width):
        raise InputError(
            f"{path}: the mask is {size_text(clip.shape[2:])}, the clip {size_text((height, width))}; resize one"
        )
    if len(clip) not in (1, frames):
        raise InputError(f"{path}: the mask has {len(clip)} frames, the clip {frames}; give as many, or a single one")
    keep, ones = torch.empty(2, len(clip), 1, height, width, dtype=torch.bool).unbind()
    peak = 0.0
    for i in range(len(clip)):
        values = clip.read(i, i + 1)[0]
        keep[i], ones[i], peak = values > 0.5, values * clip.scale > 0.5, max(peak, float(values.max()))
    if peak * clip.scale < 1.001:
        keep = ones
    if not keep.any():
        raise InputError(f"{path}: the mask hides every pixel (white = keep); invert it or choose another")
    if keep.all():
        raise InputError(f"{path}: the mask hides no pixel (white = keep), so there is nothing to fill in")
    return keep.expand(frames, -1, -1, -1).clone()


def _check_wishes(size: tuple[int, int] | None, fit: str, channels: int | None) -> None:
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise InputError(f"a size is height and width, both at least 1; got {size}")
    if fit not in ("squash", "crop"):
        raise InputError(f"fit is squash or crop; got {fit}")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is 1 (grey) or 3 (colour); got {channels}")


def _reader(path: Path, levels: tuple[float, float] | None) -> Reader:
    file, _ = split_member(path)
    if not file.exists():
        raise InputError(
            f"{file}: no such file or folder; expected a video, a picture, a folder of "
            "pictures, or .npy, .npz, .mat or .h5"
        )
    if file.is_dir():
        return PictureReader(path, pictures_of(path))
    if is_array_file(path):
        return ArrayReader(path, levels)
    if path.suffix.lower() in PICTURES:
        return PictureReader(path, [(path, page) for page in range(pages_of(path))])
    return VideoReader(path)


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
