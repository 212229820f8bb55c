"""A record filled section by section: the choice is made by one stretch of frames and holds for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np

from ..baselines.covariance import SpaceTimeCovariance
from ..baselines.optimal_interpolation import FEWER_KRIGING_POINTS, KRIGING_POINTS
from ..errors import InputError
from ..settings import FillSettings
from ..system.memory import trim_heap
from .choice import WEIGHTED_MEAN, Choice, chosen
from .coregionalisation import correlations
from .gap_distances import time_to_measured, told_by_nearest
from .methods import JOINT, Section, methods_for, predictions
from .record import LEAST_VALUES, Record, duplicates, measured
from .season import is_longer, with_season

SECTION_VALUES = 2**23
"""Values of a section, its context included, at most; it takes some fifty times as many bytes."""

SAMPLE_VALUES, SAMPLE_FRAMES = 2**21, 8
"""Values of the frames that the choice is made by, at most, but so many frames at least."""

CONTEXT_FRAMES = 5
"""Frames before and after a section that it sees."""

FAR_CORRELATION, LEAST_CORRELATION = 0.5, 0.1
"""Correlation of an anomaly with the nearest measured value below which a gap counts as far, and is not filled."""

GENERATOR_VALUES = 2**22
"""Values of a section beyond which the generator is left out: its fit would take hours."""

FLAG_MEASURED, FLAG_FILLED, FLAG_FAR, FLAG_NOT_FILLED = range(4)
FLAGS = ("measured", "filled", "filled_far_from_data", "not_filled")
"""What the numbers of a flag mean."""


@dataclass(frozen=True)
class Part:
    """Frames from `start` on, (n, H, W): filled (only where the flag says so, else NaN) and std in the unit of the
    record, float32; flag, int8; distance in pixels, float32, 0 where measured, infinite in a frame without data."""

    start: int
    filled: np.ndarray
    std: np.ndarray
    flag: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True)
class Begun:
    """A filling that was stopped after so many frames: what it went by, and part(start, stop), what is filled."""

    frames: int
    choice: Choice
    covariance: SpaceTimeCovariance
    year: float | None
    part: Callable[[int, int], Part]


OnProgress = Callable[[str, float], None]
"""Told what is being done, in words, and which share of it is, 0 to 1."""


@dataclass(frozen=True)
class Account:
    """What was done: the choice, the covariance by which it went, counts of pixels by flag, frames that repeat the one
    before, the unit of the record's times, the labels of other variables that might help, and the length of a year
    where a yearly cycle of each pixel is part of the background. stopped: frames that were filled before a stop
    (Ctrl-C), the others are as they were; None: all are."""

    choice: Choice
    covariance: SpaceTimeCovariance
    counts: dict[str, int]
    duplicates: tuple[int, ...] = ()
    time_unit: str = "frames"
    others: tuple[str, ...] = ()
    year: float | None = None
    stopped: int | None = None

    @property
    def sentence(self) -> str:
        """Which method, and how large its error is at values that were hidden."""
        choice = self.choice
        if not choice.hidden:
            told = f"Filled by {choice.delivered}; no gap could be cut into what was measured: nothing judges it."
            return f"{told}{self._stop}"
        others = {name: error for name, error in choice.errors.items() if name != choice.delivered}
        name = min(others, key=lambda key: others[key])
        return (
            f"Filled by {choice.delivered}: error {choice.expected_error:.4g} at {choice.hidden} measured values that "
            f"were hidden under gaps of other frames ({name}: {others[name]:.4g}). Noise: about {choice.noise:.2g}."
            f"{self._season}{self._together}{self._stop}"
        )

    @property
    def _season(self) -> str:
        return "" if self.year is None else " A yearly cycle of each pixel is part of the background."

    @property
    def _stop(self) -> str:
        if self.stopped is None:
            return ""
        return f" Stopped: the gaps of the first {self.stopped} frames are filled, those of all others are empty."

    @property
    def _together(self) -> str:
        """Whether other variables were used, in words; nothing where there were none."""
        if not self.others:
            return ""
        choice, names = self.choice, ", ".join(self.others)
        alone = [e for name, e in choice.errors.items() if name not in (*JOINT, WEIGHTED_MEAN)]
        joint = [e for name, e in choice.errors.items() if name in JOINT]
        (joint if choice.is_joint else alone).append(choice.expected_error)
        if not joint:
            return (
                f" Filled alone: {names} could not be tried, without values in the frames that the choice is made by, "
                "or in as many of the others."
            )
        word = "together with" if choice.is_joint else "alone, without"
        return f" Filled {word} {names}: error {min(joint):.4g} with the other variables, {min(alone):.4g} without."


@dataclass(frozen=True)
class _Other:
    """Another variable that may help: where it was measured, and its covariance when that is known."""

    record: Record
    known: np.ndarray
    given: SpaceTimeCovariance | None = None

    def section(self, frames: slice, seed: int, points: int, year: float | None = None) -> Section:
        """Its values in these frames, of which none is wanted."""
        seen = self.known[frames]
        values = np.where(seen, self.record.read(frames.start, frames.stop), 0)
        times = self.record.times[frames]
        return Section(values, seen, times, np.zeros_like(seen), seed, given=self.given, points=points, year=year)


def fill_record(
    record: Record,
    settings: FillSettings,
    write: Callable[[Part], None],
    others: Sequence[Record] = (),
    tell: OnProgress | None = None,
    begun: Begun | None = None,
) -> Account:
    """Fill a record; each part is handed to `write` when it is done, in the order of time.

    others: further variables with gaps of their own, which are used where they help. tell: told how far it is. A
    KeyboardInterrupt (Ctrl-C) after the first part ends the filling: the parts that are left are written with empty
    gaps; before that it is raised. begun: a filling without others that was stopped, which is gone on with. Raises
    InputError where a record has too few values, and where the others have other frames or times.
    """
    for other in others:
        if other.shape != record.shape or not np.array_equal(other.times, record.times):
            raise InputError(
                f"{other.label}: has other frames, times or pixels than {record.label}; variables that are filled "
                "together share all three"
            )
    beside: Sequence[_Other] = [_Other(other, measured(other)) for other in others]
    known = measured(record)
    repeated = duplicates(record) if settings.find_duplicates else []
    known[repeated] = False
    inside = np.asarray(known.any(0)) if record.inside is None else record.inside
    plan = _planned(record, known, settings, beside, tell) if begun is None else _Plan.of(begun)

    def make(core: tuple[int, int]) -> Part:
        if begun is not None and core[1] <= begun.frames:
            return begun.part(*core)
        return _filled(record, known, inside, core, settings, plan, tell)

    def leave(core: tuple[int, int]) -> Part:
        return _unfilled(record, known, inside, core, plan.choice.noise)

    counts, stopped = _written([*_cores(record.shape)], make, leave, write, tell)
    names = tuple(other.label.rpartition(":")[2] for other in others)
    return Account(plan.choice, plan.covariance, counts, tuple(repeated), record.time_unit, names, plan.year, stopped)


@dataclass(frozen=True)
class _Plan:
    """By what a record is filled: the choice, its covariance, the length of a year where that matters, and the other
    variables that help."""

    choice: Choice
    covariance: SpaceTimeCovariance
    year: float | None = None
    beside: Sequence[_Other] = ()

    @classmethod
    def of(cls, begun: Begun) -> _Plan:
        return cls(begun.choice, begun.covariance, begun.year)


def _planned(
    record: Record, known: np.ndarray, settings: FillSettings, beside: Sequence[_Other], tell: OnProgress | None
) -> _Plan:
    sample, beside = _sample(record, known, settings.seed, beside)
    choice = chosen(sample, _names(settings, sample), tell and partial(tell, "trying methods on hidden values"))
    beside = [replace(o, given=section.covariance) for o, section in zip(beside, sample.others, strict=True)]
    return _Plan(choice, sample.covariance, sample.year, beside if choice.is_joint else [])


def _written(
    cores: Sequence[tuple[int, int]],
    make: Callable[[tuple[int, int]], Part],
    leave: Callable[[tuple[int, int]], Part],
    write: Callable[[Part], None],
    tell: OnProgress | None,
) -> tuple[dict[str, int], int | None]:
    """Make and write the parts of a record; after a stop `leave` makes those that are left. Counts of pixels by flag,
    and the frames that were filled before a stop, None without one."""
    counts: dict[int, np.ndarray] = {}

    def put(part: Part) -> None:
        write(part)
        counts[part.start] = np.bincount(part.flag.ravel(), minlength=len(FLAGS))
        if tell is not None:
            tell("filling gaps", (part.start + len(part.flag)) / cores[-1][1])

    stopped = None
    try:
        for core in cores:
            put(make(core))
            trim_heap()
    except KeyboardInterrupt:
        left = [core for core in cores if core[0] not in counts]
        if not counts or not left:
            raise
        stopped = left[0][0]
        for core in left:
            put(leave(core))
    return dict(zip(FLAGS, np.sum([*counts.values()], 0).tolist(), strict=True)), stopped


def _sample(record: Record, known: np.ndarray, seed: int, beside: Sequence[_Other]) -> tuple[Section, Sequence[_Other]]:
    """The stretch of frames that the choice is made by: one with many values, and gaps too; and the other variables
    that have values in it."""
    count, height, width = record.shape
    size = min(count, max(SAMPLE_VALUES // (height * width), SAMPLE_FRAMES))
    shares = known.mean((1, 2))
    starts = [*range(0, count - size, max(size // 2, 1)), count - size]
    start = max(starts, key=lambda k: min(shares[k : k + size].mean(), 0.7))
    seen = known[start : start + size]
    if seen.sum() < LEAST_VALUES:
        raise InputError(
            f"{record.label}: no {size} frames one after another have {LEAST_VALUES} values to fill from; give the "
            "stretch that has most of them"
        )
    frames, points = slice(start, start + size), _points(record.shape)
    values = np.where(seen, record.read(start, start + size), 0)
    there = [o for o in beside if o.known[frames].sum() >= LEAST_VALUES and _is_there_throughout(o, frames)]
    others = tuple(other.section(frames, seed, points) for other in there)
    nothing = np.zeros_like(seen)
    section = Section(values, seen, record.times[frames], nothing, seed, points=points, others=others)
    return with_season(section, record.time_unit), there


def _points(shape: tuple[int, int, int]) -> int:
    """Values by which optimal interpolation fills a tile of a record: fewer where that is long."""
    return KRIGING_POINTS if np.prod(shape) <= SECTION_VALUES else FEWER_KRIGING_POINTS


def _names(settings: FillSettings, sample: Section) -> list[str]:
    """The methods that are tried."""
    return methods_for(sample, generator=settings.quality != "draft" and sample.known.size <= GENERATOR_VALUES)


def _is_there_throughout(other: _Other, sample: slice) -> bool:
    """Whether each section has values of another variable in half as many of its frames as the sample, at least: what
    the sample tells of its help, and of errors with it, would not hold elsewhere."""
    there = np.asarray(other.known.any((1, 2)))
    least = 0.5 * float(there[sample].mean())
    return all(float(there[first:last].mean()) >= least for first, last in _cores(other.record.shape))


def _cores(shape: tuple[int, int, int]) -> Iterator[tuple[int, int]]:
    """Frames that are filled together: all, or as many as SECTION_VALUES allow beside their context."""
    frames, height, width = shape
    most = max(SECTION_VALUES // (height * width), 1)
    if frames <= most:
        yield 0, frames
        return
    size = max(most - 2 * CONTEXT_FRAMES, 1)
    bounds = np.linspace(0, frames, -(-frames // size) + 1).astype(int).tolist()
    yield from pairwise(bounds)


def _around(core: tuple[int, int], frames: int) -> slice:
    return slice(max(0, core[0] - CONTEXT_FRAMES), min(frames, core[1] + CONTEXT_FRAMES))


def _section(
    record: Record,
    known: np.ndarray,
    inside: np.ndarray,
    core: tuple[int, int],
    seed: int,
    beside: Sequence[_Other] = (),
    year: float | None = None,
) -> tuple[Section, slice, np.ndarray]:
    """A section with its context; what is wanted are the gaps of its own frames. Beside it where these are in it, and
    where they have values that are not filled from, as they lie where none may be."""
    around = _around(core, record.shape[0])
    if not known[around].any():  # nothing near: all frames up to the nearest ones with data
        some = np.flatnonzero(known.any((1, 2)))
        nearest = some[np.argmin(np.abs(some - core[0]))]
        around = slice(min(around.start, int(nearest)), max(around.stop, int(nearest) + 1))
    values = record.read(around.start, around.stop)
    seen = known[around]
    wanted = np.zeros_like(seen)
    own = slice(core[0] - around.start, core[1] - around.start)
    wanted[own] = inside & ~seen[own]
    outside = np.isfinite(values[own]) & ~inside
    kept, points = np.where(seen, values, 0), _points(record.shape)
    times = record.times[around]
    year = year if year is not None and is_longer(times, year) else None
    others = tuple(other.section(around, seed, points, year) for other in beside if other.known[around].any())
    section = Section(kept, seen, times, wanted, seed, points=points, others=others, year=year)
    return section, own, outside


def _filled(
    record: Record,
    known: np.ndarray,
    inside: np.ndarray,
    core: tuple[int, int],
    settings: FillSettings,
    plan: _Plan,
    tell: OnProgress | None,
) -> Part:
    choice, covariance = plan.choice, plan.covariance
    section, own, outside = _section(record, known, inside, core, settings.seed, plan.beside, plan.year)
    share = partial(_tell_frames, tell, record.shape[0], core, own.start, len(section.times)) if tell else None
    section = replace(section, given=covariance, tell=share)
    distances = section.distances
    told = told_by_nearest(distances, section.times, covariance, own)
    for other, tie in zip(section.others, correlations((section, *section.others))[0, 1:], strict=True):
        told = np.maximum(told, abs(tie) * told_by_nearest(other.distances, section.times, covariance, own))
    allowed = told >= LEAST_CORRELATION
    if settings.max_gap is not None:
        allowed &= distances[own] <= settings.max_gap
    if settings.max_gap_time is not None:
        allowed &= time_to_measured(known, record.times, *core) <= settings.max_gap_time
    section.wanted[own] &= allowed
    values, std = _estimates(section, choice)
    flag = np.full(told.shape, FLAG_NOT_FILLED, np.int8)
    flag[section.wanted[own]] = FLAG_FILLED
    flag[section.wanted[own] & (told < FAR_CORRELATION)] = FLAG_FAR
    flag[section.known[own] | outside] = FLAG_MEASURED
    std = np.where(section.known, choice.noise, std).astype(np.float32)
    return Part(core[0], values[own], std[own], flag, distances[own])


def _tell_frames(tell: OnProgress, frames: int, core: tuple[int, int], before: int, length: int, share: float) -> None:
    """Tell which share of the record's frames is filled. share: of the `length` frames of the section, `before` of
    which are its context."""
    done = min(max(share * length - before, 0), core[1] - core[0])
    tell("filling gaps", (core[0] + done) / frames)


def _unfilled(record: Record, known: np.ndarray, inside: np.ndarray, core: tuple[int, int], noise: float) -> Part:
    """The frames of a section as they were, their gaps empty."""
    section, own, outside = _section(record, known, inside, core, 0)
    flag = np.where(section.known[own] | outside, FLAG_MEASURED, FLAG_NOT_FILLED).astype(np.int8)
    std = np.where(section.known[own], noise, np.nan).astype(np.float32)
    return Part(core[0], np.full(flag.shape, np.nan, np.float32), std, flag, section.distances[own])


def _estimates(section: Section, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard deviations, NaN where not wanted, (T, H, W) float32."""
    values = np.full(section.known.shape, np.nan, np.float32)
    std = values.copy()
    wanted = section.wanted
    if not wanted.any():
        return values, std
    found = predictions(section, choice.used)
    anomalies = choice.filled(found, section.distances[wanted])
    std[wanted] = choice.deviations(anomalies, found, section.variance)
    values[wanted] = section.background.clip[wanted] + anomalies
    return values, std
