"""MNIST and CIFAR-10 from the files their makers publish, wherever the user has them."""

from __future__ import annotations

import gzip
import math
import struct
import tarfile
import zlib
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...system.places import data_places
from ..video.pictures import UNREADABLE

SAMPLE = 100
"""MNIST test digits that come with the package: the first ones of the test set."""

SUBFOLDERS = {"mnist": ("", "mnist", "MNIST/raw"), "cifar10": ("", "cifar10", "cifar-10-batches-bin")}
PUBLISHED = {"mnist": "yann.lecun.com/exdb/mnist", "cifar10": "www.cs.toronto.edu/~kriz/cifar.html"}

MNIST_TRAIN = ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", "train-images.idx3-ubyte")
MNIST_TEST = ("t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte")
CIFAR10 = ("cifar-10-binary.tar.gz", "data_batch_1.bin", "train_00.webp")
"""The last one: sheets of 25x25 images, row by row, in pictures without loss."""


def find(names: Sequence[str], what: str, family: str) -> Path:
    """The first of these files in $LOWREEL_DATA, data, the working folder, ../data or ../shared/data.

    what: who wants it, for the message; family: mnist or cifar10.

    Raises InputError that says which files are wanted and where they were looked for.
    """
    places = data_places()
    for place in places:
        for subfolder in SUBFOLDERS[family]:
            for name in names:
                if (path := Path(place, subfolder, name)).is_file():
                    return path
    looked = [place if Path(place).is_dir() else f"{place} (no such folder)" for place in places]
    raise InputError(
        f"{what}: its files are not here; wanted {' or '.join(names)}, looked for in {', '.join(looked)} and their "
        f"subfolders {', '.join(SUBFOLDERS[family][1:])}; put them there, or set LOWREEL_DATA to their folder; they "
        f"are published at {PUBLISHED[family]}"
    )


def is_official(path: Path) -> bool:
    """Whether a file or folder holds the training images of MNIST or CIFAR-10 as published."""
    return _mnist_in(path) is not None or _cifar10_in(path) is not None


def read_official(path: Path) -> tuple[str, Tensor]:
    """Name and training images, uint8 (N, C, h, w), of a file or folder for which `is_official` holds."""
    if (file := _mnist_in(path)) is not None:
        return "mnist", read_idx(file)
    file = _cifar10_in(path)
    assert file is not None
    return "cifar10", read_cifar10(file)


def _mnist_in(path: Path) -> Path | None:
    return _one_of(path, MNIST_TRAIN)


def _cifar10_in(path: Path) -> Path | None:
    return _one_of(path, CIFAR10)


def _one_of(path: Path, names: Sequence[str]) -> Path | None:
    candidates = [path / name for name in names] if path.is_dir() else [path] if path.name in names else []
    return next((file for file in candidates if file.is_file()), None)


def read_idx(path: Path) -> Tensor:
    """Images of an IDX file, uint8 (N, 1, h, w). Raises InputError when it is damaged or holds something else."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            content = file.read()
        magic, *shape = struct.unpack(">4I", content[:16])
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise InputError(f"{path}: cannot be read as an IDX file ({error}); download it again") from None
    if magic != 0x803 or not all(shape) or len(content) != 16 + math.prod(shape):
        raise InputError(
            f"{path}: expected IDX images (uint8, three dimensions, {math.prod(shape)} bytes after the header), got "
            f"{len(content) - 16} bytes and the magic number {magic:#x}; download it again"
        )
    return _tensor(np.frombuffer(content, np.uint8, offset=16).reshape(shape[0], 1, *shape[1:]))


def read_cifar10(path: Path) -> Tensor:
    """The 50,000 training images, uint8 (N, 3, 32, 32): five binary batches, their archive, or sheets of 25x25 tiles.

    The pickled batches ("python version") are not read: a pickle can run code. Raises InputError for damaged files.
    """
    if path.name.endswith(".webp"):
        sheets = sorted(path.parent.glob("train_[0-9][0-9].webp"))
        expected = [f"train_{k:02d}.webp" for k in range(len(sheets))]
        gaps = [name for name, sheet in zip(expected, sheets, strict=True) if name != sheet.name]
        if gaps:
            raise InputError(f"{path.parent}: {gaps[0]} is missing between the other sheets of CIFAR-10")
        return torch.cat([tiles(sheet, 32, channels=3) for sheet in sheets])
    if path.name.endswith(".tar.gz"):
        return torch.cat([_records(path, raw) for raw in _members(path)])
    batches = [path.with_name(f"data_batch_{k}.bin") for k in range(1, 6)]
    missing = [b.name for b in batches if not b.is_file()]
    if missing:
        raise InputError(f"{path.parent}: CIFAR-10 has five batches, {', '.join(missing)} is not here")
    return torch.cat([_records(batch, batch.read_bytes()) for batch in batches])


def _members(archive: Path) -> list[bytes]:
    found = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                stream = tar.extractfile(member) if "data_batch_" in member.name else None
                if stream is not None:
                    found[Path(member.name).name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, KeyError, zlib.error) as error:
        raise InputError(f"{archive}: cannot be read ({error}); download it again") from None
    if len(found) != 5:
        raise InputError(f"{archive}: expected five members data_batch_1.bin to 5, got {sorted(found)}")
    return [found[name] for name in sorted(found)]


def _records(path: Path, raw: bytes) -> Tensor:
    """Images of one binary batch: records of a label and 32x32 of red, green and blue."""
    if len(raw) == 0 or len(raw) % 3073:
        raise InputError(f"{path}: expected records of 3073 bytes, got {len(raw)} bytes; download it again")
    return _tensor(np.frombuffer(raw, np.uint8).reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32))


def tiles(sheet: Path, side: int, channels: int) -> Tensor:
    """A picture of square tiles, row by row: uint8 (N, C, side, side), grey (C = 1) or colour (3). Raises InputError
    for a damaged picture, and one that is not made of whole tiles."""
    try:
        with Image.open(sheet) as image:
            array = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except UNREADABLE as error:
        raise InputError(f"{sheet}: cannot be read as a picture ({error}); replace it") from None
    rows, columns = array.shape[0] // side, array.shape[1] // side
    if rows * columns == 0 or array.shape[:2] != (rows * side, columns * side):
        raise InputError(f"{sheet}: expected tiles of {side}x{side}, got {array.shape[0]}x{array.shape[1]}")
    grid = array.reshape(rows, side, columns, side, -1).transpose(0, 2, 4, 1, 3)
    return _tensor(grid.reshape(rows * columns, -1, side, side))


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(array, order="C"))


def sample_digits() -> Tensor:
    """The first SAMPLE digits of MNIST's test set, uint8 (SAMPLE, 1, 28, 28); they come with the package."""
    with as_file(files("lowreel") / "assets" / "mnist_test_100.png") as path:
        return tiles(path, 28, channels=1)


def mnist_digit(number: int) -> Tensor:
    """One digit of MNIST's test set, uint8 (28, 28). Raises InputError where its file is needed and not found."""
    if number < SAMPLE:
        return sample_digits()[number, 0]
    digits = read_idx(find(MNIST_TEST, f"MNIST test digit {number} (0 to {SAMPLE - 1} come with the package)", "mnist"))
    if number >= len(digits):
        raise InputError(f"MNIST test digit {number}: there are {len(digits)}, counted from 0")
    return digits[number, 0]
