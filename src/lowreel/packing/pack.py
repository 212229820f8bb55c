"""A representation packed into a file of so many bytes, or so near to what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from torch import Tensor

from ..errors import InputError
from ..model.representation import Representation
from ..settings import DEFAULT_LOSS_DB, PackSettings
from .container import Packed
from .fitting import Goal, Quantised, fit
from .parts import MOST_OCTAVES_OF_STEPS, STEPS_AN_OCTAVE, smallest

FIRST_STRIDE, LAST_STRIDE = 2 * STEPS_AN_OCTAVE, STEPS_AN_OCTAVE // 4
"""How far the searches for steps, before and after the fit, go at once in the beginning."""


@dataclass(frozen=True)
class PackedResult:
    """packed: the clip as a file holds it; bytes: of that file; error: mean squared error against what was packed."""

    packed: Packed
    bytes: int
    error: float


def pack(
    found: Representation,
    settings: PackSettings | None = None,
    *,
    error: float | None = None,
    target: Tensor | None = None,
    toward: Tensor | None = None,
    levels: tuple[float, float] = (1.0, 0.0),
    rate: Fraction = Fraction(25),
    show: Callable[[int, int], None] | None = None,
) -> PackedResult:
    """Pack a representation: quantised numbers, fitted once more, as few as what is asked for allows.

    error: mean squared error per pixel of what it draws, against the clip that is not known, for settings.loss: a
    packed frame that is off by some more, at random, adds that to it. target: (T, C, H, W) in [0, 1], what the packed
    frames are fitted to and judged by, in the place of what it draws: a clip that is known; loss is then against its
    own error. toward: what they are fitted to in place of it where bytes are asked for, such as the clip that was
    delivered, which agrees with the data. levels, rate: as in `Packed`. show: told of updates made and planned.

    Raises InputError where a loss is asked for and no error is known, and for bytes that are too few for the clip.
    """
    settings = settings or PackSettings()
    small = smallest(found)
    unpacked = _levels_drawn(small)
    goal = _goal(settings, error, None if target is None else float((unpacked - target).double().square().mean()))
    state = Quantised(small, unpacked if target is None else target, None if goal.bytes is None else toward)

    def packed() -> Packed:
        exponents = {name: np.array(own) + state.coarser for name, own in state.exponents.items()}
        codes = {n: tuple(t.shape) for n, t in small.codes.tensors().items() if n != "times"}
        spec = small.generator.spec()
        return Packed(spec, codes, found.times, state.rounded(), exponents, found.is_complex, levels, rate)

    def size() -> int:
        return len(packed().to_bytes())

    _coarsest(state, goal, size, state.probed, FIRST_STRIDE)
    for update, _ in fit(state, goal, size, settings.updates, settings.seed):
        if show is not None:
            show(update + 1, settings.updates)
    _coarsest(state, goal, size, None, LAST_STRIDE)
    done = packed()
    return PackedResult(done, size(), state.error())


def _levels_drawn(found: Representation) -> Tensor:
    """What the generator draws, in [0, 1], real also where the clip is complex."""
    return replace(found, is_complex=False).frames()


def _goal(settings: PackSettings, error: float | None, own: float | None) -> Goal:
    """What is asked for, as bytes or squared error. own: squared error of what is packed against a known clip."""
    asked = [name for name in ("bytes", "psnr", "loss") if getattr(settings, name) is not None]
    if len(asked) > 1:
        raise InputError(f"pack: give one of --bytes, --psnr and --loss, not {' and '.join(asked)}")
    if settings.bytes is not None:
        return Goal(bytes=settings.bytes)
    if settings.psnr is not None:
        return Goal(error=10 ** (-settings.psnr / 10))
    factor = 10 ** ((DEFAULT_LOSS_DB if settings.loss is None else settings.loss) / 10)
    if own is not None:
        return Goal(error=factor * own)
    if error is None or not math.isfinite(error) or error <= 0:
        raise InputError("pack: how good the clip is, is not known, so no loss can be told; give --bytes or --psnr")
    return Goal(error=(factor - 1) * error)


def _coarsest(state: Quantised, goal: Goal, size: Callable[[], int], which: list[int] | None, stride: int) -> None:
    """The coarsest steps with which the error is small enough, or the finest with which the file is."""

    def is_fine() -> bool:
        return size() > goal.bytes if goal.bytes is not None else state.error(which) <= (goal.error or 0.0)

    most = MOST_OCTAVES_OF_STEPS * STEPS_AN_OCTAVE // 2
    fine = is_fine()
    while stride and abs(state.coarser) < most:
        before = fine
        state.move(stride if fine else -stride)
        fine = is_fine()
        if fine != before:
            stride //= 2
    _end_on_the_right_side(state, goal, is_fine, fine)


def _end_on_the_right_side(state: Quantised, goal: Goal, is_fine: Callable[[], bool], fine: bool) -> None:
    """One step more where the search ended on the side on which what is asked for is not met."""
    if goal.bytes is not None:
        while is_fine():
            if state.coarser >= MOST_OCTAVES_OF_STEPS * STEPS_AN_OCTAVE // 2:
                raise InputError(f"pack: {goal.bytes} bytes are too few for this clip; give more --bytes")
            state.move(1)
    elif not fine:
        state.move(-1)
