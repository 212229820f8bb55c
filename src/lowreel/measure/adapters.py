"""Operators that come from elsewhere: a pair of NumPy functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from . import streams
from .base import Data, Measurement, Shape

ArrayFunction = Callable[[np.ndarray], Any]


class Functions(Measurement):
    """An operator given as two NumPy functions, `forward(x) -> y` and `adjoint(y) -> x`.

    x: float32 array of `clip_shape` = (T, C, H, W); y: one real or complex array of any shape. Gradients flow through
    the pair. What it does is recorded as the SHA-256 of its response to a seeded probe, so that a run can only be
    resumed with an operator that does the same.
    """

    kind = "functions"

    def __init__(self, forward: ArrayFunction, adjoint: ArrayFunction, clip_shape: Shape):
        if not (callable(forward) and callable(adjoint)):
            raise InputError("Functions: expected two functions, forward(x) -> y and adjoint(y) -> x")
        probe = _probe(tuple(clip_shape))
        response = np.asarray(forward(probe))
        super().__init__(clip_shape, response.shape)
        self._forward, self._backward = forward, adjoint
        self.response_hash = hashlib.sha256(np.ascontiguousarray(response, np.complex64).tobytes()).hexdigest()

    def _measure(self, x: Tensor) -> Tensor:
        return _Pair.apply(x, self._forward, self._backward)

    def _adjoint(self, y: Data) -> Tensor:
        return _call(self._backward, y, self.clip_shape, "adjoint")  # type: ignore[arg-type]

    def parameters_spec(self) -> dict[str, Any]:
        return {"response": self.response_hash}


def _probe(clip_shape: Shape) -> np.ndarray:
    pixels = int(np.prod(clip_shape[1:]))
    return streams.normals(0, streams.CHECK, 0, range(clip_shape[0]), pixels).reshape(clip_shape)


def _call(function: ArrayFunction, v: Tensor, shape: Shape | None, name: str) -> Tensor:
    result = np.asarray(function(v.detach().cpu().numpy()))
    if shape is not None and result.shape != tuple(shape):
        raise InputError(f"Functions: {name} gave shape {result.shape} for {tuple(v.shape)}, expected {tuple(shape)}")
    if name == "adjoint":
        result = result.real
    single = v.dtype in (torch.float32, torch.complex64)
    kind = np.complex64 if single else np.complex128
    real = np.float32 if single else np.float64
    return torch.from_numpy(np.array(result, dtype=kind if np.iscomplexobj(result) else real)).to(v.device)


class _Pair(torch.autograd.Function):
    """forward, with adjoint as its vector-Jacobian product."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: ArrayFunction, adjoint: ArrayFunction) -> Tensor:
        ctx.adjoint_function, ctx.shape = adjoint, tuple(x.shape)
        return _call(forward, x, None, "forward")

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _call(ctx.adjoint_function, gradient, ctx.shape, "adjoint"), None, None
