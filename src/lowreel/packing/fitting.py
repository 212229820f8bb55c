"""A packed clip's numbers fitted once more as they will be read: the objective of `quantised`, by Adam."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from .control import ERROR_GAIN, LATE, SIZE_GAIN, Goal, Minibatches, Size, late_pull, move_steps, share_left
from .quantised import SLOPE, Quantised

STEP_SIZE, STEP_SIZE_FOR_BYTES = 0.05, 0.025
"""Adam's first step, in steps of the quantiser: of a fit for an error, and of one for a size, whose steps may become so
coarse that frames do not come back from larger ones (docs/choices.md)."""

CONTROL_EVERY = 20
"""Updates after which the steps are made finer or coarser, to come to the size or the error that is asked for."""

AIM = 0.06
"""By how much of an octave of bytes, or of error of a known clip, a fit aims below what is asked for."""

ADDED_GAIN = 0.35
"""Octaves by which steps move for each octave that the error that rounding adds is off."""

PULL_PER_OCTAVE = 4.0
"""Octaves by which the pull to zero falls late in a fit for each octave of error above what is asked for."""

FALL = 4.5
"""Octaves by which the error that rounding adds still falls in a fit with steps that stay, in proportion to what is
left of Adam's step."""

SETTLED = 0.3
"""From which share of a fit for an error that rounding adds on steps are moved to what that foretells."""

CONTROLS = 15
"""How often that is done in a fit, were it all of it: each takes frames."""

SPARE = 0.1
"""By how much of an octave of added error such a fit aims below what is asked for."""


def fit(quantised: Quantised, goal: Goal, size: Size, updates: int, seed: int) -> Iterator[tuple[int, float]]:
    """Fit the numbers as they will be read; yields the update and its mean squared error.

    size: bytes of the file as it is now.
    """
    step = STEP_SIZE if goal.bytes is None else STEP_SIZE_FOR_BYTES
    adam = torch.optim.Adam(quantised.numbers.values(), lr=step, betas=(0.9, 0.99))
    frames, pixels = len(quantised.target), math.prod(quantised.target.shape[2:])
    at_once = min(frames, max(1, 2**16 // pixels), 8)
    minibatches = Minibatches(frames, at_once, seed)
    every, slope = CONTROL_EVERY, SLOPE
    if goal.error is not None and quantised.is_own:
        every = max(CONTROL_EVERY, updates // CONTROLS)
    for update in range(updates):
        if update % every == 0:
            weights = quantised.bits_slopes()
            if update and goal.bytes is not None:
                _to_size(quantised, size() / goal.bytes, update / updates)
            elif update and goal.error is not None and quantised.is_own:
                slope = SLOPE * _to_added_error(quantised, goal.error, update / updates)
            elif update and goal.error is not None:
                _to_error(quantised, goal.error, update / updates)
        which = minibatches(update)
        share = update / updates
        for group in adam.param_groups:
            group["lr"] = step * min(1.0, 10 * (share + 0.01)) * share_left(share)
        error = (quantised.draw(which) - quantised.toward[which]).square()
        adam.zero_grad()
        torch.autograd.backward(error.sum() * (frames / at_once / quantised.squared_step))
        quantised.add_pull(weights, slope)
        adam.step()
        yield update, float(error.detach().mean())


def _to_size(quantised: Quantised, size: float, share: float) -> None:
    """Move the steps, by a quarter of an octave at most, to a size that is a little below what is asked for. size: now,
    in units of what is asked for; share: of the fit that is over.

    Late in a fit steps only move where the file is too large: numbers have been fitted to their steps, and others do
    them harm.
    """
    excess = math.log2(size)
    if share > LATE:
        if excess > 0:
            quantised.move(1)
        return
    move_steps(quantised, SIZE_GAIN * (excess + AIM))


def _to_error(quantised: Quantised, error: float, share: float) -> None:
    """Move the steps, by a quarter of an octave at most, to an error of a known clip that is a little below `error`.
    share: of the fit that is over. Late in a fit steps only move where it is not met."""
    excess = quantised.octaves_above(error)
    if share > LATE:
        if excess > -AIM / 2:
            quantised.move(-1)
        return
    move_steps(quantised, -ERROR_GAIN * (excess + AIM))


def _to_added_error(quantised: Quantised, error: float, share: float) -> float:
    """Move the steps so that the squared error, all of which rounding adds, ends a little below `error`; returns the
    pull to zero from here on, in units of SLOPE, by which late in a fit the rest is done. share: of the fit that is
    over.
    """
    excess = quantised.octaves_above(error) - FALL * share_left(share) + SPARE
    if share > LATE:
        return late_pull(-PULL_PER_OCTAVE * excess)
    if share > SETTLED:
        move_steps(quantised, -ADDED_GAIN * excess)
    return 1.0
