"""Does an operator keep its contract? The dot-product test and linearity, on seeded random clips."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import InputError
from . import streams
from .base import Data, Measurement, Shape, inner, map_data


def check_operator(operator: Measurement, *, tolerance: float = 1e-3) -> None:
    """Raise InputError when `adjoint` is not the adjoint of `forward`, or `forward` is not linear.

    Tests Re<A x, y> = <x, A* y> and A(2 x) = 2 A x to `tolerance` relative; the message names the defect.
    """
    x = _random(operator.clip_shape, 0)
    measured = operator(x)
    y: Data = map_data(lambda t: _random(tuple(t.shape), 1).to(t.dtype), measured)
    scale = math.sqrt(float(inner(measured, measured) * inner(y, y)))
    doubled = map_data(lambda a, b: a - 2 * b, operator(2 * x), measured)
    if math.sqrt(float(inner(doubled, doubled))) > tolerance * math.sqrt(float(inner(measured, measured))) + 1e-12:
        raise InputError(
            "operator: forward is not linear, A(2x) differs from 2 A(x); is there an offset? take it off y"
        )
    left, right = float(inner(measured, y)), float(inner(x, operator.adjoint(y)))
    if abs(left - right) > tolerance * max(scale, 1e-12):
        raise InputError(
            f"operator: adjoint is not the adjoint of forward: <Ax, y> = {left:.6g} but <x, A*y> = {right:.6g} "
            f"(ratio {right / left if left else math.nan:.4g}); check its scale and the order of axes"
        )


def _random(shape: Shape, row: int) -> Tensor:
    count = math.prod(shape)
    return torch.from_numpy(streams.normals(0, streams.CHECK, 1, range(row, row + 1), count)).reshape(shape)
