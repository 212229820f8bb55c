"""Operators of other libraries as ours, by what they can do rather than by what they are."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..system.as_tensor import tensor_of
from .base import LinearOperator
from .external import ExternalOperator, array_of, floats_of, probe_clip, returned_tensor
from .shapes import Shape, checked_clip_shape
from .tensors import Data, map_data, tensors_of

ArrayFunction = Callable[[np.ndarray], Any]

AGREEING_SHARE = 1e-4
"""How far two ways to compute the same data may lie apart, relative to its largest number."""


REFUSALS = (ValueError, TypeError, IndexError, RuntimeError, AssertionError)
"""What functions of libraries and of users raise when they are given an array of a shape that they are not made for."""


def as_linear_operator(operator: Any, clip_shape: Sequence[int] | None = None) -> LinearOperator:
    """Any linear operator as one of ours; ours is returned as it is.

    operator: an object with `A` and `A_adjoint` (deepinv: tensors, frames as the batch); one with `matvec`, `rmatvec`
    and `shape` (SciPy, PyLops: vectors of a whole clip or of one frame); a matrix of NumPy, SciPy or torch, which acts
    on such vectors; one that is called and has `H` and `ishape` (sigpy) or `adj` and `input_shape` (SCICO), or that has
    the methods `forward` and `adjoint`, on arrays of a clip or of a frame; or a tuple of two NumPy functions (forward,
    adjoint). clip_shape: (T, C, H, W), not needed for an object that says its own (`clip_shape`, or four numbers as
    `dims`, `ishape` or `input_shape`).

    Raises InputError for anything else, a clip shape that is missing, or one that does not fit.
    """
    if isinstance(operator, LinearOperator):
        return operator if clip_shape is None else _agreeing(operator, checked_clip_shape(clip_shape))
    adapter = adapter_of(operator)
    if adapter is None:
        raise InputError(
            "operator: expected one of lowreel's, a matrix, an object with A and A_adjoint, with matvec, rmatvec and "
            "shape, or with forward and adjoint, one of sigpy or SCICO, or a tuple (forward, adjoint) of functions, "
            f"got {type(operator).__name__}"
        )
    told = clip_shape if clip_shape is not None else _own_clip_shape(operator)
    if told is None:
        raise InputError(
            f"operator: {type(operator).__name__} does not say which clips it is for; give its clip_shape, "
            "(T, C, H, W) in Python, --clip-shape TxCxHxW on the command line"
        )
    checked_clip_shape(told)
    return adapter(operator, tuple(told))


def adapter_of(operator: Any) -> Callable[[Any, Shape], LinearOperator] | None:
    """The function that makes a `LinearOperator` of such an operator and a clip shape; None where there is none."""
    if isinstance(operator, type):
        return None
    if callable(getattr(operator, "A", None)) and callable(getattr(operator, "A_adjoint", None)):
        return DeepinvOperator
    if all(callable(getattr(operator, name, None)) for name in ("matvec", "rmatvec")) and hasattr(operator, "shape"):
        return ScipyOperator
    if isinstance(operator, tuple) and len(operator) == 2 and all(callable(function) for function in operator):
        return lambda pair, clip_shape: Functions(pair[0], pair[1], clip_shape)
    if _is_matrix(operator):
        return lambda matrix, clip_shape: ScipyOperator(_with_products(matrix), clip_shape)
    return ArrayOperator if _array_functions(operator) is not None else None


def _is_matrix(operator: Any) -> bool:
    """Whether it is two-dimensional, of numbers: an array, a tensor, or sparse."""
    from scipy.sparse import issparse

    return bool((isinstance(operator, np.ndarray | Tensor) or issparse(operator)) and operator.ndim == 2)


def _with_products(matrix: Any) -> Any:
    """A matrix as an object with `matvec` and `rmatvec`; torch's as NumPy's or SciPy's."""
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import aslinearoperator

    if isinstance(matrix, Tensor) and matrix.layout != torch.strided:
        entries = matrix.detach().cpu().to_sparse_coo().coalesce()
        matrix = coo_array((entries.values().numpy(), entries.indices().numpy()), shape=tuple(entries.shape)).tocsr()
    return aslinearoperator(array_of(matrix) if isinstance(matrix, Tensor) else matrix)


@dataclass(frozen=True)
class _ArrayFunctions:
    """An operator on arrays as two functions, and the shape of the arrays that it takes, where it tells it."""

    forward: ArrayFunction
    adjoint: ArrayFunction
    shape: tuple[int, ...] | None


def _array_functions(operator: Any) -> _ArrayFunctions | None:
    """The two functions of an operator of sigpy, of SCICO, or of an object with both as methods; None without."""
    if callable(operator) and isinstance(getattr(operator, "ishape", None), Sequence) and hasattr(operator, "H"):
        return _ArrayFunctions(operator, operator.H, tuple(operator.ishape))
    if callable(operator) and callable(getattr(operator, "adj", None)) and hasattr(operator, "input_shape"):
        shape = tuple(operator.input_shape)
        return _ArrayFunctions(operator, operator.adj, shape if all(isinstance(n, int) for n in shape) else None)
    if callable(getattr(operator, "forward", None)) and callable(getattr(operator, "adjoint", None)):
        if isinstance(operator, torch.nn.Module):
            return _ArrayFunctions(_on_tensors(operator, "forward"), _on_tensors(operator, "adjoint"), None)
        return _ArrayFunctions(operator.forward, operator.adjoint, None)
    return None


def _on_tensors(module: torch.nn.Module, name: str) -> ArrayFunction:
    """A method of a module as a function of arrays, computed in the precision and on the device of its tensors."""

    def function(values: np.ndarray) -> Any:
        with torch.enable_grad():
            return getattr(module, name)(_like_module(module, torch.from_numpy(values)))

    return function


def _like_module(module: torch.nn.Module, values: Tensor) -> Tensor:
    """The values in the precision and on the device of a module's own tensors, as they are where it has none."""
    tensors = floats_of(module)
    if not tensors:
        return values.detach()
    dtype = tensors[0].dtype.to_complex() if values.is_complex() else tensors[0].dtype.to_real()
    return values.detach().to(tensors[0].device, dtype)


def _wants_complex(forward: ArrayFunction, shape: Shape) -> bool:
    """Whether it gives complex numbers for a complex clip alone: stacks of sigpy give numbers of the type that they are
    given, and drop the rest. shape: of what it takes."""
    clip = probe_clip(shape).numpy().astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if np.iscomplexobj(np.asarray(forward(clip))):
                return False
            found = np.asarray(forward(clip.astype(np.complex64)))
        except REFUSALS:
            return False
    return bool(np.iscomplexobj(found) and np.abs(found.imag).max(initial=0) > AGREEING_SHARE * np.abs(found).max())


def _own_clip_shape(operator: Any) -> Sequence[int] | None:
    for name in ("clip_shape", "dims", "ishape", "input_shape"):
        numbers = getattr(operator, name, None)
        if isinstance(numbers, tuple | list) and len(numbers) == 4:
            return numbers
    return None


def clip_shape_of_data(operator: Any, data: Any) -> tuple[int, ...] | None:
    """The shape of the clip that the adjoint of an operator of others makes of data, (T, C, H, W) or (T, H, W).

    None where the operator says itself which clips it is for, and where its adjoint makes no clip of this data, or says
    by one of REFUSALS that it takes none of this shape; other errors of it are raised. Raises InputError where it makes
    a batch of whole clips, (B, C, T, H, W).
    """
    if adapter_of(operator) is None or isinstance(operator, LinearOperator) or _own_clip_shape(operator) is not None:
        return None
    try:
        shape = tuple(_adjoint_of_data(operator, data))
    except REFUSALS:
        return None
    if len(shape) == 5 and hasattr(operator, "A_adjoint"):
        raise InputError(
            f"operator: {type(operator).__name__} takes a batch of whole clips, {shape}, where frames are the batch, "
            "(T, C, H, W); make it for frames (C, H, W), and give it the clip as x[0].transpose(0, 1)"
        )
    return shape if len(shape) in (3, 4) else None


def _adjoint_of_data(operator: Any, data: Any) -> Sequence[int]:
    """The shape of what the adjoint of an operator of others makes of data; of one on vectors, the shape of its clips
    where it knows that and the data is of a whole clip."""
    if hasattr(operator, "A_adjoint"):
        single = map_data(lambda t: tensor_of(t, "data").float(), data)
        with torch.no_grad():
            return tuple(operator.A_adjoint(single).shape)
    if hasattr(operator, "rmatvec"):
        dims = tuple(getattr(operator, "dims", ()))
        return dims if tensor_of(data, "data").numel() == operator.shape[0] else ()
    functions = _array_functions(operator)
    back = operator[1] if functions is None else functions.adjoint
    return tuple(np.shape(back(array_of(tensor_of(data, "data")))))


def _agreeing(operator: LinearOperator, clip_shape: Shape) -> LinearOperator:
    if operator.clip_shape != clip_shape:
        raise InputError(
            f"{type(operator).__name__}: it is for clips of shape {operator.clip_shape}, clip_shape says {clip_shape}; "
            "leave clip_shape out, or build the operator for that shape"
        )
    return operator


class Functions(ExternalOperator):
    """An operator given as two NumPy functions, `forward(x) -> y` and `adjoint(y) -> x`.

    x: float32 array of `clip_shape` = (T, C, H, W), or (T, H, W) where that was said; y: one real or complex array of
    any shape. Gradients flow through the pair. What it does is recorded as a few numbers of its response to a seeded
    probe, so that a run can only be resumed with an operator that does the same. Raises InputError where `forward` does
    not take such a clip.
    """

    def __init__(self, forward: ArrayFunction, adjoint: ArrayFunction, clip_shape: Shape):
        if not (callable(forward) and callable(adjoint)):
            raise InputError("Functions: expected two functions, forward(x) -> y and adjoint(y) -> x")
        super().__init__(clip_shape)
        self._given_shape, self._forward, self._backward = tuple(clip_shape), forward, adjoint
        self._learn()

    def _there(self, x: Tensor) -> Tensor:
        return returned_tensor(self._forward(array_of(x).reshape(self._given_shape)))

    def _back(self, y: Data) -> Tensor:
        found = returned_tensor(self._backward(array_of(y)))
        return found.reshape(self.clip_shape) if tuple(found.shape) == self._given_shape else found


class ScipyOperator(ExternalOperator):
    """An operator on vectors: an object with `matvec`, `rmatvec` and `shape` = (M, N), as in SciPy and PyLops.

    The clip is flattened in C order. N = T C H W sees it whole, y: (M,); N = C H W sees each frame alone, y: (T, M).
    It is given numbers of its own precision (`dtype`). Raises InputError for another N.
    """

    def __init__(self, operator: Any, clip_shape: Shape):
        super().__init__(clip_shape)
        clip, frame = math.prod(self.clip_shape), math.prod(self.clip_shape[1:])
        if operator.shape[1] not in (clip, frame):
            raise InputError(
                f"{type(operator).__name__}: it takes vectors of {operator.shape[1]} numbers, a clip of shape "
                f"{self.clip_shape} has {clip} and each frame {frame}; give the clip shape it is made for"
            )
        self.operator, self.frame_by_frame = operator, operator.shape[1] != clip
        self.part_frames = 1 if self.frame_by_frame else self.clip_shape[0]
        self._learn()

    @property
    def _name(self) -> str:
        return type(self.operator).__name__

    def _own(self, values: Tensor) -> np.ndarray:
        array, dtype = array_of(values), np.dtype(getattr(self.operator, "dtype", None) or np.float64)
        single = dtype in (np.float16, np.float32, np.complex64)
        if np.iscomplexobj(array):
            return array.astype(np.complex64 if single else np.complex128, copy=False)
        return array.astype(np.float32 if single else np.float64, copy=False)

    def _there(self, x: Tensor) -> Tensor:
        if self.frame_by_frame:
            return returned_tensor(np.stack([self.operator.matvec(frame) for frame in self._own(x.flatten(1))]))
        return returned_tensor(self.operator.matvec(self._own(x).reshape(-1)))

    def _back(self, y: Data) -> Tensor:
        assert isinstance(y, Tensor)
        rows = self._own(y.reshape(-1, self.operator.shape[0]))
        return returned_tensor(np.stack([self.operator.rmatvec(row) for row in rows])).reshape(self.clip_shape)


class ArrayOperator(ExternalOperator):
    """An operator on arrays, as in sigpy and SCICO, or an object with the methods `forward` and `adjoint`.

    It is given float32 arrays (T, C, H, W), in the shape that it says it takes where that holds as many numbers as the
    clip; where it holds as many as a frame, each frame alone, and y gains a first axis of T. Raises InputError for
    another number of them.
    """

    def __init__(self, operator: Any, clip_shape: Shape):
        super().__init__(clip_shape)
        functions = _array_functions(operator)
        if functions is None:
            raise InputError(f"operator: {type(operator).__name__} has no forward and adjoint")
        self.operator, self._functions = operator, functions
        clip, frame = math.prod(self.clip_shape), math.prod(self.clip_shape[1:])
        shape = functions.shape or tuple(clip_shape)
        if math.prod(shape) not in (clip, frame):
            raise InputError(
                f"{self._name}: it takes arrays of shape {shape}, a clip of shape {self.clip_shape} has other numbers; "
                "give the clip shape it is made for"
            )
        self._shape, self.frame_by_frame = shape, math.prod(shape) != clip
        self.part_frames = 1 if self.frame_by_frame else self.clip_shape[0]
        self._dtype = np.complex64 if functions.shape and _wants_complex(functions.forward, shape) else None
        self._learn()

    @property
    def _name(self) -> str:
        return type(self.operator).__name__

    def _there(self, x: Tensor) -> Tensor:
        if self.frame_by_frame:
            return torch.stack([self._measured(frame) for frame in x])
        return self._measured(x)

    def _back(self, y: Data) -> Tensor:
        assert isinstance(y, Tensor)
        found = torch.stack([self._pulled(row) for row in y]) if self.frame_by_frame else self._pulled(y)
        return found.reshape(self.clip_shape) if found.numel() == math.prod(self.clip_shape) else found

    def _measured(self, x: Tensor) -> Tensor:
        clip = array_of(x).reshape(self._shape)
        return returned_tensor(self._functions.forward(clip if self._dtype is None else clip.astype(self._dtype)))

    def _pulled(self, y: Tensor) -> Tensor:
        return returned_tensor(self._functions.adjoint(array_of(y)))


class DeepinvOperator(ExternalOperator):
    """An operator on batches of tensors: an object with `A` and `A_adjoint`, as in deepinv. Frames are the batch.

    y: what `A` returns, a tuple of tensors where it returns several. Gradients come from `A_adjoint`. Whether each
    frame is measured alone is found by measuring them one by one; only then can the operator be cut into frames. A
    module's own tensors give the precision and the device in which it computes.
    """

    def __init__(self, physics: Any, clip_shape: Shape):
        super().__init__(clip_shape)
        self.physics, self._container = physics, list
        self._learn()
        self.part_frames = 1 if self._sees_frames_alone() else self.clip_shape[0]

    @property
    def _name(self) -> str:
        return type(self.physics).__name__

    def _own(self, values: Tensor) -> Tensor:
        module = self.physics
        return _like_module(module, values) if isinstance(module, torch.nn.Module) else values.detach()

    def _there(self, x: Tensor) -> Data:
        with torch.enable_grad():
            found = self.physics.A(self._own(x))
        if isinstance(found, Tensor):
            return found
        self._container = type(found)
        return tuple(found)

    def _back(self, y: Data) -> Tensor:
        data = map_data(self._own, y)
        with torch.enable_grad():
            found: Tensor = self.physics.A_adjoint(self._container(list(data)) if self.stacked else data)
        return found

    def _sees_frames_alone(self) -> bool:
        clip = probe_clip(self.clip_shape)
        together = tensors_of(self._there(clip))
        if any(t.ndim == 0 or len(t) != len(clip) for t in together):
            return False
        try:
            alone = [tensors_of(self._there(frame[None])) for frame in clip]
        except Exception:  # whatever it raises, it does not take a single frame
            return False
        return all(
            _equal(t[k : k + 1], a) for k, found in enumerate(alone) for t, a in zip(together, found, strict=True)
        )


def _equal(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    largest = float(one.detach().abs().max()) if one.numel() else 0.0
    return bool(((one - other).detach().abs() <= AGREEING_SHARE * largest).all())
