"""Video files, through PyAV."""

from __future__ import annotations

import contextlib
import itertools
import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.stream import Disposition

from ...errors import InputError
from .levels import GreyLevels
from .planes import deep_levels, depth_of, is_limited_grey, range_text
from .reader import ACCURATE, NO_SPACINGS, RATE, Spacings, fraction, planes_first, size_text

MOVIES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".wmv", ".ogv", ".y4m", ".gif")
"""Suffixes by which a search of a folder knows videos; a file named by the user may have any."""


MOVED = 0b1111
"""Bits that are zero in numbers of 12 bits or fewer that were moved to the top of 16."""


class VideoReader:
    """A video file through PyAV. Frames are known by their pts; the decoder keeps its place between calls."""

    keeps_units, axes, coordinates = False, "", ""
    declared: GreyLevels | None
    spacing: Spacings

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open()
        self.has_audio = bool(self._container.streams.audio)
        base, rate = fraction(self._stream.time_base), _rate_of(self._stream)
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
        if self._stream.codec_context.name == "exr":
            raise InputError(
                f"{self.path}: is OpenEXR of whole numbers, of which FFmpeg keeps the upper 16 of 32 bits; make it "
                ".npy: numpy.save('new.npy', OpenEXR.File(FILE).channels()['Y'].pixels)"
            )
        if self._stream.codec_context.name == "jpeg2000" and self._is_deep:
            self._check_not_moved()

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
        if all(s.codec_context is None for s in videos):
            raise InputError(f"{self.path}: no decoder for it is here ({self._container.format.name}); encode it again")
        videos = [s for s in videos if s.codec_context is not None]
        default = [s for s in videos if s.disposition & Disposition.default]
        candidates = default or videos
        films = [s for s in candidates if s.frames > 1]  # AVIF has a still picture before them, for who shows no more
        self._stream = films[0] if films and candidates[0].frames == 1 else candidates[0]
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

    def _packets(self) -> Iterator[av.Packet[Any]]:
        with contextlib.suppress(av.FFmpegError):  # the end of a file that is cut short
            yield from cast("Iterator[av.Packet[Any]]", self._container.demux(self._stream))

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
        self._is_deep = depth_of(frame) > 8 or is_limited_grey(frame)
        self._format = "gray" if frame.format.name.startswith(("gray", "ya", "mono")) else "rgb24"
        self.declared = GreyLevels(1.0 if self._is_deep else 255.0, 0.0, range_text(frame))
        self._stored = (frame.height, frame.width)
        channels, height, width = self._converted(frame).shape
        self.shape = (channels, height, width)
        wide = fraction(self._stream.sample_aspect_ratio) or Fraction(1)
        wide = 1 / wide if _is_on_its_side(frame) else wide
        self.spacing = NO_SPACINGS if wide == 1 else ((1.0, ""), (float(wide), ""))

    def _check_not_moved(self) -> None:
        """Raise InputError for JPEG 2000 of 9 to 15 bits, which FFmpeg moves to the top of 16 and does not say so. Told
        by the first frame that is not black, as zeros are the same in both."""
        deep = (f.to_ndarray().view("u2") for f in self._decoder if f.format.name.endswith(("16le", "48le", "64le")))
        seen = next((numbers for numbers in deep if numbers.any()), None)
        self._restart()
        if seen is not None and not (seen & MOVED).any():
            raise InputError(
                f"{self.path}: is JPEG 2000 whose numbers have fewer than 16 bits, how many is not told; make it TIFF: "
                "opj_decompress -i FILE -o new.tif"
            )

    def _converted(self, frame: av.VideoFrame) -> np.ndarray:
        """(C, H, W): uint8, or grey levels of more than 8 bits and of limited range, which FFmpeg would darken."""
        try:
            if not self._is_deep:  # else levels by the standard
                return planes_first(_upright(frame.to_ndarray(format=self._format, interpolation=ACCURATE), frame))
            return _upright(deep_levels(frame).transpose(1, 2, 0), frame).transpose(2, 0, 1)
        except av.FFmpegError as error:
            raise InputError(f"{self.path}: a frame has colours of no sense ({error}); encode it again") from None
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None

    def stored(self, indices: Iterable[int]) -> Iterator[np.ndarray]:
        """See `Reader`. Frames that follow the last one read need no seek."""
        for index in indices:
            frame = self._frame(index)
            if (frame.height, frame.width) != self._stored:
                sizes = f"{size_text((frame.height, frame.width))}, the first is {size_text(self._stored)}"
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


def _rate_of(stream: av.VideoStream) -> Fraction:
    """Frames a second by the header, 0 where it does not tell. Of DV FFmpeg gives its clock of 60000 ticks a second as
    the mean rate; what it guesses where rate and clock are one is right in all files."""
    rate = fraction(stream.average_rate)
    return fraction(stream.guessed_rate) if rate and rate * fraction(stream.time_base) == 1 else rate


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """(a, b, c, d), by which a frame is shown: (x, y) -> (a x + c y, b x + d y)."""
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = struct.unpack("=5i", bytes(cast("bytes", data))[:20])
    return a, b, c, d


def _is_on_its_side(frame: av.VideoFrame) -> bool:
    a, b, _, _ = _display_matrix(frame)
    return abs(a) < abs(b)


def _upright(picture: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    """Turn and mirror a picture as the display matrix of its frame says."""
    a, b, c, d = _display_matrix(frame)
    is_on_its_side = _is_on_its_side(frame)
    right, down = (c, b) if is_on_its_side else (a, d)
    picture = picture.swapaxes(0, 1) if is_on_its_side else picture
    return picture[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1]
