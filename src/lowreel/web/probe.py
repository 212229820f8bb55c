"""What is in an upload, found out in a process of its own that may take only so much time and memory."""

from __future__ import annotations

import resource
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import torch

from ..data import Measured, data_header
from ..errors import InputError
from ..io.video import open_clip

PROCESSOR_SECONDS = 120
"""Of the processor, for reading an upload whole."""

MEMORY_BYTES = 2 * 2**30
"""Bytes, over what the libraries take."""

CONTAINERS = {
    **dict.fromkeys((".mp4", ".mov", ".m4v"), "mov"),
    **dict.fromkeys((".mkv", ".webm"), "matroska"),
    ".avi": "avi",
    ".gif": "gif",
}
"""What files of these names have to be for FFmpeg."""

FRAMES_PROBED_AT_ONCE = 4
"""Frames that are read together."""


def _limit() -> None:
    """Bound what this process may take; it may write no file."""
    own = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if _is_linux() else 0
    if own:
        resource.setrlimit(resource.RLIMIT_AS, (own + MEMORY_BYTES, own + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _is_linux() -> bool:
    return Path("/proc/self/statm").is_file()


def check_shape(shape: tuple[int, ...], frames: int, pixels: int) -> None:
    """Raise InputError where a clip is longer or larger than allowed."""
    if len(shape) != 4 or min(shape) < 1:
        raise InputError(f"expected a clip (T, C, H, W), got {shape}")
    if shape[0] > frames:
        raise InputError(f"{shape[0]} frames; at most {frames} are taken here")
    if shape[2] * shape[3] > pixels:
        raise InputError(f"frames of {shape[2]}x{shape[3]} pixels; at most {pixels:,} pixels are taken here")


def _probed(kind: str, path: Path, frames: int, pixels: int) -> dict[str, Any]:
    if kind == "data":
        spec = data_header(path)["operator"]
        shape = tuple(int(n) for n in spec["clip_shape"])
        check_shape(shape, frames, pixels)
        Measured.load(path)
        return {"shape": shape, "about": spec["kind"]}
    if path.suffix.lower() in CONTAINERS:
        _check_container(path)
    clip = open_clip(path)
    check_shape(clip.shape, frames, pixels)
    for start in range(0, clip.shape[0], FRAMES_PROBED_AT_ONCE):
        clip.read(start, start + FRAMES_PROBED_AT_ONCE)
    return {"shape": clip.shape, "about": f"{float(clip.rate):.4g} frames a second"}


def _check_container(path: Path) -> None:
    """Raise InputError where a video is not the kind of file that its name says: other kinds name files to open."""
    try:
        av.open(str(path), format=CONTAINERS[path.suffix.lower()]).close()
    except (av.FFmpegError, ValueError):
        raise InputError(f"{path}: is no {path.suffix.lower()} file, or damaged") from None


def probe(kind: str, path: str, frames: int, pixels: int, answer: Connection) -> None:
    """Send what is there, `shape` and `about`, or `error`: why it is refused."""
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    _limit()
    try:
        found = _probed(kind, Path(path), frames, pixels)
    except InputError as error:
        found = {"error": str(error)}
    except MemoryError:
        found = {"error": "takes more memory to read than is given to an upload"}
    except Exception as error:
        found = {"error": f"cannot be read ({type(error).__name__}: {' '.join(str(error).split())[:200]})"}
    answer.send(found)
