"""Baselines of complex clips, as dynamic MRI knows them: SENSE, temporal variation, low rank of several kinds.

How strong each is is chosen by entries that are left out (`validation.left_out`): its weight falls from iteration to
iteration of a fit that does not see them, and the fit to all entries ends where that one agreed best. Weights are
shares of a scale of the clip, so that units do not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..operators import Data, LinearOperator, map_data
from .low_rank import largest_singular_value
from .proximal import (
    FALLING_ITERATIONS,
    LOOK_EVERY_WEIGHTS,
    Fidelity,
    LocallyLowRank,
    LowRankAndSparse,
    Proximal,
    Variation,
    as_blocks,
    falling_weights,
    low_rank,
)
from .validation import error_on, left_out
from .variation import operator_norm

SENSE_ITERATIONS = 8
"""Of conjugate gradients with each weight, at most."""

SENSE_SETTLED_SHARE = 1e-5
"""Norm of the gradient, as a share of the first one, at which conjugate gradients have converged."""

SENSE_WEIGHTS = (0.1, 0.01, 1e-3)
"""Of |x|^2, as shares of |A|^2."""

SPARSE_SHARE = 0.3
"""Weight of the sparse part of low rank + sparse as a share of the largest coefficient, where that of the low-rank part
is 1 as a share of the largest singular value (docs/choices.md)."""

TIME_AGAINST_SPACE = (3.0, 6.0)
"""Of differences along time beside those in space that are tried for 3-D total variation (docs/choices.md)."""

PLAIN_PATHS = 4
"""Of temporal variation, k-t low rank, locally low rank, and low rank + sparse: one each."""

ALIKE_ERRORS = 1.01
"""Ratio of errors within which the weaker weight is taken: a fit that sees all entries needs less of it."""

WORSE_LOOKS = 3
"""After so many looks, one after the other, that find no better agreement a fit is ended."""

LOOKS_BACK = 2
"""The fit to all entries begins at the clip found without some of them, and as many looks before its weight."""

Path = Callable[[Fidelity, Tensor | None, int], Iterator[Tensor]]
"""From the data, a clip to start from (None: the path's own) and the number of the first look to clips, from the
strongest weight to the weakest."""


class Chosen(NamedTuple):
    """A clip on the way from strong to weak; `trial`, that of the fit which did not see the entries left out, and the
    error there."""

    clip: Tensor
    trial: Tensor
    error: float


class _Tried(NamedTuple):
    """The best clip of a path, the number of the look that found it, and its error at the entries left out."""

    clip: Tensor
    look: int
    error: float


class Judged:
    """Data of complex clips on the entries that may be used, and how a weight is chosen by a part of these."""

    def __init__(self, data: Data, operator: LinearOperator, entries: Data):
        norm = operator_norm(operator)
        self.data, self.operator = data, operator
        self.whole = Fidelity(data, operator, entries, norm)
        try:
            self.held: Data | None = left_out(operator, entries)
        except InputError:  # too few entries to leave any out
            self.held = None
            return
        self.seen = Fidelity(data, operator, map_data(lambda e, h: e & ~h, entries, self.held), norm)
        weights = operator.sample_weights()
        self._weights: Tensor | None = None
        if weights is not None and isinstance(self.held, Tensor):
            self._weights = weights.expand(self.held.shape)[self.held]

    def error(self, clip: Tensor) -> float:
        """Squared residuals of a clip (T, 1, H, W) at the entries left out, each by how much of the spectrum it speaks
        for (`LinearOperator.sample_weights`): those around zero, which lie close together, would else drown the others.
        """
        assert self.held is not None
        if self._weights is None:
            return error_on(self.held, self.operator, clip, self.data)
        found, data = self.operator(clip), self.data
        assert isinstance(self.held, Tensor)
        assert isinstance(found, Tensor)
        assert isinstance(data, Tensor)
        return float((self._weights * (found - data)[self.held].abs().square()).sum())

    @torch.no_grad()
    def chosen(self, *paths: Path) -> Chosen:
        """The clip, of one path or of several, that agrees best with entries it has not seen; a stack of clips,
        (n, T, 1, H, W), is judged by its sum. Where nothing can be left out it is that of the first path's weakest
        weight."""
        if self.held is None:
            *_, clip = paths[0](self.whole, None, 0)
            return Chosen(clip, clip, math.nan)
        tried = [self._tried(path) for path in paths]
        path, found = min(zip(paths, tried, strict=True), key=lambda pair: pair[1].error)
        first = max(0, found.look - LOOKS_BACK)
        *_, clip = islice(path(self.whole, found.clip, first), found.look + 1 - first)
        return Chosen(clip, found.clip, found.error)

    def _tried(self, path: Path) -> _Tried:
        """The best of a path that does not see the entries left out, and after how many looks it was found."""
        best, place, least, found = None, 0, math.inf, 0
        for k, clip in enumerate(path(self.seen, None, 0)):
            whole = clip.sum(0) if clip.ndim > len(self.operator.clip_shape) else clip
            error = self.error(whole)
            if error <= ALIKE_ERRORS * least:
                best, place = clip, k
            if error < least:
                least, found = error, k
            elif k - found >= WORSE_LOOKS:
                break
        assert best is not None
        return _Tried(best, place, least)


def mri_baselines(data: Data, operator: LinearOperator, entries: Data) -> Iterator[tuple[str, Tensor]]:
    """Names and complex clips (T, 1, H, W) as they are made, the cheapest first, for an operator that takes such.

    entries: booleans like the data, those that may be used. SENSE, temporal and 3-D total variation, k-t low rank,
    locally low rank, low rank + sparse.
    """
    judged = Judged(data, operator, entries)
    first = sense(judged)
    yield "SENSE", first.clip
    start = first.trial
    yield "temporal total variation", judged.chosen(temporal_variation(start)).clip
    yield "3-D total variation", judged.chosen(*(space_time_variation(start, w) for w in TIME_AGAINST_SPACE)).clip
    yield "k-t low rank", judged.chosen(global_low_rank(start)).clip
    yield "locally low rank", judged.chosen(locally_low_rank(start)).clip
    yield "low rank + sparse", judged.chosen(low_rank_and_sparse(start)).clip.sum(0)


def applications() -> int:
    """How often the operator and its adjoint are applied by `mri_baselines`, about."""
    paths = PLAIN_PATHS + len(TIME_AGAINST_SPACE)
    whole = (LOOKS_BACK + 2) * LOOK_EVERY_WEIGHTS
    return 2 * len(SENSE_WEIGHTS) * SENSE_ITERATIONS + paths * (FALLING_ITERATIONS + whole)


def sense(judged: Judged) -> Chosen:
    """min |A x - y|^2 + weight |A|^2 |x|^2, each frame by what was measured of it: SENSE (Pruessmann et al., 2001)."""

    def path(fidelity: Fidelity, start: Tensor | None, first: int) -> Iterator[Tensor]:
        clip = torch.zeros(judged.operator.clip_shape, dtype=torch.complex64) if start is None else start
        for weight in SENSE_WEIGHTS[first:]:
            clip = ridge(fidelity, clip, weight)
            yield clip

    return judged.chosen(path)


@torch.no_grad()
def ridge(fidelity: Fidelity, start: Tensor, weight: float, iterations: int = SENSE_ITERATIONS) -> Tensor:
    """min f(x) + weight |x|^2 / 2 by conjugate gradients from `start`, (T, 1, H, W)."""
    target = fidelity.back_projected()
    found = start.clone()
    residual = target - fidelity.gram(found) - weight * found if bool(found.any()) else target.clone()
    direction, power = residual.clone(), float(residual.norm()) ** 2
    enough = (SENSE_SETTLED_SHARE * float(target.norm())) ** 2
    for _ in range(iterations):
        if power <= enough:
            break
        image = fidelity.gram(direction).add_(direction, alpha=weight)
        length = power / float(torch.vdot(direction.flatten(), image.flatten()).real)
        found.add_(direction, alpha=length)
        residual.sub_(image, alpha=length)
        power, before = float(residual.norm()) ** 2, power
        direction.mul_(power / before).add_(residual)
    return found


def temporal_variation(start: Tensor) -> Path:
    """min f(x) + weight m sum_t |x_{t+1} - x_t|, m the largest magnitude of the start, (T, 1, H, W)."""
    scale = float(start.abs().max())
    return _path(start, lambda: Variation(scale, {0: 1.0}))


def space_time_variation(start: Tensor, time: float) -> Path:
    """min f(x) + weight m sum |(time x_t, x_h, x_w)|, differences along time, rows and columns together, m the largest
    magnitude of the start, (T, 1, H, W); time: what those along time count, beside the others."""
    scale = float(start.abs().max())
    return _path(start, lambda: Variation(scale, {0: time, -2: 1.0, -1: 1.0}))


def global_low_rank(start: Tensor) -> Path:
    """min f(x) + weight s |X|_*, X the T x HW matrix, s the largest singular value of that of the start,
    (T, 1, H, W)."""
    scale = largest_singular_value(start.flatten(1))
    return _path(start, lambda: low_rank(scale))


def locally_low_rank(start: Tensor) -> Path:
    """min f(x) + weight s sum_b |X_b|_* over blocks of pixels, s the largest singular value of those of the start,
    (T, 1, H, W)."""
    scale = largest_singular_value(as_blocks(start))
    return _path(start, lambda: LocallyLowRank(scale))


def _path(own: Tensor, proximal: Callable[[], Proximal]) -> Path:
    def path(fidelity: Fidelity, start: Tensor | None, first: int) -> Iterator[Tensor]:
        begin = own if start is None else start
        return falling_weights(fidelity.gradient, begin, proximal(), first * LOOK_EVERY_WEIGHTS)

    return path


def low_rank_and_sparse(start: Tensor) -> Path:
    """min f(L + S) + weight (s |L|_* + `SPARSE_SHARE` c |F S|_1), F along time: low rank + sparse (Otazo, Candes,
    Sodickson, 2015); stacks (2, T, 1, H, W) of L and S. s, c: largest singular value and coefficient of the start."""
    rank_scale = largest_singular_value(start.flatten(1))
    sparse_scale = SPARSE_SHARE * float(torch.fft.fft(start, dim=0, norm="ortho").abs().max())
    own = torch.stack([start, torch.zeros_like(start)])

    def path(fidelity: Fidelity, both: Tensor | None, first: int) -> Iterator[Tensor]:
        def gradient(parts: Tensor) -> Tensor:
            return fidelity.gradient(parts.sum(0)).expand(parts.shape)

        lowers, begin = LowRankAndSparse(rank_scale, sparse_scale), own if both is None else both
        return falling_weights(gradient, begin, lowers, first * LOOK_EVERY_WEIGHTS, step=0.5)

    return path
