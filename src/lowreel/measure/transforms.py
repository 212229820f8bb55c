"""Operators that see part of a transform of every frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from . import streams
from .base import Measurement, Shape, checked_clip_shape

CENTRE = 0.04
"""Share of the rows around frequency zero that Cartesian sampling always keeps, at least one."""


class Fourier(Measurement):
    """Part of the two-dimensional spectrum of every frame, as in dynamic magnetic resonance imaging; complex.

    y = mask * F x, (T, C, H, W) complex with zeros where nothing was measured; F is unitary and has frequency zero in
    the corner. pattern "rows" keeps round(amount H) rows of each frame, some around zero and the rest at random;
    pattern "radial" keeps `amount` lines through zero, turned by the golden angle from line to line and frame to
    frame (Winkelmann et al., 2007). Raises InputError for an amount that keeps nothing or everything and more.
    """

    kind = "fourier"

    def __init__(self, clip_shape: Shape, pattern: Literal["rows", "radial"], amount: float, *, seed: int = 0):
        frames, _, height, width = checked_clip_shape(clip_shape)
        if pattern not in ("rows", "radial"):
            raise InputError(f"fourier: expected the pattern rows or radial, got {pattern}")
        if pattern == "rows" and not 0 < amount <= 1:
            raise InputError(f"fourier: expected a share of the rows above 0 and at most 1, got {amount:g}")
        if pattern == "radial" and (amount < 1 or amount != int(amount)):
            raise InputError(f"fourier: expected a whole number of radial lines, got {amount:g}")
        super().__init__(clip_shape, tuple(clip_shape), part_frames=1)
        self.pattern, self.amount, self.seed = pattern, float(amount), int(seed)
        draw = self._rows if pattern == "rows" else self._radial
        mask = np.stack([draw(t, height, width) for t in range(frames)])
        self.mask: Tensor
        self.register_buffer("mask", torch.from_numpy(mask)[:, None])

    def _rows(self, frame: int, height: int, width: int) -> np.ndarray:
        kept = max(1, round(self.amount * height))
        centre = min(kept, max(1, round(CENTRE * height)))
        frequency = np.abs(np.fft.fftfreq(height))
        words = streams.raw(self.seed, streams.LINES, frame, 0, height).astype(np.float64)
        order = np.argsort(frequency, kind="stable")
        words[order[:centre]] = -1
        mask = np.zeros((height, width), dtype=bool)
        mask[np.argsort(words, kind="stable")[:kept]] = True
        return mask

    def _radial(self, frame: int, height: int, width: int) -> np.ndarray:
        lines, steps = int(self.amount), 2 * max(height, width)
        radius = np.linspace(-0.5, 0.5, steps, endpoint=False)
        mask = np.zeros((height, width), dtype=bool)
        for line in range(frame * lines, (frame + 1) * lines):
            angle = math.pi * (line * GOLDEN % 1)
            rows = np.round(radius * height * math.sin(angle)).astype(int) % height
            columns = np.round(radius * width * math.cos(angle)).astype(int) % width
            mask[rows, columns] = True
        return mask

    def _measure(self, x: Tensor) -> Tensor:
        return torch.fft.fft2(x, norm="ortho") * self.mask

    def _adjoint(self, y: Any) -> Tensor:
        return torch.fft.ifft2(y * self.mask, norm="ortho").real

    def _subset(self, parts: Sequence[int]) -> Fourier:
        return self._like(len(parts), (len(parts), *self.data_shape[1:]), mask=self.mask[torch.as_tensor(parts)])

    def informative(self) -> Tensor:
        return self.mask.expand(self.clip_shape)

    def row_norm(self) -> float:
        return 1.0

    def parameters_spec(self) -> dict[str, Any]:
        return {"pattern": self.pattern, "amount": self.amount, "seed": self.seed}


GOLDEN = (math.sqrt(5) - 1) / 2
"""Share of a half turn between a radial line and the next."""
