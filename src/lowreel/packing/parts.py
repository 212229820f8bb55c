"""What of a representation is quantised, and in which form: its smallest equal, cosine transforms, whole steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..model.generators import Decoder, Generator, from_spec
from ..model.latents import Codes
from ..model.representation import Representation
from .coding import Grid

STEPS_AN_OCTAVE = 8
MOST_OCTAVES_OF_STEPS = 40
"""Steps are 2^(n / STEPS_AN_OCTAVE) for whole n, at most so many octaves from 1: half of them by how much frames feel
a part, half by how near they are to be."""

_FRACTIONS = tuple(2 ** (k / STEPS_AN_OCTAVE) for k in range(STEPS_AN_OCTAVE))

MAPS, CODE_COEFFICIENTS = "project", "codes.coefficients"
"""The projection of a decoder's codes, bias and weight together, and the codes themselves."""


def step_of(exponent: int) -> float:
    """2^(exponent / STEPS_AN_OCTAVE)."""
    octave, part = divmod(exponent, STEPS_AN_OCTAVE)
    return math.ldexp(_FRACTIONS[part], octave)


def nearest_exponent(step: float) -> int:
    """The whole number whose step is nearest, within half of MOST_OCTAVES_OF_STEPS."""
    most = MOST_OCTAVES_OF_STEPS * STEPS_AN_OCTAVE // 2
    return max(-most, min(most, round(STEPS_AN_OCTAVE * math.log2(step)))) if step > 0 else 0


@dataclass(frozen=True)
class Part:
    """A tensor that is quantised: its shape, the axes along which it is cosine transformed, and how it is coded.

    steps: how many it has: one for all, or one for each column.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    repeat: int = 0
    steps: int = 1

    @property
    def grid(self) -> Grid:
        """Its rows and columns as they are coded: the columns of a transformed tensor run from low to high
        frequency."""
        rows = self.shape[0]
        if self.repeat:
            rows = self.shape[0] * self.shape[1]
        return Grid(rows, math.prod(self.shape) // rows, self.repeat)

    def flat(self, values: Tensor) -> Tensor:
        """The tensor as (rows, columns)."""
        found = values.reshape(self.grid.rows, self.grid.columns)
        return found if not self.repeat else found[:, _from_low_to_high(self.shape[2:])]

    def shaped(self, flat: Tensor) -> Tensor:
        """The tensor of `flat`, again in its own shape."""
        if self.repeat:
            flat = flat[:, _from_low_to_high(self.shape[2:]).argsort()]
        return flat.reshape(self.shape)

    def transformed(self, values: Tensor) -> Tensor:
        """The cosine transform along `axes`, orthonormal; of any other tensor itself."""
        for axis in self.axes:
            values = _along(cosines(self.shape[axis]), values, axis)
        return values

    def restored(self, values: Tensor) -> Tensor:
        """What `transformed` was of."""
        for axis in self.axes:
            values = _along(cosines(self.shape[axis]).T, values, axis)
        return values


def _along(matrix: Tensor, values: Tensor, axis: int) -> Tensor:
    moved = values.movedim(axis, -1)
    return (moved @ matrix.T.to(values)).movedim(-1, axis)


@cache
def cosines(count: int) -> Tensor:
    """The orthonormal cosine transform (type II) of `count` numbers as a matrix, (count, count) float64."""
    k, n = torch.arange(count, dtype=torch.float64)[:, None], torch.arange(count, dtype=torch.float64)
    rows = torch.cos(math.pi * k * (2 * n + 1) / (2 * count)) * math.sqrt(2 / count)
    rows[0] /= math.sqrt(2)
    return rows


@cache
def _from_low_to_high(sides: tuple[int, int]) -> Tensor:
    """The order in which the frequencies of maps of these sides are coded, (height * width,): low ones first.

    By squares of whole numbers, so that it is the same everywhere.
    """
    height, width = sides
    v, u = torch.arange(height)[:, None], torch.arange(width)
    size = (v * width) ** 2 + (u * height) ** 2
    return (size * (height * width) + v * width + u).flatten().argsort()


def smallest(found: Representation) -> Representation:
    """The same clip by a decoder whose codes have only as many numbers as move its frames apart, each of mean square 1.

    The codes of T frames span T - 1 directions from their mean, or fewer, and the projection sees no others: mean and
    directions become its bias and its columns, in the order of what they do to its maps. Frames at any time are the
    same, as codes go straight from frame to frame; with cubic curves nearly. Other generators are left as they are.
    """
    generator = found.generator
    if not isinstance(generator, Decoder):
        return found
    project = generator.project
    codes = found.codes.matrix().double()
    mean = codes.mean(0)
    weight, bias = project.weight.detach().double(), project.bias.detach().double()
    basis, factor = torch.linalg.qr(weight)
    u, s, vh = torch.linalg.svd((codes - mean) @ factor.T, full_matrices=False)
    kept = max(1, min(int((s > 1e-6 * s[0].clamp_min(1e-30)).sum()), found.codes.rank, generator.code_dim))
    spread = math.sqrt(len(codes))
    shape = {"code_dim": kept, "upsampling_stages": generator.upsampling_stages, "headroom": generator.headroom}
    small = bare(generator.spec() | shape)
    state = {name: t for name, t in generator.state_dict().items() if not name.startswith("project.")}
    maps = basis @ (vh[:kept].T * s[:kept]) / spread
    state |= {"project.weight": maps.float(), "project.bias": (bias + weight @ mean).float()}
    small.load_state_dict(state)
    coefficients = (u[:, :kept] * spread).float()
    return replace(found, generator=small.eval().requires_grad_(False), codes=Codes(coefficients, found.times))


def bare(spec: Mapping[str, Any]) -> Generator:
    """The network of a spec with memory for its weights that holds nothing yet."""
    return skeleton(spec).to_empty(device="cpu")


def skeleton(spec: Mapping[str, Any]) -> Generator:
    """The network of a spec without memory for its weights. Raises InputError for a spec that describes none."""
    try:
        with torch.device("meta"):
            return from_spec(spec)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise InputError(f"its header does not describe a generator ({error!r})".splitlines()[0]) from None


def parts_of(generator: Generator, codes: Mapping[str, tuple[int, ...]]) -> list[Part]:
    """What is quantised, in the order in which it is coded; codes: shapes of the tensors of the codes."""
    shapes = {name: tuple(t.shape) for name, t in generator.state_dict().items()}
    parts = [_part_of_codes(name, shape, generator) for name, shape in codes.items()]
    if isinstance(generator, Decoder):
        for name in ("project.weight", "project.bias"):
            del shapes[name]
        maps = _maps_of(generator)
        parts.append(Part(MAPS, (1 + generator.code_dim, *maps), (2, 3), repeat=maps[0]))
    return parts + [Part(name, shape) for name, shape in shapes.items()]


def _maps_of(generator: Decoder) -> tuple[int, int, int]:
    """Channels, height and width of what the code is projected to."""
    return generator.project.out_features // math.prod(generator.coarse), *generator.coarse


def _part_of_codes(name: str, shape: tuple[int, ...], generator: Generator) -> Part:
    name = f"codes.{name}"
    if name == CODE_COEFFICIENTS and isinstance(generator, Decoder):
        return Part(name, shape, (0,), steps=shape[1])
    return Part(name, shape)


def tensors_of_parts(found: Representation) -> dict[str, Tensor]:
    """The tensors of the parts by name, float32, before any transform."""
    tensors = {name: t.detach().float() for name, t in found.generator.state_dict().items()}
    if isinstance(found.generator, Decoder):
        weight, bias = tensors.pop("project.weight"), tensors.pop("project.bias")
        tensors[MAPS] = torch.cat([bias[None], weight.T]).reshape(-1, *_maps_of(found.generator))
    codes = {f"codes.{name}": t for name, t in found.codes.tensors().items() if name != "times"}
    return tensors | codes


def split(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights and code tensors under their own names, from those of the parts."""
    weights = {name: t for name, t in tensors.items() if not name.startswith("codes.")}
    codes = {name.removeprefix("codes."): t for name, t in tensors.items() if name.startswith("codes.")}
    if MAPS in weights:
        maps = weights.pop(MAPS).flatten(1)
        weights |= {"project.bias": maps[0], "project.weight": maps[1:].T}
    return weights, codes


def representation_of(
    spec: Mapping[str, Any], tensors: Mapping[str, Tensor], times: Tensor, is_complex: bool
) -> Representation:
    """The representation whose parts these are; times: (T,) seconds."""
    weights, codes = split(tensors)
    named = {f"generator.{name}": t for name, t in weights.items()} | {f"codes.{name}": t for name, t in codes.items()}
    found = Representation.of(named | {"codes.times": times}, bare(spec))
    return replace(found, is_complex=is_complex)
