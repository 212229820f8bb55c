"""A standard deviation for each pixel: from where the fits of a search disagree, scaled by the held-out errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor

from ..data import WhiteNoise
from ..model.representation import Representation
from ..operators import taken_at, tensors_of
from ..solver.problem import Problem

FLOOR_SHARES = tuple(10.0 ** (k / 4) for k in range(-20, 5))
"""Floors that are tried where the held-out data is pixels, as shares of the mean squared disagreement."""

FLOOR_SHARE = 0.1
"""The floor elsewhere: numbers that mix pixels cannot tell (docs/choices.md)."""

SCALE_FACTORS = tuple(10.0 ** (k / 10) for k in range(-20, 21))
"""Scales that are tried, around the one that gives the mean squared residual."""


Others = Sequence[tuple[Representation, float]]
"""Other fits, and their held-out errors."""


@torch.no_grad()
def scale_and_floor(problem: Problem, judged: Tensor, error: float, others: Others) -> tuple[float, float]:
    """a and f of `uncertainty`.

    judged: frames that the held-out data judged, (T, C, H, W), refined where those that are delivered are; error: their
    squared error per pixel. Where the data is pixels both suit its residuals at the held-out ones (`likeliest`);
    elsewhere f is `FLOOR_SHARE` and a gives `error` on average.
    """
    spread = disagreement(judged, others)
    if problem.operator.is_pixel_mask and problem.heldout is not None:
        found, data, of_fits = (
            tensors_of(taken_at(problem.heldout, values))[0]
            for values in (judged, problem.data, spread.expand_as(judged))
        )
        return likeliest((found - data).square(), of_fits, _noise_variance(problem))
    return problem.without_noise(error) / float((1 + FLOOR_SHARE) * spread.mean().clamp_min(1e-12)), FLOOR_SHARE


@torch.no_grad()
def uncertainty(problem: Problem, delivered: Tensor, scale: float, floor: float, others: Others) -> Tensor:
    """Standard deviation of each pixel value, (T, C, H, W), in grey levels.

    sigma^2 = a (d + f mean d), d the squared disagreement with the other fits (`disagreement`). delivered: frames that
    are delivered, drawn by the representation or refined; scale, floor: a and f; others: the other fits, as drawn.
    Pixels known exactly have 0.
    """
    there = disagreement(delivered, others)
    sigma = there.add_(floor * there.mean()).mul_(scale).sqrt_().expand_as(delivered).contiguous()
    if problem.operator.is_pixel_mask and problem.noise.is_exact:
        (known,) = tensors_of(problem.known)
        sigma.masked_fill_(known.expand_as(sigma), 0.0)
    return sigma


JUDGED_VALUES = 2**22
"""Values by which standard deviations are judged against a true clip, at most: more tell no more, and take memory."""


def can_tell_noise(problem: Problem) -> bool:
    """Whether the noise in the held-out residuals is known: there is none, or it is white and of known size."""
    return problem.noise.is_exact or isinstance(problem.noise, WhiteNoise)


def disagreement(frames: Tensor, others: Others) -> Tensor:
    """Mean squared difference of `frames`, (T, C, H, W), from other fits, weighted by one over their errors.

    (T, 1, H, W): over channels, and half of it over 3x3x3 neighbours: a handful of fits says little of one pixel.
    """
    weights = [1 / max(error, 1e-12) for _, error in others]
    squared = torch.zeros_like(frames[:, :1])
    for (other, _), weight in zip(others, weights, strict=True):
        drawn = chain.from_iterable(other.stretches())
        for own, theirs, frame in zip(squared, drawn, frames, strict=True):
            own += weight / sum(weights) * (theirs - frame).square().mean(0, keepdim=True)
    volume = F.pad(squared[None, :, 0], (1, 1, 1, 1, 1, 1), mode="replicate")
    return squared.add_(F.avg_pool3d(volume[None], 3, 1)[0, 0][:, None]).div_(2)


def likeliest(residual: Tensor, spread: Tensor, noise: float = 0.0) -> tuple[float, float]:
    """(a, f) of the variance a (d + f mean d) + noise that suits these residuals.

    residual: squares, (N,); spread: d, (N,). f is the likeliest for normal residuals. a lies half way (geometrically)
    between the likeliest one, which pixels that are met exactly pull down (a black background), and the one with the
    right mean square, which a few large residuals pull up.
    """
    best = (-torch.inf, 1.0, FLOOR_SHARE)
    level = max(float(residual.mean()), 1e-12)
    for floor in FLOOR_SHARES:
        shape = spread + floor * spread.mean().clamp_min(1e-12)
        start = level / float(shape.mean())
        for share in SCALE_FACTORS:
            variance = start * share * shape + noise
            likelihood = -float((variance.log() + residual / variance).mean())
            best = max(best, (likelihood, start * share, floor))
    _, scale, floor = best
    mean = max(level - noise, 0.05 * level) / float((1 + floor) * spread.mean().clamp_min(1e-12))
    return math.sqrt(scale * mean), floor


def _noise_variance(problem: Problem) -> float:
    """Variance of white noise whose size is known, else 0."""
    return problem.noise.sigma**2 if isinstance(problem.noise, WhiteNoise) else 0.0


def calibration(found: Tensor, truth: Tensor, sigma: Tensor) -> dict[str, float | list[float]]:
    """How well `sigma` predicts the errors of a clip where it is not 0, beside the best constant one.

    found, truth, sigma: grey levels, (T, C, H, W) each. Returns the
    share of the errors within 1 and 2 sigma (normal errors: 0.683, 0.954), the latter also among the fifth of the
    pixels with the largest sigma; mean log-likelihood, and that of one sigma for all; root mean square error in each
    tenth of the pixels by predicted sigma, smallest first, and those sigmas. Of more than JUDGED_VALUES pixels every
    n-th.
    """
    every = math.ceil(sigma.numel() / JUDGED_VALUES)
    found, truth, sigma = (t.flatten()[::every] for t in (found, truth, sigma))
    where = sigma > 0
    error, spread = (found - truth)[where].double(), sigma[where].double()
    size, variance = error.abs(), spread.square()
    constant = error.square().mean().clamp_min(1e-24)
    order = spread.argsort()
    tenths = [part for part in order.chunk(10) if len(part)]
    largest = order[len(order) * 4 // 5 :]

    def likelihood(v: Tensor) -> float:
        return float(-0.5 * (torch.log(2 * torch.pi * v) + error.square() / v).mean())

    return {
        "within_1_sigma": float((size <= spread).double().mean()),
        "within_2_sigma": float((size <= 2 * spread).double().mean()),
        "within_2_sigma_of_largest_fifth": float((size <= 2 * spread)[largest].double().mean()),
        "log_likelihood": likelihood(variance),
        "log_likelihood_constant": likelihood(constant.expand_as(variance)),
        "error_by_tenth": [float(error[part].square().mean().sqrt()) for part in tenths],
        "sigma_by_tenth": [float(variance[part].mean().sqrt()) for part in tenths],
    }
