"""The project's own generator: a small decoder for frames of any size, fitted to one clip from random weights."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import InputError
from .base import Generator, seeded, to_grey_levels

WIDTHS = (96, 64, 48, 32, 24)
"""Feature maps from the coarsest scale to the finest; larger frames repeat the last."""


class Decoder(Generator):
    """Projection of the code to a coarse feature map, then convolution and bilinear doubling up to the frame size.

    At every scale the first `maps` numbers of the code also add feature maps of their own (a linear combination of
    learned maps): the picture's fixed content and its slow changes need not pass through the coarse scales. Bilinear
    doubling makes smooth frames the easy ones. Frames are generated on a grid of 2^L times the coarse one and
    cropped, so any H, W fits.
    """

    kind = "decoder"

    def __init__(
        self, frame_shape: tuple[int, int, int], *, code_dim: int = 64, maps: int = 8, seed: int = 0
    ):
        super().__init__()
        channels, height, width = frame_shape
        if min(frame_shape) < 1:
            raise InputError(f"decoder: expected a frame shape (C, H, W) of ones or more, got {tuple(frame_shape)}")
        self.frame_shape, self.code_dim, self.maps = (channels, height, width), code_dim, maps
        doublings = max(2, math.floor(math.log2(max(4, min(height, width)) / 3)))
        self.coarse = (math.ceil(height / 2**doublings), math.ceil(width / 2**doublings))
        widths = [WIDTHS[min(k, len(WIDTHS) - 1)] for k in range(doublings + 1)]
        self.project = nn.Linear(code_dim, widths[0] * math.prod(self.coarse))
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(widths, widths[1:]))
        sizes = [(self.coarse[0] << k, self.coarse[1] << k) for k in range(1, doublings + 1)]
        self.scale_maps = nn.ParameterList(
            nn.Parameter(torch.empty(maps, c, h, w)) for c, (h, w) in zip(widths[1:], sizes, strict=True)
        )
        self.to_frame = nn.Conv2d(widths[-1], channels, 3, padding=1)
        self._initialise(seed)

    def _initialise(self, seed: int) -> None:
        """Weights that keep the spread of activations near one from the code to the frame; biases zero."""
        source = seeded(seed)
        for layer in (self.project, *self.convolutions, self.to_frame):
            fan_in = layer.weight[0].numel()
            gain = 1.0 if layer is self.project else (0.5 if layer is self.to_frame else 1.9)
            nn.init.normal_(layer.weight, 0, gain / math.sqrt(fan_in), generator=source)
            nn.init.zeros_(layer.bias)
        for maps in self.scale_maps:
            nn.init.normal_(maps, 0, 0.02, generator=source)

    def forward(self, codes: Tensor) -> Tensor:
        """Frames of codes: (N, K) to (N, C, H, W)."""
        features = F.gelu(self.project(codes)).unflatten(1, (-1, *self.coarse))
        for convolution, maps in zip(self.convolutions, self.scale_maps, strict=True):
            features = F.interpolate(convolution(features), scale_factor=2, mode="bilinear", align_corners=False)
            features = F.gelu(features) + (codes[:, : self.maps] @ maps.flatten(1)).view(features.shape)
        _, height, width = self.frame_shape
        return to_grey_levels(self.to_frame(features))[..., :height, :width]

    def spec(self) -> dict[str, Any]:
        """Kind, frame shape, code dimension, maps per scale."""
        shape = list(self.frame_shape)
        return {"kind": self.kind, "frame_shape": shape, "code_dim": self.code_dim, "maps": self.maps}


def smooth_start(times: Tensor, code_dim: int, seed: int, spread: float = 0.3) -> Tensor:
    """One random code plus a smooth random path around it, (T, K): sinusoids in time, slow and fast ones.

    The shared part lets the generator learn first what all frames have in common; the path tells frames apart by
    their distance in time from the start.
    """
    frames, half = len(times), (code_dim + 1) // 2
    span = float(times[-1] - times[0]) or 1.0
    position = ((times - times[0]) / span).float()[:, None]
    frequency = torch.linspace(0.25, max(frames / 8, 0.5), half)[None]
    source = seeded(seed)
    phase = 2 * math.pi * (frequency * position + torch.rand(1, half, generator=source))
    path = torch.cat([phase.sin(), phase.cos()], 1)[:, :code_dim]
    return torch.randn(1, code_dim, generator=source) + spread * path
