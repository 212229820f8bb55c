"""A decoder that follows a camera: its picture is larger than a frame, and each frame shows its part of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import InputError
from .base import to_grey_levels
from .decoder import LEAK_SLOPE, Decoder, upsampling_stages_of
from .pyramid import COARSENESS, MOTION_NUMBERS


class MovingDecoder(Decoder):
    r"""A `Decoder` whose picture has `margin` more rows and columns at each side than a frame.

    A code ends with `MOTION_NUMBERS` more, its motion, as that of a `Pyramid`: at a place (x, y) of the frame stands
    what the picture has at (x + dx, y + dy), interpolated between pixels linearly, where dx and dy are affine in x and
    y. So what a moving camera shows stays where it is in the picture, and whatever frames see of it adds up.
    """

    kind = "moving-decoder"
    motion_numbers = MOTION_NUMBERS

    def __init__(
        self,
        frame_shape: tuple[int, int, int],
        *,
        margin: Sequence[int],
        upsampling_stages: int | None = None,
        **sizes: Any,
    ):
        channels, height, width = frame_shape
        if len(margin) != 2 or any(
            type(n) is not int or not 0 <= n <= side for n, side in zip(margin, frame_shape[1:], strict=False)
        ):
            raise InputError(
                f"{self.kind}: expected a margin of 0 to {height} rows and 0 to {width} columns, got {margin}"
            )
        rows, columns = self.margin = (margin[0], margin[1])
        super().__init__(
            (channels, height + 2 * rows, width + 2 * columns),
            upsampling_stages=upsampling_stages_of(frame_shape) if upsampling_stages is None else upsampling_stages,
            **sizes,
        )
        self.frame_shape = frame_shape
        self.code_dim += MOTION_NUMBERS

    def forward(self, codes: Tensor) -> Tensor:
        """Frames of codes: (N, K) to (N, C, H, W)."""
        own, motion = codes[:, :-MOTION_NUMBERS], codes[:, -MOTION_NUMBERS:]
        picture = _in_full(self._drawn(own))
        # linear: of bicubic interpolation the gradient takes ten times as long, a third of an update
        seen = F.grid_sample(
            picture, self._places(_in_full(motion), picture.shape), padding_mode="border", align_corners=False
        )
        return to_grey_levels(seen, LEAK_SLOPE, self.headroom)

    def _places(self, motion: Tensor, shape: Sequence[int]) -> Tensor:
        """Where the pixels of a frame are in a picture of this shape, from -1 to 1 across it: (N, H, W, 2)."""
        _, height, width = self.frame_shape
        (rows, columns), motion = self.margin, motion[:, :, None, None]
        down = torch.arange(height, dtype=motion.dtype, device=motion.device)[:, None] + 0.5
        across = torch.arange(width, dtype=motion.dtype, device=motion.device) + 0.5
        y, x = (2 * place / covered(side) - 1 for place, side in ((down, height), (across, width)))
        dx, dy = (motion[:, i] * x + motion[:, i + 1] * y + motion[:, i + 2] for i in (0, 3))
        return torch.stack([2 * (across + columns + dx) / shape[-1] - 1, 2 * (down + rows + dy) / shape[-2] - 1], -1)

    def _own_sizes(self) -> dict[str, Any]:
        own = super()._own_sizes()
        return own | {"code_dim": self.code_dim - MOTION_NUMBERS, "margin": list(self.margin)}


def margin_of(motion: Tensor, frame_shape: Sequence[int], spare: int) -> tuple[int, int]:
    """Rows and columns beyond each side of a frame (C, H, W) that frames of this motion, (T, 6), see, and so many more
    to spare."""
    found = []
    for side, of_x, of_y, shift in ((frame_shape[1], 3, 4, 5), (frame_shape[2], 0, 1, 2)):
        corners = [motion[:, of_x] * x + motion[:, of_y] * y + motion[:, shift] for x, y in CORNERS]
        # of rows the second coordinate says at which side a corner is, of columns the first
        out = [(place if corner[of_x == 3] > 0 else -place) for place, corner in zip(corners, CORNERS, strict=True)]
        found.append(min(side, max(0, math.ceil(float(torch.stack(out).max()))) + spare))
    return found[0], found[1]


CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
"""(x, y) of a frame's corners."""


def covered(side: int) -> int:
    """Pixels over half of which slopes of a motion are told: whole places of the coarsest maps of a pyramid."""
    return math.ceil(side / int(COARSENESS)) * int(COARSENESS)


def _in_full(values: Tensor) -> Tensor:
    """In float32 at least: in half formats places are pixels apart."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
