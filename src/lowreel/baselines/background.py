"""The simplest account of a record: the mean of each pixel, and by how much each frame is above or below."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BACKGROUND_SWEEPS = 12
"""Alternations between the means of pixels and those of frames."""


class Background(NamedTuple):
    """value(t, y, x) = pixels(y, x) + frames(t), about."""

    pixels: np.ndarray
    """(H, W) float32; at pixels that were never measured the mean of all."""
    frames: np.ndarray
    """(T,) float32, of mean zero; where a frame has no data, between those of its neighbours in time."""

    @property
    def clip(self) -> np.ndarray:
        """(T, H, W) float32."""
        clip: np.ndarray = self.pixels[None] + self.frames[:, None, None]
        return clip


def additive_background(values: np.ndarray, known: np.ndarray, times: np.ndarray) -> Background:
    """Means of pixels and anomalies of frames that fit the known values best, by least squares.

    values, known: (T, H, W), some known; times: (T,), rising.
    """
    counts, in_frame = known.sum(0), known.sum((1, 2))
    filled = np.where(known, values, 0).astype(np.float32)
    sums, frame_sums = filled.sum(0, dtype=np.float64), filled.sum((1, 2), dtype=np.float64)
    mean = float(frame_sums.sum() / in_frame.sum())
    frames = np.zeros(len(values))
    pixels = np.full(counts.shape, mean)
    seen, some = counts > 0, in_frame > 0
    for _ in range(BACKGROUND_SWEEPS):
        shifts = np.tensordot(frames, known, 1)
        pixels[seen] = (sums - shifts)[seen] / counts[seen]
        rest = frame_sums - np.array([pixels[k].sum() for k in known])
        frames[some] = rest[some] / in_frame[some]
        frames = np.interp(times, times[some], frames[some])
        frames -= frames[some].mean()
    return Background(pixels.astype(np.float32), frames.astype(np.float32))
