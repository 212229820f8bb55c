"""Optimal interpolation (simple kriging) of a record: each gap from the values that tell most about it.

Gaps are filled tile by tile. A tile sees single values near it, and means of 2, 4, 8 and 16 pixels a side farther away,
in its own frame and those around it; of all these the ones that its covariance ties to it most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .covariance import SpaceTimeCovariance

TILE = 8
"""Pixels a side of what is filled by the same values."""

PYRAMID_LEVELS = 5
"""Sizes of the pixels that values are averaged over: 1, 2, 4, 8, 16."""

RING = 4
"""How many pixels of a size lie on each side of the tile, its own half added, before the next size begins."""

REACH_FRAMES = 10
"""Frames before and after that a tile sees."""

KRIGING_POINTS, FEWER_KRIGING_POINTS = 512, 256
"""Values by which a tile is filled, at most; and of long records, where that would take three times as long: errors are
then 2 % larger (docs/choices.md)."""

TILES_AT_ONCE = 8
"""Tiles whose equations are solved together."""

PARTS = 2
"""Places are rounded to this part of a pixel."""

FARTHEST = 2 * (TILE // 2 + RING + 1) * 2 ** (PYRAMID_LEVELS - 1) + 2 * TILE
"""Pixels between two values that are seen from one tile, at most."""

JITTER, MORE_JITTER = 1e-5, 1e-3
"""Shares of the variance that are added to it so that matrices can be factorised, and where that was not enough."""


class Interpolated(NamedTuple):
    """Means and variances of the values without noise, (T, H, W) float32, NaN where none was wanted."""

    mean: np.ndarray
    variance: np.ndarray


def optimal_interpolation(
    anomalies: np.ndarray,
    known: np.ndarray,
    times: np.ndarray,
    wanted: np.ndarray,
    covariance: SpaceTimeCovariance,
    noise: np.ndarray | None = None,
    points: int = KRIGING_POINTS,
    coupling: np.ndarray | None = None,
    tell: Callable[[float], None] | None = None,
) -> Interpolated:
    """The best linear estimate of the wanted values, of mean zero and that covariance, from the known ones.

    anomalies: (T, H, W); known, wanted: the same, bool; times: (T,), rising, in the unit of the covariance. noise:
    variance of the noise of each value, (T, H, W); None: the covariance's. points: values by which a tile is filled, at
    most. coupling: (terms, V, V), where the frames are those of V variables, all of one time after each other: by what
    each term of the covariance is multiplied between two of them (an intrinsic model of coregionalisation). tell: told
    the share of the frames that is done, 0 to 1, now and then.
    """
    mean = np.full(known.shape, np.nan, np.float32)
    variance = np.full(known.shape, np.nan, np.float32)
    coupling = np.ones((len(covariance.variances), 1, 1)) if coupling is None else coupling
    solver = _Solver(covariance, times, points, coupling)
    waiting: list[_Tile] = []
    levels = [_level(anomalies, known, noise, 2**k, covariance) for k in range(PYRAMID_LEVELS)]
    for tile in _tiles(levels, wanted, solver):
        waiting.append(tile)
        if len(waiting) == TILES_AT_ONCE:
            solver.solve(waiting, mean, variance)
            waiting = []
            if tell is not None:
                tell(float(tile.wanted[0, 0]) / len(known))
    if waiting:
        solver.solve(waiting, mean, variance)
    return Interpolated(mean, variance)


class _Level(NamedTuple):
    """Means over squares of `side` pixels: how many values, their mean, its place, its variance; (T, h, w)."""

    side: int
    counts: np.ndarray
    means: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    errors: np.ndarray


class _Tile(NamedTuple):
    """What a tile is filled by, and its wanted pixels: frames, rows and columns (3, n) in parts of a pixel."""

    points: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    wanted: np.ndarray


def _level(
    anomalies: np.ndarray, known: np.ndarray, noise: np.ndarray | None, side: int, covariance: SpaceTimeCovariance
) -> _Level:
    frames, height, width = known.shape
    tall, wide = -(-height // side), -(-width // side)

    def summed(a: np.ndarray) -> np.ndarray:
        padded = np.zeros((frames, tall * side, wide * side), np.float32)
        padded[:, :height, :width] = a
        sums: np.ndarray = padded.reshape(frames, tall, side, wide, side).sum((2, 4))
        return sums

    counts = summed(known)
    some = np.maximum(counts, 1)
    rows = summed(known * np.arange(height, dtype=np.float32)[:, None]) / some
    columns = summed(known * np.arange(width, dtype=np.float32)) / some
    # A mean stands for the value at its centre; by what they differ is an error, smaller with more values.
    apart = np.array([0.0 if side == 1 else 0.38 * side])
    within = covariance.variance - float(covariance.in_space(apart, np.zeros(1)).sum())
    own = covariance.noise if noise is None else summed(np.where(known, noise, 0)) / some
    errors = (own + within) / some
    return _Level(side, counts, summed(np.where(known, anomalies, 0)) / some, rows, columns, errors.astype(np.float32))


def _tiles(levels: list[_Level], wanted: np.ndarray, solver: _Solver) -> Iterator[_Tile]:
    frames, height, width = wanted.shape
    for t in range(frames):
        near = slice(max(0, t - solver.reach), min(frames, t + solver.reach + 1))
        for top in range(0, height, TILE):
            for left in range(0, width, TILE):
                place = np.argwhere(wanted[t, top : top + TILE, left : left + TILE])
                seen = _seen(levels, near, top, left) if len(place) else None
                if seen is None:
                    continue
                inside = (place + np.array([top, left])).T * PARTS
                here = np.concatenate([np.full((1, len(place)), t), inside])
                yield solver.most_telling(t, top, left, *seen, here)


def _seen(levels: list[_Level], near: slice, top: int, left: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """All that a tile sees: places (3, n) in parts of a pixel, means, their variances; None where that is nothing."""
    middle = np.array([top, left]) + (TILE - 1) / 2
    found, inner = [], 0.0
    for level in levels:
        side, reach = level.side, (TILE // 2 + RING) * level.side
        low = np.maximum(0, (middle - reach) // side).astype(int)
        high = ((middle + reach) // side).astype(int) + 1
        part = (near, slice(low[0], high[0]), slice(low[1], high[1]))
        use = level.counts[part] > 0
        if side > 1:  # what the smaller pixels have covered is left out
            down, across = (
                np.abs((low[k] + np.arange(use.shape[k + 1]) + 0.5) * side - middle[k] - 0.5) for k in (0, 1)
            )
            use &= (down > inner)[:, None] | (across > inner)
        inner = reach
        at = np.nonzero(use)
        columns = (level.rows, level.columns, level.means, level.errors)
        found.append(np.stack([at[0] + near.start, *(a[part][at] for a in columns)]))
    every = np.concatenate(found, 1)
    if not every.shape[1]:
        return None
    places = np.concatenate([every[:1], np.rint(every[1:3] * PARTS)]).astype(np.int64)
    return places, every[3].astype(np.float32), every[4].astype(np.float32)


class _Solver:
    """The covariance in tables: of distances in parts of a pixel, and of pairs of frames."""

    def __init__(self, covariance: SpaceTimeCovariance, times: np.ndarray, most: int, coupling: np.ndarray) -> None:
        self.most, self.variables = most, coupling.shape[1]
        self.reach = (REACH_FRAMES + 1) * self.variables - 1
        self.variance = covariance.variance
        self.size = PARTS * FARTHEST + 1
        away = np.arange(self.size) / PARTS
        self.space = torch.from_numpy(covariance.in_space(away[:, None], away).astype(np.float32)).flatten(1)
        lags = times[:, None] - times
        moments = len(times) // self.variables
        falls = covariance.in_time(lags) * np.tile(coupling, (1, moments, moments))
        self.time = torch.from_numpy(falls.astype(np.float32)).flatten(1)
        self.frames = len(times)

    def most_telling(
        self,
        t: int,
        top: int,
        left: int,
        places: np.ndarray,
        values: np.ndarray,
        errors: np.ndarray,
        wanted: np.ndarray,
    ) -> _Tile:
        """The values that are tied to a tile most, as many as there may be, and of each variable as many."""
        if places.shape[1] > self.most:
            low = np.array([[top], [left]]) * PARTS
            high = low + (TILE - 1) * PARTS
            gap = np.maximum(np.maximum(low - places[1:], places[1:] - high), 0)
            space = self.space.numpy()[:, gap[0] * self.size + gap[1]]
            tied = np.abs((space * self.time.numpy()[:, t * self.frames + places[0]]).sum(0)) - 0.5 * errors
            chosen = self._most_tied(tied, places[0] % self.variables)
            places, values, errors = places[:, chosen], values[chosen], errors[chosen]
        return _Tile(places, values, errors, wanted)

    def _most_tied(self, tied: np.ndarray, variable: np.ndarray) -> np.ndarray:
        each = self.most // self.variables
        found = []
        for k in range(self.variables):  # this variable's values of all frames are tied by what stands still
            own = np.flatnonzero(variable == k)
            found.append(own if len(own) <= each else own[np.argpartition(-tied[own], each)[:each]])
        return np.concatenate(found)

    def between(self, one: Tensor, other: Tensor) -> Tensor:
        """Covariances (B, n, m) of values at places (B, 3, n) and (B, 3, m)."""
        down = (one[:, 1, :, None] - other[:, 1, None]).abs_()
        across = (one[:, 2, :, None] - other[:, 2, None]).abs_()
        apart = down.mul_(self.size).add_(across)
        lag = one[:, 0, :, None] * self.frames + other[:, 0, None]
        found = torch.take(self.space[0], apart)
        if self.variables > 1:  # of one variable the first term stands still
            found.mul_(torch.take(self.time[0], lag))
        for space, time in zip(self.space[1:], self.time[1:], strict=True):
            found.addcmul_(torch.take(space, apart), torch.take(time, lag))
        return found

    def solve(self, tiles: list[_Tile], mean: np.ndarray, variance: np.ndarray) -> None:
        """Fill in the wanted pixels of these tiles, in place."""
        # Rows are made equally long by the first point and pixel again: the point so noisy that it tells nothing.
        most = max(len(tile.values) for tile in tiles)
        points = _stacked([tile.points for tile in tiles], most)
        targets = _stacked([tile.wanted for tile in tiles], max(tile.wanted.shape[1] for tile in tiles))
        values, errors = torch.zeros(len(tiles), most), torch.full((len(tiles), most), 1e6 * self.variance)
        for k, tile in enumerate(tiles):
            values[k, : len(tile.values)] = torch.from_numpy(tile.values)
            errors[k, : len(tile.values)] = torch.from_numpy(tile.errors)
        factor = self._factor(self.between(points, points), errors)
        right = torch.cat([self.between(points, targets), values[..., None]], 2)
        white = torch.linalg.solve_triangular(factor, right, upper=False)
        means = (white[..., :-1] * white[..., -1:]).sum(1).numpy()
        left = (self.variance - white[..., :-1].square().sum(1)).clamp_min(0).numpy()
        for k, tile in enumerate(tiles):
            at = (tile.wanted[0], *(tile.wanted[1:] // PARTS))
            count = tile.wanted.shape[1]
            mean[at], variance[at] = means[k, :count], left[k, :count]

    def _factor(self, matrix: Tensor, errors: Tensor) -> Tensor:
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        diagonal.add_(errors + JITTER * self.variance)
        factor, failed = torch.linalg.cholesky_ex(matrix)
        while bool(failed.any()):
            diagonal.add_(MORE_JITTER * self.variance)
            factor, failed = torch.linalg.cholesky_ex(matrix)
        found: Tensor = factor
        return found


def _stacked(places: list[np.ndarray], count: int) -> Tensor:
    """Places (3, n) as one tensor (B, 3, count), the first of each again where it has fewer."""
    padded = [np.concatenate([p, np.repeat(p[:, :1], count - p.shape[1], 1)], 1) for p in places]
    return torch.from_numpy(np.stack(padded).astype(np.int64))
