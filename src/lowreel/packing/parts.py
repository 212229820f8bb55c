"""What of a representation is quantised, and in which form: its smallest equal, cosine transforms, whole steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..model.generators import Decoder, Generator, Lean, MovingDecoder, Pyramid, from_spec
from ..model.generators.pyramid import MOTION_NUMBERS
from ..model.latents import Codes
from ..model.representation import Representation
from .coding import Grid

STEPS_AN_OCTAVE = 8
MOST_OCTAVES_OF_STEPS = 40
"""Steps are 2^(n / STEPS_AN_OCTAVE) for whole n, at most so many octaves from 1: half of them by how much frames feel
a part, half by how near they are to be."""

_FRACTIONS = tuple(2 ** (k / STEPS_AN_OCTAVE) for k in range(STEPS_AN_OCTAVE))

CODE_COEFFICIENTS = "codes.coefficients"
"""The part that the codes are, where they are free."""

MAPS_OF_CODES = "codes.maps."
"""What the parts that the maps of a pyramid's codes are begin with; then comes their scale, 0 for the coarsest."""

MOTION_OF_CODES = "codes.motion"
"""The part that the motion of a pyramid's codes is, where they have one."""

FIRST_LAYERS = {Decoder.kind: "project", MovingDecoder.kind: "project", Lean.kind: "mix"}
"""Of generators whose codes go through an affine layer first its name: bias and weight together are a part."""


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

    steps: how many it has: one for all, or one for each column. frames: of what has a row for each frame, and is
    transformed along them, their number, of which the first shape[0] frequencies are kept; 0: of others. goes_on:
    whether from files of version 3 on its counts go on from those of the part before.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    repeat: int = 0
    steps: int = 1
    frames: int = 0
    goes_on: bool = False

    @property
    def grid(self) -> Grid:
        """Its rows and columns, as files of version 1 code them: the columns of a transformed tensor run from low to
        high frequency."""
        rows = self.shape[0]
        if self.repeat:
            rows = self.shape[0] * self.shape[1]
        return Grid(rows, math.prod(self.shape) // rows, self.repeat)

    def coded_grid(self, version: int) -> Grid:
        """Its rows and columns as a file of this version has them: from 2 on those of maps are the rows of a picture,
        so that what is above a place is among its contexts."""
        if version < 2:
            return self.grid
        goes_on = self.goes_on and version > 2
        if not self._is_of_maps:
            return Grid.learning_soon(self.grid.rows, self.grid.columns, self.repeat, goes_on=goes_on)
        frequencies, maps, height, width = self.shape
        return Grid.learning_soon(frequencies * height, maps * width, height, goes_on=goes_on, is_picture=goes_on)

    def coded(self, whole: np.ndarray, version: int) -> np.ndarray:
        """Its numbers in the order in which a file of this version has them; as many as `coded_grid` has."""
        return whole.reshape(self.shape).swapaxes(1, 2) if version > 1 and self._is_of_maps else whole

    def decoded(self, coded: np.ndarray, version: int) -> np.ndarray:
        """The numbers of `coded`, (rows, columns)."""
        if version > 1 and self._is_of_maps:
            frequencies, maps, height, width = self.shape
            coded = coded.reshape(frequencies, height, maps, width).swapaxes(1, 2)
        return coded.reshape(self.grid.rows, self.grid.columns)

    @property
    def _is_of_maps(self) -> bool:
        return self.name.startswith(MAPS_OF_CODES)

    def flat(self, values: Tensor) -> Tensor:
        """The tensor, of this part's shape, as (rows, columns)."""
        found = values.reshape(self.grid.rows, self.grid.columns)
        return found if len(self.axes) < 2 else found[:, _from_low_to_high(self.shape[2:])]

    def shaped(self, flat: Tensor) -> Tensor:
        """The tensor of `flat`, (rows, columns), again in its own shape."""
        if len(self.axes) == 2:
            flat = flat[:, _from_low_to_high(self.shape[2:]).argsort()]
        return flat.reshape(self.shape)

    def transformed(self, values: Tensor) -> Tensor:
        """The cosine transform along `axes`, orthonormal, of the same shape; of a part without such axes the tensor
        itself. Of all frames where it has `frames`."""
        for axis in self.axes:
            values = _along(self._cosines(axis), values, axis)
        return values

    def restored(self, values: Tensor, which: list[int] | None = None) -> Tensor:
        """What `transformed` was of, of the same shape; which: of a part with `frames` the rows of these alone."""
        for axis in self.axes:
            rows = self._cosines(axis).T
            values = _along(rows if which is None or not self.frames else rows[which], values, axis)
        return values

    def _cosines(self, axis: int) -> Tensor:
        """The transform along an axis, (frequencies that are kept, numbers)."""
        return cosines(self.frames)[: self.shape[0]] if self.frames else cosines(self.shape[axis])


def _along(matrix: Tensor, values: Tensor, axis: int) -> Tensor:
    if axis == 0:  # along time, as they are where a fit has products in bfloat16: motion would be pixels off
        with torch.autocast(values.device.type, enabled=False):
            found: Tensor = (matrix.to(values) @ values.flatten(1)).unflatten(1, values.shape[1:])
            return found
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

    The codes of T frames span T - 1 directions from their mean, or fewer, and the first layer sees no others: mean and
    directions become its bias and its columns, in the order of what they do to its output. Frames at any time are the
    same, as codes go straight from frame to frame; with cubic curves nearly. Other generators are left as they are.
    """
    generator = found.generator
    name = FIRST_LAYERS.get(generator.kind)
    if name is None:
        return found
    first, codes = generator.get_submodule(name), found.path().double()
    weight, bias = (first.get_parameter(n).detach().double() for n in ("weight", "bias"))
    mean = codes.mean(0)
    basis, factor = torch.linalg.qr(weight)
    u, s, vh = torch.linalg.svd((codes - mean) @ factor.T, full_matrices=False)
    kept = max(1, min(int((s > 1e-6 * s[0].clamp_min(1e-30)).sum()), found.codes.rank, codes.shape[1]))
    spread = math.sqrt(len(codes))
    small = bare({**generator.spec(), "code_dim": kept})
    columns = basis @ (vh[:kept].T * s[:kept]) / spread
    own = {f"{name}.weight": columns.float(), f"{name}.bias": (bias + weight @ mean).float()}
    small.load_state_dict(generator.state_dict() | own)
    coefficients = torch.cat([(u[:, :kept] * spread).float(), found.codes.matrix()[:, codes.shape[1] :]], 1)
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
    first = FIRST_LAYERS.get(generator.kind)
    if isinstance(generator, Pyramid) and list(codes) == ["coefficients"]:
        parts = _parts_of_maps(generator, codes["coefficients"][0])
    else:
        moving = generator.motion_numbers
        parts = [
            _part_of_codes(f"codes.{name}", (*shape[:-1], shape[-1] - moving), first) for name, shape in codes.items()
        ]
        parts += [_part_of_motion(codes["coefficients"][0])] if moving else []
    if first is not None:
        (outputs,) = shapes.pop(f"{first}.bias")
        inputs = shapes.pop(f"{first}.weight")[1]
        parts.append(_part_of_first(generator, first, 1 + inputs, outputs))
    parts += [_part_of_weights(name, shape) for name, shape in shapes.items()]
    # the layers of decoders are too unlike: their files would be a hundredth larger
    return [replace(part, goes_on=True) for part in parts] if isinstance(generator, Pyramid) else parts


def _part_of_codes(name: str, shape: tuple[int, ...], first: str | None) -> Part:
    if name == CODE_COEFFICIENTS and first is not None:
        return Part(name, shape, (0,), steps=shape[1], frames=shape[0])
    return Part(name, shape)


def _parts_of_maps(generator: Pyramid, frames: int) -> list[Part]:
    """The maps of free codes by scale: of each finer one half as many frequencies along time."""
    maps = [
        Part(f"{MAPS_OF_CODES}{k}", (math.ceil(frames / 2**k), *shape), (0,), repeat=shape[0], frames=frames)
        for k, shape in enumerate(generator.map_shapes)
        if shape[0]
    ]
    return maps + ([_part_of_motion(frames)] if generator.moves else [])


def _part_of_motion(frames: int) -> Part:
    return Part(MOTION_OF_CODES, (frames, MOTION_NUMBERS), (0,), frames=frames)


def _part_of_first(generator: Generator, name: str, inputs: int, outputs: int) -> Part:
    """Bias and weight: of a decoder maps of the coarse grid, of a lean one mixtures of the maps that it has."""
    if isinstance(generator, Lean):
        channels = outputs // len(generator.maps)
        return Part(name, (inputs, channels, len(generator.maps)), repeat=channels)
    assert isinstance(generator, Decoder)
    channels = outputs // math.prod(generator.coarse)
    return Part(name, (inputs, channels, *generator.coarse), (2, 3), repeat=channels)


def _part_of_weights(name: str, shape: tuple[int, ...]) -> Part:
    return Part(name, (1, *shape), (2, 3), repeat=shape[0]) if name == "maps" else Part(name, shape)


def tensors_of_parts(found: Representation) -> dict[str, Tensor]:
    """The tensors of the parts by name, float32, before any transform: of what has frames all of them."""
    tensors = {name: t.detach().float() for name, t in found.generator.state_dict().items()}
    tensors |= {f"codes.{name}": t for name, t in found.codes.tensors().items() if name != "times"}
    if isinstance(found.generator, Pyramid) and found.codes.basis is None:
        codes = tensors.pop(CODE_COEFFICIENTS)
        maps = found.generator.maps_of(codes)
        tensors |= {MOTION_OF_CODES: found.generator.motion_of(codes)} if found.generator.moves else {}
        tensors |= {f"{MAPS_OF_CODES}{k}": own for k, own in zip(found.generator.read, maps, strict=True)}
    if isinstance(found.generator, MovingDecoder):
        codes = tensors[CODE_COEFFICIENTS]
        tensors |= {CODE_COEFFICIENTS: codes[:, :-MOTION_NUMBERS], MOTION_OF_CODES: codes[:, -MOTION_NUMBERS:]}
    first = FIRST_LAYERS.get(found.generator.kind)
    if first is not None:
        weight, bias = tensors.pop(f"{first}.weight"), tensors.pop(f"{first}.bias")
        tensors[first] = torch.cat([bias[None], weight.T])
    shapes = {name: tuple(t.shape) for name, t in found.codes.tensors().items() if name != "times"}
    parts = parts_of(found.generator, shapes)
    return {part.name: tensors[part.name].reshape(part.frames or part.shape[0], *part.shape[1:]) for part in parts}


def split(generator: Generator, tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights and code tensors under their own names and in their own shapes, from those of the parts, each of the same
    shape as `Part.restored` gives it."""
    weights = {name: t for name, t in tensors.items() if not name.startswith("codes.")}
    codes = {name.removeprefix("codes."): t for name, t in tensors.items() if name.startswith("codes.")}
    coefficients = CODE_COEFFICIENTS.removeprefix("codes.")
    maps = [t.flatten(1) for name, t in tensors.items() if name.startswith(MAPS_OF_CODES)]
    if MOTION_OF_CODES in tensors:
        maps = maps or [codes[coefficients]]
        maps.append(codes.pop(MOTION_OF_CODES.removeprefix("codes.")))
    if maps:
        codes = {coefficients: torch.cat(maps, 1)}
    first = FIRST_LAYERS.get(generator.kind)
    if first is not None:
        rows = weights.pop(first).flatten(1)
        weights |= {f"{first}.bias": rows[0], f"{first}.weight": rows[1:].T}
    return {name: t[0] if name == "maps" else t for name, t in weights.items()}, codes


def representation_of(
    spec: Mapping[str, Any], tensors: Mapping[str, Tensor], times: Tensor, is_complex: bool
) -> Representation:
    """The representation whose parts these are; times: (T,) seconds."""
    generator = bare(spec)
    weights, codes = split(generator, tensors)
    named = {f"generator.{name}": t for name, t in weights.items()} | {f"codes.{name}": t for name, t in codes.items()}
    found = Representation.of(named | {"codes.times": times}, generator)
    return replace(found, is_complex=is_complex)
