"""Excerpts of an operator: from its spec alone, the operator that measures a stretch of the frames in the same way."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from ..catalogue import ChainSettings, OperatorSettings
from ..errors import InputError
from .spec import Spec, Tensors, class_at, class_of


def part_frames(spec: Spec) -> int | None:
    """Frames in a part of the operator with this spec, to whose multiples it can be cut; None: it cannot be."""
    found = class_of(spec)
    return None if found is None else found.frames_of_part(spec)


def part_frames_of(settings: OperatorSettings) -> int | None:
    """The same of the operator with these settings."""
    each = [part_frames_of(member) for member in settings.members()]
    if not each:
        return class_at(settings.home).frames_of_part(settings.model_dump())
    mixes = isinstance(settings, ChainSettings) and any(n != 1 for n in each[:-1])
    return None if mixes else common_frames(each)


def common_frames(each: list[int | None]) -> int | None:
    """Frames in a part that is a whole number of parts of each; None where one of them cannot be cut."""
    return None if None in each else math.lcm(*each)  # type: ignore[arg-type]


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
    return cut(spec, tensors, frames)


def cut(spec: Spec, tensors: Tensors, frames: range) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What `temporal_slice` gives, without a look at whether the operator can be cut there."""
    found = class_of(spec)
    assert found is not None
    return found.cut_spec(spec, tensors, frames)


def temporal_slice_rows(spec: Spec, frames: range) -> list[slice]:
    """The rows of the data that belong to these frames: of its one tensor, or of each tensor of a stack."""
    found = class_of(spec)
    return [slice(frames.start, frames.stop)] if found is None else found.rows_of(spec, frames)
