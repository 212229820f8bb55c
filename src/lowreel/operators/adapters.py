"""Operators of other libraries as ours, and ours as theirs, by what they can do rather than by what they are."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..system import streams
from ..system.as_tensor import tensor_of
from .base import LinearOperator
from .parts import is_stack
from .shapes import Shape, checked_clip_shape
from .spec import Spec, Tensors
from .tensors import ByAdjoint, Data, TensorsFunction, map_data, tensors_of

ArrayFunction = Callable[[np.ndarray], Any]

ROUNDING = 1e-4
"""How far two ways to compute the same data may lie apart, relative to its largest number."""


def as_linear_operator(operator: Any, clip_shape: Sequence[int] | None = None) -> LinearOperator:
    """Any linear operator as one of ours; ours is returned as it is.

    operator: an object with `A` and `A_adjoint` (deepinv: tensors, frames as the batch), one with `matvec`, `rmatvec`
    and `shape` (SciPy, PyLops: vectors of a whole clip or of one frame), or a tuple of two NumPy functions (forward,
    adjoint). clip_shape: (T, C, H, W), not needed for an object that says its own (`clip_shape`, or four `dims`).
    Raises InputError for anything else, a clip shape that is missing, or one that does not fit.
    """
    if isinstance(operator, LinearOperator):
        return operator if clip_shape is None else _agreeing(operator, checked_clip_shape(clip_shape))
    adapter = adapter_of(operator)
    if adapter is None:
        raise InputError(
            "operator: expected one of lowreel's, an object with A and A_adjoint, one with matvec, rmatvec and shape, "
            f"or a tuple (forward, adjoint) of functions, got {type(operator).__name__}; a matrix becomes one by "
            "scipy.sparse.linalg.aslinearoperator"
        )
    told = clip_shape if clip_shape is not None else _own_clip_shape(operator)
    if told is None:
        raise InputError(
            f"operator: {type(operator).__name__} does not say which clips it is for; give its clip_shape, "
            "(T, C, H, W) in Python, --clip-shape TxCxHxW on the command line"
        )
    return adapter(operator, checked_clip_shape(told))


def adapter_of(operator: Any) -> Callable[[Any, Shape], LinearOperator] | None:
    """What makes one of ours of an operator of another kind and a clip shape; None where nothing does."""
    if isinstance(operator, type):
        return None
    if callable(getattr(operator, "A", None)) and callable(getattr(operator, "A_adjoint", None)):
        return DeepinvOperator
    if all(callable(getattr(operator, name, None)) for name in ("matvec", "rmatvec")) and hasattr(operator, "shape"):
        return ScipyOperator
    if isinstance(operator, tuple) and len(operator) == 2 and all(callable(function) for function in operator):
        return lambda pair, clip_shape: Functions(pair[0], pair[1], clip_shape)
    return None


def _own_clip_shape(operator: Any) -> Sequence[int] | None:
    for name in ("clip_shape", "dims"):
        numbers = getattr(operator, name, None)
        if isinstance(numbers, tuple | list) and len(numbers) == 4:
            return numbers
    return None


def _agreeing(operator: LinearOperator, clip_shape: Shape) -> LinearOperator:
    if operator.clip_shape != clip_shape:
        raise InputError(
            f"{type(operator).__name__}: it is for clips of shape {operator.clip_shape}, clip_shape says {clip_shape}; "
            "leave clip_shape out, or build the operator for that shape"
        )
    return operator


class ExternalOperator(LinearOperator):
    """An operator that knows nothing of ours: what it does and its adjoint, which a subclass calls.

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
        probe = _probe(self.clip_shape)
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
        """None: it is given numbers where it computes, and its own come back to where the clip is."""
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
        found = ByAdjoint.apply(*self._both_ways(), x)
        return found if self.stacked else found[0]

    def _adjoint(self, y: Data) -> Tensor:
        there, back = self._both_ways()
        return ByAdjoint.apply(back, there, *tensors_of(y))[0]

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
    """Whether any part of it is made elsewhere: adapted, or a class of somebody else's."""
    return any(
        isinstance(module, ExternalOperator) or not type(module).__module__.startswith("lowreel.")
        for module in operator.modules()
        if isinstance(module, LinearOperator)
    )


class Functions(ExternalOperator):
    """An operator given as two NumPy functions, `forward(x) -> y` and `adjoint(y) -> x`.

    x: float32 array of `clip_shape` = (T, C, H, W); y: one real or complex array of any shape. Gradients flow through
    the pair. What it does is recorded as a few numbers of its response to a seeded probe, so that a run can only be
    resumed with an operator that does the same. Raises InputError where `forward` does not take such a clip.
    """

    def __init__(self, forward: ArrayFunction, adjoint: ArrayFunction, clip_shape: Shape):
        if not (callable(forward) and callable(adjoint)):
            raise InputError("Functions: expected two functions, forward(x) -> y and adjoint(y) -> x")
        super().__init__(clip_shape)
        self._forward, self._backward = forward, adjoint
        self._learn()

    def _there(self, x: Tensor) -> Tensor:
        return _tensor(self._forward(_array(x)))

    def _back(self, y: Data) -> Tensor:
        return _tensor(self._backward(_array(y)))


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
        array, dtype = _array(values), np.dtype(getattr(self.operator, "dtype", None) or np.float64)
        single = dtype in (np.float16, np.float32, np.complex64)
        if np.iscomplexobj(array):
            return array.astype(np.complex64 if single else np.complex128, copy=False)
        return array.astype(np.float32 if single else np.float64, copy=False)

    def _there(self, x: Tensor) -> Tensor:
        if self.frame_by_frame:
            return _tensor(np.stack([self.operator.matvec(frame) for frame in self._own(x.flatten(1))]))
        return _tensor(self.operator.matvec(self._own(x).reshape(-1)))

    def _back(self, y: Data) -> Tensor:
        assert isinstance(y, Tensor)
        rows = self._own(y.reshape(-1, self.operator.shape[0]))
        return _tensor(np.stack([self.operator.rmatvec(row) for row in rows])).reshape(self.clip_shape)


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
        tensors = _floats(self.physics) if isinstance(self.physics, torch.nn.Module) else []
        if not tensors:
            return values.detach()
        dtype = tensors[0].dtype.to_complex() if values.is_complex() else tensors[0].dtype.to_real()
        return values.detach().to(tensors[0].device, dtype)

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
            return self.physics.A_adjoint(self._container(list(data)) if self.stacked else data)

    def _sees_frames_alone(self) -> bool:
        clip = _probe(self.clip_shape)
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


def as_scipy(operator: LinearOperator) -> Any:
    """Ours as a `scipy.sparse.linalg.LinearOperator` of shape (M, N), for SciPy's and PyLops' solvers.

    N = T C H W numbers of the clip in C order, M numbers of the data, those of a stack one after another. It computes
    in the precision of the operator's tensors, float64 where it has none. Complex data gives a complex type, and
    `rmatvec` is then the real part of A^H y, since clips are real.
    """
    from scipy.sparse.linalg import LinearOperator as ScipyLinearOperator

    like = next(iter(_floats(operator)), torch.zeros((), dtype=torch.float64))
    with torch.no_grad():
        response = tensors_of(operator(like.new_zeros(operator.clip_shape)))
    sizes = [t.numel() for t in response]

    def measured(x: np.ndarray) -> np.ndarray:
        clip = torch.as_tensor(np.ascontiguousarray(x)).to(like).reshape(operator.clip_shape)
        with torch.no_grad():
            return np.concatenate([_array(t).reshape(-1) for t in tensors_of(operator(clip))])

    def pulled_back(y: np.ndarray) -> np.ndarray:
        pieces = torch.as_tensor(np.ascontiguousarray(y)).reshape(-1).split(sizes)
        data = tuple(_typed(piece, t).reshape(t.shape) for piece, t in zip(pieces, response, strict=True))
        with torch.no_grad():
            return _array(operator.adjoint(data if is_stack(operator) else data[0])).reshape(-1)

    complex_data = any(t.is_complex() for t in response)
    made = ScipyLinearOperator(
        (sum(sizes), math.prod(operator.clip_shape)),
        matvec=lambda x: _real_and_imaginary(measured, x),
        rmatvec=pulled_back if complex_data else lambda y: _real_and_imaginary(pulled_back, y),
        dtype=np.result_type(*(_array(t).dtype for t in response)),
    )
    made.clip_shape = operator.clip_shape
    return made


def _real_and_imaginary(function: ArrayFunction, v: np.ndarray) -> np.ndarray:
    return function(v.real) + 1j * function(v.imag) if np.iscomplexobj(v) else function(v)


def _typed(values: Tensor, like: Tensor) -> Tensor:
    return (values.real if values.is_complex() and not like.is_complex() else values).to(like)


def _floats(module: torch.nn.Module) -> list[Tensor]:
    """Its tensors that are not of integers or booleans."""
    tensors = (*module.buffers(), *module.parameters())
    return [t.real if t.is_complex() else t for t in tensors if t.is_floating_point() or t.is_complex()]


def _equal(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    largest = float(one.detach().abs().max()) if one.numel() else 0.0
    return bool(((one - other).detach().abs() <= ROUNDING * largest).all())


def _digits(response: Tensor, member: int) -> list[str]:
    """Norm of a response and three inner products with seeded numbers, to three digits.

    An operator is known by them: more digits depend on the number of threads.
    """
    numbers = (torch.view_as_real(response) if response.is_complex() else response).flatten().double().cpu()
    tests = torch.from_numpy(streams.normals(0, streams.CHECK, 2 + member, range(3), len(numbers))).double()
    return [f"{value:.2e}" for value in (float(numbers.norm()), *(tests @ numbers).tolist())]


def _probe(clip_shape: Shape) -> Tensor:
    pixels = math.prod(clip_shape[1:])
    return torch.from_numpy(streams.normals(0, streams.CHECK, 0, range(clip_shape[0]), pixels)).reshape(clip_shape)


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy()


def _tensor(result: Any) -> Tensor:
    return tensor_of(result, "it returned").cpu()
