"""The baseline of low rank in space and time."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..operators import Data, LinearOperator, inner, map_data, project_onto_data, tensors_of
from .iterations import LOOK_EVERY_ITERATIONS, VALUES_PER_THREAD
from .validation import trial_of
from .variation import operator_norm

RANK_ITERATIONS = 150
"""Of low rank in space and time, at most."""

USUAL_RANK_ITERATIONS, USUAL_TRIAL_ITERATIONS = 20, 30
"""That are counted on after the trial, and in it, where A picks pixels."""

JUDGE_EVERY_ITERATIONS, JUDGED_IN_VAIN = 5, 6
"""After how many iterations a trial is judged by what it has not seen, and how often in turn without a gain before it
is given up: clips are at their best after 5 to 20 iterations, or in the end (docs/choices.md)."""

RANK_SETTLED_SHARE = 3e-5
"""Change of the clip in an iteration, as a share of its norm, at which it has converged."""

THRESHOLD_SHARE = 1 / 30
"""First threshold of the singular values, as a share of the largest one of the start: it only sets the speed."""


Watch = Callable[[Tensor], bool]
"""Told the clip on the way; whether to go no further."""


def chosen_low_rank(
    data: Data, operator: LinearOperator, entries: Data, start: Tensor, *, sigma: float = 0.0
) -> Tensor:
    """`low_rank_clip`, where A picks pixels ended after as many iterations as suit the clip; (T, C, H, W).

    Its minimum has what frames have in common, and what moves is lost on the way there, so that it can be best long
    before. Other operators start far from a clip that meets their data, and go to the end.
    """
    most = chosen_iterations(data, operator, entries, sigma=sigma) if operator.is_pixel_mask else RANK_ITERATIONS
    return low_rank_clip(data, operator, entries, start, sigma=sigma, iterations=most)


@torch.no_grad()
def chosen_iterations(data: Data, operator: LinearOperator, entries: Data, *, sigma: float = 0.0) -> int:
    """After how many iterations a trial on the middle of the clip meets entries best that it has not seen.

    RANK_ITERATIONS where that is at its end, and where too few entries are true to leave any out.
    """
    trial = trial_of(data, operator, entries)
    if trial is None:
        return RANK_ITERATIONS
    errors: list[float] = []

    def best() -> int:
        """Of the errors so far the number of the least one, of equal ones that of the last."""
        return min(range(len(errors)), key=lambda k: (errors[k], -k))

    def is_given_up(clip: Tensor) -> bool:
        errors.append(trial.error(clip.clamp(0, 1)))
        return len(errors) > best() + JUDGED_IN_VAIN

    _minimum(trial.data, trial.operator, trial.fitted, trial.start, sigma, RANK_ITERATIONS, is_given_up)
    return RANK_ITERATIONS if best() == len(errors) - 1 else JUDGE_EVERY_ITERATIONS * (1 + best())


@torch.no_grad()
def low_rank_clip(
    data: Data,
    operator: LinearOperator,
    entries: Data,
    start: Tensor,
    *,
    sigma: float = 0.0,
    iterations: int = RANK_ITERATIONS,
) -> Tensor:
    """min |X|_* subject to A x = y, X the T x CHW matrix of the clip: k-t low rank (Lingala et al., 2011).

    start and result: (T, C, H, W) in grey levels. With noise of standard deviation sigma subject to |A x - y| <= sigma
    sqrt(n), n the number of entries. iterations: at most. Primal-dual hybrid gradient with singular value thresholding;
    where A picks pixels it is the Douglas-Rachford iteration.
    """
    x = _minimum(data, operator, entries, start, sigma, iterations)
    return (x if sigma else project_onto_data(x, operator, data, entries)).clamp_(0, 1)


def _minimum(
    data: Data,
    operator: LinearOperator,
    entries: Data,
    start: Tensor,
    sigma: float,
    iterations: int,
    watch: Watch | None = None,
) -> Tensor:
    """The clip where the iterations end; watch: told it every JUDGE_EVERY_ITERATIONS."""
    norm = 1.0 if operator.is_pixel_mask else operator_norm(operator)
    threshold = THRESHOLD_SHARE * float(_values(_gram(start.flatten(1))).max()) or 1.0
    slack = sigma * math.sqrt(sum(int(e.sum()) for e in tensors_of(entries))) / norm
    if operator.is_pixel_mask and len(start) <= start[0].numel():
        assert isinstance(data, Tensor)
        assert isinstance(entries, Tensor)
        return _of_pixels(data, entries, start, threshold, slack, iterations, watch)
    return _of_others(data, operator, entries, start, threshold, slack, norm, iterations, watch)


def _of_pixels(
    pixels: Tensor,
    known: Tensor,
    start: Tensor,
    threshold: float,
    slack: float,
    iterations: int,
    watch: Watch | None,
) -> Tensor:
    """The iteration where A picks pixels; it goes over the clip once, in stretches of pixels.

    What it holds: `pull`, the multipliers times the threshold, and the clip less these, whose singular values are
    lowered next.
    """
    y, size = pixels.flatten(1), start[0].numel()
    e = known.expand(start.shape).flatten(1)
    together = max(1, VALUES_PER_THREAD * torch.get_num_threads() // len(start))
    columns = [slice(k, min(k + together, size)) for k in range(0, size, together)]
    pull = start.flatten(1).sub(y).mul_(e)
    pull.mul_(_kept(float(pull.norm()), slack))
    x = start.flatten(1) - pull
    gram = _gram(x)
    for k in range(1, iterations + 1):
        lower, gram = _lowering(gram, threshold).to(x), torch.zeros_like(gram)
        moved, length = 0.0, 0.0
        for at in columns:
            before = x[:, at] + pull[:, at]
            found = lower @ x[:, at]
            if k % LOOK_EVERY_ITERATIONS == 0:
                moved, length = moved + float((found - before).norm()) ** 2, length + float(found.norm()) ** 2
            pull[:, at].add_(before.neg_().add_(found, alpha=2).sub_(y[:, at]).mul_(e[:, at]))
            x[:, at] = found if slack else found.sub_(pull[:, at])
            if not slack:
                gram += _gram(found)
        if slack:
            pull.mul_(_kept(float(pull.norm()), slack))
            gram = _gram(x.sub_(pull))
        if k % LOOK_EVERY_ITERATIONS == 0 and moved <= RANK_SETTLED_SHARE**2 * length:
            break
        if watch is not None and k % JUDGE_EVERY_ITERATIONS == 0 and watch((x + pull).view(start.shape)):
            break
    return x.add_(pull).view(start.shape)


def _kept(size: float, slack: float) -> float:
    """By what multipliers of this size are shrunk where the data may be missed by `slack`."""
    return max(0.0, 1 - slack / max(size, 1e-30)) if slack else 1.0


def _of_others(
    data: Data,
    operator: LinearOperator,
    entries: Data,
    start: Tensor,
    threshold: float,
    slack: float,
    norm: float,
    iterations: int,
    watch: Watch | None,
) -> Tensor:
    """The iteration for any A."""

    def scaled(y: Data) -> Data:
        product: Data = map_data(lambda t, e: t * e / norm, y, entries)
        return product

    def add_misfit(m: Tensor, found: Tensor, y: Tensor, e: Tensor) -> Tensor:
        return m.addcmul_(found, e.to(m), value=1 / (threshold * norm)).sub_(y, alpha=1 / threshold)

    target = scaled(data)
    x, ahead = start.clone(), start.clone()
    multiplier = map_data(torch.zeros_like, target)
    for k in range(1, iterations + 1):
        map_data(add_misfit, multiplier, operator(ahead), target, entries)
        if slack:
            shrunk = _kept(threshold * math.sqrt(float(inner(multiplier, multiplier))), slack)
            map_data(lambda m, s=shrunk: m.mul_(s), multiplier)
        before = ahead.copy_(x)
        step = operator.adjoint(map_data(lambda m: m / norm, multiplier))
        x = thresholded(x.sub_(step, alpha=threshold), threshold)
        ahead = before.neg_().add_(x, alpha=2)
        # Here the clip moved by ahead - x.
        if k % LOOK_EVERY_ITERATIONS == 0 and float((ahead - x).norm()) <= RANK_SETTLED_SHARE * float(x.norm()):
            break
        if watch is not None and k % JUDGE_EVERY_ITERATIONS == 0 and watch(x):
            break
    return x


def thresholded(clip: Tensor, threshold: float) -> Tensor:
    """The clip (T, C, H, W) with the singular values of its T x CHW matrix lowered by the threshold, to 0 at least."""
    return lowered(clip.flatten(1), threshold).reshape(clip.shape)


def lowered(matrix: Tensor, threshold: float) -> Tensor:
    """Matrices (..., m, n), real or complex, with their singular values lowered by the threshold, to 0 at least.

    By the eigenvalues of the smaller of X X* and X* X: ten times faster than the singular vectors of X.
    """
    wide = matrix if matrix.shape[-2] <= matrix.shape[-1] else matrix.mH
    found = _lowering(_gram(wide), threshold).to(wide) @ wide
    return found if wide is matrix else found.mH


def largest_singular_value(matrix: Tensor) -> float:
    """Of all matrices (..., m, n), real or complex."""
    return float(_values(_gram(matrix if matrix.shape[-2] <= matrix.shape[-1] else matrix.mH)).max())


def _gram(matrix: Tensor) -> Tensor:
    """X X*, double precision."""
    return (matrix @ matrix.mH).to(torch.complex128 if matrix.is_complex() else torch.float64)


def _values(gram: Tensor) -> Tensor:
    """Singular values of X, from X X*."""
    squares: Tensor = torch.linalg.eigvalsh(gram)
    return squares.clamp_min(1e-30).sqrt()


def _lowering(gram: Tensor, threshold: float) -> Tensor:
    """The matrix whose product with X has the singular values of X less the threshold; gram: X X*."""
    squares, vectors = torch.linalg.eigh(gram)
    kept: Tensor = (1 - threshold / squares.clamp_min(1e-30).sqrt()).clamp_min(0)
    lowering: Tensor = (vectors * kept.unsqueeze(-2)) @ vectors.mH
    return lowering
