"""Whether one result is better than another by chance: by what each held-out hole says, few and uneven as they are, or
by what each of several clips says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

CHANCE = 0.025
"""Probability of so large a gain, were both equally good, from which on it may be chance; about that of two standard
errors of many holes that are alike."""

DRAWS, OWN_SIGNS = 4096, 256
"""Drawings of signs; how many of the largest gains have one each, while the sum of all others is taken for normal."""

FEWEST_CLIPS, LEAST_SPREAD = 3, 0.05
"""Clips that can agree beyond chance, at least, and by how many dB gains of clips are taken to differ, at least."""


def is_chance(gains: Tensor) -> bool:
    """Whether the sum of these gains, one of each hole, (N,), may be chance: by a test of signs that are drawn anew.

    Were neither result better, each hole's gain could as well have the other sign (Fisher's randomisation test for
    pairs). How often a sum with drawn signs is as large as the one that was seen is told exactly however uneven the
    gains are: lines near zero of a spectrum, or the one hole that hides what moves, have most of the error, and by
    standard errors a result that is better on every line would still be luck. Of five holes or fewer any gain may be
    chance; none is where all gains are zero.
    """
    sizes = gains.double().abs().sort(descending=True).values
    if not bool(sizes.any()):
        return False
    own, rest = sizes[:OWN_SIGNS], sizes[OWN_SIGNS:]
    draw = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (DRAWS, len(own)), generator=draw).double() * 2 - 1
    spread = float(rest.square().sum().sqrt())
    drawn = signs @ own + spread * torch.randn(DRAWS, generator=draw, dtype=torch.float64)
    seen = float(gains.double().sum().abs()) * (1 - 1e-9)
    return float((drawn >= seen).double().mean()) > CHANCE


def is_chance_among(gains: Sequence[float]) -> bool:
    """Whether the mean of these gains in dB, one of each clip, may be chance: by Student's t test of one sample.

    Clips of a kind are alike in what sharing gives them, so that their gains are near one number, and near a normal
    distribution, as means over many holes are; a test of signs would call any gain of five clips or fewer chance.
    Two clips may always agree by chance.
    """
    from scipy.stats import t

    if len(gains) < FEWEST_CLIPS or not all(map(math.isfinite, gains)):
        return True
    count, mean = len(gains), sum(gains) / len(gains)
    spread = max(math.sqrt(sum((gain - mean) ** 2 for gain in gains) / (count - 1)), LEAST_SPREAD)
    return float(t.sf(abs(mean) / spread * math.sqrt(count), count - 1)) > CHANCE
