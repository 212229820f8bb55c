"""Total variation of a clip of whose pixels some are known exactly: block by block, and a band of blocks a thread."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ..system.threads import sharing
from .iterations import LOOK_EVERY_ITERATIONS, VALUES_PER_THREAD

TAU = 0.05
"""Step of the clip in total variation."""


def minimum_of_pixels(
    pixels: Tensor, known: Tensor, start: Tensor, factors: Sequence[float], iterations: int, settled: float
) -> Tensor:
    """`total_variation` where pixels, (T, C, H, W), are met exactly: an iteration goes over the clip once, by blocks.

    A block needs the clip as it was in those after it, and the edges as they have become in those before it.
    """
    x = torch.where(known, pixels, start)
    ahead, edges = x.clone(), torch.zeros(3, *x.shape)
    alike = known[:, :1] if torch.equal(known, known[:, :1].expand_as(known)) else known
    unknown = (~alike).to(x)
    dual_steps = [factor / (TAU * 12.0) for factor in factors]
    steps = [TAU * factor for factor in factors]
    bands = _bands(x, ahead, edges, unknown)
    with sharing(len(bands)) as share:
        for k in range(1, iterations + 1):
            looks = k % LOOK_EVERY_ITERATIONS == 0
            begun = share(partial(_Band.begin, dual_steps=dual_steps, steps=steps, looks=looks), bands)
            ended = share(partial(_Band.end, steps=steps, looks=looks), bands)
            moved = math.fsum(chain.from_iterable(begun + ended))
            if looks and math.sqrt(moved) <= settled * float(x.norm()):
                break
    return x.clamp_(0, 1)


def _places(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Frames and rows of the blocks in which an iteration goes over a clip, in order: whole frames, or rows of one."""
    frames, channels, height, width = shape
    rows = max(1, min(height, VALUES_PER_THREAD // (channels * width)))
    together = max(1, VALUES_PER_THREAD // (channels * height * width)) if rows == height else 1
    for first in range(0, frames, together):
        for top in range(0, height, rows):
            yield slice(first, min(first + together, frames)), slice(top, min(top + rows, height))


@dataclass(frozen=True)
class _Block:
    """Views of a block of the clip x, of `ahead`, and of the edges in time, down and across.

    change: room for what is taken from its pixels, the same for all blocks that are gone over in turn. later: views
    of three tensors each: edges of an axis, the pixels at their end and at their beginning; earlier, for each axis: the
    edges that end in the block and their pixels in `change`.
    """

    x: Tensor
    ahead: Tensor
    edges: Tensor
    unknown: Tensor
    change: Tensor
    later: list[tuple[Tensor, Tensor, Tensor]]
    earlier: list[tuple[Tensor, Tensor]]

    @staticmethod
    def of(
        x: Tensor, ahead: Tensor, edges: Tensor, unknown: Tensor, room: Tensor, frames: slice, rows: slice
    ) -> _Block:
        """That of these frames and rows; room: as many values as the largest block has, for `change`."""
        own_shape = x[frames, :, rows].shape
        change = room[: own_shape.numel()].view(own_shape)
        later, earlier = [], []
        for axis, (edge, part) in enumerate(zip(edges, (frames, rows, slice(0, x.shape[3])), strict=True)):
            own = [frames, slice(None), rows, slice(None)]
            at = (0, 2, 3)[axis]

            def view(t: Tensor, start: int, stop: int, own: list[slice] = own, at: int = at) -> Tensor:
                return t[tuple(slice(start, stop) if k == at else s for k, s in enumerate(own))]

            stop, start = min(part.stop, x.shape[at] - 1), max(part.start, 1)
            ends, begins = view(ahead, part.start + 1, stop + 1), view(ahead, part.start, stop)
            later.append((view(edge, part.start, stop), ends, begins))
            own_pixels = change.narrow(at, start - part.start, part.stop - start)
            earlier.append((view(edge, start - 1, part.stop - 1), own_pixels))
        place = (frames, slice(None), rows)
        return _Block(x[place], ahead[place], edges[:, *place], unknown[place], change, later, earlier)

    def iterate(self, dual_steps: Sequence[float], steps: Sequence[float], looks: bool) -> float:
        """An iteration in the block; the squared norm of what changed, where one looks at it."""
        self.move_edges(dual_steps)
        return self.move_pixels(steps, looks)

    def move_edges(self, dual_steps: Sequence[float]) -> None:
        """The first half of an iteration in the block."""
        for (edge, ends, begins), step in zip(self.later, dual_steps, strict=True):
            edge.add_(ends, alpha=step).sub_(begins, alpha=step)
        shrink_to_one(self.edges)

    def move_pixels(self, steps: Sequence[float], looks: bool) -> float:
        """The second half; the squared norm of what changed, where one looks at it."""
        torch.mul(self.edges[0], -steps[0], out=self.change)
        self.change.sub_(self.edges[1], alpha=steps[1]).sub_(self.edges[2], alpha=steps[2])
        for (edge, pixels), step in zip(self.earlier, steps, strict=True):
            pixels.add_(edge, alpha=step)
        self.change.mul_(self.unknown)
        self.x.sub_(self.change)
        torch.sub(self.x, self.change, out=self.ahead)
        return float(self.change.norm()) ** 2 if looks else 0.0


@dataclass(frozen=True)
class _Band:
    """Blocks that a thread has: those of its first frames, whose pixels the band before needs as they were, and which
    need the edges of that one, so that they move last of all; and the others."""

    first: list[_Block]
    rest: list[_Block]

    def begin(self, *, dual_steps: Sequence[float], steps: Sequence[float], looks: bool) -> list[float]:
        """All of an iteration but the pixels of the first frames; the squared norms of what changed, see `iterate`."""
        for block in self.first:
            block.move_edges(dual_steps)
        return [block.iterate(dual_steps, steps, looks) for block in self.rest]

    def end(self, *, steps: Sequence[float], looks: bool) -> list[float]:
        """The pixels of the first frames, after all bands have begun; the same of these."""
        return [block.move_pixels(steps, looks) for block in self.first]


def _bands(x: Tensor, ahead: Tensor, edges: Tensor, unknown: Tensor) -> list[_Band]:
    """The blocks of a clip, (T, C, H, W), shared out among torch's threads: what they hold is as in `_Block`."""
    places = list(_places(tuple(x.shape)))
    begins = sorted({frames.start for frames, _ in places})
    largest = max(x[frames, :, rows].numel() for frames, rows in places)
    bands = []
    for own in np.array_split(begins, min(torch.get_num_threads(), len(begins))):
        band, room = _Band([], []), x.new_empty(largest)
        for frames, rows in places:
            if own[0] <= frames.start <= own[-1]:
                block = _Block.of(x, ahead, edges, unknown, room, frames, rows)
                (band.first if frames.start == own[0] else band.rest).append(block)
        bands.append(band)
    return bands


def shrink_to_one(edges: Tensor) -> None:
    """Divide the edges of each pixel, all channels and axes together, by their length where it exceeds 1, in place.

    edges: (3, T, C, H, W).

    Summed array by array: a reduction over the first axes takes many times as long.
    """
    lengths = edges[0, :, 0].square()
    for k, edge in enumerate(edges):
        for channel in edge.unbind(1)[k == 0 :]:
            lengths.addcmul_(channel, channel)
    edges.mul_(lengths.sqrt_().clamp_min_(1).reciprocal_()[None, :, None])
