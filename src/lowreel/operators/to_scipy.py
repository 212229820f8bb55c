"""Ours as an operator of SciPy, for its solvers and those of PyLops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .base import LinearOperator
from .external import array_of, floats_of
from .parts import is_stack
from .tensors import tensors_of


def as_scipy(operator: LinearOperator) -> Any:
    """Ours as a `scipy.sparse.linalg.LinearOperator` of shape (M, N), for SciPy's and PyLops' solvers.

    N = T C H W numbers of the clip in C order, M numbers of the data, those of a stack one after another. It computes
    in the precision of the operator's tensors, float64 where it has none. Complex data gives a complex type, and
    `rmatvec` is then the real part of A^H y where clips are real.
    """
    from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator

    like = next(iter(floats_of(operator)), torch.zeros((), dtype=torch.float64))
    with torch.no_grad():
        response = tensors_of(operator(like.new_zeros(operator.clip_shape)))
    sizes = [t.numel() for t in response]

    def measured(x: np.ndarray) -> np.ndarray:
        clip = torch.as_tensor(np.ascontiguousarray(x)).to(like).reshape(operator.clip_shape)
        with torch.no_grad():
            return np.concatenate([array_of(t).reshape(-1) for t in tensors_of(operator(clip))])

    def pulled_back(y: np.ndarray) -> np.ndarray:
        pieces = torch.as_tensor(np.ascontiguousarray(y)).reshape(-1).split(sizes)
        data = tuple(_typed(piece, t).reshape(t.shape) for piece, t in zip(pieces, response, strict=True))
        with torch.no_grad():
            return array_of(operator.adjoint(data if is_stack(operator) else data[0])).reshape(-1)

    complex_data = any(t.is_complex() for t in response)
    made = ScipyLinearOperator(
        (sum(sizes), math.prod(operator.clip_shape)),
        matvec=lambda x: _real_and_imaginary(measured, x),
        rmatvec=pulled_back if complex_data else lambda y: _real_and_imaginary(pulled_back, y),
        dtype=np.result_type(*(array_of(t).dtype for t in response)),
    )
    made.clip_shape = operator.clip_shape
    return made


def _real_and_imaginary(function: Callable[[np.ndarray], Any], v: np.ndarray) -> np.ndarray:
    found: np.ndarray = function(v.real) + 1j * function(v.imag) if np.iscomplexobj(v) else function(v)
    return found


def _typed(values: Tensor, like: Tensor) -> Tensor:
    return (values.real if values.is_complex() and not like.is_complex() else values).to(like)
