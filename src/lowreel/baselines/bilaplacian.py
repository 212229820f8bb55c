"""Biharmonic interpolation: pixels at which the discrete bilaplacian is zero, of many frames at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..system.threads import shared_out
from .iterations import LOOK_EVERY_ITERATIONS

WIDE_HOLE_PIXELS = 8
"""Pixels to the nearest known one, along rows or columns, beyond which a hole is solved directly: it takes conjugate
gradients too long."""

GRADIENT_ITERATIONS = 400
"""Of conjugate gradients, at most."""

SETTLED_GREY_LEVELS = 1e-5
"""Grey levels that no pixel moves by any more in an iteration: the clip is then within some 3e-4 of the solution."""

ALIKE_FRAMES = 8
"""Frames with the same pixels known from which on they are solved together, directly."""

VALUES_AT_ONCE = 2**15
"""Values that are worked on at once, so that they stay near the processor; a frame at least."""


def fill_biharmonic(clip: Tensor, known: Tensor) -> Tensor:
    """The clip with its unknown pixels replaced by those at which the bilaplacian is zero; (T, C, H, W) float32.

    clip: levels, at unknown pixels a first guess; known: (T, 1, H, W), in every frame some. The bilaplacian is the
    square of the five-point Laplacian of a frame that goes on as its mirror image, as in scikit-image's
    `inpaint_biharmonic`; conjugate gradients, where holes are wide a factorisation.
    """
    filled = clip.clone()
    if len(clip) >= ALIKE_FRAMES and torch.equal(known, known[:1].expand_as(known)):
        _solve(filled, known[0, 0])
        return filled
    wide = is_wide(known)
    chunks = list(_chunks(torch.arange(len(clip))[~wide], max(1, VALUES_AT_ONCE // clip[0].numel())))
    settled = shared_out(lambda frames: _iterate(filled, known, frames), chunks)
    for t in [*torch.arange(len(clip))[wide].tolist(), *(t for left in settled for t in left)]:
        _solve(filled[t : t + 1], known[t, 0])
    return filled


def _chunks(frames: Tensor, size: int) -> Iterator[Tensor]:
    yield from torch.split(frames, size) if len(frames) else ()


def is_wide(known: Tensor) -> Tensor:
    """For each frame of (T, 1, H, W) whether a pixel is farther than WIDE_HOLE_PIXELS from every known one, (T,)."""
    side = 2 * WIDE_HOLE_PIXELS + 1
    near = F.max_pool2d(
        F.max_pool2d(known.float(), (1, side), 1, (0, WIDE_HOLE_PIXELS)), (side, 1), 1, (WIDE_HOLE_PIXELS, 0)
    )
    return (near == 0).flatten(1).any(1)


def _iterate(filled: Tensor, known: Tensor, frames: Tensor) -> list[int]:
    """Conjugate gradients on these frames of the clip, in place, each with step sizes of its own; those that have not
    converged."""
    degrees = neighbours(*filled.shape[2:])
    # The diagonal of the squared Laplacian scales the unknowns, which saves a tenth of the iterations.
    scale = (~known[frames]) / (degrees.square() + degrees).clamp_min(1).sqrt()
    first = filled[frames]
    low, high = _range(first, known[frames])
    moved, product, slope = torch.zeros_like(first), torch.empty_like(first), torch.empty_like(first)
    laplacian(first, slope, degrees)
    residual = laplacian(slope, product, degrees).clone().mul_(scale).neg_()
    direction = residual.clone()
    size, active = _squared(residual), torch.ones(len(frames), dtype=torch.bool)
    for k in range(1, GRADIENT_ITERATIONS + 1):
        scaled = direction * scale
        laplacian(scaled, slope, degrees)
        step = torch.where(active, size / _squared(slope).clamp_min(1e-30), 0.0).view(-1, 1, 1, 1)
        laplacian(slope, product, degrees).mul_(scale)
        moved.addcmul_(step, direction)
        residual.addcmul_(step, product, value=-1)
        before, size = size, _squared(residual)
        torch.addcmul(residual, (size / before.clamp_min(1e-30)).view(-1, 1, 1, 1), direction, out=direction)
        if k % LOOK_EVERY_ITERATIONS == 0:
            active &= step.flatten() * scaled.abs().flatten(1).amax(1) > SETTLED_GREY_LEVELS
            if not active.any():
                break
    found = first.addcmul_(moved, scale)
    filled[frames] = torch.where(known[frames], filled[frames], found.clamp(low, high))
    return frames[active].tolist()


def _squared(values: Tensor) -> Tensor:
    """Sum of the squares of each frame, (T,)."""
    norms: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms.square()


def _range(clip: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and the highest known level of each frame and channel, (T, C, 1, 1)."""
    low = clip.masked_fill(~known, torch.inf).flatten(2).amin(2)
    high = clip.masked_fill(~known, -torch.inf).flatten(2).amax(2)
    return low[..., None, None], high[..., None, None]


def neighbours(height: int, width: int) -> Tensor:
    """How many neighbours each pixel has, (H, W)."""

    def along(count: int) -> Tensor:
        found = torch.full((count,), 2.0)
        found[0] -= 1
        found[-1] -= 1
        return found

    return along(height)[:, None] + along(width)


def laplacian(x: Tensor, out: Tensor, degrees: Tensor) -> Tensor:
    """Sum of the differences from the neighbours, (..., H, W), into `out`; degrees: how many these are."""
    torch.mul(x, -degrees, out=out)
    out[..., 1:, :].add_(x[..., :-1, :])
    out[..., :-1, :].add_(x[..., 1:, :])
    out[..., 1:].add_(x[..., :-1])
    out[..., :-1].add_(x[..., 1:])
    return out


def _solve(clip: Tensor, known: Tensor) -> None:
    """Solve for the unknown pixels of frames with the same ones known, in place; known: (H, W).

    In double precision: the bilaplacian of a wide hole is too ill-conditioned for less. Ordered for a symmetric
    matrix, which takes a third of the time of scikit-image.
    """
    from scipy.sparse.linalg import splu

    flat = known.flatten().numpy()
    unknown = np.flatnonzero(~flat)
    if not len(unknown):
        return
    rows = _bilaplacian(*known.shape)[unknown]
    inner = splu(
        rows[:, unknown].tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )
    outer = rows[:, np.flatnonzero(flat)]
    for frame in clip:
        levels = frame.flatten(1).numpy()
        given = levels[:, flat].astype(np.float64)
        found = inner.solve(-(outer @ given.T)).T
        levels[:, unknown] = found.clip(given.min(1, keepdims=True), given.max(1, keepdims=True))
        frame.copy_(torch.from_numpy(levels).view(frame.shape))


def _bilaplacian(height: int, width: int) -> Any:
    """The square of the Laplacian as a sparse matrix of the flattened frame."""
    from scipy.sparse import csr_array
    from scipy.sparse.linalg import LaplacianNd

    sides = [side for side in (height, width) if side > 1]  # SciPy gives an axis of one pixel a slope (findings/)
    if not sides:
        return csr_array((1, 1))
    once = csr_array(LaplacianNd(sides, boundary_conditions="neumann", dtype=np.float64).tosparse())
    return once @ once
