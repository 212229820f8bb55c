"""Operators from what files say of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..system import streams
from .base import Composed, LinearOperator, Stacked, spec_hash
from .pixels import Identity, Mask, MissingBlocks, MissingFrames, MissingPixels
from .projections import Gaussian, Signs
from .resample import Bayer, Blur, Downsample, LongExposure
from .snapshot import Snapshot
from .transforms import Cosine, Fourier, SinglePixel


def from_spec(
    spec: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None, *, memory: int | None = None
) -> LinearOperator:
    """Rebuild an operator from its `spec` and tensors, to the same numbers, holding at most `memory` bytes of them.

    Raises InputError for an unknown kind, a newer version of the random streams, tensors that were changed, and for
    an operator made of functions, which no file can hold.
    """
    tensors = tensors or {}
    if spec.get("streams", 0) > streams.VERSION:
        raise InputError("operator: its random streams are of a newer lowreel; upgrade to read it")
    operator = _build(spec, tensors, memory)
    if operator.fingerprint() != spec_hash(spec):
        raise InputError(f"operator: the tensors of this {spec['kind']} are not those it was saved with")
    return operator


def _build(spec: Mapping[str, Any], tensors: Mapping[str, Tensor], memory: int | None) -> LinearOperator:
    shape = tuple(spec["clip_shape"])
    within = tuple(spec["within"]) if "within" in spec else None
    match spec.get("kind"):
        case "identity":
            return Identity(shape)
        case "missing":
            return MissingPixels(shape, spec["ratio"], seed=spec["seed"], within=within)
        case "blocks":
            return MissingBlocks(shape, spec["ratio"], spec["block"], seed=spec["seed"], within=within)
        case "frames":
            return MissingFrames(shape, spec.get("ratio", 0.5), dropped=spec.get("dropped"), seed=spec.get("seed", 0))
        case "signs":
            return Signs(shape, spec["m"], seed=spec["seed"], memory=memory, within=within)
        case "snapshot":
            mask, seed = tensors.get("mask"), spec.get("seed", 0)
            return Snapshot(shape, spec["together"], mask=mask, seed=seed, within=within)
        case "fourier":
            known = {"mask": tensors.get("mask"), "seed": spec["seed"], "within": within}
            return Fourier(shape, spec["pattern"], spec["amount"], **known)
        case "single-pixel":
            camera = SinglePixel(shape, spec["m"], spec["order"], seed=spec["seed"], within=within)
            if camera.parameters_spec().keys() - spec.keys():
                raise InputError(
                    "operator: some of these single-pixel patterns were combinations of others; measure again"
                )
            return camera
        case "dct":
            return Cosine(shape, spec["m"], spec["order"], seed=spec["seed"], within=within)
        case "blur":
            return Blur(shape, spec.get("sigma"), kernel=tensors.get("kernel"))
        case "downsample":
            return Downsample(shape, spec["factor"])
        case "bayer":
            return Bayer(shape, spec["pattern"])
        case "exposure":
            return LongExposure(shape, spec["together"])
        case "mask":
            return Mask(shape, tensors["mask"])
        case "gaussian":
            return Gaussian(shape, spec["m"], seed=spec["seed"], memory=memory, within=within)
        case "composed":
            outer, inner = (_build(spec[side], _under(side, tensors), _share(memory, 2)) for side in ("outer", "inner"))
            return Composed(outer, inner)
        case "stacked":
            members = spec["operators"]
            return Stacked(
                [_build(s, _under(str(k), tensors), _share(memory, len(members))) for k, s in enumerate(members)]
            )
        case "functions":
            raise InputError(
                "operator: it was given as functions, which no file holds; give the same operator again "
                "(--operator package.module:object)"
            )
        case other:
            raise InputError(f"operator: unknown kind {other!r}; is the file of a newer lowreel?")


def is_rebuilt(operator: LinearOperator) -> bool:
    """Whether `from_spec` gives this operator again: it is one of ours, not of a class derived from one."""
    members: list[Any] = []
    if isinstance(operator, Composed):
        members = [operator.outer, operator.inner]
    elif isinstance(operator, Stacked):
        members = list(operator.operators)
    return type(operator).__module__.startswith(f"{__package__}.") and all(map(is_rebuilt, members))


def _share(memory: int | None, members: int) -> int | None:
    return None if memory is None else memory // members


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
