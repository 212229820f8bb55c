"""Folders of pictures, and single ones."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from ...errors import InputError
from .reader import RATE, coloured, from_integers, size_text

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
GREY = ("1", "L", "LA", "La")  # modes of Pillow
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


class PictureReader:
    """Pictures (path, page) of one size, at 25 frames per second; grey only when all of them are."""

    offset, rate, has_audio = 0.0, RATE, False

    def __init__(self, path: Path, pictures: list[tuple[Path, int]]) -> None:
        self._pictures = pictures
        heads = [_head(*picture) for picture in pictures]
        first, (size, _, _) = pictures[0][0], heads[0]
        for (other, _), (its_size, _, _) in zip(pictures, heads, strict=True):
            if its_size != size:
                sizes = f"{other.name} is {size_text(its_size)}, {first.name} is {size_text(size)}"
                raise InputError(f"{path}: frames of different sizes: {sizes}; resize or remove it")
        self.count = self.available = len(pictures)
        self.shape = (1 if all(grey for _, grey, _ in heads) else 3, *size)
        self.scale = max(peak for _, _, peak in heads)
        self.times = tuple(i / RATE for i in range(self.count))

    def frames(self, indices: range) -> Iterator[Tensor]:
        """See `Reader`."""
        for index in indices:
            yield coloured(from_integers(_picture(*self._pictures[index])), self.shape[0])


def pictures_of(folder: Path) -> list[tuple[Path, int]]:
    """The pictures of a folder in natural order: 2.jpg before 10.jpg."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.name[0] != "." and p.is_file()]
    if not found:
        raise InputError(f"{folder}: holds no pictures; expected frames as {', '.join(PICTURES)}")
    return [(path, 0) for path in sorted(found, key=natural_order)]


def natural_order(path: Path) -> tuple[list[str | int], str]:
    """A key that sorts file names by the numbers in them: frame9 before frame10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], path.name


@contextlib.contextmanager
def _opened(path: Path, page: int = 0) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as image:
            image.seek(page)
            yield image
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(f"{path}: cannot be read as a picture ({error}); replace or remove it") from None


def pages_of(path: Path) -> int:
    """How many pages a picture file has."""
    with _opened(path) as image:
        return getattr(image, "n_frames", 1)


def _head(path: Path, page: int) -> tuple[tuple[int, int], bool, float]:
    """Size (H, W), whether it is grey, and the largest value of a pixel, from the header alone."""
    with _opened(path, page) as image:
        if image.mode == "F" or (image.mode == "I" and image.format != "PNG"):
            raise InputError(f"{path}: pictures of 32 bits per pixel are not read; save them as .npy")
        width, height = image.size[::-1] if _orientation(image) >= 5 else image.size
        deep = image.mode.startswith("I") or _is_cut(image)
        return (height, width), image.mode in GREY or image.mode[0] == "I", 65535.0 if deep else 255.0


def _orientation(image: Image.Image) -> int:
    return image.getexif().get(0x0112, 1) if image.format in ("JPEG", "MPO") else 1  # others would be decoded


def _is_cut(image: Image.Image) -> bool:
    """A PNG of 16 bits per channel that Pillow would cut to 8."""
    return image.format == "PNG" and image.mode[0] != "I" and "16B" in str(getattr(image, "tile", ""))


def _picture(path: Path, page: int) -> np.ndarray:
    """(H, W) or (H, W, 3), uint8 or uint16, without alpha."""
    with _opened(path, page) as image:
        grey = image.mode in GREY
        if _is_cut(image):
            with av.open(f"file:{path}") as container:
                return next(container.decode(video=0)).to_ndarray(format="gray16le" if grey else "rgb48le")
        if image.mode[0] == "I":
            return np.asarray(image).astype(np.uint16)
        image = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
        if grey:
            return np.asarray(image.convert("L"))
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA")  # Pillow warns of transparency on the straight way to RGB
        return np.asarray(image.convert("RGB"))
