"""The last step on complex clips whose data is noisy: nearer to the data, smooth but for the edges of the generator.

A generator has few weights for detail, and where data is plenty its own errors are larger than what the data leaves
open. From its clip G on

    min |E (A x - y)|^2 / 2 + closeness |x - G|^2 / 2 + weight sum_p |(g D x)_p|,  g = e^2 / (e^2 + |D G|^2),

is gone towards from G, until the held-out data agrees no better (docs/choices.md). D: differences along time, rows and
columns, those of a pixel together, but each with a g of its own: an edge in space that stands still is smoothed along
time. e: so large that the errors of G make no such edge; the weight is in proportion to the noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, repeat

import torch
from torch import Tensor

from ..baselines.proximal import Fidelity, Variation, proximal_gradient
from ..baselines.variation import NORM_ITERATIONS, operator_norm
from ..data import UnknownNoise, WhiteNoise
from ..operators import Data, RealForm, tensors_of, to_complex, to_real
from ..solver.problem import Problem

TEMPORAL_WEIGHT = 6.0
"""Of differences along time beside those in space."""

EDGE_ERRORS = 4.0
"""A difference of so many standard deviations of the generator's errors counts half as an edge."""

CLOSENESS_SHARE = 0.03
"""Of the closeness to the generator's clip that errors of its size would ask for, were they independent from pixel to
pixel: they are not."""

WEIGHT_PER_NOISE = 0.1
"""The weight over sigma / |A|, with the data term over |A|^2: the noise in units of the clip."""

ITERATIONS_PER_LOOK, MOST_LOOKS = 4, 6
"""Iterations from one look at the held-out data to the next, and looks."""

PATIENT_LOOKS = 2
"""After so many looks, one after the other, that find no better agreement the way is ended."""


@dataclass(frozen=True)
class Refinement:
    """A refined clip that has not seen the held-out data, `judged`, (T, C, H, W), its held-out squared error per pixel,
    and how it came about: after so many `looks`, from a clip whose error is `expected`, by data whose noise is `sigma`
    and an operator of this `norm`."""

    judged: Tensor
    error: float
    looks: int
    expected: float
    sigma: float
    norm: float

    def of(self, frames: Tensor, problem: Problem) -> Tensor:
        """Frames (T, C, H, W) refined in the same way with all data."""
        *_, clip = islice(_path(frames, problem, problem.known, self.expected, self.sigma, self.norm), self.looks)
        return clip


def can_refine(problem: Problem) -> bool:
    """Whether the clip is complex, and its noise white, or of unknown kind."""
    noise = problem.noise
    is_noisy = isinstance(noise, UnknownNoise) or (isinstance(noise, WhiteNoise) and noise.sigma > 0)
    return isinstance(problem.operator, RealForm) and is_noisy and problem.heldout is not None


def iterations() -> int:
    """Of a refinement, at most."""
    return MOST_LOOKS * ITERATIONS_PER_LOOK


def applications() -> int:
    """How often the operator and its adjoint are applied in a refinement, at most, but for the looks: on the way of
    what is judged, on that of what is delivered, and for the norm."""
    return 2 * iterations() + NORM_ITERATIONS


@torch.no_grad()
def refinement(frames: Tensor, problem: Problem) -> Refinement | None:
    """The refinement of frames (T, C, H, W) that have not seen the held-out data; None where that agrees no better with
    any, where the error that is told (`Problem.heldout_error`, which counts fitted samples too) is no smaller, or where
    there is none for such a problem."""
    if not can_refine(problem) or not bool(frames.isfinite().all()):
        return None
    known = _with_known_noise(problem, frames)
    sigma = known.noise.rms or 0.0
    expected = known.without_noise(known.heldout_error(frames))
    if not expected > 0:
        return None
    assert isinstance(problem.operator, RealForm)
    norm = operator_norm(problem.operator.inner)
    best, place, least = None, 0, problem.heldout_misfit(frames)
    path = _path(frames, problem, problem.fitted, expected, sigma, norm)
    for look, clip in enumerate(islice(path, MOST_LOOKS), start=1):
        misfit = problem.heldout_misfit(clip)
        if misfit < least:
            best, place, least = clip, look, misfit
        elif look - place >= PATIENT_LOOKS:
            break
    if best is None or not (error := problem.heldout_error(best)) < problem.heldout_error(frames):
        return None
    return Refinement(best, error, place, expected, sigma, norm)


def _with_known_noise(problem: Problem, frames: Tensor) -> Problem:
    """The problem; where nothing is known of its noise as if that were white and as large as what these frames miss of
    the data that they were fitted to."""
    if not isinstance(problem.noise, UnknownNoise):
        return problem
    (data,), (found,), (fitted,) = map(tensors_of, (problem.data, problem.operator(frames), problem.fitted))
    missed = float((found - data)[fitted].abs().square().mean())
    return replace(problem, noise=WhiteNoise(sigma=math.sqrt(missed)))


@torch.no_grad()
def _path(
    frames: Tensor, problem: Problem, entries: Data, expected: float, sigma: float, norm: float
) -> Iterator[Tensor]:
    """Frames on the way, at each look. expected: the squared error per pixel of the first ones; sigma: of the noise;
    norm: of the operator."""
    assert isinstance(problem.operator, RealForm)
    operator, start = problem.operator.inner, to_complex(frames)
    fidelity = Fidelity(problem.data, operator, entries, norm)
    variance = 2 * expected  # of both parts
    closeness = CLOSENESS_SHARE * sigma**2 / (variance * fidelity.norm**2)
    axes = {0: TEMPORAL_WEIGHT, -2: 1.0, -1: 1.0}
    edge = EDGE_ERRORS**2 * variance
    guide = edge / (edge + Variation(1.0, axes).sizes(start).square())

    def gradient(clip: Tensor) -> Tensor:
        return fidelity.gradient(clip).add_(clip - start, alpha=closeness)

    proximal = Variation(1.0, axes, guide=guide)
    weights = repeat(WEIGHT_PER_NOISE * sigma / fidelity.norm, iterations())
    for k, clip in enumerate(proximal_gradient(gradient, start, proximal, weights, step=1 / (1 + closeness)), start=1):
        if k % ITERATIONS_PER_LOOK == 0:
            yield to_real(clip)
