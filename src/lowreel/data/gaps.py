"""Holes like those of the data: gaps of other places and frames, moved and turned, laid over what was observed.

A hole is as hard to fill as it is far from what was measured, in its frame and in time, and as much changes there. So
the holes that are cut are chosen to have distances like those of the real gaps, in steps of a factor of two, and to lie
where as much changes (`change_at`): where the moving things are few, they would else be met by chance alone.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Booleans = NDArray[np.bool_]
Place = tuple[int, int, int]
Values = NDArray[np.float32]
Box = tuple[slice, slice, slice]
Places = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

POINTS = 4096
"""Pixels by which the distances of gaps are told, at most."""

HOLE_POINTS = 256
"""Pixels by which those of a single hole are told, at most."""

TIME_CLASSES = 32
"""More than there are steps of distance in time."""

SCATTERED = 0.25
"""Difference of the distances of missing and of observed pixels, beyond chance, up to which what is missing is
scattered."""

LEAST_HOLES, MOST_HOLES = 24, 96
"""Holes that are cut at least, while they are less than MOST_SHARE of the data, and at most."""

LEAST_SHARE, MOST_SHARE = 0.05, 0.1
"""Share of the observed pixels that is taken at least, as those of a hole tell less than as many that lie apart; and up
to which more holes are cut, to have LEAST_HOLES."""

WORSE = 0.02
"""By how much a hole may make distances and changes less like those of the gaps."""

CHANGE_LEVELS = (0.5, 0.8, 0.9, 0.97)
"""Shares of the gaps between whose changes holes are told apart."""

AROUND = (-2, 0, 2)
"""Rows and columns around a pixel over which its change is a mean."""

FRAMES_SHARE, FIRST_FRAMES_SHARE = 0.25, 1 / 3
"""The same where whole frames are missing, and what the first stretch of frames may take alone."""

KEPT_SHARE = 0.25
"""Share of the observed pixels of a frame that no hole may take."""

LEAST_CHANCE = 0.02
"""Of gaps of which enough are copied, in chances of those of which none is."""

PROPOSALS, FAILURES, TRIES, SPREAD = 6, 16, 64, 8
"""Holes among which each next one is chosen; how often in a row none may fit before the search for more ends; and how
many pixels are tried to find observed ones, of which that many vie for the place farthest from other holes."""


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
    frames, height, width = known.shape
    times, rows, columns = places
    around, differences = [], []
    for down in AROUND:
        for right in AROUND:
            y, x = np.clip(rows + down, 0, height - 1), np.clip(columns + right, 0, width - 1)
            seen: Booleans = known[:, y, x]
            steps = np.arange(frames)[:, None] - times
            before = np.where(seen & (steps < 0), steps, -frames).max(0) + times
            after = np.where(seen & (steps > 0), steps, frames).min(0) + times
            both = (before >= 0) & (after < frames)
            change = np.abs(values[after % frames, y, x] - values[before % frames, y, x])
            differences.append(np.where(both, change, np.nan))
            around.append(np.where(known[times, y, x], values[times, y, x], np.nan))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of pixels without a neighbour
        found = np.nanmean(differences, 0)
        found = np.where(np.isnan(found), np.nanstd(around, 0), found)
    return np.nan_to_num(found)


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
    """Whether missing pixels are about as far from known ones as these are from each other; (T, H, W).

    Then single pixels that are held out are as hard to foretell as those that are missing.
    """
    if known.all() or not known.any():
        return True
    draw = np.random.default_rng(0)
    gaps, seen = (distance_classes(known, sampled(mask, POINTS, draw)) for mask in (~known, known))
    chance = math.sqrt(len(np.union1d(gaps, seen)) / (math.pi * min(len(gaps), len(seen))))
    return difference(gaps, seen) <= SCATTERED + chance


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


def cut_holes(
    known: Booleans, share: float, draw: np.random.Generator, values: Values | None = None
) -> Booleans | None:
    """Observed pixels under holes like those of the mask, about this share of them, or LEAST_SHARE; None where no hole
    fits.

    known: (T, H, W), with gaps that are not scattered; values: the same, of which only the known ones count, None where
    they do not matter. Whole frames are taken only where whole frames are missing. Small holes are tried first, so that
    they can be many, and larger ones where these are too near to observed pixels.
    """
    cutting, failures = _Cutting(known, max(share, LEAST_SHARE), draw, values), 0
    while not cutting.is_enough and failures < FAILURES:
        proposed = [cutting.proposed() for _ in range(PROPOSALS)]
        best = min((hole for hole in proposed if hole is not None), key=cutting.misfit, default=None)
        if best is not None and cutting.misfit(best) <= cutting.misfit() + WORSE:
            cutting.cut(best)
            failures = 0
        else:
            cutting.largest *= 1.5
            failures += 1
    return known & ~cutting.fitted if cutting.found else None


@dataclass(frozen=True)
class _Hole:
    """What to hold out: pixels of a box, how far they then are from those that are fitted, how much changes there."""

    box: Box
    pixels: Booleans
    classes: NDArray[np.int64]
    changes: NDArray[np.int64]
    of_frames: bool

    @property
    def centre(self) -> tuple[float, ...]:
        """The middle of the box."""
        return tuple(((part.start or 0) + (part.stop or 0)) / 2 for part in self.box)


@dataclass
class _Cutting:
    """Holes, cut one after the other. fitted: what no hole has taken; in_frame: observed pixels of each frame."""

    known: Booleans
    share: float
    draw: np.random.Generator
    values: Values | None = None
    found: list[NDArray[np.int64]] = field(default_factory=list)
    changed: list[NDArray[np.int64]] = field(default_factory=list)
    centres: list[tuple[float, ...]] = field(default_factory=list)
    taken: int = 0
    takes_frames: bool = False

    def __post_init__(self) -> None:
        self.fitted = self.known.copy()
        self.in_frame = self.known.sum((1, 2))
        self.total = int(self.in_frame.sum())
        self.largest = self.share * self.total / LEAST_HOLES
        self.gaps = sampled(~self.known, POINTS, self.draw)
        self.wanted = distance_classes(self.known, self.gaps)
        self.edges: NDArray[np.float64] = np.zeros(0)
        if self.values is not None:
            self.edges = np.quantile(change_at(self.values, self.known, self.gaps), CHANGE_LEVELS)
        self.changes = self._changes(self.known, self.gaps)
        spaces, top = self.wanted // TIME_CLASSES, steps_of(max(self.known.shape[1:]))
        self.steps = int(spaces[spaces < top].max(initial=0)) + 1
        self.chances = np.full(len(self.wanted), 1 / len(self.wanted))

    @property
    def most(self) -> float:
        """Pixels that may be held out, in order to have LEAST_HOLES."""
        return max(self.share, FRAMES_SHARE if self.takes_frames else MOST_SHARE) * self.total

    @property
    def is_enough(self) -> bool:
        """Whether as much is held out as was asked for, in enough holes, or as much as may be."""
        has_share = self.taken >= self.share * self.total and len(self.found) >= LEAST_HOLES
        return has_share or self.taken >= self.most or len(self.found) >= MOST_HOLES

    def proposed(self) -> _Hole | None:
        """A hole like a gap of the data, such as there are too few of so far; None where it does not fit."""
        like = int(self.draw.choice(len(self.wanted), p=self.chances))
        t, y, x = (int(axis[like]) for axis in self.gaps)
        if not self.in_frame[t]:
            return self._stretch(t)
        space, time = divmod(int(self.wanted[like]), TIME_CLASSES)
        to = self._observed(int(self.changes[like]))
        return None if to is None else self._moved((t, y, x), to, space, time)

    def misfit(self, hole: _Hole | None = None) -> float:
        """How distances and changes of all holes, with this one, differ from those of the gaps."""
        more = [] if hole is None else [hole]
        found, changed = [*self.found, *(h.classes for h in more)], [*self.changed, *(h.changes for h in more)]
        if not found:
            return 2.0
        return difference(np.concatenate(found), self.wanted) + difference(np.concatenate(changed), self.changes)

    def _changes(self, known: Booleans, places: Places) -> NDArray[np.int64]:
        """How much changes at these pixels, by levels of the gaps, (n,)."""
        if self.values is None:
            return np.zeros(len(places[0]), np.int64)
        return np.searchsorted(self.edges, change_at(self.values, known, places), side="right").astype(np.int64)

    def cut(self, hole: _Hole) -> None:
        """Hold out what is under a hole."""
        count = int(hole.pixels.sum())
        self.fitted[hole.box] &= ~hole.pixels
        self.taken += count
        self.takes_frames |= hole.of_frames
        weight = max(1, count // len(hole.classes))
        self.found.append(np.repeat(hole.classes, weight))
        self.changed.append(np.repeat(hole.changes, weight))
        self.centres.append(hole.centre)
        self._look_for_what_lacks()

    def _look_for_what_lacks(self) -> None:
        """The chance of each gap to be copied next: more where holes of its distances, or changes, are too few."""
        lacking = _lacking(np.concatenate(self.found), self.wanted)
        lacking = lacking * _lacking(np.concatenate(self.changed), self.changes)
        self.chances = lacking / lacking.sum()

    def _stretch(self, t: int) -> _Hole | None:
        """A stretch of observed frames as long as the one that is missing around frame t; where nothing is known beyond
        one side of that, with fitted frames on one side alone."""
        there: Booleans = self.in_frame > 0
        free: Booleans = np.asarray(self.fitted.any((1, 2)))
        seen = np.flatnonzero(there)
        first, last = seen[seen < t].max(initial=-1), seen[seen > t].min(initial=len(self.known))
        length = int(last - first) - 1
        most = int((FRAMES_SHARE if self.found else FIRST_FRAMES_SHARE) * int(there.sum()))
        length = min(length, max(1, most))
        if int((there & ~free).sum()) + length > max(most, 1) or int(free.sum()) <= length:
            return None
        beyond = np.concatenate([[False], free, [False]])
        starts = np.array([s for s in range(len(free) - length + 1) if free[s : s + length].all()], np.int64)
        if not len(starts):
            return None
        is_open = first >= 0 and last < len(free)
        alike = starts[(beyond[starts] & beyond[starts + length + 1]) == is_open]
        start = int(self.draw.choice(alike if len(alike) else starts))
        box = (slice(start, start + length), slice(None), slice(None))
        return self._hole(box, self.fitted[box].copy(), of_frames=True)

    def _moved(self, at: Place, to: Place, space: int, time: int) -> _Hole | None:
        """The gaps around a place, moved to an observed one and turned; of what no frame shows those of all frames."""
        frames, height, width = self.known.shape
        is_seen = time < steps_of(frames)
        reach = min(2**space * int(self.draw.integers(1, 3)), max(height, width))
        depth = int(self.draw.integers(2**time // 2, 2**time + 1)) if is_seen else frames
        pattern = self._turned(self._gaps_around(at, depth, reach))
        box, part = _overlap(self.known.shape, to if is_seen else (at[0], *to[1:]), depth, reach)
        return self._hole(box, pattern[part] & self.fitted[box], of_frames=False)

    def _observed(self, change: int) -> Place | None:
        """A pixel that is fitted, of a few at which about as much changes the one farthest from all holes."""
        drawn = self.draw.integers(0, self.known.shape, (TRIES, 3))
        free = drawn[self.fitted[tuple(drawn.T)]]
        if not len(free):
            return None
        off = np.abs(self._changes(self.fitted, tuple(free.T)) - change)
        free = free[off == off.min()][:SPREAD]
        place = free[0]
        if self.centres:
            away = (free[:, None] - np.array(self.centres)) / np.array(self.known.shape)
            place = free[np.square(away).sum(2).min(1).argmax()]
        return int(place[0]), int(place[1]), int(place[2])

    def _gaps_around(self, at: Place, depth: int, reach: int) -> Booleans:
        """The gaps around a place, (2 depth + 1, 2 reach + 1, 2 reach + 1), none beyond the border; frames of which
        nothing is known have none."""
        cut = np.zeros((2 * depth + 1, 2 * reach + 1, 2 * reach + 1), bool)
        box, part = _overlap(self.known.shape, at, depth, reach)
        cut[part] = ~self.known[box] & (self.in_frame[box[0]] > 0)[:, None, None]
        return cut

    def _turned(self, pattern: Booleans) -> Booleans:
        """The pattern mirrored, turned, run backwards, as it is drawn."""
        back, up, left, turn = self.draw.integers(0, 2, 4)
        pattern = pattern[:: 1 - 2 * back, :: 1 - 2 * up, :: 1 - 2 * left]
        return pattern.swapaxes(1, 2) if turn else pattern

    def _hole(self, box: Box, pixels: Booleans, *, of_frames: bool) -> _Hole | None:
        """A hole of these pixels of a box; None where it is none, or takes too much of a frame or of all."""
        count = int(pixels.sum())
        is_too_large = count > self.largest or self.taken + count > max(
            self.most, self.total / 2 if not self.found else 0
        )
        if not count or (not of_frames and (is_too_large or self._empties(box, pixels))):
            return None
        places = sampled(pixels, HOLE_POINTS, self.draw)
        first = [0 if part.start is None else part.start for part in box]
        self.fitted[box] &= ~pixels
        moved: Any = tuple(axis + start for axis, start in zip(places, first, strict=True))
        classes, changes = distance_classes(self.fitted, moved, self.steps), self._changes(self.fitted, moved)
        self.fitted[box] |= pixels
        return _Hole(box, pixels, classes, changes, of_frames)

    def _empties(self, box: Box, pixels: Booleans) -> bool:
        """Whether too little of a frame would be left to fit."""
        left = self.fitted[box[0]].sum((1, 2)) - pixels.sum((1, 2))
        return bool((left < KEPT_SHARE * self.in_frame[box[0]]).any())


def _lacking(found: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each of the wanted classes what share of it is not found, and at least a little, (n,)."""
    length = int(max(found.max(), wanted.max())) + 1
    shares, there = (np.bincount(sample, minlength=length) / len(sample) for sample in (wanted, found))
    return np.asarray(np.maximum(shares - there, LEAST_CHANCE * shares)[wanted] / shares[wanted])


def _overlap(shape: tuple[int, ...], at: tuple[int, ...], depth: int, reach: int) -> tuple[Box, Box]:
    """Where a box around a place lies in a clip of this shape, and the same part of the box."""
    there, part = [], []
    for length, centre, half in zip(shape, at, (depth, reach, reach), strict=True):
        start, stop = max(centre - half, 0), min(centre + half + 1, length)
        there.append(slice(start, stop))
        part.append(slice(start - centre + half, stop - centre + half))
    return tuple(there), tuple(part)  # type: ignore[return-value]
