"""An operator on complex clips as one on real clips, so that everything that works on these works with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..system.complex_clips import to_complex, to_real
from .arrangement import Arrangement
from .base import Combined, LinearOperator
from .spec import Spec
from .temporal_slice import temporal_slice_rows
from .tensors import Data

__all__ = ["RealForm", "on_real_clips", "to_complex", "to_real"]


class RealForm(Combined):
    """An operator on complex clips as one on real clips of twice the channels: y = A (x_re + i x_im).

    Lengths, and so least squares, are the same in both: <A x, y> has the real part Re(A^H y) . x_re + Im(A^H y) . x_im.
    Raises InputError for an operator that takes real clips.
    """

    kind = "real form"
    zero_level = 0.5

    def __init__(self, inner: LinearOperator):
        if not inner.takes_complex_clips:
            raise InputError(f"real form: {inner.kind} takes real clips already; expected an operator on complex clips")
        frames, channels, height, width = inner.clip_shape
        super().__init__((frames, 2 * channels, height, width), inner.data_shape, part_frames=inner.part_frames)
        self.inner = inner
        self.is_complex = inner.is_complex

    def members(self) -> dict[str, LinearOperator]:
        return {"inner": self.inner}

    @classmethod
    def _of(cls, members: list[LinearOperator], spec: Spec) -> LinearOperator:
        return RealForm(members[0])

    @staticmethod
    def _specs(spec: Spec) -> dict[str, Spec]:
        return {"inner": spec["inner"]}

    @staticmethod
    def _entry(specs: Mapping[str, Spec]) -> dict[str, Any]:
        return dict(specs)

    @classmethod
    def rows_of(cls, spec: Spec, frames: range) -> list[slice]:
        return temporal_slice_rows(spec["inner"], frames)

    @property
    def baselines(self) -> tuple[str, ...]:
        return self.inner.baselines

    def density_weights(self) -> Tensor | None:
        return self.inner.density_weights()

    def sample_weights(self) -> Tensor | None:
        return self.inner.sample_weights()

    def _measure(self, x: Tensor) -> Data:
        found: Data = self.inner(to_complex(x))
        return found

    def _adjoint(self, y: Data) -> Tensor:
        return to_real(self.inner.adjoint(y))

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        return self.inner._data_slice(start, stop)

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        return RealForm(self.inner.subset(parts))

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        return self.inner.take(y, parts)

    def observed_mask(self) -> Data:
        return self.inner.observed_mask()

    def with_redundant(self, entries: Data) -> Data:
        return self.inner.with_redundant(entries)

    def arrangements(self) -> tuple[Arrangement, ...]:
        return self.inner.arrangements()

    def row_norm(self) -> float:
        """That of the rows of complex clips times sqrt(2): both parts of a number see both channels."""
        return math.sqrt(2) * self.inner.row_norm()


def on_real_clips(operator: LinearOperator) -> LinearOperator:
    """The operator, or the real form of one that takes complex clips."""
    return RealForm(operator) if operator.takes_complex_clips else operator
