"""Baselines that join known pixels, within a frame or over time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..operators import Downsample, LinearOperator
from ..settings import BATCH_PIXELS
from ..system.linear_algebra import one_blas_thread
from .bilaplacian import fill_biharmonic, is_wide

ROUGH_VALUES = 2**22
"""Values that are filled in by local means at once, about."""

FillFrame = Callable[[np.ndarray, np.ndarray], np.ndarray]


def interpolate_frames(pixels: Tensor, known: Tensor) -> Tensor:
    """Each frame from its own known pixels: linear on their Delaunay triangles, the nearest one outside.

    pixels: (T, C, H, W); known: the same, or (T, 1, H, W) for all channels. A frame without known pixels takes the
    mean of all known ones.
    """
    return _fill_frames(pixels, known, _linear)


def biharmonic(pixels: Tensor, known: Tensor, start: Tensor | None = None) -> Tensor:
    """Each frame from its own known pixels: the discrete bilaplacian is zero at the others (Damelin and Hoang, 2018).

    pixels, known, start: (T, C, H, W); frames without known pixels as in `interpolate_frames`. Levels stay between the
    lowest and highest of those known in the frame. start: the clip of `interpolate_frames`, where it is there already.
    Within 1e-3 of what scikit-image's `inpaint_biharmonic` finds.
    """
    start = interpolate_frames(pixels, known) if start is None else start
    if not _is_same_for_channels(known):
        parts = zip(*(torch.split(t, 1, 1) for t in (pixels, known, start)), strict=True)
        return torch.cat([biharmonic(*part) for part in parts], 1)
    masks = known[:, :1].cpu()
    some = masks.flatten(1).any(1) & ~masks.flatten(1).all(1)
    if some.all():
        return fill_biharmonic(start, masks)
    filled = start.clone()
    if some.any():
        filled[some] = fill_biharmonic(start[some], masks[some])
    return filled


def _is_same_for_channels(known: Tensor) -> bool:
    return known.shape[1] == 1 or torch.equal(known, known[:, :1].expand_as(known))


def _fill_frames(pixels: Tensor, known: Tensor, fill: FillFrame) -> Tensor:
    """fill: (C, H, W) levels and the (H, W) that are known, some but not all, to the levels of the others, (C, n)."""
    if not _is_same_for_channels(known):
        channels = [
            _fill_frames(p, k, fill) for p, k in zip(*(torch.split(t, 1, 1) for t in (pixels, known)), strict=True)
        ]
        return torch.cat(channels, 1)
    values, masks = pixels.cpu().numpy(), known[:, 0].cpu().numpy()
    mean = (values * masks[:, None]).sum((0, 2, 3)) / (masks.sum() or 1)
    filled = values.astype(np.float32)

    def fill_one(frame: np.ndarray, mask: np.ndarray) -> None:
        if not mask.any():
            frame[:] = mean[:, None, None]
        elif not mask.all():
            frame[:, ~mask] = fill(frame, mask)

    # SciPy works outside of Python's lock, mostly; it solves a 2x2 system for each triangle
    with one_blas_thread(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(fill_one, filled, masks))
    return torch.from_numpy(filled)


def _linear(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    at, wanted = np.argwhere(known), np.argwhere(~known)
    given = values[:, known].T
    try:
        found: np.ndarray = LinearNDInterpolator(at, given)(wanted)
    except QhullError:  # the known pixels lie on one line: no triangles
        found = np.full((len(wanted), len(values)), np.nan)
    outside = np.isnan(found).any(1)
    if outside.any():
        found[outside] = NearestNDInterpolator(at, given)(wanted[outside])
    return found.T


def has_no_need_of_linear(known: Tensor) -> bool:
    """Whether linear interpolation is left out, whose triangles take twice the time of all other quick baselines of a
    large clip: of frames of more than BATCH_PIXELS of which the same pixels are known of all channels, none far from
    others, biharmonic interpolation of exact pixels is better (docs/choices.md). known: (T, C, H, W)."""
    if known.shape[2] * known.shape[3] <= BATCH_PIXELS or not _is_same_for_channels(known):
        return False
    return not bool(is_wide(known[:, :1].cpu()).any())


def rough_clip(pixels: Tensor, known: Tensor) -> Tensor:
    """The clip of `local_means` with the known pixels in it; (T, C, H, W). Few frames at a time: their means at all
    scales take six times their memory."""
    found = torch.empty(pixels.shape, dtype=pixels.dtype)
    at_once = max(1, ROUGH_VALUES // pixels[0].numel())
    for own, values, entries in zip(*(torch.split(t, at_once) for t in (found, pixels, known)), strict=True):
        own.copy_(torch.where(entries, values, local_means(values, entries)))
    return found


def local_means(pixels: Tensor, known: Tensor) -> Tensor:
    """Each unknown pixel as the mean of the known ones in the smallest square around it that has any; (T, C, H, W).

    Squares of 1, 2, 4, ... pixels a side, blended where they are larger than that: rough, and a hundred times faster
    than triangles. A frame without known pixels is 0.
    """
    sums, counts = pixels * known, known.expand_as(pixels).to(pixels)
    levels = [(sums, counts)]
    while max(sums.shape[2:]) > 1:
        sums, counts = (F.avg_pool2d(t, 2, ceil_mode=True) for t in (sums, counts))
        levels.append((sums, counts))
    found = sums / counts.clamp_min(1e-9)
    for sums, counts in reversed(levels[:-1]):
        coarser = F.interpolate(found, size=sums.shape[2:], mode="bilinear")
        found = torch.lerp(coarser, sums / counts.clamp_min(1e-9), (counts > 0).to(sums))
    return found


def bicubic(coarse: Tensor, operator: LinearOperator, entries: Tensor) -> Tensor:
    """Coarse pixels made finer by bicubic interpolation, those that are left out filled in linearly before.

    coarse: (T, C, h, w), the data of a `Downsample`; entries: its pixels that may be used. Returns (T, C, H, W).
    """
    _, _, height, width = operator.clip_shape
    assert isinstance(operator, Downsample)
    fine = F.interpolate(interpolate_frames(coarse, entries), scale_factor=operator.factor, mode="bicubic")
    return fine[..., :height, :width].clamp(0, 1)


def interpolate_times(pixels: Tensor, known: Tensor) -> Tensor:
    """Each pixel linearly between the frames before and after in which it is known, the nearer one at the ends.

    pixels, known: (T, C, H, W). A pixel that is never known takes the mean of all known ones.
    """
    frames = len(pixels)
    times = torch.arange(frames).view(-1, 1, 1, 1).expand_as(known)
    before = torch.where(known, times, -1).cummax(0).values
    after = torch.where(known, times, frames).flip(0).cummin(0).values.flip(0)
    before, after = (torch.where(before < 0, after, before), torch.where(after == frames, before, after))
    never = before == frames
    before, after = before.clamp(0, frames - 1), after.clamp(0, frames - 1)
    share = ((times - before) / (after - before).clamp_min(1)).to(pixels)
    found = torch.lerp(pixels.gather(0, before), pixels.gather(0, after), share)
    return torch.where(never, pixels[known].mean(), found)
