"""Baselines of total variation: over space and time, and GAP-TV."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..measure import Data, Measurement, inner, map_data, nearest_consistent
from .judging import error_on, left_out

ITERATIONS = 250
"""Of total variation (docs/choices.md)."""

TRIAL_ITERATIONS, NOISY_TRIAL_ITERATIONS = 90, 60
"""Of each trial of a weight, and where there is noise: more are tried then, and they settle sooner."""

TIMES, STRENGTHS = (1.0, 0.3, 3.0), (1.0, 0.5, 2.0)
"""What is tried: the weight of differences in time against those in space; with noise, times how strong it is."""

GAIN = 0.8
"""What a trial leaves of the plain one's error if it is to be believed: short fits say little about small gains.

With noise, which is a part of every error, they are believed as they are."""

GAP_ITERATIONS, GAP_STEPS = 60, 10
"""Of GAP-TV, and of the denoising and the projection in each."""

NORM_ITERATIONS = 15
"""Of the power method that finds the norm of A."""

BALANCE = 3.5
"""Size given to A beside the gradient, whose norm is sqrt(12): of one size they converge soonest."""


@torch.no_grad()
def chosen_variation(
    data: Data,
    operator: Measurement,
    entries: Data,
    start: Tensor,
    start_of: Callable[[Data, Measurement, Data], Tensor],
    *,
    sigma: float = 0.0,
) -> Tensor:
    """3-D total variation with the weight of time, and with noise the strength, that suit the clip; (T, C, H, W).

    start_of: what gave `start`, the first clip, from data, operator and entries; a trial has fewer entries.
    """
    time, strength = chosen_weights(data, operator, entries, start_of, sigma=sigma)
    return total_variation(data, operator, entries, start, sigma=strength * sigma, weights=(time, 1.0))


def chosen_weights(
    data: Data,
    operator: Measurement,
    entries: Data,
    start_of: Callable[[Data, Measurement, Data], Tensor],
    *,
    sigma: float = 0.0,
) -> tuple[float, float]:
    """Weight of time and strength with which a short fit agrees best with entries that it has not seen.

    The strength is chosen after the weight, which keeps the trials few.
    """
    try:
        held = left_out(operator, entries)
    except InputError:  # too few entries to leave any out
        return TIMES[0], STRENGTHS[0]
    fitted = map_data(lambda e, h: e & ~h, entries, held)
    start = start_of(data, operator, fitted)
    iterations = NOISY_TRIAL_ITERATIONS if sigma else TRIAL_ITERATIONS

    @cache
    def error(time: float, strength: float) -> float:
        clip = total_variation(
            data, operator, fitted, start, sigma=strength * sigma, weights=(time, 1.0), iterations=iterations
        )
        return error_on(held, operator, clip, data)

    plain = 1.0 if sigma else GAIN
    time = min(TIMES, key=lambda weight: error(weight, STRENGTHS[0]) * (plain if weight == TIMES[0] else 1))
    return time, min(STRENGTHS, key=lambda strength: error(time, strength)) if sigma else STRENGTHS[0]


@torch.no_grad()
def total_variation(
    data: Data,
    operator: Measurement,
    entries: Data,
    start: Tensor,
    *,
    sigma: float = 0.0,
    weights: tuple[float, float] = (1.0, 1.0),
    iterations: int = ITERATIONS,
) -> Tensor:
    """min sum |grad x| over time, rows and columns, channels coupled, subject to A x = y (or near it, with noise).

    weights: of differences in time and in space. Primal-dual hybrid gradient (Chambolle and Pock, 2011). Without
    noise the data is met exactly where A picks pixels; with noise of standard deviation sigma the penalty is |A x -
    y|^2 / (2 sigma a), a the row norm, so that the units of A do not matter.
    """
    exact_pixels = operator.picks_pixels and sigma == 0
    norm = 1.0 if operator.picks_pixels else operator_norm(operator) / BALANCE
    bound = 12.0 + (0.0 if exact_pixels else BALANCE**2)
    tau, dual_step = 0.05, 1 / (0.05 * bound)
    # The weights are scaled so that the norm of the gradient, and with it the steps, stay as they are without weights.
    scale = math.sqrt(3 / (weights[0] ** 2 + 2 * weights[1] ** 2))
    softening = sigma * operator.row_norm() / (scale * norm**2) if sigma else 0.0

    def scaled(y: Data) -> Data:
        return map_data(lambda t, e: t * e / norm, y, entries)

    target = scaled(data)
    x, ahead, edges = start.clone(), start.clone(), torch.zeros(3, *start.shape)
    factors = (scale * weights[0], scale * weights[1], scale * weights[1])
    multiplier = map_data(torch.zeros_like, target)
    unknown = map_data(lambda e: (~e).to(start.dtype), entries) if exact_pixels else None
    for _ in range(iterations):
        add_gradient(edges, ahead, [dual_step * factor for factor in factors])
        shrink_to_one(edges)
        if not exact_pixels:
            misfit = map_data(lambda a, b: a - b, scaled(operator(ahead)), target)
            multiplier = map_data(lambda m, r: (m + dual_step * r) / (1 + dual_step * softening), multiplier, misfit)
        before = ahead.copy_(x)
        if not exact_pixels:
            x -= tau * operator.adjoint(map_data(lambda m: m / norm, multiplier))
        add_gradient_adjoint(x, edges, [-tau * factor for factor in factors])
        if exact_pixels:
            x.mul_(unknown).add_(target)  # type: ignore[arg-type]
        ahead = before.neg_().add_(x, alpha=2)
    return x.clamp(0, 1)


@torch.no_grad()
def gap_tv(data: Data, operator: Measurement, entries: Data, *, weight: float = 0.1) -> Tensor:
    """Generalised alternating projection with total variation (Yuan, ICIP 2016), accelerated; (T, C, H, W).

    In turns: the clip nearest to the last one that agrees with the data, to which the residuals so far are added, and
    total variation denoising of each frame with this weight.
    """
    from skimage.restoration import denoise_tv_chambolle

    target, clip = data, operator.adjoint(map_data(torch.zeros_like, data))
    for _ in range(GAP_ITERATIONS):
        projected = nearest_consistent(clip, operator, target, entries, iterations=GAP_STEPS)
        frames = [
            denoise_tv_chambolle(f.numpy(), weight=weight, max_num_iter=GAP_STEPS, channel_axis=0) for f in projected
        ]
        clip = torch.from_numpy(np.stack(frames)).float()
        target = map_data(lambda t, y, found: t + (y - found), target, data, operator(clip))
    return nearest_consistent(clip, operator, data, entries, iterations=GAP_STEPS).clamp(0, 1)


def add_gradient(edges: Tensor, x: Tensor, factors: Sequence[float]) -> None:
    """Add forward differences over time, rows and columns, times their factors, in place; zero at the end.

    x: (T, C, H, W); edges: (3, T, C, H, W). No array of the clip's size is made.
    """
    for edge, axis, factor in zip(edges, (0, 2, 3), factors, strict=True):
        count = x.shape[axis] - 1
        inner = edge.narrow(axis, 0, count)
        inner.add_(x.narrow(axis, 1, count), alpha=factor).sub_(x.narrow(axis, 0, count), alpha=factor)


def shrink_to_one(edges: Tensor) -> None:
    """Divide the edges of each pixel, all channels and axes together, by their length where that exceeds 1, in place.

    Summed array by array: a reduction over the first axes takes many times as long.
    """
    lengths = torch.zeros_like(edges[0, :, 0])
    for edge in edges:
        for channel in edge.unbind(1):
            lengths.addcmul_(channel, channel)
    edges.div_(lengths.sqrt_().clamp_min_(1)[None, :, None])


def add_gradient_adjoint(x: Tensor, edges: Tensor, factors: Sequence[float]) -> None:
    """Add the adjoint of `add_gradient` in place: (3, T, C, H, W) to (T, C, H, W)."""
    for edge, axis, factor in zip(edges, (0, 2, 3), factors, strict=True):
        count = x.shape[axis] - 1
        inner = edge.narrow(axis, 0, count)
        x.narrow(axis, 1, count).add_(inner, alpha=factor)
        x.narrow(axis, 0, count).sub_(inner, alpha=factor)


def operator_norm(operator: Measurement) -> float:
    """Largest singular value of A, by power iteration from a fixed clip, with a margin."""
    x = torch.ones(operator.clip_shape) + torch.linspace(0, 1, math.prod(operator.clip_shape)).reshape(
        operator.clip_shape
    )
    for _ in range(NORM_ITERATIONS):
        x = operator.adjoint(operator(x / x.norm()))
    return 1.05 * math.sqrt(float(x.norm())) if float(inner(x, x)) > 0 else 1.0
