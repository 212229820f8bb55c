"""Baselines of total variation: over space and time, and GAP-TV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..operators import Data, LinearOperator, inner, map_data, project_onto_data
from ..operators.arrangement import Alone
from .iterations import LOOK_EVERY_ITERATIONS
from .validation import trial_of
from .variation_of_pixels import TAU, minimum_of_pixels, shrink_to_one

TV_ITERATIONS = 250
"""Of total variation, at most (docs/choices.md)."""

TV_SETTLED_SHARE = 1e-4
"""Change of the clip in an iteration, as a share of its norm, at which it has converged."""

NEAR_SETTLED_SHARE = 5e-4
"""The same from a start that is near, as pixels interpolated from `missing` ones without noise are: within 0.1 dB of
the minimum in half the iterations (docs/choices.md)."""

USUAL_TV_ITERATIONS = 70
"""That are counted on from a start that is near: 50 to 100 were seen."""

TRIAL_ITERATIONS = 60
"""Of each trial of a weight, at most."""

STRETCH_VALUES, STRETCH_OVERLAP_FRAMES = 2**24, 3
"""Values of the clip that are worked on at once, at most, as they take six arrays of their size; and frames by which
such stretches lap over their neighbours."""

TIME_WEIGHTS, STRENGTHS = (1.0, 0.3, 3.0), (1.0, 0.5, 2.0)
"""What is tried: the weight of differences in time against those in space; with noise, times how strong it is."""

BELIEVED_ERROR_SHARE = 0.8
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
    operator: LinearOperator,
    entries: Data,
    start: Tensor,
    *,
    sigma: float = 0.0,
) -> Tensor:
    """3-D total variation with the weight of time, and with noise the strength, that suit the clip; (T, C, H, W)."""
    time, strength = chosen_weights(data, operator, entries, sigma=sigma)
    weights = (time, 1.0)
    settled = NEAR_SETTLED_SHARE if has_near_start(operator, sigma) else TV_SETTLED_SHARE
    return total_variation(data, operator, entries, start, sigma=strength * sigma, weights=weights, settled=settled)


def has_near_start(operator: LinearOperator, sigma: float) -> bool:
    """Whether what interpolation makes is near the minimum: of scattered pixels without noise."""
    return operator.is_pixel_mask and not sigma and all(isinstance(a, Alone) for a in operator.arrangements())


def chosen_weights(
    data: Data,
    operator: LinearOperator,
    entries: Data,
    *,
    sigma: float = 0.0,
) -> tuple[float, float]:
    """Weight of time and strength with which a short fit agrees best with entries that it has not seen.

    The strength is chosen after the weight, which keeps the trials few.
    """
    trial = trial_of(data, operator, entries)
    if trial is None:
        return TIME_WEIGHTS[0], STRENGTHS[0]

    @cache
    def error(time: float, strength: float) -> float:
        clip = total_variation(
            trial.data,
            trial.operator,
            trial.fitted,
            trial.start,
            sigma=strength * sigma,
            weights=(time, 1.0),
            iterations=TRIAL_ITERATIONS,
        )
        return trial.error(clip)

    plain = 1.0 if sigma else BELIEVED_ERROR_SHARE
    time = min(
        TIME_WEIGHTS, key=lambda weight: error(weight, STRENGTHS[0]) * (plain if weight == TIME_WEIGHTS[0] else 1)
    )
    return time, min(STRENGTHS, key=lambda strength: error(time, strength)) if sigma else STRENGTHS[0]


@torch.no_grad()
def total_variation(
    data: Data,
    operator: LinearOperator,
    entries: Data,
    start: Tensor,
    *,
    sigma: float = 0.0,
    weights: tuple[float, float] = (1.0, 1.0),
    iterations: int = TV_ITERATIONS,
    settled: float = TV_SETTLED_SHARE,
) -> Tensor:
    """min sum |grad x| over time, rows and columns, channels coupled, subject to A x = y (or near it, with noise).

    start and result: (T, C, H, W) in grey levels. weights: of differences in time and in space; settled: the change in
    an iteration, as a share of the clip's norm, at which it ends. Primal-dual hybrid gradient (Chambolle and Pock,
    2011). Without noise the data is met exactly where A picks pixels; with noise of standard deviation sigma the
    penalty is |A x - y|^2 / (2 sigma a), a the row norm, so that the units of A do not matter. A large clip is made in
    stretches of frames, which is where its data can be cut.
    """
    row_norm = operator.row_norm() if sigma else 1.0
    penalty = sigma * row_norm
    stretches = _stretches(operator)
    if len(stretches) == 1:
        return _minimum(data, operator, entries, start, penalty, weights, iterations, settled)
    found, step = torch.empty_like(start), operator.part_frames
    for kept_parts, outer in stretches:
        first, last = outer.start * step, outer.stop * step
        own, known = (operator.take(values, outer) for values in (data, entries))
        own_start = start[first:last]
        clip = _minimum(own, operator.subset(outer), known, own_start, penalty, weights, iterations, settled)
        kept = slice(kept_parts.start * step, kept_parts.stop * step)
        found[kept] = clip[kept.start - first :][: len(found[kept])]
    return found


def _stretches(operator: LinearOperator) -> list[tuple[range, range]]:
    """Parts that are worked on together: those whose frames are kept, and these with their neighbours."""
    step, frame = operator.part_frames, math.prod(operator.clip_shape[1:])
    count, overlap = len(operator.parts()), math.ceil(STRETCH_OVERLAP_FRAMES / step)
    most = max(STRETCH_VALUES // (frame * step), 4 * overlap)
    if count <= most:
        return [(range(count), range(count))]
    pieces = math.ceil(count / (most - 2 * overlap))
    edges = [round(k * count / pieces) for k in range(pieces + 1)]
    inner = [range(first, last) for first, last in pairwise(edges)]
    return [(r, range(max(0, r.start - overlap), min(count, r.stop + overlap))) for r in inner]


def _minimum(
    data: Data,
    operator: LinearOperator,
    entries: Data,
    start: Tensor,
    penalty: float,
    weights: tuple[float, float],
    iterations: int,
    settled: float,
) -> Tensor:
    """`total_variation` of a clip that is worked on as a whole; penalty: sigma times the row norm, or 0."""
    # The weights are scaled so that the norm of the gradient, and with it the steps, stay as they are without weights.
    scale = math.sqrt(3 / (weights[0] ** 2 + 2 * weights[1] ** 2))
    factors = (scale * weights[0], scale * weights[1], scale * weights[1])
    if operator.is_pixel_mask and penalty == 0:
        assert isinstance(data, Tensor)
        assert isinstance(entries, Tensor)
        return minimum_of_pixels(data, entries, start, factors, iterations, settled)
    norm = 1.0 if operator.is_pixel_mask else operator_norm(operator) / BALANCE
    dual_step = 1 / (TAU * (12.0 + BALANCE**2))
    softening = penalty / (scale * norm**2)

    def scaled(y: Data) -> Data:
        product: Data = map_data(lambda t, e: t * e / norm, y, entries)
        return product

    target = scaled(data)
    x, ahead, edges = start.clone(), start.clone(), torch.zeros(3, *start.shape)
    multiplier = map_data(torch.zeros_like, target)
    for k in range(1, iterations + 1):
        add_gradient(edges, ahead, [dual_step * factor for factor in factors])
        shrink_to_one(edges)
        data_fidelity = map_data(lambda a, b: a - b, scaled(operator(ahead)), target)
        map_data(lambda m, r: m.add_(r, alpha=dual_step).div_(1 + dual_step * softening), multiplier, data_fidelity)
        before = ahead.copy_(x)
        x.sub_(operator.adjoint(map_data(lambda m: m / norm, multiplier)), alpha=TAU)
        add_gradient_adjoint(x, edges, [-TAU * factor for factor in factors])
        ahead = before.neg_().add_(x, alpha=2)
        # Here the clip moved by ahead - x.
        if k % LOOK_EVERY_ITERATIONS == 0 and float((ahead - x).norm()) <= settled * float(x.norm()):
            break
    return x.clamp_(0, 1)


@torch.no_grad()
def gap_tv(data: Data, operator: LinearOperator, entries: Data, *, weight: float = 0.1) -> Tensor:
    """Generalised alternating projection with total variation (Yuan, ICIP 2016), accelerated; (T, C, H, W).

    In turns: the clip nearest to the last one that agrees with the data, to which the residuals so far are added, and
    total variation denoising of each frame with this weight.
    """
    from skimage.restoration import denoise_tv_chambolle

    target, clip = data, operator.adjoint(map_data(torch.zeros_like, data))
    for _ in range(GAP_ITERATIONS):
        projected = project_onto_data(clip, operator, target, entries, iterations=GAP_STEPS)
        frames = [
            denoise_tv_chambolle(f.numpy(), weight=weight, max_num_iter=GAP_STEPS, channel_axis=0) for f in projected
        ]
        clip = torch.from_numpy(np.stack(frames)).float()
        target = map_data(lambda t, y, found: t + (y - found), target, data, operator(clip))
    return project_onto_data(clip, operator, data, entries, iterations=GAP_STEPS).clamp(0, 1)


def add_gradient(edges: Tensor, x: Tensor, factors: Sequence[float]) -> None:
    """Add forward differences over time, rows and columns, times their factors, in place; zero at the end.

    x: (T, C, H, W); edges: (3, T, C, H, W). No array of the clip's size is made.
    """
    for edge, axis, factor in zip(edges, (0, 2, 3), factors, strict=True):
        count = x.shape[axis] - 1
        inner = edge.narrow(axis, 0, count)
        inner.add_(x.narrow(axis, 1, count), alpha=factor).sub_(x.narrow(axis, 0, count), alpha=factor)


def add_gradient_adjoint(x: Tensor, edges: Tensor, factors: Sequence[float]) -> None:
    """Add the adjoint of `add_gradient` in place: (3, T, C, H, W) to (T, C, H, W)."""
    for edge, axis, factor in zip(edges, (0, 2, 3), factors, strict=True):
        count = x.shape[axis] - 1
        inner = edge.narrow(axis, 0, count)
        x.narrow(axis, 1, count).add_(inner, alpha=factor)
        x.narrow(axis, 0, count).sub_(inner, alpha=factor)


def operator_norm(operator: LinearOperator) -> float:
    """Largest singular value of A, by power iteration from a fixed clip, with a margin."""
    x = torch.ones(operator.clip_shape) + torch.linspace(0, 1, math.prod(operator.clip_shape)).reshape(
        operator.clip_shape
    )
    x = x.to(torch.complex64) if operator.takes_complex_clips else x
    for _ in range(NORM_ITERATIONS):
        x = operator.adjoint(operator(x / x.norm()))
    return 1.05 * math.sqrt(float(x.norm())) if float(inner(x, x)) > 0 else 1.0
