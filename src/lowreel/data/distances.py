"""How far missing pixels are from known ones, in the frame and in time, and how much changes around them."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Values = NDArray[np.float32]
Numbers = NDArray[np.int64]
Places = tuple[Numbers, Numbers, Numbers]

POINTS = 4096
"""Pixels by which the distances of gaps are told, at most."""

TIME_CLASSES = 32
"""More than there are steps of distance in time."""

SCATTERED = 0.25
"""Difference of the distances of missing and of observed pixels, and of how many known ones are beside them, beyond
chance, up to which what is missing is scattered."""

AROUND = (-2, 0, 2)
"""Rows and columns around a pixel over which its change is a mean."""

CHANGE_VALUES = 2**22
"""Values of the clip that are compared at a time: pixels times those around them times frames."""

NEAR_FRAMES = 8
"""Frames to each side in which known pixels are looked for first: of a long clip that is nearly always enough."""

LEAST_OF_A_STRETCH = 16
"""Pixels that are looked at together, at least: NumPy adds the numbers of a single one in another order."""


def distance_classes(known: Booleans, places: Places, steps: int | None = None) -> NDArray[np.int64]:
    """How far these pixels are from the nearest other known one: a number for each pair of distances, (n,).

    known: (T, H, W). In the frame and in time, each in steps of a factor of two: 1, 2, 3 to 4, 5 to 8, ..., none.
    steps: those in the frame that are told apart, from the smallest on; None: all.
    """
    top = steps_of(max(known.shape[1:]))
    return TIME_CLASSES * _in_frames(known, places, top if steps is None else steps, top) + _in_time(known, places)


def _in_frames(known: Booleans, places: Places, steps: int, top: int) -> NDArray[np.int64]:
    """k where the smallest square with another known pixel reaches 2^k pixels, k < steps; else top."""
    times, rows, columns = places
    found = np.full(len(times), top, np.int64)
    for t in np.unique(times):
        at = np.flatnonzero(times == t)
        y, x = rows[at], columns[at]
        first = [max(int(axis.min()) - 2**steps, 0) for axis in (y, x)]
        part = known[t, first[0] : int(y.max()) + 2**steps + 1, first[1] : int(x.max()) + 2**steps + 1]
        y, x = y - first[0], x - first[1]
        height, width = part.shape
        sums = np.zeros((height + 1, width + 1), np.int32)
        sums[1:, 1:] = part.cumsum(0, dtype=np.int32).cumsum(1)
        own = part[y, x].astype(np.int32)
        for step in reversed(range(steps)):
            up, down = np.maximum(y - 2**step, 0), np.minimum(y + 2**step + 1, height)
            left, right = np.maximum(x - 2**step, 0), np.minimum(x + 2**step + 1, width)
            count = sums[down, right] - sums[up, right] - sums[down, left] + sums[up, left]
            found[at[count > own]] = step
    return found


def _in_time(known: Booleans, places: Places) -> NDArray[np.int64]:
    """k where the nearest other frame that knows the pixel is at most 2^k frames away; one more where none does."""
    times, rows, columns = places
    count = len(known)
    seen: Booleans = known[:, rows, columns]
    away = np.abs(np.arange(count)[:, None] - times).astype(np.float64)
    away[~seen | (away == 0)] = np.inf
    nearest = away.min(0)
    steps = np.ceil(np.log2(np.where(np.isfinite(nearest), nearest, 1)))
    return np.where(np.isfinite(nearest), steps, steps_of(count)).astype(np.int64)


def change_at(values: Values, known: Booleans, places: Places) -> NDArray[np.float64]:
    """How much changes at these pixels, (n,): the difference of what is known before and after them, over a few pixels
    around; where no other frame knows them, that of the known pixels around.

    values, known: (T, H, W).
    """
    together = max(LEAST_OF_A_STRETCH, CHANGE_VALUES // (len(known) * len(AROUND) ** 2))
    count = max(1, math.ceil(len(places[0]) / together))
    stretches = zip(*(np.array_split(axis, count) for axis in places), strict=True)
    found = np.concatenate([_across(values, known, stretch) for stretch in stretches])
    alone = np.isnan(found)
    if alone.any():
        t, rows, columns = (axis[alone] for axis in places)
        y, x = _around(known, rows, columns)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of pixels without a neighbour
            around = np.ascontiguousarray(np.where(known[t, y, x], values[t, y, x], np.nan))
            found[alone] = np.nan_to_num(np.nanstd(around, 0))
    return np.asarray(found, dtype=np.float64)


def _around(known: Booleans, rows: Numbers, columns: Numbers) -> tuple[Numbers, Numbers]:
    """Rows and columns of the pixels around each of these, (9, n) each."""
    down, right = (offset.reshape(-1, 1) for offset in np.meshgrid(AROUND, AROUND, indexing="ij"))
    height, width = known.shape[1:]
    return np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)


def _across(values: Values, known: Booleans, places: Places) -> Values:
    """The difference before and after these pixels, (n,); not a number where no other frame knows those around."""
    frames = len(known)
    times, rows, columns = places
    y, x = _around(known, rows, columns)
    before, after = _frames_beside(known, times, y, x)
    both = (before >= 0) & (after < frames)
    changes = np.where(both, np.abs(values[after % frames, y, x] - values[before % frames, y, x]), 0)
    counts = both.sum(0)
    found = (np.ascontiguousarray(changes).sum(0) / np.maximum(counts, 1)).astype(changes.dtype)
    return np.where(counts > 0, found, np.nan).astype(changes.dtype)


def _frames_beside(known: Booleans, times: Numbers, y: Numbers, x: Numbers) -> tuple[Numbers, Numbers]:
    """The nearest frames before and after these that know the pixels around them, (9, n) each; below 0, and beyond the
    last, where none does.

    times: (n,); y, x: (9, n). Looked for NEAR_FRAMES to each side first, and in all where that does not tell.
    """
    if len(known) <= 2 * NEAR_FRAMES + 1:
        return _within(known, times, y, x, len(known))
    before, after = _within(known, times, y, x, NEAR_FRAMES)
    is_open = (before < 0) & (times > NEAR_FRAMES) | (after >= len(known)) & (times + NEAR_FRAMES < len(known) - 1)
    far = np.flatnonzero(is_open.any(0))
    if len(far):
        before[:, far], after[:, far] = _within(known, times[far], y[:, far], x[:, far], len(known))
    return before, after


def _within(known: Booleans, times: Numbers, y: Numbers, x: Numbers, reach: int) -> tuple[Numbers, Numbers]:
    """The same within so many frames to each side, all of them if that is as many as there are."""
    frames = len(known)
    if reach >= frames:
        steps = (np.arange(frames, dtype=np.int32)[:, None] - times.astype(np.int32))[:, None]
        seen: Booleans = known[:, y, x]
    else:
        steps = np.arange(-reach, reach + 1, dtype=np.int32)[:, None, None]
        at = steps[:, 0] + times
        seen = known[np.clip(at, 0, frames - 1)[:, None], y, x] & ((at >= 0) & (at < frames))[:, None]
    before = np.where(seen & (steps < 0), steps, -frames).max(0) + times
    after = np.where(seen & (steps > 0), steps, frames).min(0) + times
    return before, after


def steps_of(length: int) -> int:
    """Steps of a factor of two up to a distance that no two pixels of such a length have."""
    return math.ceil(math.log2(max(length, 1))) + 1


def difference(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Of two samples of classes: half the sum of the differences of their shares, 0 to 1."""
    if not len(one) or not len(other):
        return 1.0
    length = int(max(one.max(), other.max())) + 1
    shares = [np.bincount(sample, minlength=length) / len(sample) for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def sampled(mask: Booleans, most: int, draw: np.random.Generator) -> Places:
    """Where a mask is true: all, or so many of them that are drawn."""
    flat = np.flatnonzero(mask)
    if len(flat) > most:
        flat = np.sort(draw.choice(flat, most, replace=False))
    t, y, x = np.unravel_index(flat, mask.shape)
    return t.astype(np.int64), y.astype(np.int64), x.astype(np.int64)


def are_scattered(known: Booleans) -> bool:
    """Whether missing pixels are about as far from known ones as these are from each other, and have about as many
    known ones beside them; (T, H, W).

    Then single pixels that are held out are as hard to foretell as those that are missing. A pixel of a lost column is
    next to known ones too, but on two sides alone.
    """
    if known.all() or not known.any():
        return True
    draw = np.random.default_rng(0)
    places = [sampled(mask, POINTS, draw) for mask in (~known, known)]
    return all(_are_alike(*(classes(known, where) for where in places)) for classes in (distance_classes, known_beside))


def _are_alike(gaps: NDArray[np.int64], seen: NDArray[np.int64]) -> bool:
    chance = math.sqrt(len(np.union1d(gaps, seen)) / (math.pi * min(len(gaps), len(seen))))
    return difference(gaps, seen) <= SCATTERED + chance


def known_beside(known: Booleans, places: Places) -> NDArray[np.int64]:
    """How many of the eight pixels around each of these, in its frame, are known, (n,); known: (T, H, W)."""
    times, rows, columns = places
    around = np.pad(known, ((0, 0), (1, 1), (1, 1)))
    count = sum(around[times, rows + down, columns + right].astype(np.int64) for down in range(3) for right in range(3))
    return np.asarray(count - known[places], np.int64)


def share_beyond(known: Booleans, held: Booleans) -> float:
    """Share of the missing pixels that are farther from a known one, in the frame or in time, than any held-out pixel
    is from what is left; (T, H, W) each."""
    if known.all() or not held.any():
        return 0.0 if known.all() else 1.0
    draw = np.random.default_rng(0)
    gaps = distance_classes(known, sampled(~known, POINTS, draw))
    holes = np.unique(distance_classes(known & ~held, sampled(held, POINTS, draw)))
    (far, late), (reach, depth) = (divmod(classes, TIME_CLASSES) for classes in (gaps, holes))
    is_reached = ((reach >= far[:, None]) & (depth >= late[:, None])).any(1)
    return float(1 - is_reached.mean())
