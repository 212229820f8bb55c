"""Excerpts of an operator: the same measurement of a stretch of the frames, from its spec, the whole never built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ..errors import InputError
from ..system.files import tensor_hash

Spec = Mapping[str, Any]
Tensors = Mapping[str, Tensor]

DRAWN = ("missing", "blocks", "gaussian", "signs", "single-pixel", "dct", "fourier")
"""Kinds whose random numbers are addressed by the number of the frame."""

STEADY = ("identity", "mask", "blur", "downsample", "bayer")
"""Kinds that treat all frames by the same rule, or by tensors that are cut with them."""


def part_frames(spec: Spec) -> int | None:
    """Frames in a part of the operator with this spec, to whose multiples it can be cut; None: it cannot be."""
    match spec["kind"]:
        case "snapshot":
            return int(spec["together"])
        case "composed":
            both = [part_frames(spec[side]) for side in ("inner", "outer")]
            is_kept = spec["inner"]["clip_shape"][0] == spec["outer"]["clip_shape"][0]
            return math.lcm(*both) if is_kept and None not in both else None  # type: ignore[arg-type]
        case "stacked":
            each = [part_frames(member) for member in spec["operators"]]
            return None if None in each else math.lcm(*each)  # type: ignore[arg-type]
        case kind if kind in DRAWN or kind in STEADY:
            return 1
        case _:
            return None


def extend(spec: Spec, frames: int) -> dict[str, Any]:
    """The spec of the same operator for so many frames; it has to be one that can be cut, without tensors by frame."""
    longer = {**spec, "clip_shape": [frames, *spec["clip_shape"][1:]]}
    longer |= {side: extend(spec[side], frames) for side in ("outer", "inner") if side in spec}
    return longer | ({"operators": [extend(s, frames) for s in spec["operators"]]} if "operators" in spec else {})


def temporal_slice(spec: Spec, tensors: Tensors, frames: range) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Spec and tensors of the operator that measures these frames alone; `from_spec` builds it.

    frames: neighbours, from a multiple of `part_frames` on; their data are the rows of the whole's that belong to
    them (`temporal_slice_rows`). Raises InputError where the operator cannot be cut there.
    """
    step = part_frames(spec)
    if step is None or frames.start % step or (frames.stop % step and frames.stop != spec["clip_shape"][0]):
        raise InputError(f"operator: {spec['kind']} cannot be cut before frame {frames.start} or {frames.stop}")
    return _cut(spec, tensors, frames)


def _cut(spec: Spec, tensors: Tensors, frames: range) -> tuple[dict[str, Any], dict[str, Tensor]]:
    total, *shape = spec["clip_shape"]
    cut, own = {**spec, "clip_shape": [len(frames), *shape]}, dict(tensors)
    match spec["kind"]:
        case "composed":
            sides = {side: _cut(spec[side], _under(side, tensors), frames) for side in ("outer", "inner")}
            cut |= {side: side_spec for side, (side_spec, _) in sides.items()}
            own = _joined({side: t for side, (_, t) in sides.items()})
        case "stacked":
            members = [_cut(s, _under(str(k), tensors), frames) for k, s in enumerate(spec["operators"])]
            cut["operators"] = [member for member, _ in members]
            own = _joined({str(k): t for k, (_, t) in enumerate(members)})
        case "snapshot":
            cut["within"] = _within(spec, frames)
        case kind if kind in DRAWN and not tensors:
            cut["within"] = _within(spec, frames)
        case _:
            own = {n: t[frames.start : frames.stop] if n == "mask" and len(t) == total else t for n, t in own.items()}
    if own:
        cut["tensors"] = {name: tensor_hash(tensor) for name, tensor in own.items()}
    return cut, own


def _within(spec: Spec, frames: range) -> list[int]:
    """What `FrameWindow` is for an excerpt, also of an excerpt."""
    first, total = spec.get("within", (0, spec["clip_shape"][0]))
    return [first + frames.start, total]


def _joined(of: Mapping[str, Tensors]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": t for prefix, tensors in of.items() for name, t in tensors.items()}


def _under(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def temporal_slice_rows(spec: Spec, frames: range) -> list[slice]:
    """The rows of the data that belong to these frames: of its one tensor, or of each tensor of a stack."""
    seen_by = _outermost(spec)
    members = seen_by["operators"] if seen_by["kind"] == "stacked" else [seen_by]
    steps = [part_frames(_outermost(member)) or 1 for member in members]
    return [slice(frames.start // step, -(-frames.stop // step)) for step in steps]


def _outermost(spec: Spec) -> Spec:
    """The operator of a chain whose data it is."""
    return _outermost(spec["outer"]) if spec["kind"] == "composed" else spec
