"""A packed clip's numbers under way: rounded to steps by how much frames feel them, and drawn as they will be read.

Let :math:`w` be a part after its cosine transform and :math:`s` the mean rise of the squared error of all frames when a
number of it moves by one, squared. With steps :math:`c / \\sqrt{s}` rounding costs the same error everywhere. Fits
(`fitting`, `direct`) then minimise

.. math::
    \\min_w \\; \\| G(\\mathrm{round}(w)) - x \\|^2 / c^2 + \\mu \\, \\mathrm{bits}(\\mathrm{round}(w))

straight through the rounding, with :math:`\\mu = \\ln 2 / 6`, the slope at which fine uniform steps trade error for
bits. The bits of a number are those of a geometric distribution whose mean is that of its row and column.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from ..model.generators import Generator
from ..model.generators.layers import to_channels_last
from ..model.latents import Codes
from ..model.representation import PIXELS_AT_ONCE, Representation, frames_at_once
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

LEAST_MEAN = 2e-3
"""Of a number's row and column, as its bits are counted: what is zero may come back."""

SOFT_ZERO = 0.25
"""Numbers below this are drawn to zero less than in full, so that they do not swing around it."""

LEAST_ERROR = 1e-12
"""Squared error that counts as none."""

KNOWN_COUNTS = 4.0
"""How many times as much as another the squared error of a pixel that was measured counts in a fit: what was recovered
between them is off by itself (docs/choices.md)."""


@dataclass(frozen=True)
class Saved:
    """Numbers of a packed clip under way, in units of steps that are `coarser`."""

    coarser: int
    numbers: Mapping[str, Tensor]


class Quantised:
    """The numbers of a packed clip under way: in units of their steps, all of which `coarser` moves together.

    target: what the generator should draw, (T, C, H, W) in [0, 1], by which it is judged; toward: what it is fitted to;
    is_own: whether the target is what it draws before it is packed, so that all error comes from rounding; known:
    booleans that fit the target, which of its pixels were measured, None: all alike.
    """

    def __init__(
        self,
        found: Representation,
        target: Tensor,
        toward: Tensor | None = None,
        *,
        is_own: bool = True,
        known: Tensor | None = None,
    ):
        self.found, self.target, self.toward = found, target, target if toward is None else toward
        self.is_own, self.known = is_own, known
        self._known_share = 0.0 if known is None else float(known.float().mean())
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
        at_once = frames_at_once(self.generator.frame_shape)
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

    def misfit(self, drawn: Tensor, which: list[int]) -> Tensor:
        """The squared error of these frames, drawn: (N, C, H, W), as a fit counts it: `KNOWN_COUNTS` times as much
        where pixels were measured, once in the mean over all frames."""
        error = (drawn - self.target[which]).square()
        if self.known is None:
            return error.sum()
        counts = torch.where(self.known[which], KNOWN_COUNTS, 1.0)
        return (error * counts).sum() / (1 + (KNOWN_COUNTS - 1) * self._known_share)

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


def _bits_slope(part: Part, numbers: Tensor) -> Tensor:
    """Bits that a number costs for each step that it is farther from zero, (rows, columns), by row and column means."""
    sizes = numbers.detach().round().abs()
    blocks = sizes.reshape(-1, part.repeat or part.grid.rows, part.grid.columns)
    rows, columns, mean = blocks.mean(2, keepdim=True), blocks.mean(1, keepdim=True), blocks.mean((1, 2), keepdim=True)
    expected = rows * columns / mean.clamp_min(1e-9) + LEAST_MEAN
    return torch.log2(1 + 1 / expected).reshape(numbers.shape)
