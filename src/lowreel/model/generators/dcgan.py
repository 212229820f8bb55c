"""The paper's generator."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError
from .base import CODES, WEIGHTS, Generator, seeded, to_grey_levels
from .layers import without_values


class Dcgan(Generator):
    """DCGAN without batch norm and biases: one projection to 4x4 and four 4x4 transposed convolutions, 64x64 frames.

    Grey: K = 32, widths 256, 128, 64, 32, 1; colour: K = 256, widths 512, 256, 128, 64, 3 (paper, Section 3,
    Appendix A.3, Table 4). Weights start from He's normal distribution, which keeps the size of activations through
    ReLU layers that have no normalisation.
    """

    kind = "dcgan"

    def __init__(self, channels: int, *, seed: int = 0):
        super().__init__()
        if channels not in (1, 3):
            raise InputError(f"dcgan: expected 1 or 3 channels, got {channels}")
        self.code_dim = 32 if channels == 1 else 256
        self.frame_shape = (channels, 64, 64)
        first = 256 if channels == 1 else 512
        widths = [self.code_dim, first, first // 2, first // 4, first // 8, channels]
        layers: list[nn.Module] = []
        source = seeded(seed, WEIGHTS)
        for k, (inputs, outputs) in enumerate(pairwise(widths)):
            stride, padding = (1, 0) if k == 0 else (2, 1)
            layer = without_values(nn.ConvTranspose2d, inputs, outputs, 4, stride, padding, bias=False)
            taps = 1 if k == 0 else 4
            nn.init.normal_(layer.weight, 0, math.sqrt(2 / (inputs * taps)), generator=source)
            layers += [layer, nn.ReLU(inplace=True)]
        self.main = nn.Sequential(*layers[:-1])

    def forward(self, codes: Tensor) -> Tensor:
        """Frames of codes: (N, K) to (N, C, 64, 64).

        The first transposed convolution sees one pixel, so it is a matrix product, and is computed as one.
        """
        weight: Tensor = self.main[0].weight  # type: ignore[assignment]
        first = weight.permute(0, 2, 3, 1)
        features = torch.unflatten((codes @ first.flatten(1)).relu(), 1, first.shape[1:]).permute(0, 3, 1, 2)
        return to_grey_levels(self.main[2:](features))

    def spec(self) -> dict[str, Any]:
        """Kind and channels."""
        return {"kind": self.kind, "channels": self.frame_shape[0]}


def shared_start(frames: int, code_dim: int, seed: int) -> Tensor:
    """The authors' start: one random unit vector for all frames, (T, K)."""
    code = torch.randn(code_dim, generator=seeded(seed, CODES))
    unit: Tensor = code / code.norm()
    return unit.expand(frames, -1).clone()
