"""Holes like those of the data: gaps of other places and frames, moved and turned, laid over what was observed.

A hole is as hard to fill as it is far from what was measured, in its frame and in time, and as much changes there. So
the holes that are cut are chosen to have distances like those of the real gaps, in steps of a factor of two, and to lie
where as much changes (`distances.change_at`): where the moving things are few, they would else be met by chance alone.

The one place where holes are cut: for what a recovery holds out (`holdout`), pieces of gaps, so that they can be many;
for records (`records/choice`), of which there is enough data, the whole gaps of other frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .distances import (
    POINTS,
    TIME_CLASSES,
    Booleans,
    Places,
    Values,
    change_at,
    difference,
    distance_classes,
    sampled,
    steps_of,
)

Place = tuple[int, int, int]
Box = tuple[slice, slice, slice]

HOLE_POINTS = 256
"""Pixels by which those of a single hole are told, at most."""

LEAST_HOLES, MOST_HOLES = 24, 96
"""Holes that are cut at least, while they are less than MOST_SHARE of the data, and at most."""

LEAST_SHARE, MOST_SHARE = 0.05, 0.1
"""Share of the observed pixels that is taken at least, as those of a hole tell less than as many that lie apart; and up
to which more holes are cut, to have LEAST_HOLES."""

WORSE = 0.02
"""By how much a hole may make distances and changes less like those of the gaps."""

CHANGE_LEVELS = (0.5, 0.8, 0.9, 0.97)
"""Shares of the gaps between whose changes holes are told apart."""

FRAMES_SHARE, FIRST_FRAMES_SHARE = 0.25, 1 / 3
"""The same where whole frames are missing, and what the first stretch of frames may take alone."""

LEAST_HIDDEN_SHARE = 0.01
"""Share of a frame's observed pixels below which the gap of another one, as it lies, hides too little of it."""

WHOLE_FACTOR = 1.5
"""How many times the share whole gaps may take, or the large ones would never fit."""

KEPT_SHARE = 0.25
"""Share of the observed pixels of a frame that no hole may take."""

LEAST_CHANCE = 0.02
"""Of gaps of which enough are copied, in chances of those of which none is."""

PROPOSALS, FAILURES, TRIES, HOLE_SPREAD = 6, 16, 64, 8
"""Holes among which each next one is chosen; how often in a row none may fit before the search for more ends; and how
many pixels are tried to find observed ones, of which that many vie for the place farthest from other holes."""


def cut_holes(
    known: Booleans,
    share: float,
    draw: np.random.Generator,
    values: Values | None = None,
    *,
    inside: Booleans | None = None,
    whole: bool = False,
    proposals: int = PROPOSALS,
) -> Booleans | None:
    """Observed pixels under holes like those of the mask, about this share of them, or LEAST_SHARE; None where no hole
    fits.

    known: (T, H, W), with gaps that are not scattered; values: the same, of which only the known ones count, None where
    they do not matter. inside: (H, W), where what is not known is a gap; None: everywhere. Whole frames are taken only
    where whole frames are missing. Small holes are tried first, so that they can be many, and larger ones where these
    are too near to observed pixels. whole: a hole is all of the gap of another frame, one in each frame at most.
    proposals: holes among which each next one is chosen.
    """
    gaps = ~known if inside is None else ~known & inside
    if not gaps.any():
        return None
    cutting, failures = _Cutting(known, gaps, max(share, LEAST_SHARE), draw, values, whole), 0
    while not cutting.is_enough and failures < FAILURES:
        proposed = [cutting.proposed() for _ in range(proposals)]
        best = min((hole for hole in proposed if hole is not None), key=cutting.misfit, default=None)
        if best is not None and (whole or cutting.misfit(best) <= cutting.misfit() + WORSE):
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
    missing: Booleans
    share: float
    draw: np.random.Generator
    values: Values | None = None
    whole: bool = False
    found: list[NDArray[np.int64]] = field(default_factory=list)
    changed: list[NDArray[np.int64]] = field(default_factory=list)
    centres: list[tuple[float, ...]] = field(default_factory=list)
    taken: int = 0
    takes_frames: bool = False

    def __post_init__(self) -> None:
        self.fitted = self.known.copy()
        self.in_frame = self.known.sum((1, 2))
        self.total = int(self.in_frame.sum())
        self.largest = math.inf if self.whole else self.share * self.total / LEAST_HOLES
        self.gaps = sampled(self.missing, POINTS, self.draw)
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
        """Pixels that may be held out, in order to have LEAST_HOLES, or for a whole gap to fit."""
        if self.whole:
            return WHOLE_FACTOR * self.share * self.total
        return max(self.share, FRAMES_SHARE if self.takes_frames else MOST_SHARE) * self.total

    @property
    def is_enough(self) -> bool:
        """Whether as much is held out as was asked for, in enough holes, or as much as may be."""
        has_share = self.taken >= self.share * self.total and (self.whole or len(self.found) >= LEAST_HOLES)
        return has_share or self.taken >= self.most or len(self.found) >= MOST_HOLES

    def proposed(self) -> _Hole | None:
        """A hole like a gap of the data, such as there are too few of so far; None where it does not fit."""
        like = int(self.draw.choice(len(self.wanted), p=self.chances))
        t, y, x = (int(axis[like]) for axis in self.gaps)
        if not self.in_frame[t]:
            return self._stretch(t)
        if self.whole:
            return self._laid_over(t)
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
        share = self.share / 2 if self.whole else FRAMES_SHARE if self.found else FIRST_FRAMES_SHARE
        most = int(share * int(there.sum()))
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

    def _laid_over(self, t: int) -> _Hole | None:
        """The gap of frame t over another frame without a hole, as it lies; moved and mirrored where it would hide next
        to nothing, as where all frames have the same gap."""
        free = np.flatnonzero((self.in_frame > 0) & (self.fitted.sum((1, 2)) == self.in_frame))
        others = free[free != t] if len(self.known) > 1 else free
        if not len(others):
            return None
        to = int(self.draw.choice(others))
        pattern, seen = self.missing[t], self.known[to]
        if (pattern & seen).sum() < LEAST_HIDDEN_SHARE * seen.sum():
            up, left = 1 - 2 * self.draw.integers(0, 2, 2)
            pattern = np.roll(pattern[::up, ::left], self.draw.integers(1, np.maximum(pattern.shape, 2)), (0, 1))
        box = (slice(to, to + 1), slice(None), slice(None))
        return self._hole(box, (pattern & seen)[None], of_frames=False)

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
        free = free[off == off.min()][:HOLE_SPREAD]
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
        cut[part] = self.missing[box] & (self.in_frame[box[0]] > 0)[:, None, None]
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
