"""A representation packed into a file of so many bytes, or so near to what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from torch import Tensor

from ..analysis.metrics import error_decibels
from ..errors import InputError
from ..model.generators import Generator
from ..model.representation import Representation
from ..settings import DEFAULT_LOSS_DB, PACK_UPDATES, PackSettings
from .container import Packed, checked_parts
from .fitting import Goal, Quantised, Saved, fit
from .parts import MOST_OCTAVES_OF_STEPS, STEPS_AN_OCTAVE, smallest

FIRST_STRIDE, LAST_STRIDE = 2 * STEPS_AN_OCTAVE, STEPS_AN_OCTAVE // 4
"""How far the searches for steps, before and after the fit, go at once in the beginning."""


OWN_ERROR_FACTOR = 1.1
"""Of the error that a clip has unpacked: with what a fit begins that is to be better than it."""


MOST_ERROR_AT_FIRST = 5e-3
"""Mean squared error with which the fit for a number of bytes begins: it does not come back from frames that rounding
has destroyed (docs/choices.md)."""

OCTAVES_AT_FIRST = 3.5
"""By how much more rounding adds to the squared error when a fit begins than it may at its end."""

FINER_AGAIN, NEARER_AGAIN = STEPS_AN_OCTAVE // 2, 0.5
"""A fit that ends above the error that is asked for is followed by another: by how much finer its steps are, and by how
much of an octave of squared error it has to be nearer."""


@dataclass(frozen=True)
class PackedResult:
    """packed: the clip as a file holds it; bytes: of that file; error: mean squared error against what was packed;
    note: a sentence on what was lost to keep to the bytes after the fit, empty where nothing was."""

    packed: Packed
    bytes: int
    error: float
    note: str = ""


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

    Raises InputError where a loss is asked for and no error is known, for bytes that are too few for the clip, and for
    clips of other channels than those of grey, colour or complex ones, or of more numbers than can be read.
    """
    settings = settings or PackSettings()
    updates = PACK_UPDATES if settings.updates is None else settings.updates
    small = smallest(found)
    check_can_be_packed(small.generator, _shapes(small), small.is_complex)
    unpacked = _levels_drawn(small)
    goal = _goal(settings, error, None if target is None else float((unpacked - target).double().square().mean()))
    aim, toward = unpacked if target is None else target, None if goal.bytes is None else toward
    state = Quantised(small, aim, toward, is_own=target is None)

    def size() -> int:
        return len(as_packed(state, levels, rate).to_bytes())

    before = state.saved()
    if updates and not begin(state, goal, size):
        raise InputError(what_can_be_had(state, goal))
    for done, planned in _fits(state, goal, size, updates, settings.seed):
        if show is not None:
            show(done, planned)
    is_met = _end(state, goal, size, before) if updates else search(state, goal, size, None, FIRST_STRIDE)
    if not is_met:
        raise InputError(what_can_be_had(state, goal))
    return PackedResult(as_packed(state, levels, rate), size(), state.error())


def check_can_be_packed(generator: Generator, codes: Mapping[str, tuple[int, ...]], is_complex: bool) -> None:
    """Raise InputError for clips whose file could not be read: of other channels than those of grey, colour or complex
    ones, or of more numbers than a packed clip may have. codes: shapes of the tensors of the codes."""
    try:
        checked_parts(generator.spec(), codes, codes["coefficients"][0], is_complex)
    except InputError as reason:
        raise InputError(f"pack: cannot pack this clip: {reason}") from None


def _shapes(found: Representation) -> dict[str, tuple[int, ...]]:
    return {name: tuple(t.shape) for name, t in found.codes.tensors().items() if name != "times"}


def as_packed(state: Quantised, levels: tuple[float, float], rate: Fraction) -> Packed:
    """The numbers as they are now, rounded, as a file holds them; levels, rate: as in `Packed`."""
    found = state.found
    exponents = {name: np.array(own) + state.coarser for name, own in state.exponents.items()}
    spec = found.generator.spec()
    whole = Packed(spec, _shapes(found), found.times, state.rounded(), exponents, found.is_complex, levels, rate)
    return whole.without_idle_codes()


def begin(state: Quantised, goal: Goal, size: Callable[[], int]) -> bool:
    """The steps with which the fit begins: for an error that rounding adds those of more than is allowed, which the fit
    takes away, or where not even the finest meet it, those that hardly add to it; for bytes those that keep to them or,
    where these leave nothing of the frames, finer ones, which the fit makes coarser.

    False where bytes are too few for any steps.
    """
    first = goal
    if goal.error is not None and state.is_own:
        first = Goal(error=goal.error * 2**OCTAVES_AT_FIRST)
    found = search(state, first, size, state.probed, FIRST_STRIDE)
    if goal.bytes is not None and not found:
        return False
    if found and goal.bytes is not None and state.error(state.probed) > MOST_ERROR_AT_FIRST:
        found = search(state, Goal(error=MOST_ERROR_AT_FIRST), size, state.probed, FIRST_STRIDE)
    if not found:
        own = Goal(error=OWN_ERROR_FACTOR * state.error(state.probed, rounded=False))
        search(state, own, size, state.probed, FIRST_STRIDE)
    return True


def _fits(state: Quantised, goal: Goal, size: Callable[[], int], updates: int, seed: int) -> Iterator[tuple[int, int]]:
    """Updates made and planned: of the fit and, where rounding adds more error than is asked for, of one of half as
    many with finer steps."""
    for update, _ in fit(state, goal, size, updates, seed):
        yield update + 1, updates
    if goal.error is None or not state.is_own or not updates or state.error() <= goal.error:
        return
    state.move(-FINER_AGAIN)
    nearer = Goal(error=goal.error / 2**NEARER_AGAIN)
    for update, _ in fit(state, nearer, size, updates // 2, seed):
        yield updates + update + 1, updates + updates // 2


def _end(state: Quantised, goal: Goal, size: Callable[[], int], before: Saved) -> bool:
    """The steps with which what is asked for is met, of the numbers as they were fitted or, where the fit was too short
    to be of use, as they were before; whether there are any."""

    def cost() -> float:
        return size() if goal.bytes is None else state.error()

    is_met = size() <= goal.bytes if goal.bytes is not None else state.error() <= (goal.error or 0.0)
    if is_met and goal.bytes is None:
        return True
    met = is_met or search(state, goal, size, None, LAST_STRIDE)
    fitted, own = state.saved(), cost()
    state.restore(before)
    met_before = search(state, goal, size, None, FIRST_STRIDE)
    if met and not (met_before and cost() < own):
        state.restore(fitted)
    return met or met_before


def what_can_be_had(state: Quantised, goal: Goal) -> str:
    """Why what is asked for cannot be met, and what can."""
    if goal.bytes is not None:
        return f"pack: {goal.bytes} bytes are too few for this clip; give more --bytes"
    nearest = error_decibels(state.error(rounded=False))
    return f"pack: unpacked frames are {nearest:.2f} dB from the clip; packed ones cannot be nearer, ask for less"


def _levels_drawn(found: Representation) -> Tensor:
    """What the generator draws, in [0, 1], real also where the clip is complex."""
    return replace(found, is_complex=False).frames()


def _goal(settings: PackSettings, error: float | None, own: float | None) -> Goal:
    """What is asked for, as bytes or squared error. own: squared error of what is packed against a known clip."""
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


def search(
    state: Quantised,
    goal: Goal,
    size: Callable[[], int],
    which: list[int] | None,
    stride: int,
    *,
    fitted_as_read: bool = False,
) -> bool:
    """Move all steps to where what is asked for is met and, an eighth of an octave on, it is not: finer steps make the
    file too large, or coarser ones the error; whether there is such a place.

    Neither size nor error follows the steps without exception, so that others further on may meet it too. stride: of
    the first moves; which: the frames by which the error is judged, None: all; fitted_as_read: whether numbers come
    from a fit straight through the rounding, of which unrounded ones may be farther off than those that are read, and
    so say nothing of what can be had.
    """
    if goal.error is not None and not fitted_as_read and state.error(which, rounded=False) > goal.error:
        return False

    def can_be_coarser() -> bool:
        return size() > goal.bytes if goal.bytes is not None else state.error(which) <= (goal.error or 0.0)

    most = MOST_OCTAVES_OF_STEPS * STEPS_AN_OCTAVE // 2
    up = can_be_coarser()
    while stride and abs(state.coarser) < most:
        before = up
        state.move(stride if up else -stride)
        up = can_be_coarser()
        if up != before:
            stride //= 2
    wanted = goal.error is not None  # where the error is met, and where the file is too large, steps could be coarser
    while up != wanted and abs(state.coarser) < most:
        state.move(1 if up else -1)
        up = can_be_coarser()
    return up == wanted
