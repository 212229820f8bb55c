"""Sections of long clips: which frames are recovered together, and how sections are joined without a visible seam."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch import Tensor

from ..data import Measured, Noise, NoNoise, add_white_noise
from ..errors import InputError
from ..io.video import Clip
from ..operators import from_spec, temporal_slice, temporal_slice_rows
from ..settings import SECTION_FRAMES

OVERLAP_FRAMES = 4
"""Frames at least that a section and the next one of the same scene both recover; there they are cross-faded."""


@dataclass(frozen=True)
class Section:
    """Frames that are recovered together, and the number of their scene."""

    frames: range
    scene: int


class Source(Protocol):
    """Where the data of any stretch of the frames comes from: a data file, data in memory, or a clip to measure."""

    @property
    def times(self) -> Tensor:
        """Seconds of all frames, (T,)."""

    @property
    def spec(self) -> Mapping[str, Any]:
        """That of the operator for all frames."""

    @property
    def clip(self) -> Any:
        """What is known of the clip's file, as in `Measured.clip`."""

    def temporal_slice(self, frames: range, *, memory: int | None = None) -> Measured:
        """The data of these frames alone; memory: bytes that its operator may hold."""


@dataclass(frozen=True)
class ClipSource:
    """A clip that is read and measured stretch by stretch, as if it had been measured whole; never all in memory.

    frames: as in its file; spec, tensors: of the operator for all of them; level, sigma: standard deviation of white
    noise, as it was asked for (see `add_white_noise`) and in the units of the data.
    """

    frames: Clip
    spec: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    times: Tensor
    clip: Mapping[str, Any]
    level: float = 0.0
    sigma: float = 0.0
    seed: int = 0

    def temporal_slice(self, frames: range, *, memory: int | None = None) -> Measured:
        """See `Source`."""
        operator = from_spec(*temporal_slice(self.spec, self.tensors, frames), memory=memory)
        data = operator(self.frames.read(frames.start, frames.stop))
        noise: Noise = NoNoise()
        if self.sigma:
            first = [rows.start for rows in temporal_slice_rows(self.spec, frames)]
            data, noise = add_white_noise(data, operator, sigma=self.sigma, seed=self.seed, first=first)
            noise = noise.model_copy(update={"level": self.level})
        return Measured(data, operator, self.times[frames.start : frames.stop], noise, self.clip)


def sections_of(
    frames: int, cuts: Sequence[int] = (), *, usual: int = SECTION_FRAMES, most: int | None = None, step: int = 1
) -> list[Section]:
    """The sections of a clip, in order; those of a scene overlap and are of about the same length.

    cuts: first frames of the scenes but the first; usual: frames of a section, about; most: frames that memory allows
    it; step: frames of a part of the operator, to whose multiples it can be cut. Raises InputError where memory allows
    too few for sections that overlap.
    """
    lap, least = _lap(step), shortest_section(frames, step)
    if most is not None and most < least:
        raise InputError(
            f"memory: it is enough for {max(most, 0)} frames at once, {least} are needed; use a smaller --size"
        )
    edges = [0, *sorted({step * round(cut / step) for cut in cuts} - {0}), frames]
    found = []
    for scene, (start, stop) in enumerate(pairwise(edge for edge in edges if edge <= frames)):
        inner = _inner(start, stop, usual, most, lap, step)
        begins = [a if a == start else a - lap for a in inner]
        found += [Section(range(a, b), scene) for a, b in zip(begins, [*inner[1:], stop], strict=True)]
    return found


def shortest_section(frames: int, step: int = 1) -> int:
    """The fewest frames that a section may have: two overlaps and a part, or the whole of a shorter clip."""
    return min(frames, 2 * _lap(step) + step)


def _lap(step: int) -> int:
    return step * math.ceil(OVERLAP_FRAMES / step)


def _inner(start: int, stop: int, usual: int, most: int | None, lap: int, step: int) -> list[int]:
    """Where the sections of a scene begin, before they are made to overlap: none is shorter than the overlap then."""
    wanted, highest = max(1, round((stop - start) / usual)), max(1, (stop - start) // lap)
    for count in (*range(wanted, highest + 1), *range(min(wanted - 1, highest), 0, -1)):
        inner = [start + step * round(k * (stop - start) / count / step) for k in range(count)]
        lengths = [b - a for a, b in pairwise([*inner, stop])]
        longest = max(lengths) + (lap if count > 1 else 0)
        if (most is None or longest <= most) and (count == 1 or min(lengths) >= lap):
            return inner
    raise InputError(
        f"memory: it is enough for {most} frames at once, too few for parts of {step}; use a smaller --size"
    )


def joined(sections: Sequence[Section], clips: Iterable[Tensor]) -> Iterator[Tensor]:
    """The frames of the whole clip, stretch by stretch, from those of each section, (n, C, H, W); overlaps are
    cross-faded."""
    held: Tensor | None = None
    for k, (section, clip) in enumerate(zip(sections, clips, strict=True)):
        if held is not None and len(held):
            rising = torch.arange(1, len(held) + 1) / (len(held) + 1)
            weight = rising.view(-1, *[1] * (clip.ndim - 1)).to(clip)
            yield torch.lerp(held, clip[: len(held)], weight)
            clip = clip[len(held) :]
        shared = max(0, section.frames.stop - sections[k + 1].frames.start) if k + 1 < len(sections) else 0
        if len(clip) > shared:
            yield clip[: len(clip) - shared]
        held = clip[len(clip) - shared :]
