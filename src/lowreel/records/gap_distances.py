"""How far gaps are from what was measured: in pixels, in time, and by how much the nearest value tells of them."""

from __future__ import annotations

import numpy as np

from ..baselines.covariance import SpaceTimeCovariance, matern
from ..baselines.optimal_interpolation import REACH_FRAMES


def pixels_to_measured(known: np.ndarray) -> np.ndarray:
    """Pixels to the nearest measured one of the same frame, (T, H, W) float32; infinite in a frame without any."""
    from scipy.ndimage import distance_transform_edt

    found = np.full(known.shape, np.inf, np.float32)
    for frame, mask in zip(found, known, strict=True):
        if mask.any():
            frame[:] = distance_transform_edt(~mask)
    return found


def time_to_measured(known: np.ndarray, times: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Time from each pixel of the frames start to stop to its nearest measured one, before or after; (n, H, W) float32.

    known: (T, H, W) of the whole record; infinite at pixels that were never measured.
    """
    found = np.full((stop - start, *known.shape[1:]), np.inf, np.float32)
    for order in (range(stop), range(len(known) - 1, start - 1, -1)):
        last = np.full(known.shape[1:], np.nan)
        for t in order:
            last[known[t]] = times[t]
            if start <= t < stop:
                np.fmin(found[t - start], np.abs(times[t] - last), out=found[t - start], casting="same_kind")
    return found


def told_by_nearest(
    distances: np.ndarray, times: np.ndarray, covariance: SpaceTimeCovariance, part: slice
) -> np.ndarray:
    """Correlation of the anomaly of each pixel with the nearest measured value in space and time, (n, H, W) float32.

    distances: pixels to the measured ones of each frame, (T, H, W); part: the frames for which it is wanted. What
    stands still is left out, as it would seem to tell of what changes, unless all that changes is smaller than the
    noise: then it counts by its share of the variance and by how near the pixel was measured in any frame.
    """
    variances = covariance.variances[1:]
    start, stop, _ = part.indices(len(times))
    farthest = sum(distances.shape[1:])
    lengths = np.sqrt(covariance.lengths.prod(1))[1:]
    away = np.arange(farthest + 2.0)

    terms = np.stack([v * matern(away / length) for v, length in zip(variances, lengths, strict=True)])
    terms[:, -1] = 0
    places = np.minimum(distances, farthest + 1).astype(np.int32)
    told = np.zeros((stop - start, *distances.shape[1:]), np.float32)
    for t in range(start, stop):
        for k in range(max(0, t - REACH_FRAMES), min(len(times), t + REACH_FRAMES + 1)):
            falls = covariance.in_time(times[t : t + 1] - times[k])[1:, 0]
            table = (falls @ terms / variances.sum()).astype(np.float32)
            np.maximum(told[t - start], table[places[k]], out=told[t - start])
    if variances.sum() <= covariance.noise:
        still = covariance.variances[0] / max(covariance.variance, np.finfo(float).tiny)
        near = matern(np.minimum(distances.min(0), farthest + 1) / np.sqrt(covariance.lengths[0].prod()))
        told = (still * near + (1 - still) * told).astype(np.float32)
    return told
