"""An operator in parts: stretches of frames that can be worked on alone, with the rows of the data that see them."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from ..system import streams
from .shapes import Shape
from .tensors import Data, map_data, tensors_of

if TYPE_CHECKING:
    from .base import LinearOperator


@dataclass(frozen=True)
class Part:
    """A stretch of frames, and the rows of the data that see these frames alone."""

    frames: range
    data: slice | tuple[slice, ...]


class InParts(nn.Module):
    """What a `LinearOperator` can do with the parts of its clip; the first axis of its data counts them."""

    clip_shape: tuple[int, int, int, int]
    data_shape: Any
    part_frames: int
    """Frames in a part: 1 where each frame is measured alone, T where the clip cannot be cut."""

    def parts(self) -> list[Part]:
        """Pairs (frames, data) that can be worked on alone; together they are the whole clip, in order."""
        frames, step = self.clip_shape[0], self.part_frames
        return [
            Part(range(start, min(start + step, frames)), self._data_slice(k, k + 1))
            for k, start in enumerate(range(0, frames, step))
        ]

    def part_sizes(self) -> list[int]:
        """Frames of each part; the last one may have fewer."""
        return math.ceil(self.clip_shape[0] / self.part_frames) * [self.part_frames]

    @property
    def _whole(self) -> bool:
        """The clip cannot be cut; then the first axis of y need not count anything."""
        return self.part_frames >= self.clip_shape[0]

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        return slice(None) if self._whole else slice(start, stop)

    def subset(self, parts: Sequence[int]) -> LinearOperator:
        """The operator of these parts alone: its clip is their frames one after another, its data `take(y, parts)`.

        A working view: its `spec` is still that of the whole clip's parameters and is not meant for files.
        """
        count = math.ceil(self.clip_shape[0] / self.part_frames)
        return self if list(parts) == list(range(count)) else self._subset(parts)  # type: ignore[return-value]

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        raise NotImplementedError(f"{type(self).__name__} has parts but no _subset")

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        """The data of these parts."""
        return y if self._whole else map_data(lambda tensor: tensor[torch.as_tensor(parts, device=tensor.device)], y)

    def _like(self, frames: int, data_shape: Shape, **buffers: Tensor) -> Self:
        """A shallow copy for another number of frames, with these buffers in place of its own."""
        other = copy.copy(self)
        other._buffers = {**self._buffers, **buffers}
        other.clip_shape = (frames, *self.clip_shape[1:])
        other.data_shape = tuple(data_shape)
        return other

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where its tensors are."""

    def repeated_rows(self, known: tuple[Tensor, ...]) -> list[int]:
        """Of each tensor of the data the rows of one part, where all are measured alike and not in full; else all rows.

        known: booleans of the same shapes as the tensors of the data: the entries that say something.
        """
        frames, *frame = self.clip_shape
        together = self.part_frames
        parts = [part.data for part in self.parts() if len(part.frames) == together]
        everything = [len(entries) for entries in known]
        if len(parts) < 2:
            return everything
        one = torch.from_numpy(streams.normals(0, streams.PROBE, 1, range(1), math.prod(frame))).to(self.device)
        clip = one.reshape(1, *frame).expand(together, *frame) * _brightness(together, one.device)
        response = tensors_of(self(clip.repeat(math.ceil(frames / together), 1, 1, 1)[:frames]))
        slices = [where if isinstance(where, tuple) else (where,) for where in parts]
        rows = []
        for k, (y, entries) in enumerate(zip(response, known, strict=True)):
            first = y[slices[0][k]]
            alike = all(torch.allclose(y[where[k]], first, rtol=1e-4, atol=1e-5) for where in slices[1:])
            numbers = int(entries[slices[0][k]].sum()) * (2 if y.is_complex() else 1)
            rows.append(len(first) if alike and numbers < together * math.prod(frame) else len(y))
        return rows


def _brightness(together: int, device: torch.device) -> Tensor:
    """Factors by which the frames of a part differ, (together, 1, 1, 1)."""
    return torch.linspace(0.5, 1.5, together, device=device).view(-1, 1, 1, 1)


def finer(coarse: InParts, fine: InParts, parts: Sequence[int]) -> list[int]:
    """The numbers of the parts of `fine` that make up these parts of `coarse`."""
    frames, wide, narrow = coarse.clip_shape[0], coarse.part_frames, fine.part_frames
    return [k for p in parts for k in range(p * wide // narrow, math.ceil(min((p + 1) * wide, frames) / narrow))]


def finer_slice(coarse: InParts, fine: InParts, part: int) -> slice | tuple[slice, ...]:
    """The rows of the data of `fine` that belong to a part of `coarse`."""
    inside = finer(coarse, fine, [part])
    return fine._data_slice(inside[0], inside[-1] + 1)


def is_stack(operator: InParts) -> bool:
    """Whether its data is a tuple of tensors."""
    return any(isinstance(shape, tuple) for shape in operator.data_shape)
