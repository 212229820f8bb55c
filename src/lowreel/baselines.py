"""What a user would try first, on the same data: the bar that a recovery has to clear."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .measure import Data, Downsample, Measurement, inner, map_data, nearest_consistent


def baselines(data: Data, operator: Measurement, entries: Data, *, sigma: float = 0.0) -> dict[str, Tensor]:
    """Clips (T, C, H, W) by name, from the entries of the data that are true.

    Pixels: linear interpolation within each frame, for missing blocks and frames also over time, then 3-D total
    variation. Other operators: the clip of least norm, then 3-D total variation; for coarser pixels also bicubic
    interpolation, for a snapshot camera GAP-TV, for part of the spectrum temporal total variation and low rank in
    space and time. sigma: standard deviation of the noise in the data.
    """
    if operator.picks_pixels:
        assert isinstance(data, Tensor)
        assert isinstance(entries, Tensor)
        first = {"linear interpolation": interpolate_frames(data, entries)}
    else:
        nothing = torch.zeros(operator.clip_shape)
        first = {"least norm": nearest_consistent(nothing, operator, data, entries)}
    (start,) = first.values()
    found = {**first, "3-D total variation": total_variation(data, operator, entries, start, sigma=sigma)}
    if operator.kind in ("blocks", "frames"):
        found["temporal interpolation"] = interpolate_times(data, entries)  # type: ignore[arg-type]
    if operator.kind == "downsample":
        found["bicubic"] = bicubic(data, operator, entries)  # type: ignore[arg-type]
    if operator.kind == "snapshot":
        found["GAP-TV"] = gap_tv(data, operator, entries)
    if operator.kind == "fourier":
        found["temporal total variation"] = total_variation(
            data, operator, entries, start, sigma=sigma, axes=(True, False)
        )
        found["k-t low rank"] = low_rank_clip(data, operator, entries)
    return found


def interpolate_frames(pixels: Tensor, known: Tensor) -> Tensor:
    """Each frame from its own known pixels: linear on their Delaunay triangles, the nearest one outside.

    pixels: (T, C, H, W); known: the same, or (T, 1, H, W) for all channels. A frame without known pixels takes the
    mean of all known ones.
    """
    if known.shape[1] > 1 and not torch.equal(known, known[:, :1].expand_as(known)):
        channels = [interpolate_frames(p, k) for p, k in zip(pixels.split(1, 1), known.split(1, 1), strict=True)]
        return torch.cat(channels, 1)
    values, masks = pixels.cpu().numpy(), known[:, 0].cpu().numpy()
    count = masks.sum() or 1
    mean = (values * masks[:, None]).sum((0, 2, 3)) / count
    frames = [_interpolate(v, m, mean) for v, m in zip(values, masks, strict=True)]
    return torch.from_numpy(np.stack(frames).astype(np.float32))


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


def _interpolate(values: np.ndarray, known: np.ndarray, mean: np.ndarray) -> np.ndarray:
    from scipy.interpolate import LinearNDInterpolator, NearestNDInterpolator
    from scipy.spatial import QhullError

    filled = values.copy()
    if not known.any():
        filled[:] = mean[:, None, None]
        return filled
    at, wanted = np.argwhere(known), np.argwhere(~known)
    if not len(wanted):
        return filled
    given = values[:, known].T
    found = NearestNDInterpolator(at, given)(wanted)
    try:
        linear = LinearNDInterpolator(at, given)(wanted)
        found = np.where(np.isnan(linear), found, linear)
    except QhullError:  # the known pixels lie on one line: no triangles
        pass
    filled[:, ~known] = found.T
    return filled


ITERATIONS = 250
"""Of total variation (docs/choices.md)."""

GAP_ITERATIONS, GAP_STEPS, RANK_ITERATIONS = 60, 10, 100
"""Of GAP-TV, of the denoising and the projection in each, and of low rank in space and time."""

BALANCE = 3.5
"""Size given to A beside the gradient, whose norm is sqrt(12): of one size they converge soonest."""


@torch.no_grad()
def total_variation(
    data: Data,
    operator: Measurement,
    entries: Data,
    start: Tensor,
    *,
    sigma: float = 0.0,
    axes: tuple[bool, bool] = (True, True),
    iterations: int = ITERATIONS,
) -> Tensor:
    """min sum |grad x| over time, rows and columns, channels coupled, subject to A x = y (or near it, with noise).

    axes: whether time and whether space counts. Primal-dual hybrid gradient (Chambolle and Pock, 2011). Without
    noise the data is met exactly where A picks pixels; with noise of standard deviation sigma the penalty is |A x -
    y|^2 / (2 sigma a), a the row norm, so that the units of A do not matter.
    """
    exact_pixels = operator.picks_pixels and sigma == 0
    norm = 1.0 if operator.picks_pixels else _norm(operator) / BALANCE
    bound = 12.0 + (0.0 if exact_pixels else BALANCE**2)
    tau, dual_step = 0.05, 1 / (0.05 * bound)
    softening = sigma * operator.row_norm() / norm**2 if sigma else 0.0

    def scaled(y: Data) -> Data:
        return map_data(lambda t, e: t * e / norm, y, entries)

    target = scaled(data)
    x = ahead = start.clone()
    edges = torch.zeros(3, *x.shape)
    counted = torch.tensor([axes[0], axes[1], axes[1]]).view(3, 1, 1, 1, 1)
    multiplier = map_data(torch.zeros_like, target)
    for _ in range(iterations):
        edges += dual_step * gradient(ahead) * counted
        edges /= edges.square().sum((0, 2), keepdim=True).sqrt().clamp_min(1)
        step = gradient_adjoint(edges)
        if not exact_pixels:
            misfit = map_data(lambda a, b: a - b, scaled(operator(ahead)), target)
            multiplier = map_data(lambda m, r: (m + dual_step * r) / (1 + dual_step * softening), multiplier, misfit)
            step = step + operator.adjoint(map_data(lambda m: m / norm, multiplier))
        new = x - tau * step
        if exact_pixels:
            new = torch.where(entries, data, new)  # type: ignore[arg-type]
        ahead, x = 2 * new - x, new
    return x.clamp(0, 1)


@torch.no_grad()
def gap_tv(data: Data, operator: Measurement, entries: Data, *, weight: float = 0.1) -> Tensor:
    """Generalised alternating projection with total variation (Yuan, ICIP 2016), accelerated; (T, C, H, W).

    In turns: the clip nearest to the last one that agrees with the data, to which the residuals so far are added, and
    total variation denoising of each frame with this weight.
    """
    from skimage.restoration import denoise_tv_chambolle

    target, clip = data, operator.adjoint(map_data(torch.zeros_like, data))
    for _ in range(GAP_ITERATIONS):
        projected = nearest_consistent(clip, operator, target, entries, iterations=GAP_STEPS)
        frames = [
            denoise_tv_chambolle(f.numpy(), weight=weight, max_num_iter=GAP_STEPS, channel_axis=0) for f in projected
        ]
        clip = torch.from_numpy(np.stack(frames)).float()
        target = map_data(lambda t, y, found: t + (y - found), target, data, operator(clip))
    return nearest_consistent(clip, operator, data, entries, iterations=GAP_STEPS).clamp(0, 1)


@torch.no_grad()
def low_rank_clip(data: Data, operator: Measurement, entries: Data) -> Tensor:
    """min |X|_* subject to A x = y, X the T x CHW matrix of the clip: k-t low rank (Lingala et al., 2011).

    Douglas-Rachford iteration with singular value thresholding; the threshold only sets the speed.
    """
    z = nearest_consistent(torch.zeros(operator.clip_shape), operator, data, entries, iterations=GAP_STEPS)
    threshold = float(torch.linalg.matrix_norm(z.flatten(1), 2)) / 200
    for _ in range(RANK_ITERATIONS):
        agreeing = nearest_consistent(z, operator, data, entries, iterations=GAP_STEPS)
        u, s, vh = torch.linalg.svd((2 * agreeing - z).flatten(1), full_matrices=False)
        z = z + ((u * (s - threshold).clamp_min(0)) @ vh).reshape(z.shape) - agreeing
    return nearest_consistent(z, operator, data, entries, iterations=GAP_STEPS).clamp(0, 1)


def gradient(x: Tensor) -> Tensor:
    """Forward differences over time, rows and columns, zero at the end: (T, C, H, W) to (3, T, C, H, W)."""
    edges = torch.zeros(3, *x.shape)
    edges[0, :-1] = x[1:] - x[:-1]
    edges[1, :, :, :-1] = x[:, :, 1:] - x[:, :, :-1]
    edges[2, ..., :-1] = x[..., 1:] - x[..., :-1]
    return edges


def gradient_adjoint(edges: Tensor) -> Tensor:
    """The adjoint of `gradient`: (3, T, C, H, W) to (T, C, H, W)."""
    x = torch.zeros(edges.shape[1:])
    x[1:] += edges[0, :-1]
    x[:-1] -= edges[0, :-1]
    x[:, :, 1:] += edges[1, :, :, :-1]
    x[:, :, :-1] -= edges[1, :, :, :-1]
    x[..., 1:] += edges[2, ..., :-1]
    x[..., :-1] -= edges[2, ..., :-1]
    return x


def _norm(operator: Measurement, iterations: int = 15) -> float:
    """Largest singular value of A, by power iteration from a fixed clip, with a margin."""
    x = torch.ones(operator.clip_shape) + torch.linspace(0, 1, math.prod(operator.clip_shape)).reshape(
        operator.clip_shape
    )
    for _ in range(iterations):
        x = operator.adjoint(operator(x / x.norm()))
    return 1.05 * math.sqrt(float(x.norm())) if float(inner(x, x)) > 0 else 1.0
