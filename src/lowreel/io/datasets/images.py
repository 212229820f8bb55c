"""Sets of images to train a generator on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ...errors import InputError
from ..video import LUMA, MOVIES, PICTURES, Clip, open_clip
from .official import CIFAR10, MNIST_TRAIN, find, is_official, read_cifar10, read_idx, read_official

READABLE = (*PICTURES, *MOVIES, ".npy", ".npz")
FRAMES_READ_AT_ONCE = 16
"""Frames of a video that are read together."""


@dataclass(frozen=True)
class Images:
    """A set of training images.

    pixels: uint8 (N, C, h, w) as stored; size: (H, W) of what `batch` gives; skipped: one sentence for each file that
    could not be read; name: what the set is called in the provenance of weights.
    """

    name: str
    pixels: Tensor
    size: tuple[int, int]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def channels(self) -> int:
        """1 or 3."""
        return self.pixels.shape[1]

    def batch(self, indices: Tensor | slice, size: tuple[int, int] | None = None) -> Tensor:
        """Images (n, C, H, W), float32 in [0, 1], resized bilinearly (to `size` if given). indices: (n,), or a
        slice."""
        levels = self.pixels[indices].float().div_(255)
        size = size or self.size
        if levels.shape[2:] == size:
            return levels
        shrinks = size[0] < levels.shape[2] or size[1] < levels.shape[3]
        return interpolate(levels, size, mode="bilinear", antialias=shrinks)

    def hash(self) -> str:
        """SHA-256 of the stored pixels and their shape."""
        digest = hashlib.sha256(str(tuple(self.pixels.shape)).encode())
        for part in self.pixels.split(4096):
            digest.update(part.contiguous().numpy().tobytes())
        return digest.hexdigest()


def open_images(
    dataset: str | Path, size: tuple[int, int] = (64, 64), *, channels: int | None = None, limit: int | None = None
) -> Images:
    """The training images of `mnist`, `cifar10`, or a folder of pictures and videos, resized to `size` (H, W).

    A folder that holds MNIST's or CIFAR-10's published files is read as such. Any other is searched with its
    subfolders; each frame of a video is an image, and files that cannot be read are left out and named in
    `Images.skipped`. channels: 1 or 3, by default 3 unless all are grey. limit: take so many, evenly spaced.
    Raises InputError when there are no images, or too many for the memory.
    """
    if min(size) < 1:
        raise InputError(f"a size is height and width, both at least 1; got {size}")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is 1 (grey) or 3 (colour); got {channels}")
    path = Path(dataset)
    if dataset == "mnist":
        found = Images("mnist", read_idx(find(MNIST_TRAIN, "mnist", "mnist")), size)
    elif dataset == "cifar10":
        found = Images("cifar10", read_cifar10(find(CIFAR10, "cifar10", "cifar10")), size)
    elif is_official(path):
        name, pixels = read_official(path)
        found = Images(name, pixels, size)
    else:
        return _of_folder(path, size, channels, limit)
    chosen = found.pixels[_spaced(len(found), limit)]
    return replace(found, pixels=_recoloured(chosen, channels))


def _spaced(count: int, limit: int | None) -> Tensor | slice:
    if limit is None or limit >= count:
        return slice(None)
    return torch.arange(limit) * count // limit


def _recoloured(pixels: Tensor, channels: int | None) -> Tensor:
    if channels in (None, pixels.shape[1]):
        return pixels
    if channels == 3:
        return pixels.expand(-1, 3, -1, -1)
    luma = torch.tensor(LUMA).view(1, 3, 1, 1)
    return torch.cat([(part * luma).sum(1, keepdim=True).round().byte() for part in pixels.split(4096)])


def _of_folder(folder: Path, size: tuple[int, int], channels: int | None, limit: int | None) -> Images:
    if not folder.exists():
        raise InputError(f"{folder}: no such data set; expected mnist, cifar10, or a folder of pictures or videos")
    candidates = [folder] if folder.is_file() else sorted(p for p in folder.rglob("*") if _is_candidate(p, folder))
    if not candidates:
        raise InputError(f"{folder}: holds no pictures or videos ({', '.join(READABLE)}); give another folder")
    stretches, skipped = _looked_at(candidates)
    if not stretches:
        raise InputError(f"{folder}: none of its {len(candidates)} files can be read; the first: {skipped[0]}")
    channels = channels or max(stretch.channels for stretch in stretches)
    count = sum(stretch.frames for stretch in stretches)
    wanted = torch.zeros(count, dtype=torch.bool)
    wanted[_spaced(count, limit)] = True
    shape = (int(wanted.sum()), channels, *size)
    _check_memory(folder, shape)
    pixels, filled, start = torch.empty(shape, dtype=torch.uint8), 0, 0
    for stretch in stretches:
        chosen = wanted[start : start + stretch.frames]
        start += stretch.frames
        try:
            for frames in _frames(open_clip(stretch.path, size=size, channels=channels), chosen):
                pixels[filled : filled + len(frames)] = frames
                filled += len(frames)
        except InputError as error:
            skipped.append(str(error))
    if not filled:
        raise InputError(f"{folder}: none of its {len(candidates)} files can be read; the first: {skipped[0]}")
    return Images(folder.resolve().name, pixels[:filled], size, tuple(skipped))


def _is_candidate(path: Path, folder: Path) -> bool:
    """Pictures, videos and arrays, but for hidden ones and what a training of ours left in the folder."""
    inside = path.relative_to(folder).parts
    ours = any(part.startswith(".") or part.endswith(".training") for part in inside)
    return path.suffix.lower() in READABLE and not ours and path.is_file()


@dataclass(frozen=True)
class _Stretch:
    """The frames of one file. Files are not kept open: there may be thousands."""

    path: Path
    frames: int
    channels: int


def _looked_at(paths: list[Path]) -> tuple[list[_Stretch], list[str]]:
    stretches, skipped = [], []
    for path in paths:
        try:
            clip = open_clip(path)
            stretches.append(_Stretch(path, len(clip), clip.shape[1]))
        except InputError as error:
            skipped.append(str(error))
    return stretches, skipped


def _frames(clip: Clip, chosen: Tensor) -> Iterator[Tensor]:
    """The chosen frames of a clip as uint8, by slices."""
    for first in range(0, len(clip), FRAMES_READ_AT_ONCE):
        here = chosen[first : first + FRAMES_READ_AT_ONCE]
        if here.any():
            yield clip.read(first, first + FRAMES_READ_AT_ONCE)[here].mul_(255).round_().byte()


def _check_memory(folder: Path, shape: tuple[int, ...]) -> None:
    needed, there = torch.Size(shape).numel(), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there // 2:
        fitting = shape[0] * there // (4 * needed)
        raise InputError(
            f"{folder}: its {shape[0]} images need {needed / 2**30:.1f} GiB, more than half of this machine's memory; "
            f"use {f'--images {fitting}' if fitting else 'a smaller --size'}"
        )
