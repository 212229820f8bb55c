"""Files and folders of frames <-> clips, lazily, both ways: frame times, audio, crop, resize.

Each kind of file has one small reader; `Clip` selects, crops, resizes and converts on top of it.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import struct
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import av
import numpy as np
import torch
from av.stream import Disposition
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import interpolate

from .errors import InputError
from .files import replacing

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
GREY = ("1", "L", "LA", "La")  # modes of Pillow
WRITABLE = (".mp4", ".mov", ".mkv", ".gif")
RATE = Fraction(25)  # of folders and arrays, which carry no times
TICK = Fraction(1, 90000)  # exact for 24, 25, 30, 50, 60 frames per second and their 1000/1001 relatives
LUMA = (0.299, 0.587, 0.114)
ACCURATE = 4 | 0x2000 | 0x40000  # FFmpeg's bicubic, full chroma, exact rounding: its default darkens by a level
BT709, LIMITED = 1, 1  # FFmpeg's numbers for the colour matrix and range of video
SLICE = 1 << 26  # bytes of an array looked at at once
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


class Reader(Protocol):
    """One kind of file: what it holds, and its frames as stored, mapped to grey levels in [0, 1]."""

    count: int  # frames the file says it has
    available: int  # frames that are there; fewer when it is cut short
    shape: tuple[int, int, int]  # C, H, W
    times: tuple[Fraction, ...]
    rate: Fraction
    scale: float
    offset: float
    has_audio: bool

    def frames(self, indices: range) -> Iterator[Tensor]:
        """The frames of an ascending range, each (C, H, W) float32."""
        ...


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
            place.copy_(_fitted(_coloured(frame, self.shape[1]), self.shape[2:], self._crop))
        return out


def open_clip(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    fit: Literal["squash", "crop"] = "squash",
    channels: int | None = None,
    frames: slice | None = None,
) -> Clip:
    """Open a video, a picture, a folder of pictures, or a .npy / .npz array as a clip; reads no frame yet.

    `size` (H, W) resizes to exactly that, `fit="crop"` after a central crop to its aspect ratio; `channels` 1 takes
    the luma of colour, 3 repeats grey; `frames` selects start:stop:step. Raises InputError for whatever the file,
    or a wish, has wrong. Arrays may be (H, W), (T, H, W), (T, C, H, W) or (T, H, W, C); an .npz is held in memory.
    """
    path = Path(path)
    _check_wishes(size, fit, channels)
    reader = _reader(path)
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
        raise InputError(f"{path}: the mask is {_hw(clip.shape[2:])}, the clip {_hw((height, width))}; resize one")
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


def write_video(
    path: str | Path,
    clip: Tensor | Iterable[Tensor],
    *,
    times: Sequence[Fraction | float] | None = None,
    rate: Fraction | float = RATE,
    audio: Path | None = None,
    audio_span: tuple[float, float] | None = None,
) -> list[str]:
    """Write a clip, or its slices (n, C, H, W) as they come, as H.264 (.mp4, .mov, .mkv) or .gif; atomically.

    Grey levels are clipped to [0, 1]. Frame n is shown at `times[n] - times[0]` seconds, or n / `rate`. The sound of
    the file `audio` from `audio_span` (seconds on its video's clock; that of `times` by default) is copied, not
    encoded again. Returns notes for the user: sentences that say what was left out. Raises InputError for a wrong
    suffix, shape or order of times, OSError when it cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITABLE:
        raise InputError(f"{path}: cannot write {path.suffix or 'a file without suffix'}; use {', '.join(WRITABLE)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first")
    frames = _frames(clip)
    if (first := next(frames, None)) is None:
        raise InputError(f"{path}: the clip to write has no frames")
    span = audio_span or _span(times, rate)
    gif = path.suffix.lower() == ".gif"
    try:
        with replacing(path) as temporary, contextlib.ExitStack() as stack:
            out = stack.enter_context(av.open(f"file:{temporary}", "w"))
            stream = _video_stream(out, first, Fraction(rate), gif)
            sound, notes = _sound(audio, out, span, stack) if audio else (iter(()), [])
            ticks = _ticks(times, Fraction(rate), Fraction(1, 100) if gif else TICK)
            _encode(out, stream, itertools.chain([first], frames), ticks, sound)
            if times is not None and next(ticks, None):
                raise InputError(f"{path}: more frame times than frames; give one time per frame")
    except av.FFmpegError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error
    return notes


def write_npy(
    path: str | Path,
    clip_or_slices: Tensor | Iterable[Tensor],
    shape: Sequence[int],
    *,
    scale: float = 1.0,
    offset: float = 0.0,
) -> None:
    """Write float32 .npy of the given (T, C, H, W) shape by slices, atomically: stored = x * scale + offset.

    Raises ValueError when the frames do not add up to `shape`, OSError when the disk is full.
    """
    shape, count = tuple(int(n) for n in shape), 0
    # Plain writes: a memory map on a full disk would end the program with SIGBUS.
    with replacing(path) as temporary, open(temporary, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for part in [clip_or_slices] if isinstance(clip_or_slices, Tensor) else clip_or_slices:
            if tuple(part.shape[1:]) != shape[1:]:
                raise ValueError(f"frames of shape {tuple(part.shape[1:])} in a clip of shape {shape}")
            stored = part.detach().cpu()
            stored = stored if (scale, offset) == (1, 0) else stored.double() * scale + offset
            file.write(stored.numpy().astype("<f4").tobytes())
            count += len(part)
        if count != shape[0]:
            raise ValueError(f"{count} frames came for a clip of shape {shape}")


# ------------------------------------------------------------------------------------------ wishes and conversions


def _check_wishes(size: tuple[int, int] | None, fit: str, channels: int | None) -> None:
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise InputError(f"a size is height and width, both at least 1; got {size}")
    if fit not in ("squash", "crop"):
        raise InputError(f"fit is squash or crop; got {fit}")
    if channels not in (None, 1, 3):
        raise InputError(f"channels is 1 (grey) or 3 (colour); got {channels}")


def _reader(path: Path) -> Reader:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected a video, a picture, a folder of pictures or .npy")
    if path.is_dir():
        return PictureReader(path, _pictures(path))
    if path.suffix.lower() in (".npy", ".npz"):
        return ArrayReader(path)
    if path.suffix.lower() in PICTURES:
        return PictureReader(path, [(path, page) for page in range(_pages(path))])
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


def _coloured(frame: Tensor, channels: int) -> Tensor:
    if frame.shape[0] == channels:
        return frame
    if channels == 3:
        return frame.expand(3, -1, -1)
    return _within(torch.tensordot(frame.new_tensor(LUMA), frame, 1)[None], frame)


def _fitted(frame: Tensor, size: tuple[int, int], crop: bool) -> Tensor:
    (height, width), (H, W) = frame.shape[1:], size
    if crop and width * H > height * W:
        cut = max(1, round(height * W / H))
        frame = frame[:, :, (width - cut) // 2 :][:, :, :cut]
    elif crop:
        cut = max(1, round(width * H / W))
        frame = frame[:, (height - cut) // 2 :][:, :cut]
    if frame.shape[1:] == size:
        return frame
    return _within(interpolate(frame[None], size, mode="bilinear", antialias=True)[0], frame)


def _within(result: Tensor, frame: Tensor) -> Tensor:
    """Averages stay within the range of what they average, rounding included."""
    return result.clamp_(float(frame.min()), float(frame.max()))


def _from_integers(stored: np.ndarray) -> Tensor:
    """(H, W) or (H, W, 3) of uint8 or uint16 -> (C, H, W) in [0, 1]."""
    peak = float(np.iinfo(stored.dtype).max)
    planes = stored[None] if stored.ndim == 2 else stored.transpose(2, 0, 1)
    return torch.from_numpy(planes.astype(np.float32) / np.float32(peak))


def _hw(size: Sequence[int]) -> str:
    return f"{size[0]}x{size[1]} (height x width)"


# ----------------------------------------------------------------------------------------------------------- videos


class VideoReader:
    """A video file through PyAV. Frames are known by their pts; the decoder keeps its place between calls."""

    offset = 0.0

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()
        self.has_audio = bool(self._container.streams.audio)
        base, rate = _fraction(self._stream.time_base), _fraction(self._stream.average_rate)
        self._pts, self.available, self.count = self._index(base, rate)
        self._number = {pts: i for i, pts in enumerate(self._pts or ())}
        if self._pts:
            self.times = tuple((pts - self._pts[0]) * base for pts in self._pts)
        else:
            self.times = tuple(i / (rate or RATE) for i in range(self.available))
        spanned = self.times[-1] if self.times else 0
        self.rate = rate or (Fraction(len(self.times) - 1) / spanned if spanned else RATE)
        self._restart()
        self._look_at_first_frame()

    def _open(self) -> None:
        try:
            self._container = av.open(f"file:{self.path}", metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:
            wish = "expected a video; it may be cut short or of another kind, so download or encode it again"
            raise InputError(f"{self.path}: cannot be opened ({error.strerror}); {wish}") from None
        videos = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not videos or self._container.format.name == "tty":  # FFmpeg draws text files as terminals
            kinds = " and ".join(sorted({s.type for s in self._container.streams})) or "nothing"
            raise InputError(f"{self.path}: holds no video (only {kinds}); give a file that has one")
        default = [s for s in videos if s.disposition & Disposition.default]
        self._stream = (default or videos)[0]
        self._stream.thread_type = "AUTO"
        self._decoder: Iterator[av.VideoFrame] = self._decoded()
        self._at = -1  # the number of the last frame that left the decoder

    def _restart(self) -> None:
        self._container.close()
        self._open()

    def _index(self, base: Fraction, rate: Fraction) -> tuple[list[int] | None, int, int]:
        """The pts of the frames in order, None where they are not known; frames there are, and frames promised."""
        entries = len(getattr(self._stream, "index_entries", ()))  # read now: some demuxers add to them as they go
        packets = [(p.pts, p.dts, p.is_keyframe, p.is_discard, p.is_corrupt) for p in self._packets() if p.size]
        if packets and packets[-1][-1]:
            packets.pop()  # only a part of it is there
        shown = [pts for pts, _, _, hidden, _ in packets if not hidden]
        self._keys = sorted(pts for pts, _, key, _, _ in packets if key and pts is not None)
        # VP8 has invisible packets, which are not frames.
        if None in shown or len(set(shown)) < len(shown) or self._stream.codec_context.name == "vp8":
            self._restart()
            shown = [frame.pts for frame in self._decoder]
        known = None not in shown and len(set(shown)) == len(shown)
        pts = sorted(cast("list[int]", shown)) if known else None
        if pts and self._keys:  # a recording that starts between keyframes cannot show the frames before the first
            pts = pts[bisect_left(pts, self._keys[0]) :]
        missing = self._missing(entries - len(packets), pts, base, rate)
        there = len(shown if pts is None else pts)
        if pts and missing and (last := packets[-1][1]) is not None:  # later ones follow a frame that is missing
            return pts, bisect_right(pts, last), there + missing
        return pts, there, there + missing

    def _missing(self, entries: int, pts: list[int] | None, base: Fraction, rate: Fraction) -> int:
        """How many frames the header promises beyond those found (by its clock: sparse frames are no loss)."""
        if "mov" in self._container.format.name:
            return max(0, entries)
        hours, _, rest = self._stream.metadata.get("DURATION", "").partition(":")
        if not pts or not rate:
            return 0
        promised = max((self._stream.duration or 0) * float(base), self._stream.frames / float(rate))
        if re.fullmatch(r"\d+:[\d.]+", rest):
            promised = int(hours) * 3600 + int(rest.partition(":")[0]) * 60 + float(rest.partition(":")[2])
        widest = max([1 / float(rate), *((b - a) * float(base) for a, b in itertools.pairwise(pts))])
        left = promised - pts[-1] * float(base) - widest
        return round(left * rate) if left > 2 * widest else 0

    def _packets(self) -> Iterator[av.Packet]:
        with contextlib.suppress(av.FFmpegError):  # the end of a file that is cut short
            yield from cast("Iterator[av.Packet]", self._container.demux(self._stream))

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            with contextlib.suppress(av.FFmpegError):  # noticed as a missing frame, if that frame is wanted
                yield from packet.decode()
        with contextlib.suppress(av.FFmpegError):  # the frames still inside, where the demuxer broke off
            yield from self._stream.decode(None)

    def _look_at_first_frame(self) -> None:
        frame = next(self._decoder, None)
        if frame is None:
            codec = self._stream.codec_context.name
            raise InputError(f"{self.path}: cut short or damaged: no frame ({codec}) decodes; download or encode again")
        self._decoder = itertools.chain([frame], self._decoder)
        grey = frame.format.name.startswith(("gray", "ya", "mono"))
        deep = frame.format.components[0].bits > 8
        self.scale = 65535.0 if deep else 255.0
        self._format = ("gray16le" if deep else "gray") if grey else ("rgb48le" if deep else "rgb24")
        self._stored = (frame.height, frame.width)
        channels, height, width = self._converted(frame).shape
        self.shape = (channels, height, width)

    def _converted(self, frame: av.VideoFrame) -> Tensor:
        return _from_integers(_upright(frame.to_ndarray(format=self._format, interpolation=ACCURATE), frame))

    def frames(self, indices: range) -> Iterator[Tensor]:
        """See `Reader`. Frames that follow the last one read need no seek."""
        for index in indices:
            frame = self._frame(index)
            if (frame.height, frame.width) != self._stored:
                sizes = f"{_hw((frame.height, frame.width))}, the first is {_hw(self._stored)}"
                raise InputError(f"{self.path}: frame {index} is {sizes}; encode it again at one size")
            yield self._converted(frame)

    def _frame(self, index: int) -> av.VideoFrame:
        if index <= self._at or self._key(index) > self._at + 8:  # a few frames decode faster than a seek
            self._jump(index)
        for frame in self._decoder:
            number = self._numbered(frame)
            self._at = number if number is not None else self._at
            if number == index:
                return frame
            if number is not None and number > index:
                break
        how = f"take the frames before it (--frames :{index}), or " if index else ""
        raise InputError(f"{self.path}: frame {index} cannot be decoded, the file is damaged; {how}download it again")

    def _numbered(self, frame: av.VideoFrame) -> int | None:
        return self._number.get(cast("int", frame.pts)) if self._pts else self._at + 1

    def _keys_until(self, index: int) -> int:
        return bisect_right(self._keys, self._pts[index]) if self._pts else 0

    def _key(self, index: int) -> int:
        place = self._keys_until(index)
        return self._number.get(self._keys[place - 1], 0) if place else 0

    def _jump(self, index: int) -> None:
        """Put the decoder on a keyframe at or before a frame; a demuxer may seek by dts and land too late."""
        place = self._keys_until(index)
        for key in reversed(self._keys[max(0, place - 2) : place]):
            with contextlib.suppress(av.FFmpegError):
                self._container.seek(key, stream=self._stream)
                self._decoder = self._decoded()
                first = next(self._decoder, None)
                number = None if first is None else self._numbered(first)
                if first is not None and number is not None and number <= index:
                    self._decoder, self._at = itertools.chain([first], self._decoder), number - 1
                    return
        self._restart()


def _fraction(value: Any) -> Fraction:
    return Fraction(value.numerator, value.denominator) if value else Fraction(0)


def _upright(picture: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Turn and mirror a picture as the display matrix of its frame says: (x, y) -> (a x + c y, b x + d y)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return picture
    a, b, _, c, d = struct.unpack("=5i", bytes(cast("bytes", data))[:20])
    right, down = (a, d) if abs(a) >= abs(b) else (c, b)
    picture = picture if abs(a) >= abs(b) else picture.swapaxes(0, 1)
    return picture[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]


# --------------------------------------------------------------------------------------------------------- pictures


class PictureReader:
    """Pictures (path, page) of one size, at 25 frames per second; grey only when all of them are."""

    offset, rate, has_audio = 0.0, RATE, False

    def __init__(self, path: Path, pictures: list[tuple[Path, int]]) -> None:
        self._pictures = pictures
        heads = [_head(*picture) for picture in pictures]
        first, (size, _, _) = pictures[0][0], heads[0]
        for (other, _), (its_size, _, _) in zip(pictures, heads, strict=True):
            if its_size != size:
                sizes = f"{other.name} is {_hw(its_size)}, {first.name} is {_hw(size)}"
                raise InputError(f"{path}: frames of different sizes: {sizes}; resize or remove it")
        self.count = self.available = len(pictures)
        self.shape = (1 if all(grey for _, grey, _ in heads) else 3, *size)
        self.scale = max(peak for _, _, peak in heads)
        self.times = tuple(i / RATE for i in range(self.count))

    def frames(self, indices: range) -> Iterator[Tensor]:
        """See `Reader`."""
        for index in indices:
            yield _coloured(_from_integers(_picture(*self._pictures[index])), self.shape[0])


def _pictures(folder: Path) -> list[tuple[Path, int]]:
    """The pictures of a folder in natural order: 2.jpg before 10.jpg."""
    found = [p for p in folder.iterdir() if p.suffix.lower() in PICTURES and p.name[0] != "." and p.is_file()]
    if not found:
        raise InputError(f"{folder}: holds no pictures; expected frames as {', '.join(PICTURES)}")
    return [(path, 0) for path in sorted(found, key=_natural)]


def _natural(path: Path) -> tuple[list[str | int], str]:
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


def _pages(path: Path) -> int:
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


# ----------------------------------------------------------------------------------------------------------- arrays


class ArrayReader:
    """An array in .npy (memory-mapped) or .npz, at 25 frames per second."""

    rate, has_audio = RATE, False

    def __init__(self, path: Path) -> None:
        array = _array(path)
        if array.dtype.kind not in "biuf" or array.size == 0:
            kind = f"{array.dtype} of shape {array.shape}"
            raise InputError(f"{path}: expected an array of real numbers, not empty; got {kind}")
        self._frames = _as_clip(path, array)
        self.count = self.available = len(self._frames)
        channels, height, width = self._frames.shape[1:]
        self.shape = (channels, height, width)
        self.times = tuple(i / RATE for i in range(self.count))
        self.scale, self.offset = _range(path, self._frames)

    def frames(self, indices: range) -> Iterator[Tensor]:
        """See `Reader`."""
        for index in indices:
            stored = np.asarray(self._frames[index])
            if (self.scale, self.offset) != (1, 0):
                stored = (stored.astype(np.float64) - self.offset) / self.scale
            yield torch.from_numpy(np.array(stored, dtype=np.float32, order="C"))


def _array(path: Path) -> np.ndarray:
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False)
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as loaded:
            names = loaded.files
            named = names if len(names) == 1 else [name for name in ("x", "clip") if name in names]
            if len(named) == 1:
                return loaded[named[0]]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: cannot be read as a NumPy array ({error}); save it again with numpy.save") from None
    raise InputError(f"{path}: holds the arrays {', '.join(names) or '(none)'}; name the clip x, or keep it alone")


def _as_clip(path: Path, array: np.ndarray) -> np.ndarray:
    """A view of shape (T, C, H, W)."""
    if array.ndim in (2, 3):
        return array[None, None] if array.ndim == 2 else array[:, None]
    if array.ndim == 4 and array.shape[1] in (1, 3):
        return array
    if array.ndim == 4 and array.shape[3] in (1, 3):
        return array.transpose(0, 3, 1, 2)
    wanted = "(H, W), (T, H, W), (T, C, H, W) or (T, H, W, C) with C = 1 or 3"
    raise InputError(f"{path}: expected an array {wanted}; got {array.shape}")


def _range(path: Path, clip: np.ndarray) -> tuple[float, float]:
    """The scale and offset that bring an array to [0, 1]; a float one is read through once, by slices."""
    if clip.dtype.kind != "f":
        return (1.0 if clip.dtype.kind == "b" else float(np.iinfo(clip.dtype).max)), 0.0
    low, high, bad, first = math.inf, -math.inf, 0, -1
    step = max(1, SLICE // max(1, clip[0].nbytes))
    for start in range(0, len(clip), step):
        part = np.asarray(clip[start : start + step])
        if not (finite := np.isfinite(part)).all():
            bad += int((~finite).sum())
            first = start + int((~finite).any(axis=(1, 2, 3)).argmax()) if first < 0 else first
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if bad:
        raise InputError(f"{path}: {bad} numbers are NaN or infinite, first in frame {first}; replace them")
    if low >= 0 and high <= 1:
        return 1.0, 0.0
    offset = min(0.0, low)
    return high - offset or 1.0, offset


# ---------------------------------------------------------------------------------------------------------- writing


def _frames(clip: Tensor | Iterable[Tensor]) -> Iterator[Tensor]:
    """The frames (C, H, W) of a clip or of its slices, all of one shape."""
    shape = None
    for part in [clip] if isinstance(clip, Tensor) else clip:
        if part.ndim != 4 or part.shape[1] not in (1, 3) or 0 in part.shape[2:]:
            raise InputError(f"expected frames (n, C, H, W) with C = 1 or 3; got {tuple(part.shape)}")
        shape = shape or part.shape[1:]
        if part.shape[1:] != shape:
            raise InputError(f"frames of {tuple(part.shape[1:])} follow frames of {tuple(shape)}; write one size")
        yield from part


def _ticks(times: Sequence[Fraction | float] | None, rate: Fraction, base: Fraction) -> Iterator[tuple[int, int]]:
    """The start and length of each frame, in units of `base`; endless without times."""
    if times is None:
        starts = (round(i / rate / base) for i in itertools.count())
        yield from ((a, b - a) for a, b in itertools.pairwise(starts))
        return
    ends = [*times, _end(times, rate)]
    for i, (a, b) in enumerate(itertools.pairwise(round((Fraction(t) - Fraction(times[0])) / base) for t in ends)):
        if b <= a:
            raise InputError(f"frame times must grow by at least {float(base):.2g} s; those after frame {i} do not")
        yield a, b - a


def _end(times: Sequence[Fraction | float], rate: Fraction) -> Fraction:
    last = Fraction(times[-1])
    return last + (last - Fraction(times[-2]) if len(times) > 1 else 1 / rate)


def _video_stream(out: av.container.OutputContainer, frame: Tensor, rate: Fraction, gif: bool) -> av.VideoStream:
    channels, height, width = frame.shape
    options = {} if gif else {"crf": "12", "preset": "medium"}
    rate = rate.limit_denominator(1 << 16)
    stream = out.add_stream("gif" if gif else "libx264", rate=rate, options=options)
    stream.width, stream.height = width, height
    stream.codec_context.time_base = stream.time_base = Fraction(1, 100) if gif else TICK
    if gif:
        stream.pix_fmt = "gray" if channels == 1 else "pal8"
    else:
        stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"  # halved colour needs even sizes
        stream.codec_context.colorspace, stream.codec_context.color_range = BT709, LIMITED
    return stream


def _encode(
    out: av.container.OutputContainer,
    stream: av.VideoStream,
    frames: Iterator[Tensor],
    ticks: Iterator[tuple[int, int]],
    sound: Iterator[tuple[Fraction, av.Packet]],
) -> None:
    base, lengths, waiting = _fraction(stream.codec_context.time_base), {}, next(sound, None)
    for frame in frames:
        if (tick := next(ticks, None)) is None:
            raise InputError("more frames than frame times; give one time per frame")
        picture = _as_video_frame(frame, cast("str", stream.pix_fmt))
        picture.pts, picture.time_base, lengths[tick[0]] = tick[0], base, tick[1]
        _mux(out, stream.encode(picture), lengths)
        while waiting and waiting[0] < sum(tick) * base:
            out.mux(waiting[1])
            waiting = next(sound, None)
    _mux(out, stream.encode(None), lengths)


def _mux(out: av.container.OutputContainer, packets: list[av.Packet], lengths: dict[int, int]) -> None:
    for packet in packets:
        packet.duration = lengths.pop(cast("int", packet.pts))
        out.mux(packet)


def _as_video_frame(frame: Tensor, form: str) -> av.VideoFrame:
    levels = frame.detach().cpu().float().nan_to_num(0.0).clamp(0, 1).mul(255).round().byte()
    if form == "gray":
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(levels[0].numpy()), format="gray")
    picture = np.ascontiguousarray(levels.expand(3, -1, -1).permute(1, 2, 0).numpy())
    if form != "pal8":
        rgb = av.VideoFrame.from_ndarray(picture, format="rgb24")
        return rgb.reformat(format=form, dst_colorspace=BT709, dst_color_range=LIMITED, interpolation=ACCURATE)
    image = Image.fromarray(picture).quantize(256)
    palette = np.zeros((256, 4), np.uint8)
    colours = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[:, 0], palette[: len(colours), 1:] = 255, colours
    return av.VideoFrame.from_ndarray((np.asarray(image), palette), format="pal8")  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------ sound


def _span(times: Sequence[Fraction | float] | None, rate: Fraction | float) -> tuple[float, float]:
    return (float(times[0]), float(_end(times, Fraction(rate)))) if times else (0.0, math.inf)


def _sound(
    audio: Path, out: av.container.OutputContainer, span: tuple[float, float], stack: contextlib.ExitStack
) -> tuple[Iterator[tuple[Fraction, av.Packet]], list[str]]:
    """The packets of the best audio stream within `span`, as they are, or a sentence that says why there are none."""
    try:
        source = stack.enter_context(av.open(f"file:{audio}", metadata_errors="replace"))
    except (av.FFmpegError, OSError) as error:
        return iter(()), [f"The audio was left out: {audio} cannot be opened ({error.strerror})."]
    stream = source.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        return iter(()), [f"The audio was left out: {audio} has none."]
    codec, kind = stream.codec_context.codec.canonical_name, out.format.name
    if codec not in out.supported_codecs:
        return iter(()), [f"The audio was left out: a {kind} file does not take {codec}."]
    videos = [s for s in source.streams.video if s.start_time is not None and s.disposition & Disposition.default]
    origin = (videos[0].start_time or 0) * _fraction(videos[0].time_base) if videos else Fraction(0)
    copy = out.add_stream_from_template(stream)
    return _sound_packets(source, stream, copy, origin + Fraction(span[0]), span[1] - span[0]), []


def _sound_packets(
    source: av.container.InputContainer, stream: av.AudioStream, copy: av.AudioStream, start: Fraction, length: float
) -> Iterator[tuple[Fraction, av.Packet]]:
    base = _fraction(stream.time_base)
    shift = round(start / base)
    if start > 1:
        source.seek(shift, stream=stream)
    for packet in source.demux(stream):
        if packet.pts is None or packet.dts is None or packet.pts + (packet.duration or 0) <= shift:
            continue
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.pts * base >= length:
            return
        packet.stream = copy
        yield packet.pts * base, packet
