"""The contract of an operator: a linear map of a clip to its data, its adjoint, its parts and its identity."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..system import streams
from ..system.files import tensor_hash

Shape = tuple[int, ...]
Data = Tensor | tuple[Tensor, ...]
"""What an operator returns: one real or complex tensor, or a tuple of them for a stack."""


LinearMap = Callable[[Tensor], Tensor]
TensorsFunction = Callable[..., tuple[Tensor, ...]]


def map_data(function: Callable[..., Any], *data: Data) -> Any:
    """Apply `function` to the tensor, or to each tensor of a stack."""
    if isinstance(data[0], tuple):
        return tuple(function(*tensors) for tensors in zip(*data, strict=True))
    return function(*data)


def tensors_of(data: Data) -> tuple[Tensor, ...]:
    """The tensors of the data: one, or those of a stack."""
    return data if isinstance(data, tuple) else (data,)


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
        return (None, None, *ByAdjoint.apply(ctx.back, ctx.there, *gradients))


def by_adjoint(function: LinearMap, transposed: LinearMap, v: Tensor) -> Tensor:
    """`function(v)` of a linear map, with `transposed` as its gradient: autograd keeps no intermediate result."""
    return ByAdjoint.apply(lambda t: (function(t.detach()),), lambda t: (transposed(t.detach()),), v)[0]


@dataclass(frozen=True)
class Part:
    """A stretch of frames, and the rows of the data that see these frames alone."""

    frames: range
    data: slice | tuple[slice, ...]


class LinearOperator(nn.Module, ABC):
    """Linear map of a clip to its data, y = A x. Noise is not part of A (see `measure.noise`).

    x: `clip_shape` = (T, C, H, W), grey levels in [0, 1]. y: `data_shape`, whose first axis counts the
    parts where there are several. A subclass writes `_measure`; its adjoint then follows from autograd, exact to
    rounding. Fixed tensors are buffers, so that `.to(device)` and `.double()` work.
    """

    kind: ClassVar[str]
    part_frames: int
    """Frames in a part: 1 where each frame is measured alone, T where the clip cannot be cut."""
    is_complex: ClassVar[bool] = False
    """Whether y is known to be complex."""
    has_no_zero_rows: ClassVar[bool] = False
    """Whether no row of A is zero."""
    is_pixel_mask: ClassVar[bool] = False
    """Whether y has the clip's shape and its informative entries are pixels as they are."""

    def __init__(self, clip_shape: Shape, data_shape: Any, *, part_frames: int | None = None):
        super().__init__()
        self.clip_shape = checked_clip_shape(clip_shape)
        self.data_shape = tuple(data_shape)
        self.part_frames = part_frames or self.clip_shape[0]
        self.register_buffer("_place", torch.empty(0, dtype=torch.bool), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where its tensors are; of an operator that has none, where its clips are."""
        return self.get_buffer("_place").device

    def on(self, device: torch.device) -> Self:
        """This operator on a device: itself where it is there, else a copy, which leaves this one where it is."""
        return self if self.device.type == device.type else _moved(self, device)

    @abstractmethod
    def _measure(self, x: Tensor) -> Data: ...

    def _adjoint(self, y: Data) -> Tensor:
        first = tensors_of(y)[0]
        like = first.real if first.is_complex() else first
        pullback = torch.func.vjp(self._measure, like.new_zeros(self.clip_shape))[1]
        return pullback(y)[0]

    def forward(self, x: Tensor | np.ndarray) -> Data:
        """Data of a clip, as tensors. x: `clip_shape`, a tensor or array. Raises InputError for another shape."""
        x = torch.tensor(x) if isinstance(x, np.ndarray) else x
        if tuple(x.shape) != self.clip_shape:
            raise InputError(_misfit(self, self.clip_shape, "clip", tuple(x.shape)))
        return self._measure(x)

    def adjoint(self, y: Data) -> Tensor:
        """A* y, a clip; for complex data the real part of A^H y. Raises InputError for another shape."""
        return self._adjoint(self.checked_data(y))

    def checked_data(self, y: Data) -> Data:
        """`y` if it has this operator's shape; else an InputError."""
        if _shape(y) != self.data_shape:
            raise InputError(_misfit(self, self.data_shape, "data", _shape(y)))
        return y

    def __matmul__(self, inner: LinearOperator) -> Composed:
        return Composed(self, inner)

    def parts(self) -> list[Part]:
        """Pairs (frames, data) that can be worked on alone; together they are the whole clip, in order."""
        frames, step = self.clip_shape[0], self.part_frames
        return [
            Part(range(start, min(start + step, frames)), self._data_slice(k, k + 1))
            for k, start in enumerate(range(0, frames, step))
        ]

    @property
    def _whole(self) -> bool:
        """The clip cannot be cut; then the first axis of y need not count anything."""
        return self.part_frames >= self.clip_shape[0]

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        return slice(None) if self._whole else slice(start, stop)

    def subset(self, parts: Sequence[int]) -> LinearOperator:
        """The operator of these parts alone: its clip is their frames one after another, its data `take(y, parts)`.

        A working view: its `spec` is still that of the whole clip's parameters and is not meant for files.
        """
        count = math.ceil(self.clip_shape[0] / self.part_frames)
        return self if list(parts) == list(range(count)) else self._subset(parts)

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        raise NotImplementedError(f"{type(self).__name__} has parts but no _subset")

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        """The data of these parts."""
        return y if self._whole else map_data(lambda tensor: tensor[torch.as_tensor(parts, device=tensor.device)], y)

    def _like(self, frames: int, data_shape: Shape, **buffers: Tensor) -> Self:
        """A shallow copy for another number of frames, with these buffers in place of its own."""
        other = copy.copy(self)
        other._buffers = {**self._buffers, **buffers}
        other.clip_shape = (frames, *self.clip_shape[1:])
        other.data_shape = tuple(data_shape)
        return other

    def observed_mask(self) -> Data:
        """Booleans in the shape of y: the entries that say something about the clip (an unobserved pixel does not).

        These are the rows of A that are not zero: those that answer a random clip.
        """
        if self.has_no_zero_rows:
            return torch.ones(self.data_shape, dtype=torch.bool, device=self.device)
        return map_data(lambda t: t != 0, self(self._white_clip()))

    def with_redundant(self, entries: Data) -> Data:
        """Booleans like the data: these entries and those that say the same as one of them; none, in most."""
        return entries

    def _white_clip(self) -> Tensor:
        frames, *frame = self.clip_shape
        white = streams.normals(0, streams.PROBE, 0, range(frames), math.prod(frame))
        dtype = next((b.dtype for b in self.buffers() if b.is_floating_point()), torch.float32)
        return torch.from_numpy(white).reshape(self.clip_shape).to(self.device, dtype)

    def _modules_to_move(self) -> dict[str, nn.Module | None]:
        """The modules in it that go with it to another device: all, but for somebody else's."""
        return self._modules

    def row_norm(self) -> float:
        """Root mean square norm of the informative rows of A, from one seeded probe; 1 for pixels."""
        y = self(self._white_clip())
        rows = sum(int(known.sum()) for known in tensors_of(self.observed_mask()))
        return math.sqrt(float(inner(y, y)) / max(rows, 1))

    @abstractmethod
    def parameters_spec(self) -> dict[str, Any]:
        """The numbers that, with `kind`, `clip_shape` and the tensors, rebuild this operator."""

    def spec_tensors(self) -> dict[str, Tensor]:
        """Tensors that no seed can rebuild (a user's mask)."""
        return {}

    def spec(self) -> dict[str, Any]:
        """Identity as JSON: kind, version of the random streams, clip shape, parameters, SHA-256 of the tensors."""
        tensors = {name: tensor_hash(tensor) for name, tensor in self.spec_tensors().items()}
        return {
            "kind": self.kind,
            "streams": streams.VERSION,
            "clip_shape": list(self.clip_shape),
            **self.parameters_spec(),
            **({"tensors": tensors} if tensors else {}),
        }

    def fingerprint(self) -> str:
        """SHA-256 of `spec`: equal for equal operators."""
        return spec_hash(self.spec())


def _moved(module: Any, device: torch.device) -> Any:
    """A shallow copy of a module whose tensors, and those of the modules in it, are on a device.

    `nn.Module.to` would move the caller's own one.
    """
    other = copy.copy(module)
    other._buffers = {name: None if t is None else t.to(device) for name, t in module._buffers.items()}
    other._parameters = {
        name: None if p is None else nn.Parameter(p.detach().to(device), p.requires_grad)
        for name, p in module._parameters.items()
    }
    inside = module._modules_to_move() if isinstance(module, LinearOperator) else module._modules
    moved = {name: None if m is None else _moved(m, device) for name, m in inside.items()}
    other._modules = {**module._modules, **moved}
    return other


def is_stack(operator: LinearOperator) -> bool:
    """Whether its data is a tuple of tensors."""
    return any(isinstance(shape, tuple) for shape in operator.data_shape)


def spec_hash(spec: Mapping[str, Any]) -> str:
    """SHA-256 of a spec, whatever the order of its fields."""
    return hashlib.sha256(json.dumps(dict(spec), sort_keys=True).encode()).hexdigest()


def checked_clip_shape(shape: Sequence[int]) -> tuple[int, int, int, int]:
    """`shape` as four integers of one or more, (T, C, H, W); else an InputError."""
    if len(shape) != 4 or min(shape) < 1:
        raise InputError(f"operator: expected a clip shape (T, C, H, W) of ones or more, got {tuple(shape)}")
    frames, channels, height, width = (int(n) for n in shape)
    return frames, channels, height, width


FrameWindow = tuple[int, int]
"""Of a clip that is an excerpt of a longer one: the number of its first frame there, and how many there are."""


def frame_numbers(frames: int, within: FrameWindow | None) -> range:
    """By which the random numbers of these frames are drawn. Raises InputError for an excerpt beyond its clip."""
    if within is None:
        return range(frames)
    first, total = within
    if not 0 <= first <= total - frames:
        raise InputError(f"operator: {frames} frames from number {first} on are no excerpt of {total} frames")
    return range(first, first + frames)


def within_spec(within: FrameWindow | None) -> dict[str, Any]:
    """What `parameters_spec` says of an excerpt; nothing of a whole clip."""
    return {} if within is None else {"within": list(within)}


def _misfit(operator: LinearOperator, wanted: Any, what: str, got: Any) -> str:
    return (
        f"{type(operator).__name__}: expected {what} of shape {wanted}, got {got}; "
        "crop or resize the clip, or build the operator for this size"
    )


def _shape(y: Data) -> Any:
    return tuple(tuple(t.shape) for t in y) if isinstance(y, tuple) else tuple(y.shape)


class Composed(LinearOperator):
    """`outer @ inner`: the data of `outer` when it looks at what `inner` makes of the clip."""

    kind = "composed"

    def __init__(self, outer: LinearOperator, inner: LinearOperator):
        if inner.is_complex:
            raise InputError(
                f"{type(outer).__name__} @ {type(inner).__name__}: the second gives complex data, which is no clip"
            )
        if tuple(inner.data_shape) != tuple(outer.clip_shape):
            raise InputError(
                f"{type(outer).__name__} @ {type(inner).__name__}: the first takes clips of shape {outer.clip_shape}, "
                f"the second gives {inner.data_shape}; build the first for that shape"
            )
        frames = inner.clip_shape[0]
        cuttable = outer.clip_shape[0] == frames
        part_frames = math.lcm(outer.part_frames, inner.part_frames) if cuttable else frames
        super().__init__(inner.clip_shape, outer.data_shape, part_frames=min(part_frames, frames))
        self.outer, self.inner = outer, inner

    @property
    def device(self) -> torch.device:
        return self.inner.device

    def _measure(self, x: Tensor) -> Data:
        return self.outer(self.inner(x))

    def _adjoint(self, y: Data) -> Tensor:
        return self.inner.adjoint(self.outer.adjoint(y))

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        return slice(None) if self._whole else _finer_slice(self, self.outer, start)

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        return Composed(
            self.outer.subset(_finer(self, self.outer, parts)), self.inner.subset(_finer(self, self.inner, parts))
        )

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        return y if self._whole else self.outer.take(y, _finer(self, self.outer, parts))

    def with_redundant(self, entries: Data) -> Data:
        return self.outer.with_redundant(entries)

    def parameters_spec(self) -> dict[str, Any]:
        return {"outer": self.outer.spec(), "inner": self.inner.spec()}

    def spec_tensors(self) -> dict[str, Tensor]:
        both = (("outer", self.outer), ("inner", self.inner))
        return {f"{side}.{name}": t for side, operator in both for name, t in operator.spec_tensors().items()}


class Stacked(LinearOperator):
    """Several operators that look at the same clip; the data is the tuple of theirs."""

    kind = "stacked"

    def __init__(self, operators: Sequence[LinearOperator]):
        shapes = {operator.clip_shape for operator in operators}
        if len(shapes) != 1:
            raise InputError(f"Stacked: expected operators for one clip shape, got {sorted(shapes) or 'none'}")
        if any(is_stack(operator) for operator in operators):
            raise InputError("Stacked: one of the operators is a stack itself; give its members instead")
        clip_shape = shapes.pop()
        part_frames = math.lcm(*(operator.part_frames for operator in operators))
        data_shape = tuple(operator.data_shape for operator in operators)
        super().__init__(clip_shape, data_shape, part_frames=min(part_frames, clip_shape[0]))
        self.operators = nn.ModuleList(operators)

    @property
    def device(self) -> torch.device:
        return self._members()[0].device

    def _members(self) -> list[LinearOperator]:
        return list(self.operators)  # type: ignore[arg-type]

    def _measure(self, x: Tensor) -> Data:
        return tuple(operator(x) for operator in self._members())

    def _adjoint(self, y: Data) -> Tensor:
        return torch.stack([operator.adjoint(t) for operator, t in zip(self._members(), y, strict=True)]).sum(0)

    def _data_slice(self, start: int, stop: int) -> tuple[slice, ...]:
        return tuple(_finer_slice(self, operator, start) for operator in self._members())  # type: ignore[misc]

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        return Stacked([operator.subset(_finer(self, operator, parts)) for operator in self._members()])

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        pairs = zip(self._members(), y, strict=True)
        return tuple(operator.take(t, _finer(self, operator, parts)) for operator, t in pairs)  # type: ignore[misc]

    def observed_mask(self) -> Data:
        return tuple(operator.observed_mask() for operator in self._members())  # type: ignore[misc]

    def with_redundant(self, entries: Data) -> Data:
        return tuple(operator.with_redundant(e) for operator, e in zip(self._members(), entries, strict=True))  # type: ignore[misc]

    def parameters_spec(self) -> dict[str, Any]:
        return {"operators": [operator.spec() for operator in self._members()]}

    def spec_tensors(self) -> dict[str, Tensor]:
        members = enumerate(self._members())
        return {f"{k}.{name}": t for k, operator in members for name, t in operator.spec_tensors().items()}


def _finer(coarse: LinearOperator, fine: LinearOperator, parts: Sequence[int]) -> list[int]:
    """The parts of `fine` that the parts of `coarse` are made of."""
    frames, wide, narrow = coarse.clip_shape[0], coarse.part_frames, fine.part_frames
    return [k for p in parts for k in range(p * wide // narrow, math.ceil(min((p + 1) * wide, frames) / narrow))]


def _finer_slice(coarse: LinearOperator, fine: LinearOperator, part: int) -> slice | tuple[slice, ...]:
    inside = _finer(coarse, fine, [part])
    return fine._data_slice(inside[0], inside[-1] + 1)
