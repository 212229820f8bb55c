"""Folders of pictures, and single ones."""

from __future__ import annotations

import contextlib
import re
import shlex
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps

from ...errors import InputError
from ...system.files import ARRAY_FILES, TIFF_FILES
from ..containers import can_be_watched
from .levels import GreyLevels, declared_bits
from .planes import deep_levels
from .reader import NO_SPACINGS, RATE, planes_first, size_text
from .tiff import TiffReader

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", *TIFF_FILES)
FILM_FRAMES = (".dpx", ".tga", ".pgm", ".ppm")
"""Frames of scanned films and of other programs, which FFmpeg reads one by one and FFV1 keeps as they are."""

LEAST_FRAMES = 2
"""Frames of an animation: from one frame to the next there is a time."""

GREY_MODES = ("1", "L", "LA", "La")  # modes of Pillow
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class _Head:
    """What the header of a picture tells. dtype: of its numbers as they are stored."""

    size: tuple[int, int]
    channels: int
    dtype: np.dtype
    declared: GreyLevels | None


class PictureReader:
    """Pictures (path, page) of one size and depth, at the times given or 25 frames per second; grey only when all of
    them are."""

    has_audio, keeps_units, axes, coordinates = False, False, "", ""
    spacing = NO_SPACINGS

    def __init__(self, path: Path, pictures: list[tuple[Path, int]], times: tuple[Fraction, ...] | None = None) -> None:
        self._pictures = pictures
        heads = [_head(*picture) for picture in pictures]
        first, head = pictures[0][0], heads[0]
        for (other, _), its in zip(pictures, heads, strict=True):
            if its.size != head.size:
                sizes = f"{other.name} is {size_text(its.size)}, {first.name} is {size_text(head.size)}"
                raise InputError(f"{path}: frames of different sizes: {sizes}; resize or remove it")
            if (its.dtype, its.declared and its.declared[:2]) != (head.dtype, head.declared and head.declared[:2]):
                kinds = f"{other.name} has numbers of {its.dtype}, {first.name} of {head.dtype}"
                raise InputError(f"{path}: frames of different depths: {kinds}; save them alike")
        self.count = self.available = len(pictures)
        self.shape = (max(its.channels for its in heads), *head.size)
        self.declared = head.declared
        self.rate = RATE if times is None else (len(times) - 1) / times[-1]
        self.times = tuple(i / RATE for i in range(self.count)) if times is None else times

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """See `Reader`."""
        for index in indices:
            picture = _picture(*self._pictures[index])
            yield np.repeat(picture, 3, 0) if len(picture) < self.shape[0] else picture


def pictures_of(folder: Path) -> list[tuple[Path, int]]:
    """The pictures of a folder in natural order: 2.jpg before 10.jpg. Raises InputError where it holds none."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.name[0] != "." and p.is_file()]
    if not found:
        raise InputError(f"{folder}: holds no pictures{_others_in(folder)}; expected frames as {', '.join(PICTURES)}")
    kinds = {p.stem: p for p in found}
    twice = next((p for p in found if kinds[p.stem] != p), None)
    if twice is not None:
        pair = f"{twice.name} and {kinds[twice.stem].name}"
        raise InputError(f"{folder}: holds {pair}: are these one frame, in two kinds of file? Keep one kind in it")
    return [(path, 0) for path in sorted(found, key=natural_order)]


def _others_in(folder: Path) -> str:
    """The files of arrays, or of pictures of other kinds, in a folder, in words, and what to do with them; empty where
    there are none."""
    names = [p.name for p in folder.iterdir() if p.name[0] != "."]
    ends = (*ARRAY_FILES, *FILM_FRAMES)
    kinds = Counter(name[-len(end) :] for name in names for end in ends if name.lower().endswith(end))
    if not kinds:
        return ""
    end, count = kinds.most_common(1)[0]
    if end.lower() in FILM_FRAMES:
        frames = f"{shlex.quote(str(folder))}/'*{end}'"
        made = f"ffmpeg -framerate 24 -pattern_type glob -i {frames} -c:v ffv1 new.mkv"
        return (
            f" but {count} of {end}; make them a film without loss, of 24 frames a second or as many as it has: {made}"
        )
    return f" but {count} of {end}; give one of these alone, or join them along time into one file"


def natural_order(path: Path) -> tuple[list[str | int], str]:
    """A key that sorts file names by the numbers in them: frame9 before frame10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], path.name


@contextlib.contextmanager
def opened(path: Path, page: int = 0) -> Iterator[Image.Image]:
    """A page of a picture file in Pillow; whatever it says of a damaged one becomes an InputError."""
    try:
        with Image.open(path) as image:
            image.seek(page)
            yield image
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read as a picture ({error}); replace or remove it") from None


def film_of(path: Path) -> tuple[list[int], tuple[Fraction, ...] | None]:
    """Which pages of a picture file are frames, and when each is shown, from the first of them on; None without times.

    APNG may begin with a picture that is no frame, for who shows no more. The pages of JPEG beside the first are other
    views, brightness for other screens (gain maps) or smaller copies, and no frames.
    """
    with opened(path) as image:
        pages = list(range(getattr(image, "n_frames", 1)))
        if image.format in ("JPEG", "MPO"):
            return pages[:1], None
        if image.format not in ("PNG", "WEBP") or len(pages) < LEAST_FRAMES:
            return pages, None
        pages = pages[1:] if getattr(image, "default_image", False) else pages
        steps = [_shown_for(image, page) for page in pages]
    if len(pages) < LEAST_FRAMES or not all(steps) or not can_be_watched(*steps):
        return pages, None
    return pages, tuple(accumulate(steps[:-1], initial=Fraction(0)))


def _shown_for(image: Image.Image, page: int) -> Fraction:
    """How many seconds a page of an animation is shown; 0 where it does not tell."""
    image.seek(page)
    image.load()  # WebP tells it no earlier
    milliseconds = image.info.get("duration") or 0
    return Fraction(milliseconds).limit_denominator(1000) / 1000


def _head(path: Path, page: int) -> _Head:
    """What the header alone tells of a picture."""
    if path.suffix.lower() in TIFF_FILES:
        with TiffReader(path) as stack:
            _check_single(path, stack)
            return _Head(stack.shape[1:], stack.shape[0], stack.dtype, stack.declared)
    with opened(path, page) as image:
        width, height = image.size[::-1] if _orientation(image) >= 5 else image.size
        deep = image.mode.startswith("I") or _is_cut(image)
        channels = 1 if image.mode in GREY_MODES or image.mode[0] == "I" else 3
        declared = None if deep else declared_bits(8, "pictures of")
        return _Head((height, width), channels, np.dtype(np.uint16 if deep else np.uint8), declared)


def _check_single(path: Path, stack: TiffReader) -> None:
    if stack.count > 1:
        raise InputError(
            f"{path}: holds {stack.count} frames, and a folder is read as one picture a file; give this file alone, "
            "or join the stacks into one file"
        )


def _orientation(image: Image.Image) -> int:
    return image.getexif().get(0x0112, 1) if image.format in ("JPEG", "MPO") else 1  # others would be decoded


def _is_cut(image: Image.Image) -> bool:
    """A PNG of 16 bits per channel that Pillow would cut to 8."""
    return image.format == "PNG" and image.mode[0] != "I" and "16B" in str(getattr(image, "tile", ""))


def _picture(path: Path, page: int) -> np.ndarray:
    """(1, H, W) or (3, H, W), without alpha."""
    if path.suffix.lower() in TIFF_FILES:
        with TiffReader(path) as stack:
            return next(stack.stored([0]))
    with opened(path, page) as image:
        if _is_cut(image):
            with av.open(f"file:{path}") as container:
                levels = deep_levels(next(container.decode(video=0)))
            return np.rint(levels.astype(np.float64) * 65535).astype(np.uint16)
        if image.mode[0] == "I":
            return np.asarray(image).astype(np.uint16)[None]
        image = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
        if image.mode in GREY_MODES:
            return planes_first(np.asarray(image.convert("L")))
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA")  # Pillow warns of transparency on the straight way to RGB
        return planes_first(np.asarray(image.convert("RGB")))
