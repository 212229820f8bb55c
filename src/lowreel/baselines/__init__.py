"""What a user would try first, on the same data: the bar that a recovery has to clear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ..operators import Data, LinearOperator, RealForm, map_data, project_onto_data, to_real
from ..system.as_tensor import tensor_of
from ..system.form import as_it_came
from .interpolation import (
    bicubic,
    biharmonic,
    has_no_need_of_linear,
    interpolate_frames,
    interpolate_times,
    rough_clip,
)
from .low_rank import chosen_low_rank, low_rank_clip
from .mri import mri_baselines
from .networks import deep_image_prior, paper_clips
from .variation import chosen_variation, gap_tv, total_variation

__all__ = [
    "baselines",
    "bicubic",
    "biharmonic",
    "chosen_low_rank",
    "chosen_variation",
    "deep_image_prior",
    "first_clip",
    "gap_tv",
    "has_no_need_of_linear",
    "interpolate_frames",
    "interpolate_times",
    "low_rank_clip",
    "mri_baselines",
    "paper_clips",
    "quick_baselines",
    "rough_clip",
    "slow_baselines",
    "total_variation",
]


def baselines(
    data: Any, operator: LinearOperator, entries: Any = None, *, sigma: float = 0.0, slow: bool = False
) -> dict[str, Any]:
    """Clips (T, C, H, W) by name, of the library of the data, from the entries that are true, booleans in its shape:
    those of `quick_baselines`. entries: all that say something if None.

    slow: also a deep image prior of each frame and the paper's two presets, which take minutes to hours. sigma:
    standard deviation of the noise in the data.
    """
    y = map_data(lambda t: tensor_of(t, "data"), data)
    known = operator.observed_mask() if entries is None else map_data(lambda t: tensor_of(t, "entries") != 0, entries)
    found = dict(quick_baselines(y, operator, known, sigma=sigma))
    clips = found | (slow_baselines(y, operator, known) if slow else {})
    return {name: as_it_came(data, clip) for name, clip in clips.items()}


def quick_baselines(
    data: Data, operator: LinearOperator, entries: Data, *, sigma: float = 0.0
) -> Iterator[tuple[str, Tensor]]:
    """Names and clips (T, C, H, W) as they are made, the cheapest first.

    Pixels: linear and biharmonic interpolation within each frame, the latter alone of large frames where it is the
    better one (`has_no_need_of_linear`); other operators: the clip of least norm. All: 3-D
    total variation and low rank. Beside these what the operator names as suiting it (`LinearOperator.baselines`):
    temporal or bicubic interpolation, GAP-TV, temporal total variation; low rank may go by the name k-t low rank.
    Complex clips, of which the operator is a `RealForm`, have those of `mri_baselines`.
    """
    if isinstance(operator, RealForm):
        yield from _complex_baselines(data, operator, entries)
        return
    suiting = operator.baselines
    is_rough = operator.is_pixel_mask and not sigma and has_no_need_of_linear(entries)  # type: ignore[arg-type]
    if is_rough:
        first = biharmonic(data, entries, rough_clip(data, entries))  # type: ignore[arg-type]
    else:
        first = first_clip(data, operator, entries)
        yield ("linear interpolation" if operator.is_pixel_mask else "least norm"), first
    if "temporal interpolation" in suiting:
        yield "temporal interpolation", interpolate_times(data, entries)  # type: ignore[arg-type]
    if operator.is_pixel_mask:
        found = first if is_rough else biharmonic(data, entries, first)  # type: ignore[arg-type]
        yield "biharmonic interpolation", found
    if "bicubic" in suiting:
        yield "bicubic", bicubic(data, operator, entries)  # type: ignore[arg-type]
    yield "3-D total variation", chosen_variation(data, operator, entries, first, sigma=sigma)
    rank = chosen_low_rank(data, operator, entries, first, sigma=sigma)
    yield ("k-t low rank" if "k-t low rank" in suiting else "low rank"), rank
    if "GAP-TV" in suiting:
        yield "GAP-TV", gap_tv(data, operator, entries)
    if "temporal total variation" in suiting:
        clip = total_variation(data, operator, entries, first, sigma=sigma, weights=(1.0, 0.0))
        yield "temporal total variation", clip


def _complex_baselines(data: Data, operator: RealForm, entries: Data) -> Iterator[tuple[str, Tensor]]:
    """Of complex clips, in their real form; the methods work on clips about zero."""
    zero = operator.zero_level
    about_zero = map_data(lambda y, middle: y - middle, data, operator(torch.full(operator.clip_shape, zero)))
    for name, clip in mri_baselines(about_zero, operator.inner, entries):
        yield name, (to_real(clip) + zero).clamp_(0, 1)


def slow_baselines(data: Data, operator: LinearOperator, entries: Data) -> dict[str, Tensor]:
    """Clips by name: a deep image prior of each frame, and the paper's two presets where frames are of their size."""
    first = first_clip(data, operator, entries)
    return {"deep image prior": deep_image_prior(data, operator, entries, first)} | paper_clips(data, operator, entries)


def first_clip(data: Data, operator: LinearOperator, entries: Data) -> Tensor:
    """What every other method starts from: known pixels joined linearly, or the clip of least norm."""
    if operator.is_pixel_mask:
        return interpolate_frames(data, entries)  # type: ignore[arg-type]
    return project_onto_data(torch.full(operator.clip_shape, operator.zero_level), operator, data, entries)
