"""What residuals cost: squares, weights, robust terms; and the variation of frames."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators import Data, map_data
from ..settings import DataTerm

HUBER_SPREADS = 1.345
"""Robust standard deviations beyond which a residual counts as an outlier: 95 % efficient for white noise."""


JUDGED_SPREAD_PERCENT = 5.0 / HUBER_SPREADS
"""Robust standard deviation, in hundredths of the grey range, by which clips are judged where outliers are likely."""


def data_fidelity(found: Data, data: Data, weights: Data, term: DataTerm = "squared", *, least: float = 0.0) -> Tensor:
    """Sum over the entries of their weight (or boolean) times the cost of the residual found - data (`residual_terms`).

    The robust standard deviation of a robust term is that of the residuals whose weight is not 0, and `least` at least.
    """

    def one(f: Tensor, y: Tensor, w: Tensor) -> Tensor:
        spread = robust_spread(f - y, w, least) if term in ("huber", "l1") else 0.0
        return (residual_terms(f - y, term, spread) * w).sum()

    terms = map_data(one, found, data, weights)
    return torch.stack(terms).sum() if isinstance(terms, tuple) else terms


def residual_terms(residual: Tensor, term: DataTerm, spread: Tensor | float = 0.0) -> Tensor:
    """What each residual r costs, in units of |r|^2: the square unless the term is robust. Of any shape, and complex.

    "huber" is |r|^2 up to d = HUBER_SPREADS spread and 2 d |r| - d^2 beyond; "l1" is 2 spread |r|.
    """
    if term in ("squared", "weighted"):
        return residual.abs().square() if residual.is_complex() else residual.square()
    size = residual.abs()
    if term == "l1":
        return 2 * spread * size
    bound = HUBER_SPREADS * spread
    return torch.where(size <= bound, size.square(), 2 * bound * size - bound**2)


def robust_spread(residual: Tensor, weights: Tensor, least: float) -> Tensor:
    """Standard deviation, a scalar, by the median of the sizes of the residuals whose weight is not 0.

    residual: of any shape, in units of the data; weights: of a shape that expands to it; least: the smallest value to
    return. No gradient flows through it.

    A floor keeps it from vanishing where most of a clip is met exactly, as a black background is.
    """
    size = residual.detach().abs()
    known = size[weights.expand_as(size) > 0]
    factor = 1.2011 if residual.is_complex() else 1.4826
    return (factor * known.median() if len(known) else size.new_zeros(())).clamp_min(least)


def variation(frames: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, down and across together; (N, C, H, W)."""
    down, across = (frames.diff(dim=axis).abs() for axis in (2, 3))
    return (down.sum() + across.sum()) / frames.numel()
