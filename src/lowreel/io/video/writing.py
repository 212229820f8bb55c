"""Clips to video files, with frame times and sound."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
from PIL import Image

from ...errors import InputError
from ...system.as_tensor import tensor_of
from ...system.files import atomic_write
from .planes import LIMITED
from .reader import ACCURATE, RATE, fraction
from .sound import end_of, open_sound, span_of

if TYPE_CHECKING:
    from torch import Tensor

WRITABLE = (".mp4", ".mov", ".mkv", ".gif")
VIDEO_TICK = Fraction(1, 90000)  # exact for 24, 25, 30, 50, 60 frames per second and their 1000/1001 relatives
SQUARE = Fraction(1)
BT709 = 1  # FFmpeg's number for the colour matrix of video


def write_video(
    path: str | Path,
    clip: Tensor | Iterable[Tensor],
    *,
    times: Sequence[Fraction | float] | None = None,
    rate: Fraction | float = RATE,
    aspect: Fraction = SQUARE,
    audio: Path | None = None,
    audio_span: tuple[float, float] | None = None,
) -> list[str]:
    """Write a clip (T, C, H, W), or its slices as they come, as H.264 (.mp4, .mov, .mkv) or .gif; atomically.

    Grey levels are clipped to [0, 1]. Frame n is shown at `times[n] - times[0]` seconds, or n / `rate`. aspect: width
    of a pixel over its height, which a .gif does not keep. The sound of the file `audio` from `audio_span` (seconds on
    its video's clock; that of `times` by default) is copied, not encoded again. Returns notes for the user: sentences
    that say what was left out. Raises InputError for a wrong suffix, shape or order of times, OSError when it cannot
    be written.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITABLE:
        raise InputError(f"{path}: cannot write {path.suffix or 'a file without suffix'}; use {', '.join(WRITABLE)}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}; make it first")
    frames = _frames(clip)
    if (first := next(frames, None)) is None:
        raise InputError(f"{path}: the clip to write has no frames")
    span = audio_span or span_of(times, rate)
    gif = path.suffix.lower() == ".gif"
    try:
        with atomic_write(path) as temporary, contextlib.ExitStack() as stack:
            out = stack.enter_context(av.open(f"file:{temporary}", "w"))
            stream = _video_stream(out, first, Fraction(rate), aspect, gif)
            sound, notes = open_sound(audio, out, span, stack) if audio else (iter(()), [])
            ticks = _ticks(times, Fraction(rate), Fraction(1, 100) if gif else VIDEO_TICK)
            _encode(out, stream, itertools.chain([first], frames), ticks, sound)
            if times is not None and next(ticks, None):
                raise InputError(f"{path}: more frame times than frames; give one time per frame")
    except av.FFmpegError as error:
        raise OSError(f"cannot write {path}: {error.strerror}") from error
    squeezed = f"{path.name} shows pixels as squares; they are {aspect} times as wide as high, which a .gif cannot say"
    return [*notes, squeezed] if gif and aspect != SQUARE else notes


def _frames(clip: Tensor | Iterable[Tensor]) -> Iterator[Tensor]:
    """The frames (C, H, W) of a clip or of its slices, all of one shape."""
    shape = None
    for given in [clip] if hasattr(clip, "dtype") else clip:
        part = tensor_of(given, "frames")
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
    ends = [*times, end_of(times, rate)]
    for i, (a, b) in enumerate(itertools.pairwise(round((Fraction(t) - Fraction(times[0])) / base) for t in ends)):
        if b <= a:
            raise InputError(f"frame times must grow by at least {float(base):.2g} s; those after frame {i} do not")
        yield a, b - a


def _video_stream(
    out: av.container.OutputContainer, frame: Tensor, rate: Fraction, aspect: Fraction, gif: bool
) -> av.VideoStream:
    channels, height, width = frame.shape
    options = {} if gif else {"crf": "12", "preset": "medium"}
    rate = rate.limit_denominator(1 << 16)
    stream = out.add_stream("gif" if gif else "libx264", rate=rate, options=options)
    stream.width, stream.height = width, height
    stream.codec_context.time_base = stream.time_base = Fraction(1, 100) if gif else VIDEO_TICK
    if gif:
        stream.pix_fmt = "gray" if channels == 1 else "pal8"
    else:
        stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"  # halved colour needs even sizes
        stream.codec_context.sample_aspect_ratio = aspect
        stream.codec_context.colorspace, stream.codec_context.color_range = BT709, LIMITED
    return stream


def _encode(
    out: av.container.OutputContainer,
    stream: av.VideoStream,
    frames: Iterator[Tensor],
    ticks: Iterator[tuple[int, int]],
    sound: Iterator[tuple[Fraction, av.Packet[Any]]],
) -> None:
    base, lengths, waiting = fraction(stream.codec_context.time_base), {}, next(sound, None)
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


def _mux(out: av.container.OutputContainer, packets: list[av.Packet[Any]], lengths: dict[int, int]) -> None:
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
