"""Baselines that join known pixels, within a frame or over time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..measure import Downsample, Measurement

FillFrame = Callable[[np.ndarray, np.ndarray], np.ndarray]


def interpolate_frames(pixels: Tensor, known: Tensor) -> Tensor:
    """Each frame from its own known pixels: linear on their Delaunay triangles, the nearest one outside.

    pixels: (T, C, H, W); known: the same, or (T, 1, H, W) for all channels. A frame without known pixels takes the
    mean of all known ones.
    """
    return _fill_frames(pixels, known, _linear)


def biharmonic(pixels: Tensor, known: Tensor) -> Tensor:
    """Each frame from its own known pixels: the discrete bilaplacian is zero at the others (Damelin and Hoang, 2018).

    Shapes, and frames without known pixels, as in `interpolate_frames`. Levels stay between the lowest and highest of
    those known in the frame.
    """
    return _fill_frames(pixels, known, _biharmonic)


def _fill_frames(pixels: Tensor, known: Tensor, fill: FillFrame) -> Tensor:
    """fill: (C, H, W) levels and the (H, W) that are known, some but not all, to the levels of the others, (C, n)."""
    if known.shape[1] > 1 and not torch.equal(known, known[:, :1].expand_as(known)):
        channels = [_fill_frames(p, k, fill) for p, k in zip(pixels.split(1, 1), known.split(1, 1), strict=True)]
        return torch.cat(channels, 1)
    values, masks = pixels.cpu().numpy(), known[:, 0].cpu().numpy()
    mean = (values * masks[:, None]).sum((0, 2, 3)) / (masks.sum() or 1)
    filled = values.astype(np.float32)

    def fill_one(frame: np.ndarray, mask: np.ndarray) -> None:
        if not mask.any():
            frame[:] = mean[:, None, None]
        elif not mask.all():
            frame[:, ~mask] = fill(frame, mask)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # SciPy works outside of Python's lock, mostly
        list(pool.map(fill_one, filled, masks))
    return torch.from_numpy(filled)


def _linear(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    at, wanted = np.argwhere(known), np.argwhere(~known)
    given = values[:, known].T
    found = NearestNDInterpolator(at, given)(wanted)
    try:
        linear = LinearNDInterpolator(at, given)(wanted)
        found = np.where(np.isnan(linear), found, linear)
    except QhullError:  # the known pixels lie on one line: no triangles
        pass
    return found.T


def _biharmonic(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    from skimage.restoration import inpaint_biharmonic

    # In double precision: the bilaplacian of a wide hole is too ill-conditioned for less.
    return inpaint_biharmonic(values.astype(np.float64), ~known, channel_axis=0)[:, ~known]


def bicubic(coarse: Tensor, operator: Measurement, entries: Tensor) -> Tensor:
    """Coarse pixels made finer by bicubic interpolation, those that are left out filled in linearly before."""
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
