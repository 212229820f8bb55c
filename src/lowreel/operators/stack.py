"""Several operators that look at the same clip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from .arrangement import Arrangement
from .base import Combined, LinearOperator
from .description import refuse_complex_clips
from .parts import finer, finer_slice, is_stack
from .shapes import Shape
from .spec import Spec, from_settings
from .temporal_slice import temporal_slice_rows
from .tensors import Data

__all__ = ["Stacked"]


class Stacked(Combined):
    """Several operators that look at the same clip; the data is the tuple of theirs."""

    kind = "stacked"
    may_skip_frames = True

    def __init__(self, operators: Sequence[LinearOperator]):
        shapes = {operator.clip_shape for operator in operators}
        if len(shapes) != 1:
            raise InputError(f"Stacked: expected operators for one clip shape, got {sorted(shapes) or 'none'}")
        refuse_complex_clips(*operators)
        if any(is_stack(operator) for operator in operators):
            raise InputError("Stacked: one of the operators is a stack itself; give its members instead")
        clip_shape = shapes.pop()
        part_frames = math.lcm(*(operator.part_frames for operator in operators))
        data_shape = tuple(operator.data_shape for operator in operators)
        super().__init__(clip_shape, data_shape, part_frames=min(part_frames, clip_shape[0]))
        self.operators = nn.ModuleList(operators)

    def _members(self) -> list[LinearOperator]:
        return list(self.operators)  # type: ignore[arg-type]

    def members(self) -> dict[str, LinearOperator]:
        return {str(k): operator for k, operator in enumerate(self._members())}

    @classmethod
    def _of(cls, members: list[LinearOperator], spec: Spec) -> LinearOperator:
        return Stacked(members)

    @classmethod
    def from_settings(cls, settings: Any, clip_shape: Shape, *, seed: int, memory: int | None) -> LinearOperator:
        """Settings of a stack: all its operators see the clip."""
        members = settings.members()
        share = None if memory is None else memory // len(members)
        return Stacked(
            [from_settings(member, clip_shape, seed=seed + k, memory=share) for k, member in enumerate(members)]
        )

    @classmethod
    def rows_of(cls, spec: Spec, frames: range) -> list[slice]:
        return [rows for member in spec["operators"] for rows in temporal_slice_rows(member, frames)]

    def _measure(self, x: Tensor) -> Data:
        return tuple(operator(x) for operator in self._members())

    def _adjoint(self, y: Data) -> Tensor:
        return torch.stack([operator.adjoint(t) for operator, t in zip(self._members(), y, strict=True)]).sum(0)

    def _data_slice(self, start: int, stop: int) -> tuple[slice, ...]:
        return tuple(finer_slice(self, operator, start) for operator in self._members())  # type: ignore[misc]

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        return Stacked([operator.subset(finer(self, operator, parts)) for operator in self._members()])

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        pairs = zip(self._members(), y, strict=True)
        return tuple(operator.take(t, finer(self, operator, parts)) for operator, t in pairs)  # type: ignore[misc]

    def observed_mask(self) -> Data:
        return tuple(operator.observed_mask() for operator in self._members())  # type: ignore[misc]

    def with_redundant(self, entries: Data) -> Data:
        return tuple(operator.with_redundant(e) for operator, e in zip(self._members(), entries, strict=True))  # type: ignore[misc]

    def arrangements(self) -> tuple[Arrangement, ...]:
        return tuple(one for operator in self._members() for one in operator.arrangements())
