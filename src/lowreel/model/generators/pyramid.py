"""A generator whose codes are small pictures: maps at several scales, from which few weights make a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from .base import WEIGHTS, Generator, seeded, to_grey_levels
from .decoder import HEADROOM, LEAK_SLOPE
from .layers import draw_weights, without_values

MAPS = (8, 4, 2, 1)
"""Maps of a code at each scale, from the coarsest to the finest."""

PYRAMID_WIDTHS = (48, 40, 32, 24)
"""Feature maps at each scale."""

DOUBLINGS = 4
"""From the coarsest maps to the frame; the last one is a sub-pixel convolution."""

FINER_SHARE = 0.05
"""Of the unit spread that features have what maps of finer scales add to them at first: they begin as corrections."""

PROBED_CODES = 2
"""Random codes by which first weights are scaled."""

COARSENESS = 2**DOUBLINGS
"""Pixels of a side of a frame that a place of the coarsest maps stands for."""

MOTION_NUMBERS = 6
"""Of a code whose maps move: of dx and then dy, pixels, the slopes across and down, over half of what the maps of a
frame cover, and the shift in its middle."""


def _check_margin(margin: Sequence[int] | None, coarse: tuple[int, int]) -> None:
    """Raise InputError for a margin that is no number of rows and of columns up to half of the coarsest maps."""
    if margin is None:
        return
    most = [math.ceil(side / 2) for side in coarse]
    if len(margin) != 2 or any(type(n) is not int or not 0 <= n <= m for n, m in zip(margin, most, strict=False)):
        raise InputError(f"pyramid: expected a margin of 0 to {most[0]} rows and 0 to {most[1]} columns, got {margin}")


class Pyramid(Generator):
    r"""Codes are maps at several scales, each twice as fine as the one before; the network is shared by all frames.

    With maps :math:`z_l` of a code at scale l, features are :math:`f_l = r_l(g(U f_{l-1} * w_l + z_l * v_l))` with
    the GELU g, bilinear doubling U, and a residual 3x3 convolution :math:`r_l`; a sub-pixel convolution makes the
    frame from features of half its size. So what is at a place of a frame stands at that place of its code, as in the
    embeddings of HNeRV (Chen et al., 2023) and the grids of HiNeRV (Kwan et al., 2023), and weights are few.

    maps: of a code at each of the `DOUBLINGS` scales, 0 for none, at least one at the coarsest. margin: rows and
    columns of the coarsest maps that are beyond the frame at each side; where it is given a code ends with
    `MOTION_NUMBERS` more, its motion: at a place (x, y) of the frame maps are read at (x + dx, y + dy), where dx and dy
    are affine in x and y, so that what a moving camera shows stays where it is in the maps.
    """

    kind = "pyramid"

    def __init__(
        self,
        frame_shape: tuple[int, int, int],
        *,
        maps: Sequence[int] = MAPS,
        widths: Sequence[int] = PYRAMID_WIDTHS,
        margin: Sequence[int] | None = None,
        headroom: float = HEADROOM,
        seed: int = 0,
    ):
        super().__init__()
        channels, height, width = frame_shape
        if min(frame_shape) < 1:
            raise InputError(f"pyramid: expected a frame shape (C, H, W) of ones or more, got {tuple(frame_shape)}")
        self.maps, self.widths = tuple(maps), tuple(widths)
        if len(self.maps) != DOUBLINGS or len(self.widths) != DOUBLINGS or min(self.widths) < 1 or min(self.maps) < 0:
            raise InputError(f"pyramid: expected {DOUBLINGS} numbers of maps and of widths, got {maps} and {widths}")
        if not self.maps[0]:
            raise InputError("pyramid: expected maps at the coarsest scale, got none")
        self.frame_shape, self.headroom = (channels, height, width), headroom
        coarse = (math.ceil(height / 2**DOUBLINGS), math.ceil(width / 2**DOUBLINGS))
        _check_margin(margin, coarse)
        self.margin = None if margin is None else tuple(margin)
        rows, columns = self.margin or (0, 0)
        self.coarse, self._whole = coarse, (coarse[0] + 2 * rows, coarse[1] + 2 * columns)
        self.map_shapes = [(count, self._whole[0] << k, self._whole[1] << k) for k, count in enumerate(self.maps)]
        self.code_dim = sum(map(math.prod, self.map_shapes)) + (MOTION_NUMBERS if self.moves else 0)
        self.read = nn.ModuleDict(
            {str(k): without_values(nn.Conv2d, n, self.widths[k], 3, padding=1) for k, n in enumerate(self.maps) if n}
        )
        self.grow = nn.ModuleList(without_values(nn.Conv2d, a, b, 3, padding=1) for a, b in pairwise(self.widths))
        self.refine = nn.ModuleList(without_values(nn.Conv2d, n, n, 3, padding=1) for n in self.widths)
        self.to_frame = without_values(nn.Conv2d, self.widths[-1], 4 * channels, 3, padding=1)
        self._initialise(seed)

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """Random weights, layer by layer scaled so that a random code gives features of unit spread; biases zero."""
        if self.to_frame.weight.is_meta:
            return
        source = seeded(seed, WEIGHTS)
        spreads: dict[nn.Module, float] = dict.fromkeys([self.read["0"], *self.grow, *self.refine], 1.0)
        spreads |= {layer: FINER_SHARE for name, layer in self.read.items() if name != "0"}
        spreads[self.to_frame] = 0.5
        draw_weights(self, spreads, lambda: torch.randn(PROBED_CODES, self.code_dim, generator=source), source)

    def maps_of(self, codes: Tensor) -> list[Tensor]:
        """The maps of codes, (N, K), by scale: (N, count, h, w) each."""
        sizes = [math.prod(shape) for shape in self.map_shapes]
        parts = torch.split(codes[:, : sum(sizes)], sizes, 1)
        return [part.unflatten(1, shape) for part, shape in zip(parts, self.map_shapes, strict=True) if shape[0]]

    def forward(self, codes: Tensor) -> Tensor:
        """Frames of codes: (N, K) to (N, C, H, W)."""
        maps = self.maps_of(codes)
        return self.of_maps(self._moved(maps, self.motion_of(codes)) if self.moves else maps)

    @property
    def moves(self) -> bool:
        """Whether codes have a motion, by which their maps are read."""
        return self.margin is not None

    def motion_of(self, codes: Tensor) -> Tensor:
        """The motion of codes, (N, K), that have one: (N, 6)."""
        return codes[:, -MOTION_NUMBERS:]

    def _moved(self, maps: Sequence[Tensor], motion: Tensor) -> list[Tensor]:
        """Maps of the size of the frame: at (x, y) what stands at (x + dx, y + dy) of those with a margin."""
        # bicubic, as linear interpolation blurs what lies between two places
        read = partial(F.grid_sample, mode="bicubic", padding_mode="border", align_corners=False)
        given = zip(map(int, self.read), maps, strict=True)
        return [read(_in_full(own), self._places(_in_full(motion), k)) for k, own in given]

    def _places(self, motion: Tensor, scale: int) -> Tensor:
        """Where a frame's places are in its maps at a scale, from -1 to 1 across these: (N, h, w, 2).

        Without products of matrices, which may be in bfloat16 where a clip is fitted.
        """
        (rows, columns), motion = self.coarse, motion[:, :, None, None]
        y = _centres(rows << scale, motion)[:, None]
        x = _centres(columns << scale, motion)
        dx, dy = (motion[:, i] * x + motion[:, i + 1] * y + motion[:, i + 2] for i in (0, 3))
        sides = [COARSENESS / 2 * side for side in (columns, rows, self._whole[1], self._whole[0])]
        return torch.stack([(sides[0] * x + dx) / sides[2], (sides[1] * y + dy) / sides[3]], -1)

    def of_maps(self, maps: Sequence[Tensor]) -> Tensor:
        """Frames of the maps of codes, as `maps_of` gives them: (N, C, H, W)."""
        given = dict(zip(self.read, maps, strict=True))
        features = self.read["0"](given["0"])
        for k in range(DOUBLINGS):
            if k:
                features = F.interpolate(
                    self.grow[k - 1](features), scale_factor=2, mode="bilinear", align_corners=False
                )
                if self.maps[k]:
                    features = features + self.read[str(k)](given[str(k)])
            features = F.gelu(features)
            features = features + F.gelu(self.refine[k](features))
        _, height, width = self.frame_shape
        frames = F.pixel_shuffle(self.to_frame(features), 2)[..., :height, :width]
        return to_grey_levels(frames, LEAK_SLOPE, self.headroom)

    def spec(self) -> dict[str, Any]:
        """Kind, frame shape, maps and widths at each scale, headroom."""
        sizes = {"frame_shape": self.frame_shape, "maps": self.maps, "widths": self.widths}
        moves = {} if self.margin is None else {"margin": list(self.margin)}
        return {"kind": self.kind, **{n: list(own) for n, own in sizes.items()}, **moves, "headroom": self.headroom}


def _in_full(values: Tensor) -> Tensor:
    """In float32 at least: in half formats places are pixels apart."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _centres(count: int, like: Tensor) -> Tensor:
    """Of so many equal parts of [-1, 1]."""
    return (2 * torch.arange(count, dtype=like.dtype, device=like.device) + 1) / count - 1
