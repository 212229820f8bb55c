"""How values of a record go together in space and time, estimated from the record itself.

The covariance is a sum of terms, each a Matern function of smoothness 3/2 of the distance, with a length down and one
across, times a fall in time: what stands still, what changes slowly, what changes soon, what whole frames have in
common; and white noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

BLOCK_POINTS, BLOCKS, BLOCK_FOR_VALUES = 128, 24, 1000
"""Values of a block whose likelihood is computed, how many blocks at most, and for how many known values one."""

BLOCK_REACH = ((5, 2), (14, 3), (40, 5), (80, 10))
"""Pixels and frames around its centre from which the values of a block are drawn: narrow blocks tell short lengths."""

FIT_ITERATIONS, STEP, MEMORY = 90, 0.15, (0.8, 0.95)
"""Of Adam, on the logarithms of the parameters; MEMORY of slopes and of their squares."""

LEAST_NOISE_SHARE = 1e-5
"""Variance, as a share of that of the values, that is always taken for noise, so that matrices can be factorised."""

SHORTEST_LENGTH, LONGEST_LENGTH = 0.7, 300.0
"""Bounds of the lengths, in pixels; those of times are the same numbers of median steps of time, from a twentieth."""

FIRST = (
    (0.4, 25.0, 25.0, 1.0),
    (0.4, 25.0, 25.0, 4.0),
    (0.1, 5.0, 5.0, 1.0),
    (0.1, 150.0, 150.0, 2.0),
    (0.02, 1.0, 1.0, 1.0),
    (0.01, 1.0, 1.0, 1.0),
)
"""Where the fit begins: share of the variance, lengths, time in steps; of the terms and, last, of the noise and of what
it is more beside gaps."""


@dataclass(frozen=True)
class SpaceTimeCovariance:
    """A sum of terms: the first stands still, the others fall in time; and white noise.

    variances: (terms,); lengths: (terms, 2), in pixels, down and across; spans: (terms,), times in which a term falls
    to 1/e, the first infinite; noise: its variance; edge_noise: what is added to that at values beside gaps, which may
    be touched by what makes the gap, as those beside a cloud are.
    """

    variances: np.ndarray
    lengths: np.ndarray
    spans: np.ndarray
    noise: float
    edge_noise: float = 0.0

    @property
    def variance(self) -> float:
        """Of the values without noise."""
        return float(self.variances.sum())

    def in_space(self, down: np.ndarray, across: np.ndarray) -> np.ndarray:
        """(terms, ...): each term at distances in pixels that broadcast together, in the same frame."""
        terms = zip(self.variances, self.lengths, strict=True)
        return np.stack([v * matern(np.hypot(down / h, across / w)) for v, (h, w) in terms])

    def in_time(self, lags: np.ndarray) -> np.ndarray:
        """(terms, ...): by what each term falls at differences of time."""
        return np.stack([np.exp(-np.abs(lags) / span) for span in self.spans])


def matern(distance: np.ndarray) -> np.ndarray:
    """(1 + sqrt(3) d) exp(-sqrt(3) d)."""
    d = math.sqrt(3) * distance
    return (1 + d) * np.exp(-d)


def estimate_covariance(
    anomalies: np.ndarray, known: np.ndarray, times: np.ndarray, *, edges: np.ndarray | None = None, seed: int = 0
) -> SpaceTimeCovariance:
    """The covariance under which random blocks of known values are likeliest (their likelihoods multiplied).

    anomalies, known: (T, H, W), at least two known values; times: (T,), rising, in any unit. edges: (T, H, W) bool,
    values that may have more noise than the others; None: none.
    """
    blocks = _blocks(known, np.random.default_rng(seed))
    values = anomalies[tuple(np.moveaxis(blocks, 2, 0))]
    spread = float(anomalies[known].std()) or 1.0
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    beside = np.zeros(values.shape, bool) if edges is None else edges[tuple(np.moveaxis(blocks, 2, 0))]
    found = torch.exp(_likeliest(_Blocks.of(blocks, values / spread, times / step, beside))).double().numpy()
    spans = np.array([np.inf, *found[1:-2, 3] * step])
    noise = max(float(found[-2, 0]), LEAST_NOISE_SHARE) * spread**2
    edge_noise = float(found[-1, 0]) * spread**2 if beside.any() else 0.0
    return SpaceTimeCovariance(found[:-2, 0] * spread**2, found[:-2, 1:3], spans, noise, edge_noise)


def _blocks(known: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Places (blocks, points, 3) of known values, each block around one of them, as many points in each."""
    places = np.argwhere(known)
    found: list[np.ndarray] = []
    count = min(BLOCKS, len(BLOCK_REACH) + len(places) // BLOCK_FOR_VALUES)
    for k in range(2 * count):
        pixels, frames = BLOCK_REACH[k % len(BLOCK_REACH)]
        away = np.abs(places - places[rng.integers(len(places))])
        near = np.flatnonzero((away[:, 0] <= frames) & (away[:, 1:] <= pixels).all(1))
        if len(near) >= BLOCK_POINTS:
            found.append(places[rng.choice(near, BLOCK_POINTS, replace=False)])
        if len(found) == count:
            break
    if not found:
        found = [places[rng.choice(len(places), min(BLOCK_POINTS, len(places)), replace=False)] for _ in range(2)]
    return np.stack(found)


@dataclass(frozen=True)
class _Blocks:
    """Squared distances down and across, lags, (B, N, N), the values, (B, N, 1), and which have more noise, (B, N)."""

    down: Tensor
    across: Tensor
    lags: Tensor
    values: Tensor
    edges: Tensor

    @classmethod
    def of(cls, places: np.ndarray, values: np.ndarray, times: np.ndarray, edges: np.ndarray) -> _Blocks:
        def apart(a: np.ndarray) -> Tensor:
            return torch.from_numpy((a[:, :, None] - a[:, None, :]).astype(np.float32))

        down, across, lags = apart(places[..., 1]), apart(places[..., 2]), apart(times[places[..., 0]])
        own = torch.from_numpy(values.astype(np.float32))[..., None]
        return cls(down.square(), across.square(), lags.abs(), own, torch.from_numpy(edges.astype(np.float32)))


def _likeliest(blocks: _Blocks) -> Tensor:
    """Logarithms of the parameters, (terms + 2, 4): variance, two lengths, time; of the terms, of the noise, which has
    a variance alone, and of the noise that edges have more."""
    parameters = torch.tensor(FIRST).log().requires_grad_()
    low = torch.tensor([-20.0, math.log(SHORTEST_LENGTH), math.log(SHORTEST_LENGTH), math.log(0.05)])
    high = torch.tensor([20.0, *[math.log(LONGEST_LENGTH)] * 3])
    kept = parameters.detach().clone()
    first, second = torch.zeros_like(kept), torch.zeros_like(kept)
    for k in range(1, FIT_ITERATIONS + 1):
        with torch.enable_grad():
            loss = _cost(parameters, blocks)
        if not bool(torch.isfinite(loss)):
            return kept  # a matrix that cannot be factorised: the parameters before it
        kept = parameters.detach().clone()
        (slope,) = torch.autograd.grad(loss, [parameters])
        # Adam by hand: torch.optim loads a compiler first, which takes longer than the fit.
        first = MEMORY[0] * first + (1 - MEMORY[0]) * slope
        second = MEMORY[1] * second + (1 - MEMORY[1]) * slope.square()
        size = (second / (1 - MEMORY[1] ** k)).sqrt() + 1e-8
        with torch.no_grad():
            parameters.sub_(STEP * first / (1 - MEMORY[0] ** k) / size).clamp_(low, high)
    return parameters.detach()


def _cost(parameters: Tensor, blocks: _Blocks) -> Tensor:
    """Minus the logarithm of the likelihood, for each value; infinite where a matrix cannot be factorised."""
    count = blocks.values.shape[1]
    noise = parameters[-2, 0].exp() + LEAST_NOISE_SHARE + parameters[-1, 0].exp() * blocks.edges
    matrix = noise[:, :, None] * torch.eye(count)
    for k in range(len(parameters) - 2):
        variance, height, width, span = parameters[k]
        squared = blocks.down * (-2 * height).exp() + blocks.across * (-2 * width).exp()
        d = (3 * squared + 1e-10).sqrt()
        fall = d if k == 0 else d + blocks.lags * (-span).exp()
        matrix = matrix + variance.exp() * (1 + d) * (-fall).exp()
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if bool(failed.any()):
        return torch.tensor(math.inf)
    white = torch.linalg.solve_triangular(factor, blocks.values, upper=False)
    logs = factor.diagonal(dim1=1, dim2=2).log().sum()
    cost: Tensor = (0.5 * white.square().sum() + logs) / blocks.values.numel()
    return cost
