"""Several clips one after the other, each measured by an operator of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .arrangement import Arrangement
from .base import Combined, LinearOperator
from .description import refuse_complex_clips
from .parts import Part, is_stack
from .spec import Spec
from .tensors import Data, tensors_of

__all__ = ["BlockDiagonal"]


class BlockDiagonal(Combined):
    """Several clips one after the other, each measured by an operator of its own: A = diag(A_1, A_2, ...).

    operators: of any kinds and lengths, for frames of one size. The clip is theirs one after the other, (T_1 + T_2 +
    ..., C, H, W); the data is the tuple of the tensors of each, in that order. No part reaches from one clip into the
    next. Raises InputError for frames of different sizes, and for operators on complex clips.
    """

    kind = "block-diagonal"
    may_skip_frames = True

    def __init__(self, operators: Sequence[LinearOperator]):
        shapes = sorted({operator.clip_shape[1:] for operator in operators})
        if len(shapes) != 1:
            raise InputError(f"block-diagonal: expected operators for one frame size (C, H, W), got {shapes or 'none'}")
        refuse_complex_clips(*operators)
        frames = sum(operator.clip_shape[0] for operator in operators)
        data_shape = tuple(shape for operator in operators for shape in _shapes(operator))
        longest = max(operator.part_frames for operator in operators)
        super().__init__((frames, *shapes[0]), data_shape, part_frames=longest)
        self.operators = torch.nn.ModuleList(operators)

    def clips(self) -> list[LinearOperator]:
        """The operator of each clip."""
        return list(self.operators)  # type: ignore[arg-type]

    def members(self) -> dict[str, LinearOperator]:
        return {str(k): operator for k, operator in enumerate(self.clips())}

    @classmethod
    def _of(cls, members: list[LinearOperator], spec: Spec) -> LinearOperator:
        return BlockDiagonal(members)

    @classmethod
    def frames_of_part(cls, parameters: Mapping[str, Any]) -> int | None:
        return None  # its parts are of different lengths

    def by_clip(self, data: Data) -> list[Data]:
        """The data, or booleans like it, of each clip, as its own operator has it."""
        left = iter(tensors_of(data))
        return [
            tuple(itertools.islice(left, len(_shapes(operator)))) if is_stack(operator) else next(left)
            for operator in self.clips()
        ]

    def frames_of_clips(self) -> list[range]:
        """The numbers of the frames of each clip."""
        ends = itertools.accumulate((operator.clip_shape[0] for operator in self.clips()), initial=0)
        return [range(a, b) for a, b in itertools.pairwise(ends)]

    def _measure(self, x: Tensor) -> Data:
        stretches = torch.split(x, [len(frames) for frames in self.frames_of_clips()])
        return joined_data([operator(own) for operator, own in zip(self.clips(), stretches, strict=True)])

    def _adjoint(self, y: Data) -> Tensor:
        return torch.cat([operator.adjoint(own) for operator, own in zip(self.clips(), self.by_clip(y), strict=True)])

    def part_sizes(self) -> list[int]:
        return [size for operator in self.clips() for size in operator.part_sizes()]

    def parts(self) -> list[Part]:
        found, counts = [], [len(_shapes(operator)) for operator in self.clips()]
        for k, (operator, frames) in enumerate(zip(self.clips(), self.frames_of_clips(), strict=True)):
            before, after = sum(counts[:k]) * (slice(0, 0),), sum(counts[k + 1 :]) * (slice(0, 0),)
            for part in operator.parts():
                own = part.data if isinstance(part.data, tuple) else (part.data,)
                its = range(frames.start + part.frames.start, frames.start + part.frames.stop)
                found.append(Part(its, (*before, *own, *after)))
        return found

    def _by_clip_of(self, parts: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """For each run of parts of the same clip: the number of the clip, and the numbers of the parts in it."""
        places = [(k, p) for k, operator in enumerate(self.clips()) for p in range(len(operator.part_sizes()))]
        for k, run in itertools.groupby((places[part] for part in parts), key=lambda place: place[0]):
            yield k, [p for _, p in run]

    def subset(self, parts: Sequence[int]) -> LinearOperator:
        """See `InParts`; one of the clips that the parts are of."""
        clips = self.clips()
        return BlockDiagonal([clips[k].subset(own) for k, own in self._by_clip_of(parts)])

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        clips, data = self.clips(), self.by_clip(y)
        return joined_data([clips[k].take(data[k], own) for k, own in self._by_clip_of(parts)])

    def observed_mask(self) -> Data:
        return joined_data([operator.observed_mask() for operator in self.clips()])

    def with_redundant(self, entries: Data) -> Data:
        pairs = zip(self.clips(), self.by_clip(entries), strict=True)
        return joined_data([operator.with_redundant(own) for operator, own in pairs])

    def arrangements(self) -> tuple[Arrangement, ...]:
        return tuple(one for operator in self.clips() for one in operator.arrangements())

    def repeated_rows(self, known: tuple[Tensor, ...]) -> list[int]:
        """See `InParts`."""
        own = zip(self.clips(), self.by_clip(known), strict=True)
        return [rows for operator, entries in own for rows in operator.repeated_rows(tensors_of(entries))]

    def row_norm(self) -> float:
        """Root mean square over the informative rows of all clips, of each as its own operator says."""
        counts = [sum(int(t.sum()) for t in tensors_of(operator.observed_mask())) for operator in self.clips()]
        power = sum(n * operator.row_norm() ** 2 for n, operator in zip(counts, self.clips(), strict=True))
        return math.sqrt(power / max(sum(counts), 1))


def joined_data(each: Sequence[Data]) -> tuple[Tensor, ...]:
    """The data of several clips as that of all: one tensor after the other, those of a stack too."""
    return tuple(tensor for data in each for tensor in tensors_of(data))


def _shapes(operator: LinearOperator) -> tuple[Any, ...]:
    """The shape of each tensor of its data."""
    return operator.data_shape if is_stack(operator) else (operator.data_shape,)
