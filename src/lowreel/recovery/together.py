"""Several clips of one kind, recovered by one generator; held-out data says of each whether it is better alone."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, Unpack

import torch
from torch import Tensor

from ..data import Noise
from ..errors import InputError
from ..model.generators import Generator
from ..model.latents import Codes, factorise
from ..model.representation import Representation
from ..operators import tensors_of
from ..settings import Candidate, RecoverKeywords, RecoverSettings, enough_share
from ..solver.grouped import GroupProblem, grouped
from ..solver.problem import Problem
from ..system.devices import CPU, device_of
from ..system.memory import trim_heap
from .accounting import accounted, in_units
from .chance import is_chance, is_chance_among
from .comparison import heldout_decibels
from .cost import Estimate
from .fit import Callback, Progress, Score
from .fits import Fits
from .levels import scored_in_units
from .policy import FitResult, plan_of, planned, with_precision
from .preparation import Given, checked_settings, given_data, posed
from .result import Recovery
from .search_plan import best_of
from .sharing import Chosen, Sharing

TOGETHER_TIME_SHARE = 0.5
"""Part of a time limit that the fit of all clips may take, where each is fitted alone, too."""


@contextmanager
def named(name: str) -> Iterator[None]:
    """Within the block, an error in the input names the clip it is of: raises InputError, as it was, with the name."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


@dataclass(frozen=True)
class ClipData:
    """What is known of a clip of a group, as the arguments of `recover` have it; name: for errors."""

    name: str
    data: Any
    operator: Any
    noise: float | Noise | Mapping[str, Any] | None = 0.0
    times: Tensor | Sequence[float] | None = None
    levels: Sequence[float] | None = None
    holdout: Any = None


@dataclass
class Group:
    """Several clips that are recovered by one generator: their data, and the steps of their recovery.

    given: of each clip the data in [0, 1], and its units; problem: of all; is_own: whether the generator is a user's.
    """

    names: tuple[str, ...]
    given: tuple[Given, ...]
    problem: GroupProblem
    settings: RecoverSettings
    is_own: bool = False

    @staticmethod
    def of(
        clips: Sequence[ClipData],
        settings: RecoverSettings | None = None,
        *,
        generator: Generator | str | None = None,
        **choices: Unpack[RecoverKeywords],
    ) -> Group:
        """The group of these clips, with everything checked that can be before the first epoch.

        Raises InputError, with the name of the clip, where one does not fit its operator, or the others.
        """
        settings, own = checked_settings(settings, choices, generator)
        given: list[Given] = []
        problems: list[Problem] = []
        for clip in clips:
            with named(clip.name):
                one = given_data(clip.data, clip.operator, clip.noise, None, clip.levels)
                if one.is_complex:
                    raise InputError("complex clips are recovered one by one; leave it out of the group")
                is_like_first = bool(problems) and one.operator.clip_shape[1:] == problems[0].operator.clip_shape[1:]
                made = problems[0].generator if own is None and is_like_first else own
                about: dict[str, Any] = {"times": clip.times, "holdout": clip.holdout, "may_follow": False}
                asking = settings if len(clips) == 1 else _with_enough_held_out(settings, one)
                problem = posed(one, asking, generator=made, sequences=(), beta=None, **about)
            given.append(one)
            problems.append(problem)
        names = tuple(clip.name for clip in clips)
        each = settings.rank != "auto" and not settings.is_line
        group = grouped(problems, names, "each" if each else "all")
        return Group(names, tuple(given), group, settings, own is not None)

    @property
    def device(self) -> torch.device:
        """On which the fits are."""
        return device_of(self.settings.device)

    def recovered(
        self,
        callback: Callback | None = None,
        *,
        always: bool = False,
        begin: Callable[[int | None], None] = lambda _: None,
    ) -> list[Recovery]:
        """The fit of all clips, one of each alone unless `always`, and what they come to. begin: told before each fit
        which clip it is of, None for all."""
        count, begun = len(self.given), time.monotonic()
        begin(None)
        asks = not always and count > 1
        shared = self.fit_together(callback, limit=self.limit(begun, asks=asks))
        alone: dict[int, FitResult] = {}
        for k in range(count) if asks and shared.outcome.kind != "stopped" else ():
            begin(k)
            try:
                alone[k] = self.fit_alone(k, shared, callback, limit=self.limit(begun, range(k, count)))
            except KeyboardInterrupt:  # before its first epoch
                break
            if alone[k].outcome.interrupted:
                break
        chosen = self.decided(shared, alone)
        return [self.account(k, shared, alone.get(k), chosen[k]) for k in range(count)]

    def limit(self, begun: float, left: Sequence[int] = (), *, asks: bool = True) -> float | None:
        """Seconds for the next fit of a recovery that began at `begun`: the fit of all clips, or that of the first of
        those left."""
        whole = self.settings.time
        if whole is None or not left:
            return whole if whole is None or not asks else TOGETHER_TIME_SHARE * whole
        lengths = [len(self.problem.clips[k].times) for k in left]
        return max(whole - (time.monotonic() - begun), 0.0) * lengths[0] / sum(lengths)

    def expectation(self, *, asks: bool) -> Estimate:
        """Time and memory of all fits and baselines. asks: whether each clip is fitted alone, too."""
        settings = with_precision(self.problem.on(self.device), self._without_baselines(None))
        needs = planned(self.problem, settings, given=self.is_own)[1]
        first = self.problem.clips[0]
        one = planned(first, self.settings.model_copy(update={"quality": "draft"}), given=self.is_own)[1]
        clips = len(self.problem.times) / len(first.times)
        seconds = needs.seconds + (clips * one.seconds if asks else 0.0)
        return replace(needs, seconds=seconds, baselines=clips * one.baselines)

    def fit_together(
        self,
        callback: Callback | None = None,
        resume: Progress | None = None,
        score: Score | None = None,
        limit: float | None = None,
    ) -> FitResult:
        """What the fits of all clips by one generator came to, on the CPU. limit: seconds. Raises InputError where they
        need more memory than is allowed, and where `resume` is of other data."""
        return self._fitted(self.problem, self._without_baselines(limit), None, callback, resume, score)

    def fit_alone(
        self,
        k: int,
        shared: FitResult,
        callback: Callback | None = None,
        resume: Progress | None = None,
        score: Score | None = None,
        limit: float | None = None,
    ) -> FitResult:
        """What the fit of a clip alone came to, with the settings that were chosen for all, on the CPU."""
        settings, choice = self._without_baselines(limit), None
        if settings.precision == "auto":
            settings = settings.model_copy(update={"precision": shared.solver.precision})
        if settings.searches:
            usual = Candidate(weight_decay=shared.solver.weight_decay, similarity=shared.solver.similarity)
            choice = best_of(shared.trials).choice if shared.trials else usual
        with named(self.names[k]):
            return self._fitted(self.problem.clips[k], settings, choice, callback, resume, score)

    def _without_baselines(self, limit: float | None) -> RecoverSettings:
        return self.settings.model_copy(update={"baselines": "none", "time": limit})

    def _fitted(
        self,
        problem: Problem,
        settings: RecoverSettings,
        choice: Candidate | None,
        callback: Callback | None,
        resume: Progress | None,
        score: Score | None,
    ) -> FitResult:
        ready = with_precision(problem.on(self.device), settings, resume)
        plan = plan_of(problem, ready, given=self.is_own, resume=resume, choice=choice)
        fits = Fits(ready, self.device, choice, callback, score, own_holdout=True)
        found = fits.all(problem, plan, resume, None)[0].on(CPU)
        trim_heap()
        return found

    def part(self, k: int, shared: FitResult) -> FitResult:
        """What the fits of all came to for one clip: its codes on the shared generator, judged by its own data."""
        clip, frames = self.problem.clips[k], self.problem.frames_of_clips[k]
        rank = shared.solver.rank if self.problem.rank_of == "each" else None

        def own(all_of_them: Representation) -> Representation:
            return replace(all_of_them, codes=_own_codes(all_of_them.codes, frames, clip.times, rank))

        trials = []
        for trial in shared.trials:
            representation = own(trial.representation)
            trials.append(replace(trial, representation=representation, error=_error(clip, representation)))
        judged = own(shared.judged)
        return replace(
            shared,
            representation=own(shared.representation),
            judged=judged,
            error=_error(clip, judged),
            seconds=shared.seconds * len(frames) / len(self.problem.times),
            trials=tuple(trials),
        )

    def decided(self, shared: FitResult, alone: Mapping[int, FitResult]) -> list[Sharing]:
        """How each clip is recovered. alone: what the fits of single clips came to, by the number of the clip.

        By its own held-out data where that tells both apart beyond chance (`chance.is_chance`); else by that of all
        clips, each counted in units of its own error; else by what the clips say, one by one, where they agree beyond
        chance (`chance.is_chance_among`). Where they do not either, together: so few numbers are where it helps
        (docs/choices.md). A clip that has no fit of its own, or one that failed, is recovered together, unless the
        shared one failed.
        """
        gains = {k: self._gains(k, shared, one) for k, one in alone.items() if math.isfinite(one.error)}
        known = {k: own for k, own in gains.items() if own is not None}
        pooled = _preferred(torch.cat(list(known.values()) or [torch.zeros(0)]))
        if pooled == "neither":
            pooled = _preferred_by_clips([_gain_in_decibels(own) for own in known.values()])
        found = []
        for k, clip in enumerate(self.problem.clips):
            own, one = self.part(k, shared), alone.get(k)
            level, other = (math.nan if fit is None else heldout_decibels(fit.error, clip) for fit in (own, one))
            terms = gains.get(k)
            told = "neither" if terms is None else _preferred(terms)
            may_be_chance = terms is not None and told == "neither"
            sure = pooled if may_be_chance else told
            has_failed = not math.isfinite(own.error) and one is not None
            chosen: Chosen = "alone" if has_failed or sure == "alone" else "together"
            by_all = may_be_chance and pooled != "neither"
            found.append(Sharing(len(self.given), chosen, level, other, may_be_chance, by_all))
        return found

    def _gains(self, k: int, shared: FitResult, alone: FitResult) -> Tensor | None:
        """By how much smaller the error together is at each held-out hole of a clip, over the mean of both, (N,); None
        where the fit of all failed."""
        clip, own = self.problem.clips[k], self.part(k, shared)
        if not math.isfinite(own.error):
            return None
        both = [clip.heldout_terms(found.judged.frames()).double() for found in (alone, own)]
        mean = float(sum(terms.mean() for terms in both)) / 2
        return (both[0] - both[1]) / max(mean, 1e-30)

    def account(
        self, k: int, shared: FitResult, alone: FitResult | None = None, sharing: Sharing | None = None
    ) -> Recovery:
        """The result of a clip: of the shared fits, or of its own where `sharing`, of `decided`, says so."""
        clip, found = self.problem.clips[k], self.part(k, shared)
        if alone is not None:
            is_alone = sharing is not None and sharing.chosen == "alone"
            best, other = (alone, found) if is_alone else (found, alone)
            trials = (*best.trials, *other.trials) if best.trials else ()  # a fit more to disagree with
            found = replace(best, seconds=best.seconds + other.seconds, trials=trials)
        result = accounted(clip, self.settings, found, self.device, {})
        if sharing is None or len(self.given) == 1:
            return in_units(self.given[k], result)
        verdict = result.verdict.with_more(sharing.sentence)
        return in_units(self.given[k], replace(result, verdict=verdict, together=sharing))

    def scored(self, scores: Sequence[Score | None]) -> Score | None:
        """The mean of the scores of the clips, from the frames of all; None where one of them has none."""
        known = [
            own
            for given, score in zip(self.given, scores, strict=True)
            if (own := scored_in_units(given.in_units, score)) is not None
        ]
        if len(known) < len(scores):
            return None
        parts = self.problem.frames_of_clips

        def score(frames: Tensor) -> float:
            each = [one(frames[own.start : own.stop]) for one, own in zip(known, parts, strict=True)]
            return sum(each) / len(each)

        return score


def _with_enough_held_out(settings: RecoverSettings, given: Given) -> RecoverSettings:
    """The settings with as much held out as tells fits apart, where nobody has said how much."""
    if settings.heldout is not None:
        return settings
    numbers = sum(int(known.sum()) for known in tensors_of(given.operator.observed_mask()))
    return settings.model_copy(update={"heldout": enough_share(numbers)})


def _preferred(gains: Tensor) -> Chosen | Literal["neither"]:
    """What gains of being together, (N,), say beyond chance; neither of none, and where all are zero."""
    if not bool(gains.any()) or is_chance(gains):
        return "neither"
    return "together" if float(gains.sum()) > 0 else "alone"


def _preferred_by_clips(gains: Sequence[float]) -> Chosen | Literal["neither"]:
    """What the gains of the clips by being together, in dB, say beyond chance."""
    if is_chance_among(gains):
        return "neither"
    return "together" if sum(gains) > 0 else "alone"


def _gain_in_decibels(gains: Tensor) -> float:
    """The gain of a clip in dB from those of its holes, in units of the mean of both errors, (N,): of the errors
    1 + g / 2 alone and 1 - g / 2 together."""
    gain = min(max(float(gains.mean()) / 2, -1 + 1e-9), 1 - 1e-9)
    return 10 * math.log10((1 + gain) / (1 - gain))


def _error(clip: Problem, found: Representation) -> float:
    """Held-out squared error per pixel; infinite where nothing can be said."""
    error = clip.heldout_error(found.frames())
    return error if math.isfinite(error) else math.inf


def _own_codes(codes: Codes, frames: range, times: Tensor, rank: int | None) -> Codes:
    """The codes of the frames of a clip, at its own times. rank: of its own, if it has one to keep.

    Those on a basis of all clips are on it where that is shorter than the codes themselves.
    """
    own = replace(codes.of(frames), times=times)
    if rank is not None:
        return factorise(own.matrix(), times, rank)
    is_short = own.basis is not None and len(own.basis) < min(len(times), own.basis.shape[1])
    return own if is_short else Codes(own.matrix(), times)
