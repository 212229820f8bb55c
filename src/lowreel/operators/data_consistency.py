"""The clip nearest to a given one that agrees with the data."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import LinearOperator
from .tensors import Data, inner, map_data


@torch.no_grad()
def project_onto_data(
    clip: Tensor, operator: LinearOperator, data: Data, entries: Data, *, iterations: int = 100, tolerance: float = 1e-6
) -> Tensor:
    """min |x - clip|^2 among the x that minimise |A x - y| on the entries that are true; (T, C, H, W).

    By conjugate gradients on the least squares problem, started at the clip (CGLS): where the data is inconsistent,
    or an equation stands twice, the residual still falls with every iteration. Where A only picks pixels these are
    put in as they were observed, to the bit.
    """
    if operator.is_pixel_mask:
        return torch.where(entries, data, clip)  # type: ignore[arg-type]

    def keep(y: Data) -> Data:
        return map_data(lambda t, e: t * e, y, entries)

    residual = keep(map_data(lambda y, found: y - found, data, operator(clip)))
    gradient = operator.adjoint(residual)
    direction, found = gradient, clip
    power = start = float(gradient.square().sum())
    for _ in range(iterations):
        if power <= tolerance**2 * start or power == 0:
            break
        image = keep(operator(direction))
        step = power / max(float(inner(image, image)), 1e-30)
        found = found + step * direction
        residual = map_data(lambda r, i, a=step: r - a * i, residual, image)
        gradient = operator.adjoint(residual)
        power, before = float(gradient.square().sum()), power
        direction = gradient + (power / before) * direction
    return found
