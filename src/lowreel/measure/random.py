"""Random projections of every frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from . import streams
from .base import Measurement, Shape, checked_clip_shape


class Gaussian(Measurement):
    """m random projections of every frame, a matrix of its own for each, entries N(0, 1/m): E|Ax|^2 = |x|^2.

    y: (T, m). The rows run over C H W (paper, Section 3). The matrices are held in memory, 4 T m C H W bytes.
    """

    kind = "gaussian"

    def __init__(self, clip_shape: Shape, m: int, *, seed: int = 0):
        frames, *size = checked_clip_shape(clip_shape)
        pixels = math.prod(size)
        if not 1 <= m <= pixels:
            raise InputError(f"Gaussian: expected m from 1 to C H W = {pixels} numbers per frame, got {m}")
        super().__init__(clip_shape, (frames, m), part_frames=1)
        self.m, self.seed = int(m), int(seed)
        rows = torch.empty(frames, m, pixels)
        for frame in range(frames):
            rows[frame] = torch.from_numpy(streams.normals(seed, streams.GAUSSIAN, frame, range(m), pixels))
        self.rows: Tensor
        self.register_buffer("rows", rows.div_(math.sqrt(m)))

    def _measure(self, x: Tensor) -> Tensor:
        return torch.bmm(self.rows, x.flatten(1)[..., None])[..., 0]

    def _adjoint(self, y: Any) -> Tensor:
        return torch.bmm(y[:, None], self.rows)[:, 0].reshape(self.clip_shape)

    def _subset(self, parts: Sequence[int]) -> Gaussian:
        return self._like(len(parts), (len(parts), self.m), rows=self.rows[torch.as_tensor(parts)])

    def row_norm(self) -> float:
        return math.sqrt(math.prod(self.clip_shape[1:]) / self.m)

    def parameters_spec(self) -> dict[str, Any]:
        return {"m": self.m, "seed": self.seed}


class Signs(Measurement):
    """m random projections of every frame with entries +1 / sqrt(m) and -1 / sqrt(m), a matrix of its own for each.

    y: (T, m). The signs are the bits of the random words, kept as bits: T m C H W / 8 bytes; each frame's matrix is
    written out only while it is used, 4 m C H W bytes.
    """

    kind = "signs"

    def __init__(self, clip_shape: Shape, m: int, *, seed: int = 0):
        frames, *size = checked_clip_shape(clip_shape)
        pixels = math.prod(size)
        if not 1 <= m <= pixels:
            raise InputError(f"signs: expected m from 1 to C H W = {pixels} numbers per frame, got {m}")
        super().__init__(clip_shape, (frames, m), part_frames=1)
        self.m, self.seed = int(m), int(seed)
        words = -(-pixels // 64)
        bits = torch.empty(frames, m, 8 * words, dtype=torch.uint8)
        for frame in range(frames):
            for row in range(m):
                raw = streams.raw(seed, streams.SIGNS, frame, row, words).astype("<u8")
                bits[frame, row] = torch.from_numpy(raw.view(np.uint8).copy())
        self.bits: Tensor
        self.register_buffer("bits", bits)

    def _matrix(self, frame: int, like: Tensor) -> Tensor:
        """A_t, (m, C H W), in the type of `like`: bit k of a row is bit k % 8 of its byte k // 8."""
        places = torch.arange(8, device=self.bits.device, dtype=torch.uint8)
        signs = (self.bits[frame][..., None] >> places & 1).flatten(1)[:, : math.prod(self.clip_shape[1:])]
        return (signs.to(like.dtype) * 2 - 1) / math.sqrt(self.m)

    def _measure(self, x: Tensor) -> Tensor:
        return torch.stack([self._matrix(t, x) @ frame.flatten() for t, frame in enumerate(x)])

    def _adjoint(self, y: Any) -> Tensor:
        return torch.stack([row @ self._matrix(t, y) for t, row in enumerate(y)]).reshape(self.clip_shape)

    def _subset(self, parts: Sequence[int]) -> Signs:
        return self._like(len(parts), (len(parts), self.m), bits=self.bits[torch.as_tensor(parts)])

    def informative(self) -> Tensor:
        return torch.ones(self.data_shape, dtype=torch.bool)

    def row_norm(self) -> float:
        return math.sqrt(math.prod(self.clip_shape[1:]) / self.m)

    def parameters_spec(self) -> dict[str, Any]:
        return {"m": self.m, "seed": self.seed}
