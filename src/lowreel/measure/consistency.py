"""The clip nearest to a given one that agrees with the data."""

from __future__ import annotations

import torch
from torch import Tensor

from .base import Data, Measurement, inner, map_data


@torch.no_grad()
def nearest_consistent(
    clip: Tensor, operator: Measurement, data: Data, entries: Data, *, iterations: int = 100, tolerance: float = 1e-6
) -> Tensor:
    """min |x - clip|^2 subject to A x = y on the entries that are true; (T, C, H, W).

    x = clip + A* u with A A* u = y - A clip, by conjugate gradients. Where A only picks pixels these are put in as
    they were observed, to the bit. Where the data is inconsistent the residual is made as small as the iterations
    allow.
    """

    if operator.picks_pixels:
        return torch.where(entries, data, clip)  # type: ignore[arg-type]

    def keep(y: Data) -> Data:
        return map_data(lambda t, e: t * e, y, entries)

    def gram(u: Data) -> Data:
        return keep(operator(operator.adjoint(u)))

    residual = keep(map_data(lambda y, found: y - found, data, operator(clip)))
    direction, solution = residual, map_data(torch.zeros_like, residual)
    power = start = float(inner(residual, residual))
    for _ in range(iterations):
        if power <= tolerance**2 * start or power == 0:
            break
        image = gram(direction)
        step = power / max(float(inner(direction, image)), 1e-30)
        solution = map_data(lambda s, d, a=step: s + a * d, solution, direction)
        residual = map_data(lambda r, g, a=step: r - a * g, residual, image)
        power, before = float(inner(residual, residual)), power
        direction = map_data(lambda r, d, b=power / before: r + b * d, residual, direction)
    return clip + operator.adjoint(solution)
