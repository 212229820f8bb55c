"""Operators: what a camera makes of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import InputError
from . import streams
from .adapters import Functions
from .arrays import ARRAY_KINDS, Given, check_finite, data_of
from .base import Composed, Data, Measurement, Part, Stacked, inner, map_data, spec_hash, tensors_of
from .check import check_operator
from .consistency import nearest_consistent
from .datafile import Measured, checked
from .levels import Levels, found_levels, in_levels
from .noise import add_white_noise, no_noise
from .pixels import Identity, Mask, MissingBlocks, MissingFrames, MissingPixels
from .random import Gaussian, Signs
from .snapshot import Snapshot
from .transforms import Fourier

__all__ = [
    "ARRAY_KINDS",
    "Composed",
    "Data",
    "Fourier",
    "Functions",
    "Gaussian",
    "Given",
    "Identity",
    "Levels",
    "Mask",
    "Measured",
    "Measurement",
    "MissingBlocks",
    "MissingFrames",
    "MissingPixels",
    "Part",
    "Signs",
    "Snapshot",
    "Stacked",
    "add_white_noise",
    "check_finite",
    "check_operator",
    "checked",
    "data_of",
    "found_levels",
    "from_spec",
    "in_levels",
    "inner",
    "map_data",
    "nearest_consistent",
    "no_noise",
    "spec_hash",
    "streams",
    "tensors_of",
]


def from_spec(spec: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None) -> Measurement:
    """Rebuild an operator from its `spec` and tensors, to the same numbers.

    Raises InputError for an unknown kind, a newer version of the random streams, tensors that were changed, and for
    an operator made of functions, which no file can hold.
    """
    tensors = tensors or {}
    if spec.get("streams", 0) > streams.VERSION:
        raise InputError("operator: its random streams are of a newer lowreel; upgrade to read it")
    operator = _build(spec, tensors)
    if operator.fingerprint() != spec_hash(spec):
        raise InputError(f"operator: the tensors of this {spec['kind']} are not those it was saved with")
    return operator


def _build(spec: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Measurement:
    shape = tuple(spec["clip_shape"])
    match spec.get("kind"):
        case "identity":
            return Identity(shape)
        case "missing":
            return MissingPixels(shape, spec["ratio"], seed=spec["seed"])
        case "blocks":
            return MissingBlocks(shape, spec["ratio"], spec["block"], seed=spec["seed"])
        case "frames":
            return MissingFrames(shape, spec["ratio"], seed=spec["seed"])
        case "signs":
            return Signs(shape, spec["m"], seed=spec["seed"])
        case "snapshot":
            return Snapshot(shape, spec["together"], mask=tensors.get("mask"), seed=spec.get("seed", 0))
        case "fourier":
            return Fourier(shape, spec["pattern"], spec["amount"], seed=spec["seed"])
        case "mask":
            return Mask(shape, tensors["mask"])
        case "gaussian":
            return Gaussian(shape, spec["m"], seed=spec["seed"])
        case "composed":
            return Composed(
                _build(spec["outer"], _under("outer", tensors)), _build(spec["inner"], _under("inner", tensors))
            )
        case "stacked":
            return Stacked([_build(s, _under(str(k), tensors)) for k, s in enumerate(spec["operators"])])
        case "functions":
            raise InputError("operator: it was given as functions, which no file holds; give the same operator again")
        case other:
            raise InputError(f"operator: unknown kind {other!r}; is the file of a newer lowreel?")


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
