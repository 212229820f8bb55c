"""Snapshot compressive imaging: several coded frames added into one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..system import streams
from ..system.as_tensor import tensor_of
from .base import LinearOperator
from .shapes import FrameWindow, Shape, checked_clip_shape, within_spec

__all__ = ["Snapshot"]


class Snapshot(LinearOperator):
    """A camera that multiplies each frame by a mask and adds B of them: y_k = sum_b mask_b x_(B k + b).

    y: (ceil(T / B), C, H, W); the last picture sees fewer frames where T is no multiple of B. mask: (B, H, W) or
    (B, 1, H, W), any real numbers, the same for every picture and channel; by default the seed's, 0 or 1 with equal
    chance. Llull et al., "Coded aperture compressive temporal imaging" (2013). Raises InputError for another mask.
    """

    kind = "snapshot"
    part_length = "together"
    has_window = True
    baselines = ("GAP-TV",)

    def __init__(
        self,
        clip_shape: Shape,
        together: int,
        *,
        mask: Tensor | np.ndarray | None = None,
        seed: int = 0,
        within: FrameWindow | None = None,
    ):
        frames, channels, height, width = checked_clip_shape(clip_shape)
        if not 1 <= together <= (frames if within is None else within[1]):
            raise InputError(f"snapshot: expected 1 to {frames} frames together, got {together}")
        pictures = math.ceil(frames / together)
        super().__init__(clip_shape, (pictures, channels, height, width), part_frames=together)
        self.together, self.seed, self._drawn = int(together), int(seed), mask is None
        self.within = within
        given = self._random() if mask is None else tensor_of(mask, "snapshot: mask")
        if tuple(given.shape) not in {(together, height, width), (together, 1, height, width)}:
            raise InputError(
                f"snapshot: expected a mask of shape {(together, height, width)}, got {tuple(given.shape)}"
            )
        if given.is_complex() or not bool(torch.isfinite(given).all()) or not bool((given != 0).any()):
            raise InputError("snapshot: expected a mask of finite real numbers, not all of them zero")
        codes = given.float().reshape(together, 1, height, width)
        self.codes: Tensor
        self._mask = codes
        self.register_buffer("codes", codes.repeat(pictures, 1, 1, 1)[:frames].contiguous())

    def _random(self) -> Tensor:
        """Bits of the random words, one address a row."""
        _, _, height, width = self.clip_shape
        words = -(-width // 64)
        rows = [
            [streams.raw(self.seed, streams.SNAPSHOT, b, row, words) for row in range(height)]
            for b in range(self.together)
        ]
        bits = np.unpackbits(np.array(rows, dtype="<u8").view(np.uint8), axis=-1, bitorder="little")
        return torch.from_numpy(bits[..., :width].astype(np.float32))

    def _measure(self, x: Tensor) -> Tensor:
        return torch.stack([group.sum(0) for group in (x * self.codes).split(self.part_frames)])

    def _adjoint(self, y: Any) -> Tensor:
        repeated: Tensor = y.repeat_interleave(self.part_frames, 0)[: self.clip_shape[0]]
        return repeated * self.codes

    def _subset(self, parts: Sequence[int]) -> Snapshot:
        frames = torch.tensor([t for k in parts for t in self.parts()[k].frames])
        return self._like(len(frames), (len(parts), *self.data_shape[1:]), codes=self.codes[frames])

    def sums_grey_levels(self) -> bool:
        return bool((self.codes >= 0).all())

    def observed_mask(self) -> Tensor:
        """Pixels that at least one frame of their picture reaches."""
        seen = torch.stack([group.any(0) for group in (self.codes != 0).split(self.part_frames)])
        return seen.expand(self.data_shape)

    def parameters_spec(self) -> dict[str, Any]:
        drawn = {"seed": self.seed} if self._drawn else {}
        return {"together": self.together, **drawn, **within_spec(self.within)}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {} if self._drawn else {"mask": self._mask}
