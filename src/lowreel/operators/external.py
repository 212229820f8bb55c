"""The base of operators of other libraries: how they are called, their adjoint, and how they are recognised in a
file."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..system import streams
from ..system.as_tensor import tensor_of
from .base import LinearOperator
from .shapes import Shape
from .spec import Spec, Tensors
from .tensors import Data, TensorsFunction, linear, map_data, tensors_of


class ExternalOperator(LinearOperator):
    """An operator of another library, as two functions, it and its adjoint, which a subclass calls.

    Gradients flow through the two, each being the derivative of the other. What it does is recorded as a few numbers of
    its response to a seeded probe, so that a run can only be resumed with an operator that does the same.
    """

    kind = "functions"
    returned: str
    """Type of the numbers that it returns for a float32 clip, before they are rounded to ours."""

    def __init__(self, clip_shape: Shape):
        super().__init__(clip_shape, ())

    @abstractmethod
    def _there(self, x: Tensor) -> Data:
        """A x, in any precision."""

    @abstractmethod
    def _back(self, y: Data) -> Tensor:
        """A^H y, in any precision."""

    def _learn(self) -> None:
        """Find the shape of the data, and the identity, from the response to the probe."""
        probe = probe_clip(self.clip_shape)
        try:
            raw = self._there(probe)
        except (Exception, SystemExit) as error:
            raise InputError(
                f"{self._name}: for a clip of shape {self.clip_shape} it raised {type(error).__name__}: {error}; "
                "is it made for clips of this shape?"
            ) from error
        self.returned = str(tensors_of(raw)[0].dtype).removeprefix("torch.")
        self.stacked = isinstance(raw, tuple)
        response = tensors_of(map_data(lambda t: self._rounded(t, probe, "forward"), raw))
        shapes = tuple(tuple(t.shape) for t in response)
        self.data_shape = shapes if self.stacked else shapes[0]
        self.response = [_digits(tensor, k) for k, tensor in enumerate(response)]

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _modules_to_move(self) -> dict[str, torch.nn.Module | None]:
        """None: what it is given is moved to where it computes, and what it returns back to where the clip is."""
        return {}

    def _rounded(self, found: Tensor, like: Tensor, what: str) -> Tensor:
        """`found` in the precision and on the device of `like`."""
        if not (found.is_floating_point() or found.is_complex()):
            raise InputError(
                f"{self._name}: {what} gave {str(found.dtype).removeprefix('torch.')} numbers, which are rounded, and "
                "rounding is not linear; let it return floats"
            )
        double = like.dtype in (torch.float64, torch.complex128)
        if found.is_complex():
            return found.detach().to(like.device, torch.complex128 if double else torch.complex64)
        return found.detach().to(like.device, torch.float64 if double else torch.float32)

    def _pulled_back(self, y: Data) -> Tensor:
        first = tensors_of(y)[0]
        found = self._rounded(self._back(y), first, "adjoint")
        if tuple(found.shape) != self.clip_shape:
            raise InputError(
                f"{self._name}: adjoint gave shape {tuple(found.shape)}, expected the clip's, {self.clip_shape}"
            )
        return found.real if found.is_complex() else found

    def _both_ways(self) -> tuple[TensorsFunction, TensorsFunction]:
        def there(*x: Tensor) -> tuple[Tensor, ...]:
            return tensors_of(map_data(lambda t: self._rounded(t, x[0], "forward"), self._there(x[0])))

        def back(*y: Tensor) -> tuple[Tensor, ...]:
            return (self._pulled_back(y if self.stacked else y[0]),)

        return there, back

    def _measure(self, x: Tensor) -> Data:
        found = linear(*self._both_ways(), x)
        return found if self.stacked else found[0]

    def _adjoint(self, y: Data) -> Tensor:
        there, back = self._both_ways()
        return linear(back, there, *tensors_of(y))[0]

    @classmethod
    def from_spec(cls, spec: Spec, tensors: Tensors, memory: int | None) -> LinearOperator:
        """Nothing in a file can make it again: always an InputError."""
        raise InputError(
            "operator: it was given as functions, which no file holds; give the same operator again "
            "(--operator package.module:object)"
        )

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        rows = slice(None) if self._whole else slice(start, stop)
        return (rows,) * len(self.data_shape) if self.stacked else rows

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        frames = len(parts)
        shapes = [(frames, *shape[1:]) for shape in (self.data_shape if self.stacked else (self.data_shape,))]
        data_shape: Any = shapes if self.stacked else shapes[0]
        return self._like(frames, data_shape)

    def parameters_spec(self) -> dict[str, Any]:
        return {"response": self.response}


def is_external(operator: LinearOperator) -> bool:
    """Whether any part of it comes from elsewhere: from another library, or from a class that a user wrote."""
    return any(
        isinstance(module, ExternalOperator) or not type(module).__module__.startswith("lowreel.")
        for module in operator.modules()
        if isinstance(module, LinearOperator)
    )


def _digits(response: Tensor, member: int) -> list[str]:
    """Norm of a response and three inner products with seeded numbers, to three digits.

    An operator is known by them: more digits depend on the number of threads.
    """
    numbers = (torch.view_as_real(response) if response.is_complex() else response).flatten().double().cpu()
    tests = torch.from_numpy(streams.normals(0, streams.CHECK, 2 + member, range(3), len(numbers))).double()
    return [f"{value:.2e}" for value in (float(numbers.norm()), *(tests @ numbers).tolist())]


def probe_clip(clip_shape: Shape) -> Tensor:
    """A seeded clip, (T, C, H, W), by which an operator is known."""
    pixels = math.prod(clip_shape[1:])
    return torch.from_numpy(streams.normals(0, streams.CHECK, 0, range(clip_shape[0]), pixels)).reshape(clip_shape)


def array_of(values: Any) -> np.ndarray:
    """The numbers of a tensor, as NumPy sees them."""
    found: np.ndarray = values.detach().cpu().numpy()
    return found


def returned_tensor(result: Any) -> Tensor:
    """What an operator of another library returned, as a tensor on the CPU."""
    return tensor_of(result, "it returned").cpu()


def floats_of(module: torch.nn.Module) -> list[Tensor]:
    """Its tensors that are not of integers or booleans."""
    tensors = (*module.buffers(), *module.parameters())
    return [t.real if t.is_complex() else t for t in tensors if t.is_floating_point() or t.is_complex()]
