"""A decoder of few weights: maps that all frames share, mixed by the code of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from .base import MAP_WEIGHTS, seeded
from .decoder import Decoder
from .layers import without_values

LEAN_WIDTHS = (64, 48, 40, 32, 24)
"""Feature maps from the coarsest scale to the finest; larger frames repeat the last."""

SHARED_MAPS = 32
"""Maps of the size of the coarse grid that all frames share."""


class Lean(Decoder):
    r"""The decoder without its dense projection: the coarse features are mixtures of maps that all frames share.

    With maps :math:`B_g` channel c of the coarse features of a code z is :math:`\sum_g M_{cg}(z) B_g`, where M is
    affine in z. What follows is as in the decoder, in narrower layers.
    """

    kind = "lean"
    subpixel_decay_share = 1.0  # less was not tried
    step_shares: ClassVar[Mapping[str, float]] = {"maps": 0.7, "mix": 0.7, "grow": 1.5, "refine": 1.5}
    widths: ClassVar[Sequence[int]] = LEAN_WIDTHS
    usual_code_dim: ClassVar[int] = 32

    def _make_coarse_layers(self, width: int) -> None:
        self.maps = nn.Parameter(torch.empty(SHARED_MAPS, *self.coarse))
        self.mix = without_values(nn.Linear, self.code_dim, width * SHARED_MAPS)

    def _coarse_layers(self) -> dict[nn.Module, float]:
        return {self.mix: 1 / math.sqrt(SHARED_MAPS)}

    def _initialise(self, seed: int) -> None:
        if not self.maps.is_meta:
            nn.init.normal_(self.maps, generator=seeded(seed, MAP_WEIGHTS))
        super()._initialise(seed)

    def coarse_features(self, codes: Tensor) -> Tensor:
        """The coarse feature map before its first nonlinearity: codes (N, K) to (N, W, h, w)."""
        mixtures = torch.unflatten(self.mix(codes), 1, (-1, SHARED_MAPS))
        return torch.unflatten(mixtures @ self.maps.flatten(1), 2, self.coarse)
