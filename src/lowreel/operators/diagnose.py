"""Does an operator keep its contract? Shapes, types, linearity and the dot-product test, on seeded random clips."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..system import streams
from .base import LinearOperator
from .real_form import on_real_clips
from .shapes import Shape
from .tensors import Data, inner, map_data, tensors_of

SOUND_DEFECT_SHARE = 1e-3
"""Relative defect up to which an operator is called sound."""

SCALES = (-1.0, 4.0, 1e-3)
"""A clip is multiplied by these numbers: that exposes operators that ignore the sign, saturate, or round."""

TRIALS = 3
"""Pairs of clip and data in the dot-product test."""

POWER_ITERATIONS = 20
"""Steps of the power iteration."""

CLIP_AXES = ("frames", "channels", "rows", "columns")


@dataclass(frozen=True)
class Diagnosis:
    """What was found out about an operator.

    dtype: type of the data it returns for a float32 clip. parts: stretches of frames that can be worked on alone.
    linearity: largest relative difference between A of a combination and the combination of A's. adjointness: largest
    |<Ax, y> - <x, A*y>| beside |A*y|, x white of unit variance. norm: largest singular value, from below, by power
    iteration. seconds: of one `forward` and one `adjoint`. defect: what is wrong and what to do, None for a sound
    operator. A number that a defect left no way to measure is NaN.
    """

    clip_shape: Shape
    data_shape: Any
    dtype: str
    parts: int
    linearity: float
    adjointness: float
    norm: float
    forward_seconds: float
    adjoint_seconds: float
    defect: str | None

    @property
    def sound(self) -> bool:
        """Whether nothing was found against it."""
        return self.defect is None

    @property
    def sentence(self) -> str:
        """The defect and what to do, or that there is none."""
        return self.defect or "Sound: it is linear, and its adjoint is the adjoint."


class _Defect(Exception):
    """What is wrong, in words."""


@dataclass
class _Trials:
    """Applies an operator, with the numbers found on the way."""

    operator: LinearOperator
    tolerance: float
    linearity: float = math.nan
    adjointness: float = math.nan

    def forward(self, x: Tensor) -> Data:
        found = self._apply("forward", self.operator.forward, x)
        try:
            return self.operator.checked_data(found)
        except InputError as error:
            raise _Defect(f"forward does not give data of its own data_shape: {error}") from error

    def adjoint(self, y: Data) -> Tensor:
        found: Tensor = self._apply("adjoint", self.operator.adjoint, y)
        return found

    def _apply(self, what: str, function: Callable[[Any], Any], argument: Any) -> Any:
        """function(argument); a defect when it raises, changes its argument, or gives no finite floats."""
        before = map_data(torch.clone, argument)
        try:
            with torch.no_grad():
                found = function(argument)
        except InputError as error:
            raise _Defect(str(error)) from error
        except (Exception, SystemExit) as error:
            raise _Defect(f"{what} raised {type(error).__name__}: {error}") from error
        if not all(torch.equal(a, b) for a, b in zip(tensors_of(before), tensors_of(argument), strict=True)):
            raise _Defect(f"{what} modifies its input in place; let it work on a copy")
        for tensor in tensors_of(found):
            _check_numbers(what, tensor)
        return found


def check_operator(operator: LinearOperator, *, tolerance: float = SOUND_DEFECT_SHARE) -> None:
    """Raise InputError when `adjoint` is not the adjoint of `forward`, or `forward` is not linear.

    Tests Re<A x, y> = <x, A* y> and A(x + w) = A x + A w to `tolerance` relative; the message names the defect.
    """
    defect = _defect_of(_Trials(on_real_clips(operator), tolerance))
    if defect:
        raise InputError(f"operator: {defect}")


def diagnose(operator: LinearOperator, *, tolerance: float = SOUND_DEFECT_SHARE) -> Diagnosis:
    """Everything that `check_operator` tests, as numbers and a sentence, with norm and cost. Raises nothing."""
    trials = _Trials(on_real_clips(operator), tolerance)
    defect = _defect_of(trials)
    norm, forward_seconds, adjoint_seconds = (math.nan,) * 3 if defect else _norm_and_cost(on_real_clips(operator))
    return Diagnosis(
        clip_shape=operator.clip_shape,
        data_shape=operator.data_shape,
        dtype=_dtype(trials),
        parts=len(operator.parts()),
        linearity=trials.linearity,
        adjointness=trials.adjointness,
        norm=norm,
        forward_seconds=forward_seconds,
        adjoint_seconds=adjoint_seconds,
        defect=defect,
    )


def _defect_of(trials: _Trials) -> str | None:
    try:
        measured = _repeatable(trials)
        _linear(trials, measured)
        _adjoint(trials, measured)
        _parts(trials, measured)
    except _Defect as defect:
        return str(defect)
    return None


def _repeatable(trials: _Trials) -> Data:
    """A x, when it is the same the second time."""
    x = _random(trials.operator.clip_shape, 0)
    measured = trials.forward(x)
    if _size(_difference(measured, trials.forward(x))) > trials.tolerance * _size(measured):
        raise _Defect(
            "two applications to the same clip differ: it is random, or keeps a state; draw its random numbers once, "
            "and leave noise out of it"
        )
    return measured


def _linear(trials: _Trials, measured: Data) -> None:
    """Compare A 0 with 0, A(c x) with c A x and A(x + w) with A x + A w."""
    x, w = (_random(trials.operator.clip_shape, row) for row in (0, 1))
    if _size(measured) == 0:
        raise _Defect("forward gives zeros for every clip: it measures nothing")
    size = max(_size(measured), 1e-12)
    nothing = trials.forward(torch.zeros_like(x))
    offset = _size(nothing) / size
    scaled = {c: trials.forward(c * x) for c in SCALES}
    defects = {
        c: _size(_difference(found, map_data(_times(c), measured))) / (abs(c) * size) for c, found in scaled.items()
    }
    both = _difference(trials.forward(x + w), map_data(torch.add, measured, trials.forward(w)))
    trials.linearity = max(offset, *defects.values(), _size(both) / size)
    if offset > trials.tolerance:
        raise _Defect(
            f"forward is not linear because of an offset: A(0) has {offset:.3g} times the size of A(x); "
            "subtract A(0) from forward and from the data"
        )
    if max(defects.values()) > trials.tolerance:
        raise _Defect(f"forward is not linear: {_why_not_homogeneous(measured, scaled, defects, trials.tolerance)}")
    if trials.linearity > trials.tolerance:
        raise _Defect(
            "forward is not linear: A(cx) = c Ax, but A(x + w) differs from Ax + Aw; "
            "does it sort, or take a maximum or a median?"
        )


def _why_not_homogeneous(
    measured: Data, scaled: dict[float, Data], defects: dict[float, float], tolerance: float
) -> str:
    def grows(c: float, by: float) -> bool:
        wanted = map_data(_times(by), measured)
        return _size(_difference(scaled[c], wanted)) <= tolerance * _size(wanted)

    if grows(4.0, 16.0):
        return "A(4x) = 16 Ax, a square; give the amplitudes, if there are any"
    if grows(-1.0, 1.0):
        return "A(-x) = Ax, a modulus; give data that keeps the sign or the phase"
    worst = max(defects, key=lambda c: defects[c])
    guess = {4.0: "large numbers are clipped", 1e-3: "small numbers are rounded or cut off"}
    why = guess.get(worst, "are negative numbers clipped, or are numbers sorted?")
    return f"A({worst:g} x) differs from {worst:g} Ax; {why}"


def _adjoint(trials: _Trials, measured: Data) -> None:
    """The dot-product test, on data that the operator can give and on data that it cannot."""
    shape = trials.operator.clip_shape
    clips = [_random(shape, 10 + k) for k in range(TRIALS)]
    data = [measured, *(map_data(lambda t, k=k: _random_like(t, 20 + k), measured) for k in range(1, TRIALS))]
    found = [trials.adjoint(y) for y in data]
    for back in found:
        if tuple(back.shape) != shape:
            raise _Defect(f"adjoint gives shape {tuple(back.shape)}, expected the clip's, {shape}; reshape its result")
    seen = [trials.forward(x) for x in clips]
    left = [[_dot(a, y) for y in data] for a in seen]
    sizes = [max(_size(back), *(abs(row[j]) for row in left), 1e-12) for j, back in enumerate(found)]

    def mismatch(candidates: list[Tensor]) -> float:
        """Largest |<Ax, y> - <x, B y>| / |B y| over all pairs."""
        pairs = itertools.product(range(TRIALS), repeat=2)
        return max(abs(left[i][j] - _dot(clips[i], candidates[j])) / sizes[j] for i, j in pairs)

    trials.adjointness = mismatch(found)
    if trials.adjointness > trials.tolerance:
        ratio = _best_ratio(left, [[_dot(x, back) for back in found] for x in clips])
        raise _Defect("adjoint is not the adjoint of forward: " + _what_is_wrong(trials, data, found, mismatch, ratio))


def _parts(trials: _Trials, measured: Data) -> None:
    """Compare the first and the last part, measured alone, with their rows of A x."""
    operator, x = trials.operator, _random(trials.operator.clip_shape, 0)
    parts = operator.parts()
    for k in {0, len(parts) - 1} if len(parts) > 1 else ():
        try:
            found = operator.subset([k])(x[list(parts[k].frames)])
            rows = operator.take(measured, [k])
            equal = _size(_difference(found, rows)) <= trials.tolerance * max(_size(rows), 1e-12)
        except Exception as error:
            raise _Defect(f"part {k} alone raised {type(error).__name__}: {error}; mend subset") from error
        if not equal:
            raise _Defect(
                f"part {k} alone is not measured as it is in the clip; mend subset and take, or give part_frames = T"
            )


def _what_is_wrong(
    trials: _Trials, data: list[Data], found: list[Tensor], mismatch: Callable[[list[Tensor]], float], ratio: float
) -> str:
    """The repair that makes the dot-product test pass, in words; else the figures."""

    def repairs(candidates: list[Tensor]) -> bool:
        return mismatch(candidates) <= trials.tolerance

    if repairs([ratio * back for back in found]):
        if abs(ratio + 1) <= trials.tolerance:
            return "it has the other sign; multiply its result by -1"
        return f"it is {1 / ratio:.6g} times as large as it should be; multiply its result by {ratio:.6g}"
    for words, reorder in _orders(trials.operator.clip_shape):
        if repairs([reorder(back) for back in found]):
            return words
    complex_data = any(t.is_complex() for t in tensors_of(data[0]))
    if complex_data and repairs([trials.adjoint(map_data(_conjugate, y)) for y in data]):
        return "it lacks the conjugate, it is A^T and not A^H; conjugate the data first"
    again = trials.forward(found[0])
    if _size(_difference(again, data[0])) <= trials.tolerance * _size(data[0]):
        return "it is an inverse, A(adjoint(Ax)) = Ax; give the adjoint (the conjugate transpose) instead"
    return (
        f"<Ax, y> and <x, A*y> differ by {trials.adjointness:.3g} of |A*y|, and no factor, order of axes or conjugate "
        "makes up for it; derive it again from the matrix of a small clip"
    )


def _best_ratio(left: list[list[float]], right: list[list[float]]) -> float:
    """The number by which `right` has to be multiplied to come closest to `left`; 1 where `right` is zero."""
    pairs = [(a, b) for one, other in zip(left, right, strict=True) for a, b in zip(one, other, strict=True)]
    power = sum(b * b for _, b in pairs)
    return sum(a * b for a, b in pairs) / power if power else 1.0


def _orders(shape: Shape) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    """Ways to have mistaken the order of a clip's axes or the direction along them: in words, and how to undo each."""
    long = [axis for axis in range(4) if shape[axis] > 1]
    for count in range(1, len(long) + 1):
        for axes in itertools.combinations(long, count):
            words = f"its result is reversed along the {' and '.join(CLIP_AXES[a] for a in axes)}; reverse it back"
            yield words, partial(torch.flip, dims=axes)
    for order in itertools.permutations(range(4)):
        if [a for a in order if a in long] != long:
            yield _transposed_words(order), partial(_transposed, order=order)


def _transposed_words(order: tuple[int, ...]) -> str:
    listed = ", ".join(CLIP_AXES[axis] for axis in order)
    return f"its numbers are in the order ({listed}), not ({', '.join(CLIP_AXES)}); transpose its result"


def _transposed(clip: Tensor, order: tuple[int, ...]) -> Tensor:
    """The clip whose numbers were laid out with its axes in this order."""
    laid_out = clip.reshape([clip.shape[axis] for axis in order])
    return laid_out.permute([order.index(axis) for axis in range(4)])


def _norm_and_cost(operator: LinearOperator) -> tuple[float, float, float]:
    """Norm by power iteration on A*A, and the shortest seconds of one `forward` and of one `adjoint`."""
    x = _random(operator.clip_shape, 2)
    forward_seconds = adjoint_seconds = math.inf
    norm = 0.0
    with torch.no_grad():
        for _ in range(POWER_ITERATIONS):
            x = x / max(_size(x), 1e-30)
            start = time.perf_counter()
            y = operator(x)
            between = time.perf_counter()
            x = operator.adjoint(y)
            forward_seconds = min(forward_seconds, between - start)
            adjoint_seconds = min(adjoint_seconds, time.perf_counter() - between)
            norm = _size(y)
    return norm, forward_seconds, adjoint_seconds


def _dtype(trials: _Trials) -> str:
    """Type of the numbers that it gives, before an adapter rounds them to ours."""
    returned: str | None = getattr(trials.operator, "returned", None)
    if returned is not None:
        return returned
    try:
        return str(tensors_of(trials.forward(_random(trials.operator.clip_shape, 0)))[0].dtype).removeprefix("torch.")
    except _Defect:
        return "unknown"


def _check_numbers(what: str, tensor: Tensor) -> None:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        dtype = str(tensor.dtype).removeprefix("torch.")
        raise _Defect(
            f"{what} gives {dtype} numbers, which are rounded, and rounding is not linear; let it give floats"
        )
    bad = int((~torch.isfinite(tensor)).sum())
    if bad:
        raise _Defect(f"{what} gives {bad} of {tensor.numel()} numbers NaN or infinite; is there a division by zero?")


def _size(data: Data) -> float:
    return math.sqrt(_dot(data, data))


def _dot(a: Data, b: Data) -> float:
    return float(inner(map_data(_precise, a), map_data(_precise, b)))


def _precise(t: Tensor) -> Tensor:
    return t.to(torch.complex128 if t.is_complex() else torch.float64)


def _difference(a: Data, b: Data) -> Data:
    return map_data(torch.sub, a, b)


def _times(c: float) -> Callable[[Tensor], Tensor]:
    return lambda t: c * t


def _conjugate(t: Tensor) -> Tensor:
    return t.conj().resolve_conj()


def _random_like(data: Tensor, row: int) -> Tensor:
    shape = tuple(data.shape)
    if data.is_complex():
        return torch.complex(_random(shape, row), _random(shape, 10 * row)).to(data.dtype)
    return _random(shape, row).to(data.dtype)


def _random(shape: Shape, row: int) -> Tensor:
    count = math.prod(shape)
    return torch.from_numpy(streams.normals(0, streams.CHECK, 1, range(row, row + 1), count)).reshape(shape)
