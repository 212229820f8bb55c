"""The simplest account of a record: the mean of each pixel, by how much each frame is above or below, and a yearly
cycle of each pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BACKGROUND_SWEEPS = 12
"""Alternations between the means of pixels and those of frames."""


SEASON_SWEEPS, SEASON_VALUES = 4, 2.0
"""Alternations between the yearly cycles and all else; and how many values of no cycle are thought to have been seen
beside those of a pixel, so that few of them make no large one."""


class Background(NamedTuple):
    """value(t, y, x) = pixels(y, x) + frames(t) + waves(t) . season(y, x), about."""

    pixels: np.ndarray
    """(H, W) float32; at pixels that were never measured the mean of all."""
    frames: np.ndarray
    """(T,) float32, of mean zero; where a frame has no data, between those of its neighbours in time."""

    waves: np.ndarray
    """(T, 2) float32, cosine and sine of the time of year; (T, 0) without a yearly cycle."""
    season: np.ndarray
    """(2, H, W) float32, by how much each pixel goes with them; (0, H, W)."""

    @property
    def changes(self) -> np.ndarray:
        """All but the means of pixels, (T, H, W), or (T, 1, 1) without a yearly cycle; float32."""
        frames: np.ndarray = self.frames[:, None, None]
        return frames + np.tensordot(self.waves, self.season, 1) if len(self.season) else frames

    @property
    def clip(self) -> np.ndarray:
        """(T, H, W) float32."""
        clip: np.ndarray = self.pixels[None] + self.changes
        return clip


def additive_background(
    values: np.ndarray, known: np.ndarray, times: np.ndarray, year: float | None = None
) -> Background:
    """Means of pixels and anomalies of frames that fit the known values best, by least squares.

    values, known: (T, H, W), some known; times: (T,), rising. year: its length in the unit of the times, where each
    pixel has a yearly cycle too, one wave a year; None: none has.
    """
    plain = _means(values, known, times)
    if year is None:
        return plain
    phase = 2 * np.pi * (times - times[0]) / year
    waves = np.stack([np.cos(phase), np.sin(phase)], 1).astype(np.float32)
    found = plain
    for _ in range(SEASON_SWEEPS):
        season = _season(np.where(known, values - found.pixels - found.frames[:, None, None], 0), known, waves)
        found = _means(values - np.tensordot(waves, season, 1), known, times)
    return found._replace(waves=waves, season=season)


def _season(rest: np.ndarray, known: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """By how much each pixel goes with the waves, by regularised least squares, (2, H, W) float32; rest: (T, H, W), 0
    where not known."""
    right = np.tensordot(waves.T, rest, 1)
    products = (waves[:, :, None] * waves[:, None]).reshape(len(waves), -1)
    gram = np.tensordot(products.T, known.astype(np.float32), 1).reshape(2, 2, *known.shape[1:])
    gram += (SEASON_VALUES / 2 * np.eye(2))[:, :, None, None]
    found = np.linalg.solve(np.moveaxis(gram, (0, 1), (-2, -1)), np.moveaxis(right, 0, -1)[..., None])[..., 0]
    return np.moveaxis(found, -1, 0).astype(np.float32)


def _means(values: np.ndarray, known: np.ndarray, times: np.ndarray) -> Background:
    """The means of pixels and the anomalies of frames alone."""
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
    nothing = np.zeros((len(values), 0), np.float32), np.zeros((0, *counts.shape), np.float32)
    return Background(pixels.astype(np.float32), frames.astype(np.float32), *nothing)
