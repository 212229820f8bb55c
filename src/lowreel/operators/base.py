"""The contract of an operator: a linear map of a clip to its data, its adjoint, its algebra and its identity."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..system import streams
from .arrangement import Alone, Arrangement
from .calls import OnArrays
from .description import Described, refuse_complex_clips, with_frames
from .maps import LinearMap
from .moving import moved
from .parts import InParts, finer, finer_slice, is_stack
from .shapes import Shape, checked_clip_shape
from .spec import Spec, Tensors, from_settings, rebuilt, with_prefix
from .temporal_slice import common_frames, cut, part_frames, temporal_slice_rows
from .tensors import Data, inner, map_data, tensors_of


class LinearOperator(InParts, Described, OnArrays, ABC):
    """Linear map of a clip to its data, y = A x. Noise is not part of A (see `data.noise`).

    x: `clip_shape` = (T, C, H, W), grey levels in [0, 1]. y: `data_shape`, whose first axis counts the
    parts where there are several. A subclass writes `_measure`; its adjoint then follows from autograd, exact to
    rounding. Fixed tensors are buffers, so that `.to(device)` and `.double()` work.

    Operators are combined as matrices are: `A @ B`, `A + B`, `A - B`, `2 * A`, `-A`; `A.H` is the adjoint and `A.gram`
    both one after the other. One on complex clips (`takes_complex_clips`) stands alone, or in its `RealForm`.
    """

    is_complex: bool = False
    """Whether y is known to be complex."""
    is_pixel_mask: ClassVar[bool] = False
    """Whether y has the clip's shape and its informative entries are pixels as they are."""
    __array_ufunc__ = None  # a number of NumPy's times an operator is ours to say

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
        return self if self.device.type == device.type else moved(self, device)

    @abstractmethod
    def _measure(self, x: Tensor) -> Data: ...

    def _adjoint(self, y: Data) -> Tensor:
        first = tensors_of(y)[0]
        like = first.real if first.is_complex() and not self.takes_complex_clips else first
        pullback = torch.func.vjp(self._measure, like.new_zeros(self.clip_shape))[1]
        back: Tensor = pullback(y)[0]
        return back

    @property
    def H(self) -> LinearMap:
        """The adjoint as a map of its own: `A.H(y)`; `A.H @ A` is `A.gram`."""
        return LinearMap(
            self.adjoint, self, takes=self.data_shape, gives=self.clip_shape, name=f"{type(self).__name__}.H"
        )

    @property
    def gram(self) -> LinearMap:
        """x to A^H A x, clips to clips; for complex data the real part."""
        return self.H @ self

    def as_map(self) -> LinearMap:
        """The operator as a plain linear map with its adjoint, without parts and spec."""
        return self.H.H

    def __matmul__(self, inner: Any) -> Any:
        if isinstance(inner, LinearMap):
            return self.as_map() @ inner
        return Composed(self, inner) if isinstance(inner, LinearOperator) else NotImplemented

    def __add__(self, other: Any) -> Sum:
        return Sum.of((self, 1.0), (other, 1.0)) if isinstance(other, LinearOperator) else NotImplemented

    def __sub__(self, other: Any) -> Sum:
        return Sum.of((self, 1.0), (other, -1.0)) if isinstance(other, LinearOperator) else NotImplemented

    def __mul__(self, factor: Any) -> Sum:
        return Sum.of((self, float(factor))) if isinstance(factor, Real) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Sum:
        return Sum.of((self, -1.0))

    def __repr__(self) -> str:
        """Shapes, numbers of the data per pixel value, parameters and seed; of what is made of others these too."""
        members = self.members()
        known = {} if members else self.parameters_spec()
        told = [f"clip {self.clip_shape}", f"data {self.data_shape}", f"{self._share():.3g} numbers a pixel value"]
        told += [f"{name}={value!r}" for name, value in known.items() if isinstance(value, bool | int | float | str)]
        return f"{type(self).__name__}({', '.join([*told, *map(repr, members.values())])})"

    def _share(self) -> float:
        """Numbers of the data for each pixel value; a complex one counts once."""
        return sum(map(math.prod, self.data_shape if is_stack(self) else [self.data_shape])) / math.prod(
            self.clip_shape
        )

    def observed_mask(self) -> Data:
        """Booleans in the shape of y: the entries that say something about the clip (an unobserved pixel does not).

        These are the rows of A that are not zero: those that answer a random clip.
        """
        if self.has_no_zero_rows:
            return torch.ones(self.data_shape, dtype=torch.bool, device=self.device)
        response: Data = self(self._white_clip())
        return map_data(lambda t: t != 0, response)

    def with_redundant(self, entries: Data) -> Data:
        """Booleans like the data: these entries and those that say the same as one of them; none, in most."""
        return entries

    def arrangements(self) -> tuple[Arrangement, ...]:
        """How the numbers of each tensor of the data are related; each stands by itself, in most operators.

        What is held out of the data to judge a recovery is chosen by it (`data.hold_out`).
        """
        return tuple(Alone() for shape in self.data_shape) if is_stack(self) else (Alone(),)

    def _white_clip(self) -> Tensor:
        frames, *frame = self.clip_shape
        white = streams.normals(0, streams.PROBE, 0, range(frames), math.prod(frame))
        dtype = next((b.dtype for b in self.buffers() if b.is_floating_point()), torch.float32)
        return torch.from_numpy(white).reshape(self.clip_shape).to(self.device, dtype)

    def _modules_to_move(self) -> dict[str, nn.Module | None]:
        """The modules in it that go with it to another device (`moved`): all but those of other libraries."""
        return self._modules

    def row_norm(self) -> float:
        """Root mean square norm of the informative rows of A, from one seeded probe; 1 for pixels."""
        y = self(self._white_clip())
        rows = sum(int(known.sum()) for known in tensors_of(self.observed_mask()))
        return math.sqrt(float(inner(y, y)) / max(rows, 1))


class Combined(LinearOperator):
    """An operator made of others, its members; its parts, its spec and its excerpts are made of theirs."""

    @abstractmethod
    def members(self) -> dict[str, LinearOperator]:
        """The operators it is made of, by the prefix of the names of their tensors."""

    @classmethod
    @abstractmethod
    def _of(cls, members: list[LinearOperator], spec: Spec) -> LinearOperator:
        """The operator of these members with this spec."""

    @staticmethod
    def _specs(spec: Spec) -> dict[str, Spec]:
        """Specs of the members, named as in `members`."""
        return {str(k): member for k, member in enumerate(spec["operators"])}

    @staticmethod
    def _entry(specs: Mapping[str, Spec]) -> dict[str, Any]:
        """What a spec says of the members."""
        return {"operators": list(specs.values())}

    @property
    def device(self) -> torch.device:
        return next(iter(self.members().values())).device

    def parameters_spec(self) -> dict[str, Any]:
        return self._entry({name: member.spec() for name, member in self.members().items()})

    def spec_tensors(self) -> dict[str, Tensor]:
        return _named({name: member.spec_tensors() for name, member in self.members().items()})

    @classmethod
    def from_spec(cls, spec: Spec, tensors: Tensors, memory: int | None) -> LinearOperator:
        specs = cls._specs(spec)
        share = None if memory is None else memory // max(len(specs), 1)
        return cls._of([rebuilt(s, with_prefix(name, tensors), share) for name, s in specs.items()], spec)

    @classmethod
    def frames_of_part(cls, parameters: Mapping[str, Any]) -> int | None:
        return common_frames([part_frames(spec) for spec in cls._specs(parameters).values()])

    @classmethod
    def cut_spec(cls, spec: Spec, tensors: Tensors, frames: range) -> tuple[dict[str, Any], dict[str, Tensor]]:
        each = {name: cut(s, with_prefix(name, tensors), frames) for name, s in cls._specs(spec).items()}
        own = _named({name: tensors for name, (_, tensors) in each.items()})
        return with_frames(spec, len(frames), own) | cls._entry({name: s for name, (s, _) in each.items()}), own


def _named(of: Mapping[str, Tensors]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": t for prefix, tensors in of.items() for name, t in tensors.items()}


class Composed(Combined):
    """`outer @ inner`: the data of `outer` when it looks at what `inner` makes of the clip."""

    kind = "composed"
    may_skip_frames = True

    def __init__(self, outer: LinearOperator, inner: LinearOperator):
        refuse_complex_clips(outer, inner)
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
        self.is_complex = outer.is_complex

    def members(self) -> dict[str, LinearOperator]:
        return {"outer": self.outer, "inner": self.inner}

    @classmethod
    def _of(cls, members: list[LinearOperator], spec: Spec) -> LinearOperator:
        return Composed(*members)

    @staticmethod
    def _specs(spec: Spec) -> dict[str, Spec]:
        return {side: spec[side] for side in ("outer", "inner")}

    @staticmethod
    def _entry(specs: Mapping[str, Spec]) -> dict[str, Any]:
        return dict(specs)

    @classmethod
    def from_settings(cls, settings: Any, clip_shape: Shape, *, seed: int, memory: int | None) -> LinearOperator:
        """Settings of a chain: the first of them sees the clip, each other what the one before makes of it.

        Raises InputError where what one makes is no clip for the next.
        """
        members = settings.members()
        share = None if memory is None else memory // len(members)
        chain = from_settings(members[0], clip_shape, seed=seed, memory=share)
        for number, member in enumerate(members[1:], start=1):
            shape = tuple(chain.data_shape)
            if len(shape) != 4 or not all(isinstance(n, int) for n in shape):
                before = f"chain: what comes before {settings.of[number]!r}"
                raise InputError(f"{before} gives data of shape {shape}, which is no clip")
            chain = from_settings(member, shape, seed=seed + number, memory=share) @ chain
        return chain

    @classmethod
    def frames_of_part(cls, parameters: Mapping[str, Any]) -> int | None:
        is_kept = parameters["inner"]["clip_shape"][0] == parameters["outer"]["clip_shape"][0]
        return super().frames_of_part(parameters) if is_kept else None

    @classmethod
    def rows_of(cls, spec: Spec, frames: range) -> list[slice]:
        return temporal_slice_rows(spec["outer"], frames)

    @property
    def device(self) -> torch.device:
        return self.inner.device

    def _measure(self, x: Tensor) -> Data:
        found: Data = self.outer(self.inner(x))
        return found

    def _adjoint(self, y: Data) -> Tensor:
        return self.inner.adjoint(self.outer.adjoint(y))

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        return slice(None) if self._whole else finer_slice(self, self.outer, start)

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        return Composed(
            self.outer.subset(finer(self, self.outer, parts)), self.inner.subset(finer(self, self.inner, parts))
        )

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        return y if self._whole else self.outer.take(y, finer(self, self.outer, parts))

    def with_redundant(self, entries: Data) -> Data:
        return self.outer.with_redundant(entries)

    def arrangements(self) -> tuple[Arrangement, ...]:
        return self.outer.arrangements()


class Sum(Combined):
    """Operators of the same shapes, each times a number, added: y = sum_k w_k A_k x; `A + B`, `A - B`, `2 * A`, `-A`.

    weights: one number for each operator; 1 by default. Raises InputError for operators of other shapes, and for
    numbers that are not finite.
    """

    kind = "sum"
    may_skip_frames = True

    def __init__(self, operators: Sequence[LinearOperator], weights: Sequence[float] | None = None):
        weights = [1.0] * len(operators) if weights is None else weights
        shapes = {(operator.clip_shape, operator.data_shape) for operator in operators}
        if len(shapes) != 1:
            told = " and ".join(f"{type(A).__name__} of clips {A.clip_shape} to data {A.data_shape}" for A in operators)
            raise InputError(f"sum: expected operators of the same clip and data shapes, got {told or 'none'}")
        if len(weights) != len(operators) or not all(math.isfinite(w) for w in weights):
            raise InputError(f"sum: expected a finite number for each of {len(operators)} operators, got {weights}")
        refuse_complex_clips(*operators)
        clip_shape, data_shape = shapes.pop()
        together = math.lcm(*(operator.part_frames for operator in operators))
        super().__init__(clip_shape, data_shape, part_frames=min(together, clip_shape[0]))
        self.operators = nn.ModuleList(operators)
        self.weights = tuple(float(w) for w in weights)
        self.is_complex = any(operator.is_complex for operator in operators)

    @staticmethod
    def of(*terms: tuple[LinearOperator, float]) -> Sum:
        """The sum of these operators times these numbers; those that are sums themselves are taken apart."""
        pairs = [
            (member, factor * weight)
            for operator, factor in terms
            for member, weight in (operator._terms() if isinstance(operator, Sum) else [(operator, 1.0)])
        ]
        return Sum([member for member, _ in pairs], [weight for _, weight in pairs])

    def _terms(self) -> list[tuple[LinearOperator, float]]:
        return list(zip(self.members().values(), self.weights, strict=True))

    def members(self) -> dict[str, LinearOperator]:
        return {str(k): operator for k, operator in enumerate(self.operators)}  # type: ignore[misc]

    @classmethod
    def _of(cls, members: list[LinearOperator], spec: Spec) -> LinearOperator:
        return Sum(members, spec["weights"])

    @classmethod
    def rows_of(cls, spec: Spec, frames: range) -> list[slice]:
        return temporal_slice_rows(spec["operators"][0], frames)

    def parameters_spec(self) -> dict[str, Any]:
        return {**super().parameters_spec(), "weights": list(self.weights)}

    def _measure(self, x: Tensor) -> Data:
        each = [map_data(lambda t, w=weight: w * t, operator(x)) for operator, weight in self._terms()]
        total: Data = map_data(lambda *tensors: sum(tensors[1:], tensors[0]), *each)
        return total

    def _adjoint(self, y: Data) -> Tensor:
        if len(self.weights) > 1 and any(t.is_complex() for t in tensors_of(y)):
            return super()._adjoint(y)  # some of the operators may give real data, which autograd knows
        return torch.stack([weight * operator.adjoint(y) for operator, weight in self._terms()]).sum(0)

    @property
    def _first(self) -> LinearOperator:
        return self.operators[0]  # type: ignore[return-value]

    def _data_slice(self, start: int, stop: int) -> slice | tuple[slice, ...]:
        return finer_slice(self, self._first, start)

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        return Sum([operator.subset(finer(self, operator, parts)) for operator, _ in self._terms()], self.weights)

    def take(self, y: Data, parts: Sequence[int]) -> Data:
        return self._first.take(y, finer(self, self._first, parts))

    def observed_mask(self) -> Data:
        alone = len(self.weights) == 1 and self.weights[0] != 0
        return self._first.observed_mask() if alone else super().observed_mask()

    def with_redundant(self, entries: Data) -> Data:
        for operator, _ in self._terms():
            entries = map_data(torch.logical_or, entries, operator.with_redundant(entries))
        return entries

    def arrangements(self) -> tuple[Arrangement, ...]:
        return self._first.arrangements() if len(self.weights) == 1 else super().arrangements()

    def row_norm(self) -> float:
        return abs(self.weights[0]) * self._first.row_norm() if len(self.weights) == 1 else super().row_norm()
