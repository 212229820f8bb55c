"""A representation packed into a file of so many bytes, or so near to what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from torch import Tensor

from ..errors import InputError
from ..model.generators import Generator
from ..model.representation import Representation
from ..settings import DEFAULT_LOSS_DB, PACK_UPDATES, PackSettings
from .container import Packed, checked_parts
from .control import FIRST_STRIDE, LAST_STRIDE, Goal, Size, begin_steps, search_steps, what_can_be_had
from .fitting import fit
from .parts import STEPS_AN_OCTAVE, smallest
from .quantised import Quantised, Saved

FINER_AGAIN, NEARER_AGAIN = STEPS_AN_OCTAVE // 2, 0.5
"""A fit that ends above the error that is asked for is followed by another: by how much finer its steps are, and by how
much of an octave of squared error it has to be nearer."""


@dataclass(frozen=True)
class PackedResult:
    """packed: the clip as a file holds it; bytes: of that file; error: mean squared error against what was packed;
    note: sentences on what was lost to keep to the bytes after the fit, and on what else was tried or asked for in
    vain, empty where nothing was; expected_error: of a recovery that was fitted anew mean squared error against the
    clip that is not known, by held-out data, and unpacked_error: that of what its generator draws; None of others.
    held_count: how many numbers of held-out data tell both."""

    packed: Packed
    bytes: int
    error: float
    note: str = ""
    expected_error: float | None = None
    unpacked_error: float | None = None
    held_count: int = 0


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
    if updates and not begin_steps(state, goal, size):
        raise InputError(what_can_be_had(state, goal))
    for done, planned in _fits(state, goal, size, updates, settings.seed):
        if show is not None:
            show(done, planned)
    is_met = _end(state, goal, size, before) if updates else search_steps(state, goal, size, None, FIRST_STRIDE)
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


def _fits(state: Quantised, goal: Goal, size: Size, updates: int, seed: int) -> Iterator[tuple[int, int]]:
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


def _end(state: Quantised, goal: Goal, size: Size, before: Saved) -> bool:
    """The steps with which what is asked for is met, of the numbers as they were fitted or, where the fit was too short
    to be of use, as they were before; whether there are any."""

    def cost() -> float:
        return size() if goal.bytes is None else state.error()

    is_met = goal.is_met(state, size)
    if is_met and goal.bytes is None:
        return True
    met = is_met or search_steps(state, goal, size, None, LAST_STRIDE)
    fitted, own = state.saved(), cost()
    state.restore(before)
    met_before = search_steps(state, goal, size, None, FIRST_STRIDE)
    if met and not (met_before and cost() < own):
        state.restore(fitted)
    return met or met_before


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
