"""Proximal gradient for complex clips, and what it lowers: variation in time, rank of clips and blocks, sparsity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..operators import Data, LinearOperator, map_data
from ..system import streams
from .low_rank import lowered, thresholded

STRONGEST, DECAY, FALLING_ITERATIONS = 0.03, 0.85, 50
"""Weight of the first iteration, as a share of a scale of the clip; factor by which each next one is weaker; and how
many there are: the last one is 1e-5."""

LOOK_EVERY_WEIGHTS = 5
"""After how many iterations a clip is given out to be judged."""

INNER_ITERATIONS = 5
"""Of the denoising by temporal variation in each iteration; it starts from where the last one ended."""

BLOCK_PIXELS = 8
"""Side of the blocks of locally low rank."""

Proximal = Callable[[Tensor, float], Tensor]
"""What is nearest to a clip z where R is small: argmin_x |x - z|^2 / 2 + weight R(x), from z and the weight."""


class Fidelity:
    """f(x) = |E (A x - y)|^2 / (2 |A|^2) of complex clips: the data on the entries E, a smooth function whose gradient
    has the Lipschitz constant 1. norm: |A|."""

    def __init__(self, data: Data, operator: LinearOperator, entries: Data, norm: float):
        self.operator, self.entries, self.norm = operator, entries, norm
        self.data = map_data(lambda y, e: y * e, data, entries)

    def gradient(self, x: Tensor) -> Tensor:
        """A^H E (A x - y) / |A|^2 at a clip (T, 1, H, W)."""
        residual = map_data(lambda found, y, e: (found * e).sub_(y), self.operator(x), self.data, self.entries)
        return self.operator.adjoint(residual).div_(self.norm**2)

    def back_projected(self) -> Tensor:
        """A^H E y / |A|^2."""
        return self.operator.adjoint(self.data).div_(self.norm**2)

    def gram(self, x: Tensor) -> Tensor:
        """A^H E A x / |A|^2 of a clip (T, 1, H, W)."""
        seen = map_data(lambda found, e: found * e, self.operator(x), self.entries)
        return self.operator.adjoint(seen).div_(self.norm**2)


def falling_weights(
    gradient: Callable[[Tensor], Tensor], start: Tensor, proximal: Proximal, first: int = 0, *, step: float = 1.0
) -> Iterator[Tensor]:
    """min f(x) + weight R(x) for a weight that falls from iteration to iteration: the clip, every few of them.

    On its way from strong to weak (continuation): small weights alone take hundreds of iterations. first: the iteration
    with whose weight it begins; start: (T, 1, H, W), or a stack of such; the rest as in `proximal_gradient`.
    """
    weights = (STRONGEST * DECAY**k for k in range(first, FALLING_ITERATIONS))
    for k, clip in enumerate(proximal_gradient(gradient, start, proximal, weights, step=step), start=first + 1):
        if k % LOOK_EVERY_WEIGHTS == 0:
            yield clip


def proximal_gradient(
    gradient: Callable[[Tensor], Tensor],
    start: Tensor,
    proximal: Proximal,
    weights: Iterable[float],
    *,
    step: float = 1.0,
) -> Iterator[Tensor]:
    """min f(x) + weight R(x): the clip of each iteration, one for each of the weights.

    FISTA (Beck and Teboulle, 2009), whose momentum is given up where it points uphill (O'Donoghue and Candes, 2015).
    gradient: of f; step: at most 1 / its Lipschitz constant. start: (T, 1, H, W), or a stack of such.
    """
    x, ahead, momentum = start, start, 1.0
    for weight in weights:
        found = proximal(ahead - step * gradient(ahead), step * weight)
        move = found - x
        if float(torch.vdot((ahead - found).flatten(), move.flatten()).real) > 0:
            momentum = 1.0
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = torch.add(found, move, alpha=(momentum - 1) / following)
        x, momentum = found, following
        yield x


class Variation:
    """R(x) = scale sum_p |g_p (D x)_p| of complex clips, D the differences from pixel to next pixel along some axes,
    those of a pixel taken together. weights: of the differences, by axis. guide: g, one number for each difference,
    (axes, T, 1, H, W), from 0, where an edge is expected, to 1; 1 if None.

    Its proximal map by the dual problem (Beck and Teboulle, 2009, fast gradient projection), which goes on from one
    call to the next.
    """

    def __init__(
        self,
        scale: float,
        weights: Mapping[int, float],
        iterations: int = INNER_ITERATIONS,
        guide: Tensor | None = None,
    ):
        self.scale, self.weights, self.iterations, self.guide = scale, weights, iterations, guide
        self._dual: Tensor | None = None

    def __call__(self, clip: Tensor, weight: float) -> Tensor:
        if weight * self.scale == 0:
            return clip
        dual = clip.new_zeros(len(self.weights), *clip.shape) if self._dual is None else self._dual
        ahead, momentum = dual, 1.0
        step = 1 / (4 * sum(w**2 for w in self.weights.values()))
        for _ in range(self.iterations):
            found = self._differences(self._less(clip, ahead)).mul_(step).add_(ahead)
            size = _sizes(found)
            found.div_(size.div_(weight * self.scale).clamp_min_(1))
            following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
            torch.sub(found, dual, out=dual)  # in place, as these are the largest arrays of a recovery
            ahead = torch.add(found, dual, alpha=(momentum - 1) / following, out=dual)
            dual, momentum = found, following
        self._dual = dual
        return self._less(clip, dual)

    def sizes(self, clip: Tensor) -> Tensor:
        """|g_p (D x)_p| difference by difference of a clip (T, 1, H, W), (axes, T, 1, H, W)."""
        return self._differences(clip).abs()

    def _differences(self, clip: Tensor) -> Tensor:
        """g D x, (axes, T, 1, H, W); 0 at the last pixel along each axis."""
        found = torch.zeros(len(self.weights), *clip.shape, dtype=clip.dtype)
        for own, (axis, weight) in zip(found, self.weights.items(), strict=True):
            own.narrow(axis, 0, clip.shape[axis] - 1).copy_(clip.diff(dim=axis)).mul_(weight)
        return found if self.guide is None else found.mul_(self.guide)

    def _less(self, clip: Tensor, dual: Tensor) -> Tensor:
        """The clip less the adjoint of these differences."""
        found = clip.clone()
        for k, (axis, weight) in enumerate(self.weights.items()):
            own, count = dual[k] if self.guide is None else dual[k] * self.guide[k], clip.shape[axis] - 1
            found.narrow(axis, 0, count).add_(own.narrow(axis, 0, count), alpha=weight)
            found.narrow(axis, 1, count).sub_(own.narrow(axis, 0, count), alpha=weight)
        return found


def _sizes(differences: Tensor) -> Tensor:
    """(axes, ...), complex, to (1, ...): by real and imaginary parts, as torch's own norm of complex numbers over an
    axis takes seventy times as long (docs/choices.md)."""
    if len(differences) == 1:
        return differences.abs()
    first, *others = map(torch.view_as_real, differences)
    squares = first.square()
    for other in others:
        squares.addcmul_(other, other)
    return (squares[..., 0] + squares[..., 1]).sqrt_()[None]


def low_rank(scale: float) -> Proximal:
    """R(x) = scale |X|_*, X the T x HW matrix of the clip."""
    return lambda clip, weight: thresholded(clip, scale * weight)


class LocallyLowRank:
    """R(x) = scale sum_b |X_b|_*, X_b the matrix T x 64 of a block of 8 x 8 pixels (Zhang, Pauly, Levesque, 2015).

    The blocks lie elsewhere in each call, by seeded shifts, so that no edges of theirs are seen.
    """

    def __init__(self, scale: float, seed: int = 0):
        self.scale = scale
        self._draw = streams.generator(seed, streams.PROBE, 0, 0)

    def __call__(self, clip: Tensor, weight: float) -> Tensor:
        down, across = (int(n) for n in self._draw.integers(0, BLOCK_PIXELS, 2))
        blocks = as_blocks(clip.roll((down, across), (-2, -1)))
        return of_blocks(lowered(blocks, weight * self.scale), clip.shape).roll((-down, -across), (-2, -1))


def as_blocks(clip: Tensor) -> Tensor:
    """(T, 1, H, W) to the matrices of its blocks, (blocks, T, 64); zeros beyond the last rows and columns."""
    frames, _, height, width = clip.shape
    wide = pad(clip[:, 0], (0, -width % BLOCK_PIXELS, 0, -height % BLOCK_PIXELS))
    blocks: Tensor = wide.unflatten(2, (-1, BLOCK_PIXELS)).unflatten(1, (-1, BLOCK_PIXELS))
    return blocks.permute(1, 3, 0, 2, 4).reshape(-1, frames, BLOCK_PIXELS**2)


def of_blocks(blocks: Tensor, shape: torch.Size) -> Tensor:
    """The clip of this shape, (T, 1, H, W), whose blocks these are."""
    frames, _, height, width = shape
    down, across = (-(-n // BLOCK_PIXELS) for n in (height, width))
    tiles = blocks.reshape(down, across, frames, BLOCK_PIXELS, BLOCK_PIXELS).permute(2, 0, 3, 1, 4)
    clip: Tensor = tiles.reshape(frames, 1, down * BLOCK_PIXELS, across * BLOCK_PIXELS)[..., :height, :width]
    return clip


class LowRankAndSparse:
    """R(L, S) = rank_scale |L|_* + sparse_scale |F S|_1 of two clips stacked, F the Fourier transform along time."""

    def __init__(self, rank_scale: float, sparse_scale: float):
        self._low_rank, self.sparse_scale = low_rank(rank_scale), sparse_scale

    def __call__(self, both: Tensor, weight: float) -> Tensor:
        spectrum = torch.fft.fft(both[1], dim=0, norm="ortho")
        size = spectrum.abs()
        spectrum.mul_((size - weight * self.sparse_scale).clamp_min_(0) / size.clamp_min(1e-30))
        return torch.stack([self._low_rank(both[0], weight), torch.fft.ifft(spectrum, dim=0, norm="ortho")])
