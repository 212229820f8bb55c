"""What a user would try first, on the same data: the bar that a recovery has to clear."""

from __future__ import annotations

import torch
from torch import Tensor

from ..measure import Data, Measurement, nearest_consistent
from .interpolation import bicubic, biharmonic, interpolate_frames, interpolate_times
from .low_rank import low_rank_clip
from .networks import deep_image_prior, paper_clips
from .variation import chosen_variation, gap_tv, total_variation

__all__ = [
    "baselines",
    "bicubic",
    "biharmonic",
    "chosen_variation",
    "deep_image_prior",
    "first_clip",
    "gap_tv",
    "interpolate_frames",
    "interpolate_times",
    "low_rank_clip",
    "paper_clips",
    "total_variation",
]


def baselines(
    data: Data, operator: Measurement, entries: Data, *, sigma: float = 0.0, slow: bool = False
) -> dict[str, Tensor]:
    """Clips (T, C, H, W) by name, from the entries of the data that are true.

    Pixels: linear and biharmonic interpolation within each frame, for missing blocks and frames also over time.
    Other operators: the clip of least norm; for coarser pixels also bicubic interpolation, for a snapshot camera
    GAP-TV, for part of the spectrum temporal total variation. All: 3-D total variation and low rank, which for part
    of the spectrum is called k-t low rank. slow: also a deep image prior of each frame and the paper's two presets,
    which take minutes to hours. sigma: standard deviation of the noise in the data.
    """
    first = first_clip(data, operator, entries)
    found = {"linear interpolation" if operator.picks_pixels else "least norm": first}
    if operator.picks_pixels:
        found["biharmonic interpolation"] = biharmonic(data, entries)  # type: ignore[arg-type]
    found["3-D total variation"] = chosen_variation(data, operator, entries, first, first_clip, sigma=sigma)
    found["k-t low rank" if operator.kind == "fourier" else "low rank"] = low_rank_clip(
        data, operator, entries, first, sigma=sigma
    )
    if operator.kind in ("blocks", "frames"):
        found["temporal interpolation"] = interpolate_times(data, entries)  # type: ignore[arg-type]
    if operator.kind == "downsample":
        found["bicubic"] = bicubic(data, operator, entries)  # type: ignore[arg-type]
    if operator.kind == "snapshot":
        found["GAP-TV"] = gap_tv(data, operator, entries)
    if operator.kind == "fourier":
        found["temporal total variation"] = total_variation(
            data, operator, entries, first, sigma=sigma, weights=(1.0, 0.0)
        )
    if slow:
        found["deep image prior"] = deep_image_prior(data, operator, entries, first)
        found |= paper_clips(data, operator, entries)
    return found


def first_clip(data: Data, operator: Measurement, entries: Data) -> Tensor:
    """What every other method starts from: known pixels joined linearly, or the clip of least norm."""
    if operator.picks_pixels:
        return interpolate_frames(data, entries)  # type: ignore[arg-type]
    return nearest_consistent(torch.zeros(operator.clip_shape), operator, data, entries)
