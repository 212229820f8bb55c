"""Data of operators, which is one tensor or a tuple of them, and linear functions whose gradient is their adjoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor

Data = Tensor | tuple[Tensor, ...]
"""What an operator returns: one real or complex tensor, or a tuple of them for a stack."""

TensorFunction = Callable[[Tensor], Tensor]
TensorsFunction = Callable[..., tuple[Tensor, ...]]


@overload
def map_data(function: Callable[..., Any], *data: Tensor) -> Tensor: ...


@overload
def map_data(function: Callable[..., Any], *data: Data) -> Data: ...


def map_data(function: Callable[..., Any], *data: Data) -> Data:
    """Apply `function` to the tensor, or to each tensor of a stack."""
    if isinstance(data[0], tuple):
        return tuple(function(*tensors) for tensors in zip(*data, strict=True))
    found: Tensor = function(*data)
    return found


def taken_at(entries: Data, data: Data) -> Data:
    """The numbers at these entries, (n,) for each tensor of the data: few, where the data is as large as the clip.

    entries: booleans like the data. Part by part, as the places of those of a whole clip take eight times their memory.
    """

    def taken(values: Tensor, e: Tensor) -> Tensor:
        return values[e] if e.ndim == 1 else torch.cat([own[at] for own, at in zip(values, e, strict=True)])

    return map_data(taken, data, entries)


def count_of(entries: Data) -> int:
    """How many of these booleans are true. A sum of them would make a copy of eight times their size."""
    return sum(int(torch.count_nonzero(t)) for t in tensors_of(entries))


def tensors_of(data: Data) -> tuple[Tensor, ...]:
    """The tensors of the data: one, or those of a stack."""
    return data if isinstance(data, tuple) else (data,)


def shape_of(data: Data) -> Any:
    """The shape of the tensor, or a tuple of those of a stack."""
    return tuple(tuple(t.shape) for t in data) if isinstance(data, tuple) else tuple(data.shape)


def inner(a: Data, b: Data) -> Tensor:
    """Re<a, b>, summed over a stack."""
    pairs = zip(tensors_of(a), tensors_of(b), strict=True)
    return torch.stack([(u.conj() * v).real.sum() if u.is_complex() else (u * v).sum() for u, v in pairs]).sum()


class ByAdjoint(torch.autograd.Function):
    """there(*tensors) of a linear map, whose derivative is `back`, and the other way round; autograd keeps nothing."""

    @staticmethod
    def forward(there: TensorsFunction, back: TensorsFunction, *tensors: Tensor) -> tuple[Tensor, ...]:
        return there(*tensors)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.there, ctx.back = inputs[:2]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        return (None, None, *linear(ctx.back, ctx.there, *gradients))


def linear(there: TensorsFunction, back: TensorsFunction, *tensors: Tensor) -> tuple[Tensor, ...]:
    """there(*tensors) of a linear map whose adjoint is `back`; tensors: of any shape that the map takes."""
    found: tuple[Tensor, ...] = ByAdjoint.apply(there, back, *tensors)  # type: ignore[no-untyped-call]  # torch has none
    return found


def by_adjoint(function: TensorFunction, transposed: TensorFunction, v: Tensor) -> Tensor:
    """`function(v)` of a linear map, with `transposed` as its gradient: autograd keeps no intermediate result. v: of
    any shape that the function takes."""
    return linear(lambda t: (function(t.detach()),), lambda t: (transposed(t.detach()),), v)[0]
