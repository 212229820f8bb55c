"""A clip that is known, packed directly: a `Pyramid` is fitted to it, from a tenth of the way on as it will be read.

First weights and maps are fitted unrounded. Then steps are found by how much frames feel each part, and the objective
of `quantised` is fitted on: straight through the rounding, squared error plus bits. Weights of convolutions move by
orthogonalised momentum, all else by Adam. On the way steps are made finer or coarser, so that the fit ends at the
size, or the error, that is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from ..analysis.metrics import error_decibels
from ..errors import InputError
from ..model.camera import camera_motion
from ..model.generators import Pyramid
from ..model.generators.base import CODES, seeded
from ..model.generators.pyramid import MOTION_NUMBERS
from ..model.latents import Codes
from ..model.representation import Representation
from ..settings import CLIP_EPOCHS, LEAST_CLIP_UPDATES, RECOVERED_SHARE, PackSettings, Precision
from ..solver.optim import OrthogonalisedMomentum
from ..solver.precision import autocast, fastest_precision
from .control import (
    ERROR_GAIN,
    FIRST_STRIDE,
    LATE,
    SIZE_GAIN,
    Goal,
    Minibatches,
    Size,
    begin_steps,
    late_pull,
    move_steps,
    search_steps,
    share_left,
    what_can_be_had,
)
from .pack import PackedResult, as_packed, check_can_be_packed
from .parts import MAPS_OF_CODES, MOST_OCTAVES_OF_STEPS, MOTION_OF_CODES, STEPS_AN_OCTAVE
from .quantised import SLOPE, Quantised

MATRIX_STEP, MAPS_STEP, BIAS_STEP = 1.5e-3, 0.03, 5e-3
"""First steps of the weights of convolutions, of the maps of codes and of biases. Of frames so large that a minibatch
has fewer than `MOST_FRAMES_OF_A_MINIBATCH` the first two go by the square root of their number, as chance is averaged
out of a gradient by as much: the full steps throw such fits about. Those of a fit cut short are nearer to the full
ones, as it has no time for small ones (docs/choices.md)."""

MOTION_STEP = 0.02
"""First step of the motion of codes, pixels."""

MOMENTUM = 0.95
"""Of the steps of the weights of convolutions."""

WARM_UP = 0.02
"""Share of the fit over which steps rise."""

UNROUNDED = 0.1
"""Share of the fit that is made before anything is rounded: the longer it is, the more goes into fine maps, which cost
most and do not come back (docs/choices.md)."""

REDUCED = 0.9
"""Share of the fit that may be computed with products in bfloat16."""

PULLED_EVERY = 20
"""Updates after which the bits of each number are told anew."""

CLIP_CONTROLS = 40
"""How often the steps of the quantiser are moved in a fit, were it all of it."""

FALL_OF_SIZE, FALL_OF_ERROR = 1.0, 0.85
"""Octaves by which the file still shrinks, and the error falls, in a fit whose steps stay: the first in proportion
to the square of what is left of Adam's step, the second to what is left (docs/choices.md)."""

CLIP_AIM = 0.03
"""By how much of an octave of bytes, or of error, a fit aims below what is asked for."""

LATE_PULL = 8.0
"""Octaves by which the pull to zero rises late in a fit for each octave of bytes above what is asked for, or falls for
each of error."""

TAIL, MOST_TAILS = 0.8, 3
"""A fit that ends too large, or too far off, is followed by its last part once more, from this share on, with steps an
eighth of an octave coarser, or finer; so many times at most. Other steps without a fit lose 10 dB and more."""

PIXELS_OF_A_MINIBATCH, MOST_FRAMES_OF_A_MINIBATCH = 2**17, 8
"""A minibatch has as many frames as keep to both, but one at least."""

FIRST_SPREAD, FIRST_CHANGE = 0.5, 0.05
"""Of the coarsest maps at first: standard deviation of what all frames have in common, and of what each has of its own.
Finer maps begin with the second in common."""


@dataclass(frozen=True)
class _Plan:
    """updates: of the whole fit; at_once: frames of a minibatch; seed: of their order; reduced: whether products are
    made in bfloat16 until the fit is nearly over; step: share of the first steps of weights and maps."""

    updates: int
    at_once: int
    seed: int
    reduced: bool
    step: float

    @property
    def unrounded(self) -> int:
        return round(UNROUNDED * self.updates)


def pack_clip(
    clip: Tensor,
    times: Tensor,
    settings: PackSettings,
    *,
    known: Tensor | None = None,
    levels: tuple[float, float] = (1.0, 0.0),
    rate: Fraction = Fraction(25),
    show: Callable[[int, int], None] | None = None,
) -> PackedResult:
    """Pack a clip, (T, C, H, W) in [0, 1] with times in seconds, (T,), for settings.bytes or settings.psnr.

    known: of a clip that was recovered which of its pixels were measured, booleans (T, 1 or C, H, W): they count more.
    levels, rate: as in `Packed`; show: told of updates made and planned. Raises InputError where neither of the two is
    asked for, for no updates, where it cannot be met, and, before the fit, for clips that could not be read: of other
    channels than those of grey and colour ones, or of more numbers than a packed clip may have.
    """
    goal = _goal(settings)
    state = Quantised(first_numbers(clip, times, settings.seed), clip, is_own=False, known=known)
    plan = _plan(state, settings)

    def size() -> int:
        return len(as_packed(state, levels, rate).to_bytes())

    if goal.bytes is not None and _least_size(state, size) > goal.bytes:
        raise InputError(what_can_be_had(state, goal))
    state = _fitted_unrounded(state, plan, show)
    if not begin_steps(state, _goal_now(goal, UNROUNDED), size):
        raise InputError(what_can_be_had(state, goal))
    _fit_rounded(state, plan, plan.unrounded, goal, size, show)
    first = round(TAIL * plan.updates)
    for k in range(MOST_TAILS):
        if goal.is_met(state, size):
            break
        state.move(1 if goal.bytes is not None else -1)
        _fit_rounded(state, plan, first, goal, size, _shown_on(show, (k + 1) * (plan.updates - first)))
    note = "" if goal.is_met(state, size) else _met_without_a_fit(state, goal, size)
    return PackedResult(as_packed(state, levels, rate), size(), state.error(), note)


def _shown_on(show: Callable[[int, int], None] | None, more: int) -> Callable[[int, int], None] | None:
    """What `show` is told in a fit that is longer than planned by so many updates, which are made before its end."""
    return None if show is None else lambda made, planned: show(made + more, planned + more)


def _least_size(state: Quantised, size: Size) -> int:
    """Bytes of the file with the coarsest steps; the state stays as it is."""
    before = state.saved()
    state.move(MOST_OCTAVES_OF_STEPS * STEPS_AN_OCTAVE // 2 - state.coarser)
    least = size()
    state.restore(before)
    return least


def _met_without_a_fit(state: Quantised, goal: Goal, size: Size) -> str:
    """Move the steps to where what is asked for is met, which no fit has made good; a sentence on what that lost where
    it is bytes that are asked for. Raises InputError where there are no such steps."""
    told, fitted, came = _what_came(state, goal), state.error(), size()
    if not search_steps(state, goal, size, None, FIRST_STRIDE if goal.bytes is None else 1, fitted_as_read=True):
        raise InputError(told)
    if goal.bytes is None:
        return ""
    lost = error_decibels(fitted) - error_decibels(state.error())
    return (
        f"The fit ended at {came:,} bytes; coarser steps, to which nothing was fitted, keep to {goal.bytes:,} and lost "
        f"{lost:.2f} dB: give more --updates, or more --bytes."
    )


def _what_came(state: Quantised, goal: Goal) -> str:
    """Why what was asked for is not met by the fit as it ended, and what to do."""
    if goal.bytes is not None:
        return what_can_be_had(state, goal)
    came = error_decibels(state.error())
    return f"pack: the fit came to {came:.2f} dB from the clip; ask for less --psnr, or give more --updates"


def _goal(settings: PackSettings) -> Goal:
    if settings.bytes is None and settings.psnr is None:
        raise InputError("pack: a clip is fitted for --bytes or --psnr; give one of them")
    if settings.updates == 0:
        raise InputError("pack: a clip has no numbers before its fit that could be rounded; give --updates, 1 or more")
    return Goal(settings.bytes, None if settings.psnr is None else 10 ** (-settings.psnr / 10))


def _plan(state: Quantised, settings: PackSettings) -> _Plan:
    frames, pixels = len(state.target), math.prod(state.target.shape[2:])
    at_once = max(1, min(frames, MOST_FRAMES_OF_A_MINIBATCH, PIXELS_OF_A_MINIBATCH // pixels))
    usual = max(LEAST_CLIP_UPDATES, math.ceil(CLIP_EPOCHS * frames / at_once))
    own = usual if state.known is None else max(LEAST_CLIP_UPDATES, round(RECOVERED_SHARE * usual))
    updates = settings.updates or own
    step = _step_share(at_once / min(frames, MOST_FRAMES_OF_A_MINIBATCH), updates / usual)
    precision = _fastest(state, at_once) if settings.precision == "auto" else settings.precision
    return _Plan(updates, at_once, settings.seed, precision == "bfloat16", step)


def _step_share(batch: float, length: float) -> float:
    """Share of the first steps of weights and maps. batch: frames of a minibatch, as a share of the most that one would
    have; length: of the fit, as a share of the usual one."""
    return float(batch ** (min(1.0, length) / 2))


def _fastest(state: Quantised, at_once: int) -> Precision:
    which = list(range(at_once))

    def one_pass() -> None:
        torch.autograd.backward(_loss(state, which, rounded=True))

    return fastest_precision(one_pass, state.target.device, at_once * math.prod(state.target.shape[2:]))


def _generator(clip: Tensor, seed: int) -> tuple[Pyramid, Tensor | None]:
    """A pyramid with its first, random weights and, where the camera moves, how, (T, 6). Raises InputError for clips
    whose file could not be read."""
    shape = (clip.shape[1], clip.shape[2], clip.shape[3])
    plain = Pyramid(shape, seed=seed)
    check_can_be_packed(plain, {"coefficients": (len(clip), plain.code_dim)}, False)
    camera = camera_motion(clip)
    if camera is None:
        return plain, None
    moving = Pyramid(shape, margin=camera.margin, seed=seed)
    try:
        check_can_be_packed(moving, {"coefficients": (len(clip), moving.code_dim)}, False)
    except InputError:  # its margin alone makes it too large
        return plain, None
    return moving, camera.motion


def first_numbers(clip: Tensor, times: Tensor, seed: int) -> Representation:
    """What the fit of a clip, (T, C, H, W), begins with: a pyramid with random weights, and codes that are nearly the
    same for all frames, but for the motion of the camera. times: (T,) seconds."""
    generator, motion = _generator(clip, seed)
    source = seeded(seed, CODES)
    common = FIRST_CHANGE * torch.randn(1, generator.code_dim, generator=source)
    coarsest = math.prod(generator.map_shapes[0])
    common[:, :coarsest] *= FIRST_SPREAD / FIRST_CHANGE
    codes = common.repeat(len(times), 1)
    codes[:, :coarsest] += FIRST_CHANGE * torch.randn(len(times), coarsest, generator=source)
    if motion is not None:
        codes[:, -MOTION_NUMBERS:] = motion
    return Representation(generator, Codes(codes, times))


class _Steps:
    """Optimisers of the numbers of a clip, which are in units of the quantiser's steps; step: as in `_Plan`."""

    def __init__(self, state: Quantised, step: float):
        self.state = state
        self.own = {part.name: _first_step(part.name, part.shape, step) for part in state.parts}
        matrices = [part.name for part in state.parts if _is_matrix(part.name, part.shape)]
        others = [name for name in self.own if name not in matrices]

        def groups(names: list[str]) -> list[dict[str, Any]]:
            return [{"params": [state.numbers[name]], "name": name} for name in names]

        self.optimisers: list[torch.optim.Optimizer] = [
            OrthogonalisedMomentum(groups(matrices), lr=MATRIX_STEP, momentum=MOMENTUM),
            torch.optim.Adam(groups(others), betas=(0.9, 0.99)),
        ]
        self.parts = {part.name: part for part in state.parts}

    def descend(self, loss: Tensor, share: float, pull: tuple[Mapping[str, Tensor], float] | None = None) -> None:
        """One update by the gradient of a loss and a pull to zero, what `Quantised.add_pull` takes. share: of the fit
        that is over."""
        # at the very first a tenth of the step: none at all would waste the update
        factor = min(1.0, (share + WARM_UP / 10) / WARM_UP) * share_left(share)
        for optimiser in self.optimisers:
            optimiser.zero_grad()
            for group in optimiser.param_groups:
                group["lr"] = factor * self.own[group["name"]] / float(self.state.steps(self.parts[group["name"]]))
        torch.autograd.backward(loss)
        if pull is not None:
            self.state.add_pull(*pull)
        for optimiser in self.optimisers:
            optimiser.step()


def _is_matrix(name: str, shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and not name.startswith(MAPS_OF_CODES) and name != MOTION_OF_CODES


def _first_step(name: str, shape: tuple[int, ...], step: float) -> float:
    if name.startswith(MAPS_OF_CODES):
        return MAPS_STEP * step
    if name == MOTION_OF_CODES:
        return MOTION_STEP
    return MATRIX_STEP * step if _is_matrix(name, shape) else BIAS_STEP


def _loss(state: Quantised, which: list[int], *, rounded: bool) -> Tensor:
    """Squared error of the whole clip, by these frames, in units of c^2."""
    error = state.misfit(state.draw(which, rounded=rounded), which)
    return error * (len(state.target) / len(which) / state.squared_step)


def _fitted_unrounded(state: Quantised, plan: _Plan, show: Callable[[int, int], None] | None) -> Quantised:
    """The numbers after the first part of the fit, with steps by how much frames feel them then."""
    steps, minibatches = _Steps(state, plan.step), Minibatches(len(state.target), plan.at_once, plan.seed)
    for update in range(plan.unrounded):
        with autocast(state.target.device, plan.reduced):
            loss = _loss(state, minibatches(update), rounded=False)
        steps.descend(loss, update / plan.updates)
        if show is not None:
            show(update + 1, plan.updates)
    return Quantised(state.unrounded(), state.target, is_own=False, known=state.known)


def _fit_rounded(
    state: Quantised,
    plan: _Plan,
    first: int,
    goal: Goal,
    size: Size,
    show: Callable[[int, int], None] | None,
) -> None:
    """The rest of the fit from the update `first` on, as the numbers will be read."""
    steps, minibatches = _Steps(state, plan.step), Minibatches(len(state.target), plan.at_once, plan.seed)
    slope, weights = SLOPE, state.bits_slopes()
    control_every = max(PULLED_EVERY, plan.updates // CLIP_CONTROLS)

    for update in range(first, plan.updates):
        share = update / plan.updates
        if update % control_every == 0:
            slope = SLOPE * _control(state, goal, size, share)
        if update % PULLED_EVERY == 0:
            weights = state.bits_slopes()
        with autocast(state.target.device, plan.reduced and share < REDUCED):
            loss = _loss(state, minibatches(update), rounded=True)
        steps.descend(loss, share, (weights, slope))
        if show is not None:
            show(update + 1, plan.updates)


def _goal_now(goal: Goal, share: float) -> Goal:
    """What a fit that will end at the goal is at when so much of it is over."""
    if goal.bytes is not None:
        return Goal(bytes=round(goal.bytes * 2 ** (FALL_OF_SIZE * share_left(share) ** 2)))
    assert goal.error is not None
    return Goal(error=goal.error * 2 ** (FALL_OF_ERROR * share_left(share)))


def _control(state: Quantised, goal: Goal, size: Size, share: float) -> float:
    """Move the steps so that the fit ends at the goal; returns the pull to zero from here on, in units of SLOPE, by
    which late in a fit the rest is done. share: of the fit that is over."""
    now = _goal_now(goal, share)
    if now.bytes is not None:
        excess = math.log2(size() / now.bytes) + CLIP_AIM
        if share > LATE:
            return late_pull(LATE_PULL * excess)
        move_steps(state, SIZE_GAIN * excess)
        return 1.0
    assert now.error is not None
    excess = state.octaves_above(now.error) + CLIP_AIM
    if share > LATE:
        return late_pull(-LATE_PULL * excess)
    move_steps(state, -ERROR_GAIN * excess)
    return 1.0
