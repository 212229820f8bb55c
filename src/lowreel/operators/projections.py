"""Random projections of every frame, held in memory as far as a budget goes and drawn anew beyond it."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..catalogue import CountSettings
from ..errors import InputError
from ..system import streams
from ..system.memory import bytes_text, default_budget
from .base import LinearOperator
from .shapes import FrameWindow, Shape, checked_clip_shape, frame_numbers, within_spec
from .tensors import by_adjoint

__all__ = ["Gaussian", "Projections", "Signs"]

BLOCK_ROWS = 64
"""Rows that are drawn, and multiplied, together. Each product has this shape however many blocks are held in memory,
so that its bits do not depend on that."""

LANE_COLUMNS = 64
"""Columns are filled up with zeros to a multiple of this: blocks then lie alike in memory, held or drawn."""


LONGEST_DRAW_SECONDS = 30.0
"""Seconds that one use of an operator may take to draw what is not held."""


class Projections(LinearOperator):
    """m projections of every frame, y_t = A_t x_t with a random matrix of its own for each frame.

    y: (T, m); the rows of A_t run over C H W. The matrices follow from the seed. Of each one as many blocks (of
    BLOCK_ROWS rows) are held as `memory` bytes allow (default: half of `default_budget()`), the others are drawn
    whenever they are used: the numbers are the same to the bit, only the time is not. within: see `FrameWindow`. Raises
    InputError unless 1 <= m <= C H W.
    """

    part_length = 1
    has_window = True
    has_no_zero_rows = True
    stored_bytes: ClassVar[float]
    """Bytes an entry takes while it is held."""
    draw_seconds: ClassVar[float]
    """Seconds it takes to draw an entry, roughly."""

    def __init__(
        self,
        clip_shape: Shape,
        m: int,
        *,
        seed: int = 0,
        memory: int | None = None,
        within: FrameWindow | None = None,
    ):
        frames, *size = checked_clip_shape(clip_shape)
        self._pixels = math.prod(size)
        if not 1 <= m <= self._pixels:
            raise InputError(f"{self.kind}: expected m from 1 to C H W = {self._pixels} numbers per frame, got {m}")
        super().__init__(clip_shape, (frames, m), part_frames=1)
        self.m, self.seed, self.within = int(m), int(seed), within
        self._columns = -(-self._pixels // LANE_COLUMNS) * LANE_COLUMNS
        self._numbers = frame_numbers(frames, within)
        self._frames: Sequence[int] = range(frames)
        memory = default_budget() // 2 if memory is None else memory
        held = self._rows_within(memory)
        self._check_time(m - held, memory)
        self.held: Tensor
        self.register_buffer("held", self._draw_all(range(held)))

    @classmethod
    def from_settings(
        cls, settings: CountSettings, clip_shape: Shape, *, seed: int, memory: int | None
    ) -> LinearOperator:
        """As many numbers as the settings say, or their share of C H W."""
        return cls(clip_shape, settings.numbers(math.prod(clip_shape[1:])), seed=seed, memory=memory)

    @classmethod
    def bytes_for(cls, clip_shape: Shape, m: int) -> int:
        """Bytes of all matrices when none has to be drawn anew."""
        frames, *size = clip_shape
        return int(frames * m * -(-math.prod(size) // LANE_COLUMNS) * LANE_COLUMNS * cls.stored_bytes)

    def _rows_within(self, memory: int) -> int:
        rows = int(memory / (self.clip_shape[0] * self._columns * self.stored_bytes))
        return self.m if rows >= self.m else rows // BLOCK_ROWS * BLOCK_ROWS

    def _check_time(self, missing: int, memory: int) -> None:
        """Raise InputError where drawing the rows that are not held would take too long at each use."""
        seconds = missing * self.clip_shape[0] * self._columns * self.draw_seconds
        if seconds > LONGEST_DRAW_SECONDS:
            whole = self.bytes_for(self.clip_shape, self.m)
            raise InputError(
                f"{self.kind}: its matrices take {bytes_text(whole)}, {bytes_text(memory)} are there for them (half of "
                f"--memory), and drawing them anew would take about {seconds / 60:.0f} min at each of its many uses; "
                "use single-pixel "
                f"--sampling {self.m / self._pixels:.2g}, which needs no matrix, a smaller --m, --size or --frames, or "
                f"--memory {bytes_text(2.4 * whole).replace(' ', '')}"
            )

    @abstractmethod
    def _draw(self, frame: int, rows: range) -> Tensor:
        """Rows of A_t in the form in which they are held, (len(rows), ...); frame: its number in the whole clip."""

    @abstractmethod
    def _entries(self, stored: Tensor, dtype: torch.dtype) -> Tensor:
        """Rows of sqrt(m) A_t, (n, columns), of what is held."""

    def _draw_all(self, rows: range) -> Tensor:
        drawn = torch.empty(0)
        for frame in self._frames:
            for start in range(rows.start, rows.stop, BLOCK_ROWS):
                block = self._draw(self._numbers[frame], range(start, min(start + BLOCK_ROWS, rows.stop)))
                if not drawn.numel():
                    drawn = block.new_empty(len(self._frames), len(rows), *block.shape[1:])
                drawn[frame, start : start + len(block)] = block
        return drawn

    def _blocks(self, frame: int, like: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of rows of sqrt(m) A_t, and where they stand in y_t."""
        held = self.held.shape[1] if self.held.numel() else 0
        for start in range(0, self.m, BLOCK_ROWS):
            rows = range(start, min(start + BLOCK_ROWS, self.m))
            is_held = start < held
            stored = self.held[frame, rows.start : rows.stop] if is_held else self._draw(self._numbers[frame], rows)
            yield slice(rows.start, rows.stop), self._entries(stored.to(like.device), like.dtype)

    def matrix(self, frame: int) -> Tensor:
        """A_t, (m, C H W) float32, drawn where it is not held."""
        blocks = [block for _, block in self._blocks(self._frames[frame], torch.zeros(1))]
        return torch.cat(blocks)[:, : self._pixels] / math.sqrt(self.m)

    def _measure(self, x: Tensor) -> Tensor:
        return by_adjoint(self._project, self._back_project, x)

    def _project(self, x: Tensor) -> Tensor:
        y = x.new_empty(self.data_shape)
        padded = torch.nn.functional.pad(x.flatten(1), (0, self._columns - self._pixels))
        for t, frame in enumerate(self._frames):
            for rows, block in self._blocks(frame, x):
                torch.mv(block, padded[t], out=y[t, rows])
        return y.div_(math.sqrt(self.m))

    def _adjoint(self, y: Any) -> Tensor:
        return by_adjoint(self._back_project, self._project, y)

    def _back_project(self, y: Tensor) -> Tensor:
        x = y.new_zeros(len(y), self._columns)
        for t, frame in enumerate(self._frames):
            for rows, block in self._blocks(frame, y):
                x[t] += y[t, rows] @ block
        return x[:, : self._pixels].reshape(self.clip_shape).div_(math.sqrt(self.m))

    def _subset(self, parts: Sequence[int]) -> Projections:
        other = self._like(len(parts), (len(parts), self.m))
        other._frames = [self._frames[k] for k in parts]
        return other

    def row_norm(self) -> float:
        return math.sqrt(self._pixels / self.m)

    def parameters_spec(self) -> dict[str, Any]:
        return {"m": self.m, "seed": self.seed, **within_spec(self.within)}


class Gaussian(Projections):
    """Entries N(0, 1/m), so that E|Ax|^2 = |x|^2 (paper, Section 3). See `Projections`; an entry takes 4 bytes."""

    kind = "gaussian"
    is_random_projection = True
    stored_bytes = 4
    draw_seconds = 2e-8

    def _draw(self, frame: int, rows: range) -> Tensor:
        drawn = streams.normals(self.seed, streams.GAUSSIAN, frame, rows, self._pixels)
        return torch.nn.functional.pad(torch.from_numpy(drawn), (0, self._columns - self._pixels))

    def _entries(self, stored: Tensor, dtype: torch.dtype) -> Tensor:
        return stored.to(dtype)


class Signs(Projections):
    """Entries +1 / sqrt(m) and -1 / sqrt(m), the bits of random words. See `Projections`; an entry takes a bit."""

    kind = "signs"
    is_random_projection = True
    stored_bytes = 1 / 8
    draw_seconds = 1e-9

    def _draw(self, frame: int, rows: range) -> Tensor:
        words = [streams.raw(self.seed, streams.SIGNS, frame, row, self._columns // 64) for row in rows]
        return torch.from_numpy(np.array(words, dtype="<u8").view(np.uint8))

    def _entries(self, stored: Tensor, dtype: torch.dtype) -> Tensor:
        return unpacked(stored).to(dtype).mul_(2).sub_(1)


def unpacked(packed: Tensor) -> Tensor:
    """Bits of bytes as zeros and ones, (..., n) to (..., 8 n): bit k is bit k % 8 of byte k // 8."""
    if packed.device.type == "cpu":
        return torch.from_numpy(np.unpackbits(packed.numpy(), axis=-1, bitorder="little"))
    places = torch.arange(8, device=packed.device, dtype=torch.uint8)
    return (packed[..., None] >> places & 1).flatten(-2)
