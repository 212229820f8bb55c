"""A record filled section by section: the choice is made by one stretch of frames and holds for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
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
class Account:
    """What was done: the choice, the covariance by which it went, counts of pixels by flag, frames that repeat the one
    before, the unit of the record's times, and the labels of other variables that might help."""

    choice: Choice
    covariance: SpaceTimeCovariance
    counts: dict[str, int]
    duplicates: tuple[int, ...] = ()
    time_unit: str = "frames"
    others: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Which method, and how large its error is at values that were hidden."""
        choice = self.choice
        if not choice.hidden:
            return f"Filled by {choice.delivered}; no gap could be cut into what was measured: nothing judges it."
        others = {name: error for name, error in choice.errors.items() if name != choice.delivered}
        name = min(others, key=lambda key: others[key])
        return (
            f"Filled by {choice.delivered}: error {choice.expected_error:.4g} at {choice.hidden} measured values that "
            f"were hidden under gaps of other frames ({name}: {others[name]:.4g}). Noise: about {choice.noise:.2g}."
            f"{self._together}"
        )

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

    def section(self, frames: slice, seed: int, points: int) -> Section:
        """Its values in these frames, of which none is wanted."""
        seen = self.known[frames]
        values = np.where(seen, self.record.read(frames.start, frames.stop), 0)
        times = self.record.times[frames]
        return Section(values, seen, times, np.zeros_like(seen), seed, given=self.given, points=points)


def fill_record(
    record: Record, settings: FillSettings, write: Callable[[Part], None], others: Sequence[Record] = ()
) -> Account:
    """Fill a record; each part is handed to `write` when it is done, in the order of time.

    others: further variables with gaps of their own, which are used where they help. Raises InputError where a record
    has too few values, and where the others have other frames or times.
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
    sample, beside = _sample(record, known, settings.seed, beside)
    choice = chosen(sample, _names(settings, sample))
    counts = np.zeros(len(FLAGS), np.int64)
    covariance = sample.covariance
    beside = [replace(o, given=section.covariance) for o, section in zip(beside, sample.others, strict=True)]
    beside = beside if choice.is_joint else []
    del sample
    for core in _cores(record.shape):
        part = _filled(record, known, inside, core, settings, choice, covariance, beside)
        counts += np.bincount(part.flag.ravel(), minlength=len(FLAGS))
        write(part)
        del part
        trim_heap()
    by_name = dict(zip(FLAGS, counts.tolist(), strict=True))
    names = tuple(other.label.rpartition(":")[2] for other in others)
    return Account(choice, covariance, by_name, tuple(repeated), record.time_unit, names)


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
    return Section(values, seen, record.times[frames], nothing, seed, points=points, others=others), there


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
    others = tuple(other.section(around, seed, points) for other in beside if other.known[around].any())
    section = Section(kept, seen, record.times[around], wanted, seed, points=points, others=others)
    return section, own, outside


def _filled(
    record: Record,
    known: np.ndarray,
    inside: np.ndarray,
    core: tuple[int, int],
    settings: FillSettings,
    choice: Choice,
    covariance: SpaceTimeCovariance,
    beside: Sequence[_Other],
) -> Part:
    section, own, outside = _section(record, known, inside, core, settings.seed, beside)
    section = replace(section, given=covariance)
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
