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

    Tests Re<A x, y> = <x, A* y> and A(x + w) = A x + A w to `tolerance` relative; the message names the defect.
    """
    x, w = _random(operator.clip_shape, 0), _random(operator.clip_shape, 1)
    measured = operator(x)
    size = math.sqrt(float(inner(measured, measured)))
    defect = map_data(lambda both, a, b: both - a - b, operator(x + w), measured, operator(w))
    if math.sqrt(float(inner(defect, defect))) > tolerance * max(size, 1e-12):
        raise InputError(
            "operator: forward is not linear, A(x + w) differs from Ax + Aw; is there an offset, or a modulus?"
        )
    y: Data = map_data(_random_like, measured)
    scale = size * math.sqrt(float(inner(y, y)))
    left, right = float(inner(measured, y)), float(inner(x, operator.adjoint(y)))
    if abs(left - right) > tolerance * max(scale, 1e-12):
        raise InputError(
            f"operator: adjoint is not the adjoint of forward: <Ax, y> = {left:.6g} but <x, A*y> = {right:.6g} "
            f"(ratio {right / left if left else math.nan:.4g}); check its scale and the order of axes"
        )


def _random_like(data: Tensor) -> Tensor:
    shape = tuple(data.shape)
    if data.is_complex():
        return torch.complex(_random(shape, 2), _random(shape, 3)).to(data.dtype)
    return _random(shape, 2).to(data.dtype)


def _random(shape: Shape, row: int) -> Tensor:
    count = math.prod(shape)
    return torch.from_numpy(streams.normals(0, streams.CHECK, 1, range(row, row + 1), count)).reshape(shape)
