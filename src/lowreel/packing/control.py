"""What the two fits of a packed clip share: `fitting`, of a representation that is there, and `direct`, of a clip.

How they come to the size, or the error, that is asked for, by steps moved on the way and searched before and after; and
the order of their minibatches and the fall of their optimisers' steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..analysis.metrics import error_decibels
from ..system import streams
from .parts import MOST_OCTAVES_OF_STEPS, STEPS_AN_OCTAVE
from .quantised import Quantised

LATE = 0.7
"""From which share of a fit on steps stay, but where the file is too large, or a known clip too far: numbers have been
fitted to them, and others do them harm."""

SIZE_GAIN, ERROR_GAIN = 0.7, 0.4
"""Octaves by which steps move for each octave that the file, or the error of a known clip, is off: about what one takes
of the other."""

MOST_AT_ONCE = 0.25
"""Octaves by which steps move at once, at most."""

LEAST_PULL, MOST_PULL = 1 / 8, 8.0
"""Of SLOPE: what late in a fit the pull to zero may be, where steps stay and what is asked for is not yet met."""

FIRST_STRIDE, LAST_STRIDE = 2 * STEPS_AN_OCTAVE, STEPS_AN_OCTAVE // 4
"""How far the searches for steps, before and after the fit, go at once in the beginning."""

MOST_ERROR_AT_FIRST = 5e-3
"""Mean squared error with which the fit for a number of bytes begins: it does not come back from frames that rounding
has destroyed (docs/choices.md)."""

OWN_ERROR_FACTOR = 1.1
"""Of the error that a clip has unpacked: with what a fit begins that is to be better than it."""

OCTAVES_AT_FIRST = 3.5
"""By how much more rounding adds to the squared error when a fit begins than it may at its end."""

Size = Callable[[], int]
"""Bytes of the file as the numbers are now."""


@dataclass(frozen=True)
class Goal:
    """What is asked for: bytes at most, or mean squared error at most."""

    bytes: int | None = None
    error: float | None = None

    def is_met(self, state: Quantised, size: Size) -> bool:
        """Whether the numbers as they are now, rounded, meet it."""
        return size() <= self.bytes if self.bytes is not None else state.error() <= (self.error or 0.0)


class Minibatches:
    """Frames of each minibatch, in an order of its own in each pass."""

    def __init__(self, frames: int, at_once: int, seed: int):
        self.frames, self.at_once, self.seed, self.order = frames, at_once, seed, list[int]()

    def __call__(self, update: int) -> list[int]:
        """The frames of this update."""
        if len(self.order) < self.at_once:
            random = streams.generator(self.seed, streams.ORDER, update)
            self.order = random.permutation(self.frames).tolist()
        which, self.order = self.order[: self.at_once], self.order[self.at_once :]
        return which


def share_left(share: float) -> float:
    """Of an optimiser's first step what is left of it when so much of the fit is over."""
    return 0.5 * (1 + math.cos(math.pi * share))


def move_steps(state: Quantised, octaves: float) -> None:
    """Make all steps coarser by so many octaves, `MOST_AT_ONCE` at most either way."""
    state.move(round(STEPS_AN_OCTAVE * max(-MOST_AT_ONCE, min(MOST_AT_ONCE, octaves))))


def late_pull(octaves: float) -> float:
    """The pull to zero late in a fit, in units of SLOPE: so many octaves above the usual one, or below."""
    return max(LEAST_PULL, min(MOST_PULL, 2**octaves))


def begin_steps(state: Quantised, goal: Goal, size: Size) -> bool:
    """The steps with which the fit begins: for an error that rounding adds those of more than is allowed, which the fit
    takes away, or where not even the finest meet it, those that hardly add to it; for bytes those that keep to them or,
    where these leave nothing of the frames, finer ones, which the fit makes coarser.

    False where bytes are too few for any steps.
    """
    first = goal
    if goal.error is not None and state.is_own:
        first = Goal(error=goal.error * 2**OCTAVES_AT_FIRST)
    found = search_steps(state, first, size, state.probed, FIRST_STRIDE)
    if goal.bytes is not None and not found:
        return False
    if found and goal.bytes is not None and state.error(state.probed) > MOST_ERROR_AT_FIRST:
        found = search_steps(state, Goal(error=MOST_ERROR_AT_FIRST), size, state.probed, FIRST_STRIDE)
    if not found:
        own = Goal(error=OWN_ERROR_FACTOR * state.error(state.probed, rounded=False))
        search_steps(state, own, size, state.probed, FIRST_STRIDE)
    return True


def search_steps(
    state: Quantised,
    goal: Goal,
    size: Size,
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


def what_can_be_had(state: Quantised, goal: Goal) -> str:
    """Why what is asked for cannot be met, and what can."""
    if goal.bytes is not None:
        return f"pack: {goal.bytes} bytes are too few for this clip; give more --bytes"
    nearest = error_decibels(state.error(rounded=False))
    return f"pack: unpacked frames are {nearest:.2f} dB from the clip; packed ones cannot be nearer, ask for less"
