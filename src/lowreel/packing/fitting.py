"""A packed clip's numbers: rounded to steps by how much frames feel them, and fitted once more as they will be read.

Let :math:`w` be a part after its cosine transform and :math:`s` the mean rise of the squared error of all frames when a
number of it moves by one, squared. With steps :math:`c / \\sqrt{s}` rounding costs the same error everywhere. Then

.. math::
    \\min_w \\; \\| G(\\mathrm{round}(w)) - x \\|^2 / c^2 + \\mu \\, \\mathrm{bits}(\\mathrm{round}(w))

is fitted by Adam, straight through the rounding, with :math:`\\mu = \\ln 2 / 6`, the slope at which fine uniform steps
trade error for bits. The bits of a number are those of a geometric distribution whose mean is that of its row and
column.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from ..model.generators import Generator
from ..model.generators.layers import to_channels_last
from ..model.latents import Codes
from ..model.representation import FRAMES_AT_ONCE, PIXELS_AT_ONCE, Representation
from ..system import streams
from ..system.frames import spread
from .coding import LARGEST
from .parts import (
    CODE_COEFFICIENTS,
    FIRST_LAYERS,
    STEPS_AN_OCTAVE,
    Part,
    nearest_exponent,
    parts_of,
    representation_of,
    split,
    step_of,
    tensors_of_parts,
)

PROBE_SHARE = 0.02
"""Of the root mean square of a part: the noise by which its sensitivity is found."""

PROBED_FRAMES = 8
"""Frames, evenly spaced, by which sensitivities are found and the error is controlled on the way."""

SLOPE = math.log(2) / 6
"""mu, bits against squared error in units of c^2."""

STEP_SIZE, STEP_SIZE_FOR_BYTES = 0.05, 0.025
"""Adam's first step, in steps of the quantiser: of a fit for an error, and of one for a size, whose steps may become so
coarse that frames do not come back from larger ones (docs/choices.md)."""

LEAST_MEAN = 2e-3
"""Of a number's row and column, as its bits are counted: what is zero may come back."""

SOFT_ZERO = 0.25
"""Numbers below this are drawn to zero less than in full, so that they do not swing around it."""

CONTROL_EVERY = 20
"""Updates after which the steps are made finer or coarser, to come to the size or the error that is asked for."""

LATE = 0.7
"""From which share of a fit on steps stay, but where the file is too large, or a known clip too far: numbers have been
fitted to them, and others do them harm."""

AIM = 0.06
"""By how much of an octave of bytes, or of error of a known clip, a fit aims below what is asked for."""

SIZE_GAIN, ERROR_GAIN, ADDED_GAIN = 0.7, 0.4, 0.35
"""Octaves by which steps move for each octave that the file, the error of a known clip, or the error that rounding adds
is off: about what one takes of the other."""

MOST_AT_ONCE = 0.25
"""Octaves by which steps move at once, at most."""

PULL_PER_OCTAVE = 4.0
"""Octaves by which the pull to zero falls late in a fit for each octave of error above what is asked for."""

LEAST_ERROR = 1e-12
"""Squared error that counts as none."""

FALL = 4.5
"""Octaves by which the error that rounding adds still falls in a fit with steps that stay, in proportion to what is
left of Adam's step."""

SETTLED = 0.3
"""From which share of a fit for an error that rounding adds on steps are moved to what that foretells."""

CONTROLS = 15
"""How often that is done in a fit, were it all of it: each takes frames."""

SPARE = 0.1
"""By how much of an octave of added error such a fit aims below what is asked for."""

LEAST_PULL, MOST_PULL = 1 / 8, 8.0
"""Of SLOPE: what late in a fit the pull to zero may be, where steps stay and the error is not yet what is asked for."""


@dataclass(frozen=True)
class Goal:
    """What is asked for: bytes at most, or mean squared error at most."""

    bytes: int | None = None
    error: float | None = None


@dataclass(frozen=True)
class Saved:
    """Numbers of a packed clip under way, in units of steps that are `coarser`."""

    coarser: int
    numbers: Mapping[str, Tensor]


class Quantised:
    """The numbers of a packed clip under way: in units of their steps, all of which `coarser` moves together.

    target: what the generator should draw, (T, C, H, W) in [0, 1], by which it is judged; toward: what it is fitted to;
    is_own: whether the target is what it draws before it is packed, so that all error comes from rounding.
    """

    def __init__(self, found: Representation, target: Tensor, toward: Tensor | None = None, *, is_own: bool = True):
        self.found, self.target, self.toward = found, target, target if toward is None else toward
        self.is_own = is_own
        self.generator: Generator = copy.deepcopy(found.generator)
        to_channels_last(self.generator)
        shapes = {name: tuple(t.shape) for name, t in found.codes.tensors().items() if name != "times"}
        self.parts = parts_of(self.generator, shapes)
        plain = tensors_of_parts(found)
        self.plain = {part.name: part.transformed(plain[part.name].double()).float() for part in self.parts}
        self.probed = spread(len(target), PROBED_FRAMES)
        self.exponents = self._steps(self.frames(self.plain, self.probed))
        self.coarser = 0
        self.numbers = {
            part.name: (part.flat(self.plain[part.name]) / self.steps(part)).requires_grad_(True) for part in self.parts
        }

    def steps(self, part: Part) -> Tensor:
        """The steps of a part, (1,) or one for each column."""
        return torch.tensor([step_of(int(n) + self.coarser) for n in self.exponents[part.name]])

    @torch.no_grad()
    def frames(self, tensors: Mapping[str, Tensor], which: list[int]) -> Tensor:
        """Frames of these numbers, (N, C, H, W), drawn from the tensors of the parts, as `Part.transformed` gives
        them."""
        at_once = max(1, min(FRAMES_AT_ONCE, PIXELS_AT_ONCE // math.prod(self.generator.frame_shape[1:])))
        weights, codes = self._restored(tensors, which)
        parts = torch.split(codes, at_once)
        return torch.cat([functional_call(self.generator, weights, (part,)) for part in parts])

    def _restored(self, tensors: Mapping[str, Tensor], which: list[int]) -> tuple[dict[str, Tensor], Tensor]:
        """Weights, and codes of these frames."""
        restored = {part.name: part.restored(tensors[part.name], which) for part in self.parts}
        if any(part.name == CODE_COEFFICIENTS and not part.frames for part in self.parts):
            restored[CODE_COEFFICIENTS] = restored[CODE_COEFFICIENTS][which]
        weights, codes = split(self.generator, restored)
        return weights, Codes(**codes, times=self.found.times[which]).matrix()

    def _steps(self, frames: Tensor) -> dict[str, list[int]]:
        """Exponents of steps by which rounding would cost a squared error of 1 / 12 a number, over all frames; frames:
        those of `probed` as they are before it."""
        each = len(self.target) / len(self.probed)
        sensitivity = {}
        for k, part in enumerate(self.parts):
            if part.name == CODE_COEFFICIENTS and part.steps > 1:
                continue
            values = self.plain[part.name]
            size = PROBE_SHARE * float(values.square().mean().sqrt()) or 1e-4
            random = streams.generator(0, streams.ORDER, k).standard_normal(values.shape)
            moved = self.plain | {part.name: values + size * torch.from_numpy(random).float()}
            rise = float((self.frames(moved, self.probed) - frames).double().square().sum()) * each
            sensitivity[part.name] = max(rise / (size**2 * values.numel()), 1e-20)
        steps = {name: [nearest_exponent(s**-0.5)] for name, s in sensitivity.items()}
        for part in self.parts:
            if part.name == CODE_COEFFICIENTS and part.steps > 1:
                first = FIRST_LAYERS[self.generator.kind]
                power = self.plain[first][1:].double().flatten(1).square().sum(1)
                own = (sensitivity[first] / len(self.target) * power).clamp_min(1e-20)
                steps[part.name] = [nearest_exponent(float(s) ** -0.5) for s in own]
        return steps

    def move(self, by: int) -> None:
        """Make all steps coarser by so many STEPS_AN_OCTAVE-ths of an octave; what they stand for stays."""
        self.coarser += by
        with torch.no_grad():
            for numbers in self.numbers.values():
                numbers.mul_(2 ** (-by / STEPS_AN_OCTAVE))

    @property
    def squared_step(self) -> float:
        """c^2."""
        return 2 ** (2 * self.coarser / STEPS_AN_OCTAVE)

    def octaves_above(self, error: float) -> float:
        """By how many octaves the mean squared error of the probed frames is above `error`."""
        return math.log2(max(self.error(self.probed), LEAST_ERROR) / error)

    @torch.no_grad()
    def unrounded(self) -> Representation:
        """The representation that the numbers are as they are now."""
        tensors = {
            part.name: part.restored(part.shaped(self.numbers[part.name].detach() * self.steps(part)).double()).float()
            for part in self.parts
        }
        return representation_of(self.generator.spec(), tensors, self.found.times, self.found.is_complex)

    def rounded(self) -> dict[str, np.ndarray]:
        """Whole numbers by part."""
        found = {n: v.detach().round().clamp(-LARGEST, LARGEST).int().numpy() for n, v in self.numbers.items()}
        return found

    def error(self, which: list[int] | None = None, *, rounded: bool = True) -> float:
        """Mean squared error of the numbers' frames against the target, of those of the rounded numbers by default.

        which: of these frames alone.
        """
        which = list(range(len(self.target))) if which is None else which
        numbers = {n: v.detach().round() if rounded else v.detach() for n, v in self.numbers.items()}
        tensors = {part.name: part.shaped(numbers[part.name] * self.steps(part)) for part in self.parts}
        at_once, total = max(1, PIXELS_AT_ONCE // math.prod(self.generator.frame_shape[1:])), 0.0
        for first in range(0, len(which), at_once):
            some = which[first : first + at_once]
            total += float((self.frames(tensors, some) - self.target[some]).double().square().sum())
        return total / (len(which) * math.prod(self.target.shape[1:]))

    def saved(self) -> Saved:
        """The numbers as they are now, copied."""
        return Saved(self.coarser, {name: v.detach().clone() for name, v in self.numbers.items()})

    def restore(self, before: Saved) -> None:
        """Put back what was saved."""
        self.coarser = before.coarser
        with torch.no_grad():
            for name, numbers in self.numbers.items():
                numbers.copy_(before.numbers[name])

    def bits_slopes(self) -> dict[str, Tensor]:
        """By part the bits that each number costs for each step that it is farther from zero, (rows, columns)."""
        return {part.name: _bits_slope(part, self.numbers[part.name]) for part in self.parts}

    @torch.no_grad()
    def add_pull(self, weights: Mapping[str, Tensor], slope: float) -> None:
        """Add to the gradients `slope` times that of the bits; weights: as `bits_slopes` gave them."""
        for name, numbers in self.numbers.items():
            pull = (numbers / SOFT_ZERO).clamp(-1, 1)
            assert numbers.grad is not None
            numbers.grad.addcmul_(pull, weights[name] + (numbers.abs() < 1), value=slope)

    def draw(self, which: list[int], *, rounded: bool = True) -> Tensor:
        """Frames of the rounded numbers, with gradients as if they had not been rounded; or of the numbers
        themselves."""
        tensors = {}
        for part in self.parts:
            numbers = self.numbers[part.name]
            straight = numbers + (numbers.round() - numbers).detach() if rounded else numbers
            tensors[part.name] = part.shaped(straight * self.steps(part))
        weights, codes = self._restored(tensors, which)
        frames: Tensor = functional_call(self.generator, weights, (codes,))
        return frames


def fit(
    quantised: Quantised, goal: Goal, size: Callable[[], int], updates: int, seed: int
) -> Iterator[tuple[int, float]]:
    """Fit the numbers as they will be read; yields the update and its mean squared error.

    size: bytes of the file as it is now.
    """
    step = STEP_SIZE if goal.bytes is None else STEP_SIZE_FOR_BYTES
    adam = torch.optim.Adam(quantised.numbers.values(), lr=step, betas=(0.9, 0.99))
    frames, pixels = len(quantised.target), math.prod(quantised.target.shape[2:])
    at_once = min(frames, max(1, 2**16 // pixels), 8)
    order: list[int] = []
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
        if len(order) < at_once:
            order = streams.generator(seed, streams.ORDER, update).permutation(frames).tolist()
        which, order = order[:at_once], order[at_once:]
        share = update / updates
        for group in adam.param_groups:
            group["lr"] = step * min(1.0, 10 * (share + 0.01)) * left(share)
        error = (quantised.draw(which) - quantised.toward[which]).square()
        adam.zero_grad()
        torch.autograd.backward(error.sum() * (frames / at_once / quantised.squared_step))
        quantised.add_pull(weights, slope)
        adam.step()
        yield update, float(error.detach().mean())


def left(share: float) -> float:
    """Of Adam's first step what is left of it when so much of the fit is over."""
    return 0.5 * (1 + math.cos(math.pi * share))


def _bits_slope(part: Part, numbers: Tensor) -> Tensor:
    """Bits that a number costs for each step that it is farther from zero, (rows, columns), by row and column means."""
    sizes = numbers.detach().round().abs()
    blocks = sizes.reshape(-1, part.repeat or part.grid.rows, part.grid.columns)
    rows, columns, mean = blocks.mean(2, keepdim=True), blocks.mean(1, keepdim=True), blocks.mean((1, 2), keepdim=True)
    expected = rows * columns / mean.clamp_min(1e-9) + LEAST_MEAN
    return torch.log2(1 + 1 / expected).reshape(numbers.shape)


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
    move(quantised, SIZE_GAIN * (excess + AIM))


def _to_error(quantised: Quantised, error: float, share: float) -> None:
    """Move the steps, by a quarter of an octave at most, to an error of a known clip that is a little below `error`.
    share: of the fit that is over. Late in a fit steps only move where it is not met."""
    excess = quantised.octaves_above(error)
    if share > LATE:
        if excess > -AIM / 2:
            quantised.move(-1)
        return
    move(quantised, -ERROR_GAIN * (excess + AIM))


def move(quantised: Quantised, octaves: float) -> None:
    """Make all steps coarser by so many octaves, `MOST_AT_ONCE` at most either way."""
    quantised.move(round(STEPS_AN_OCTAVE * max(-MOST_AT_ONCE, min(MOST_AT_ONCE, octaves))))


def _to_added_error(quantised: Quantised, error: float, share: float) -> float:
    """Move the steps so that the squared error, all of which rounding adds, ends a little below `error`; returns the
    pull to zero from here on, in units of SLOPE, by which late in a fit the rest is done. share: of the fit that is
    over.
    """
    excess = quantised.octaves_above(error) - FALL * left(share) + SPARE
    if share > LATE:
        return max(LEAST_PULL, min(MOST_PULL, 2 ** (-PULL_PER_OCTAVE * excess)))
    if share > SETTLED:
        move(quantised, -ADDED_GAIN * excess)
    return 1.0
