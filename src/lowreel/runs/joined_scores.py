"""A clip joined of sections against the true one, a few frames at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from statistics import mean

from torch import Tensor

from ..analysis.metrics import error_decibels, ssim
from ..io.video import Clip


@dataclass(frozen=True)
class WholeScores:
    """Of a joined clip against the true one: level of each frame, mean SSIM, mean squared error, the range; and the
    mean squared error of the clip that is recommended, where that is another."""

    levels: list[float]
    ssim: float
    error: float
    range: float
    recommended_error: float | None = None


def scored(truth: Clip, recovered: Iterable[Tensor], recommended: Iterable[Tensor] | None = None) -> WholeScores:
    """The scores of a clip, and of the recommended one, None where it is the same: stretches (n, C, H, W) of their
    frames in grey levels, the same ones of both, in their order."""
    errors: list[float] = []
    similar: list[float] = []
    better: list[float] = []
    low, high = math.inf, -math.inf
    also = repeat(None) if recommended is None else recommended
    for frames, instead in zip(recovered, also, strict=recommended is not None):  # None without end
        true = truth.read(len(errors), len(errors) + len(frames))
        errors += _errors(frames, true)
        similar += [ssim(frames, true)] * len(frames)
        low, high = min(low, float(true.min())), max(high, float(true.max()))
        better += [] if instead is None else _errors(instead, true)
    levels = [error_decibels(error) for error in errors]
    return WholeScores(levels, mean(similar), mean(errors), high - low, mean(better) if better else None)


def _errors(frames: Tensor, true: Tensor) -> list[float]:
    """Mean squared error of each frame, of two stretches (n, C, H, W)."""
    found: list[float] = (frames - true).double().square().mean((1, 2, 3)).tolist()
    return found
