"""The sound of a source video, copied packet by packet."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.stream import Disposition

from .reader import fraction


def end_of(times: Sequence[Fraction | float], rate: Fraction) -> Fraction:
    """When the last frame ends: it lasts as long as the one before."""
    last = Fraction(times[-1])
    return last + (last - Fraction(times[-2]) if len(times) > 1 else 1 / rate)


def span_of(times: Sequence[Fraction | float] | None, rate: Fraction | float) -> tuple[float, float]:
    """Seconds that the frames cover: from the first one to the end of the last."""
    return (float(times[0]), float(end_of(times, Fraction(rate)))) if times else (0.0, math.inf)


def open_sound(
    audio: Path, out: av.container.OutputContainer, span: tuple[float, float], stack: contextlib.ExitStack
) -> tuple[Iterator[tuple[Fraction, av.Packet[Any]]], list[str]]:
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
    origin = (videos[0].start_time or 0) * fraction(videos[0].time_base) if videos else Fraction(0)
    copy = out.add_stream_from_template(stream)
    return _sound_packets(source, stream, copy, origin + Fraction(span[0]), span[1] - span[0]), []


def _sound_packets(
    source: av.container.InputContainer, stream: av.AudioStream, copy: av.AudioStream, start: Fraction, length: float
) -> Iterator[tuple[Fraction, av.Packet[Any]]]:
    base = fraction(stream.time_base)
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
