"""The fits of a recovery: one with fixed settings, or a search by held-out data and a last fit with all data."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from ..model.generators import Decoder
from ..model.latents import factorise
from ..model.representation import Representation
from ..settings import LAST_ROUNDS_SHARE, LAST_STEP_SHARE, MOVES, SWEEPS, Candidate, RecoverSettings, SolverSettings
from ..solver.precision import precision_of
from ..solver.problem import Problem
from ..system.devices import device_of
from ..system.memory import parse_bytes
from .cost import Estimate, estimate
from .fit import CTRL_C, Callback, Progress, Score, Trial, fit
from .search import TIME_LIMIT, search, varied
from .search_plan import Search, best_of, side_by_side
from .verdict import Outcome

FEW_NUMBERS = 8
"""Held-out numbers under which their error says nothing about the clip."""

SEARCH_TIME_SHARE = 0.5
"""Share of the time of a whole search under which a time limit leaves one fit with fixed settings instead."""

LEAST_COARSE_PIXELS = 4
"""Pixels a side that the coarse grid of a decoder has at least, for a deeper one to be tried."""

STILL_FALLING_SHARE = 0.9
"""Share of its rounds after which the best iterate of a fit has to come, for more rounds with all data to help."""

NEAR_ERRORS = 2.0
"""Mean square distance of the last fit from the one it goes on from, in held-out errors of that one, at most."""


@dataclass(frozen=True)
class FitResult:
    """What the fits came to. judged: the representation that the held-out data, of which it saw nothing, gave `error`,
    in round `chosen` of `steps`; the delivered one may be that of a last fit with all data, of `last_steps` rounds.
    is_short: whether a time limit left no fit of a search enough rounds, so that a single one is to be made instead."""

    representation: Representation
    judged: Representation
    error: float
    chosen: int
    history: tuple[dict[str, Any], ...]
    outcome: Outcome
    steps: int
    seconds: float
    solver: SolverSettings
    trials: tuple[Trial, ...] = ()
    last_steps: int = 0
    is_short: bool = False

    def on(self, device: torch.device) -> FitResult:
        """The same with all representations on a device."""
        here, judged = self.representation.on(device), self.judged.on(device)
        return replace(self, representation=here, judged=judged, trials=tuple(t.on(device) for t in self.trials))


def planned(
    problem: Problem,
    settings: RecoverSettings,
    *,
    given: bool = False,
    resume: Progress | None = None,
    choice: Candidate | None = None,
) -> tuple[Search | None, Estimate]:
    """What is tried, or None where there is one fit, and what fits and baselines will take.

    There is one fit where nothing is to choose, or nothing to choose by, or no time for it. given: whether the
    generator is somebody's own, whose size is not to be chosen. resume: what goes on, as it was begun. choice: what
    was chosen before, for data of the same kind; it alone is then fitted, however little time there is. Raises
    InputError where this machine lacks the device of the settings.
    """
    problem = problem.on(device_of(settings.device))
    settings = with_precision(problem, settings, resume)
    one = estimate(problem, settings.solver(), settings.baselines)
    goes_on = resume.stage if resume else None
    if not settings.searches or problem.held_count < FEW_NUMBERS or goes_on == "fit":
        return None, one
    if choice is not None:
        return Search(choice, (), 0), one.several(1, 1 + LAST_ROUNDS_SHARE)
    plan = search_plan(problem, settings, given=given)
    room = max(0, parse_bytes(settings.memory) - one.memory) // max(one.each, 1)
    plan = replace(plan, at_once=resume.at_once if resume else side_by_side(problem, plan, 1 + room))
    short = settings.time is not None and settings.time < SEARCH_TIME_SHARE * one.seconds * (
        plan.in_turn + LAST_ROUNDS_SHARE
    )
    if short and goes_on is None:
        return None, one
    return plan, one.several(plan.at_once, plan.in_turn + LAST_ROUNDS_SHARE)


def with_precision(problem: Problem, settings: RecoverSettings, resume: Progress | None = None) -> RecoverSettings:
    """The settings with the precision in which this machine is faster, or in which the run was begun."""
    if settings.precision != "auto":
        return settings
    precision = resume.precision if resume else precision_of(problem, settings.solver())
    return settings.model_copy(update={"precision": precision})


def search_plan(problem: Problem, settings: RecoverSettings, *, given: bool = False) -> Search:
    """The preset and the changes of it that the user's choices leave open."""
    solver = settings.solver()
    coarse = problem.generator.coarse if isinstance(problem.generator, Decoder) else (0, 0)
    fixed = {"similarity"} if settings.similarity != "auto" else set()
    grows = not given and settings.generator in ("auto", "decoder") and min(coarse) >= LEAST_COARSE_PIXELS
    fixed |= set() if grows else {"extra_stages"}
    changes = tuple(change for change in MOVES[settings.quality] if not fixed & set(change))
    return Search(
        Candidate(weight_decay=solver.weight_decay, similarity=solver.similarity), changes, SWEEPS[settings.quality]
    )


def fit_once(
    problem: Problem,
    solver: SolverSettings,
    limit: float | None,
    callback: Callback | None,
    resume: Progress | None,
    score: Score | None,
) -> FitResult:
    """One fit with fixed settings; the best iterate by held-out data is delivered."""
    progress, outcome = fit(problem, solver, limit=limit, callback=callback, resume=resume, score=score)
    best = progress.best.representation(problem, solver)
    return FitResult(
        representation=best,
        judged=best,
        error=progress.best_error,
        chosen=progress.best.step,
        history=progress.history,
        outcome=outcome,
        steps=progress.state.step,
        seconds=progress.seconds,
        solver=solver,
    )


def in_place_of(search: FitResult, single: FitResult) -> FitResult:
    """What a single fit came to that was made because the search before it was too short; the better of both."""
    seconds = search.seconds + single.seconds
    better = single if single.error <= search.error else replace(search, outcome=single.outcome, is_short=False)
    return replace(better, seconds=seconds, trials=())


def fit_chosen(
    problem: Problem,
    settings: RecoverSettings,
    plan: Search,
    callback: Callback | None,
    resume: Progress | None,
    score: Score | None,
) -> FitResult:
    """The search, then a last fit with all data and the settings that were chosen.

    Without the last one where the search was stopped, where no time is left for it, and where it ends far from the best
    fit of the search.
    """
    solver, start, spent = settings.solver(), time.monotonic(), resume.before if resume else 0.0

    def seconds() -> float:
        return spent + time.monotonic() - start

    def searching(progress: Progress) -> None:
        if callback is not None:
            callback(replace(progress, before=seconds()))

    limit = None if settings.time is None else settings.time * plan.in_turn / (plan.in_turn + LAST_ROUNDS_SHARE)
    done, trunk = (resume.trials, resume.trunk) if resume else ((), None)
    trials, stopped = search(
        problem, solver, plan, done=done, trunk=trunk, limit=limit, callback=searching, score=score
    )
    plan = plan.told_by(trials, trunk)

    def left() -> float | None:
        return None if settings.time is None else settings.time - (time.monotonic() - start)

    is_as_before = all(any(trial is old for old in done) for trial in trials)
    found = _best(trials, solver, spent if is_as_before else seconds())
    if stopped is not None:
        is_short = stopped == TIME_LIMIT and all(trial.outcome.kind == "stopped" for trial in trials)
        return replace(found, outcome=_stopped(stopped, plan, trials), is_short=is_short)
    if found.outcome.kind in ("diverged", "stopped"):
        return found
    best, rest = best_of(trials), left()
    chosen, spared = varied(problem, best.choice), 0.0
    if rest is not None:
        drawing, each = _drawing_seconds(chosen, best), best.seconds / max(len(best.history), 1)
        ranks = len(_ranks(best.representation)) if _rank_is_open(found.solver, settings) else 0
        spared = 2 * drawing  # to see whether what it ends in is near
        if rest - drawing < ranks * drawing + spared + each + drawing:
            return found
    last, rest = _last_fit(chosen, found.solver, settings, best), left()
    if last.until is not None and rest is not None and rest - spared < best.seconds * last.until / best.steps:
        return found
    progress, outcome = fit(
        last.problem,
        last.solver,
        limit=None if rest is None else max(rest - spared, 0.0),
        callback=None if callback is None else partial(_show_last, callback, plan, found, last.until),
        resume=resume if resume and resume.stage == "last" else None,
        score=score,
        until=last.until,
    )
    return _ended(found, best, last, progress, outcome)


def _show_last(callback: Callback, plan: Search, found: FitResult, until: int | None, progress: Progress) -> None:
    """Show where the last fit stands, after the search that `found` came from."""
    made = plan.rounds(best_of(found.trials).steps, found.trials)
    callback(
        replace(
            progress,
            stage="last",
            trials=found.trials,
            at_once=plan.at_once,
            before=found.seconds,
            made=made + progress.made,
            planned=made + (until or progress.planned),
        )
    )


def _best(trials: tuple[Trial, ...], solver: SolverSettings, seconds: float) -> FitResult:
    """What the search came to."""
    best = best_of(trials)
    return FitResult(
        representation=best.representation,
        judged=best.representation,
        error=best.error,
        chosen=best.step,
        history=best.history,
        outcome=best.outcome,
        steps=len(best.history),
        seconds=seconds,
        solver=best.choice.solver(solver),
        trials=trials,
    )


def _ended(found: FitResult, best: Trial, last: _Last, progress: Progress, outcome: Outcome) -> FitResult:
    """What the last fit came to, or the best of the search where it is far from that."""
    ended = progress.state.representation(last.problem, last.solver)
    seconds = found.seconds + progress.seconds
    cut_off = last.until is not None and progress.state.step < last.until
    if cut_off or not _is_near(ended, best):
        return replace(found, seconds=seconds, outcome=outcome if outcome.interrupted else best.outcome)
    rows = tuple(
        row | {"step": row["step"] + best.step, "seconds": round(row["seconds"] + found.seconds, 3)}
        for row in progress.history
    )
    before = tuple(row for row in best.history if row["step"] <= best.step)
    return replace(
        found,
        representation=ended,
        history=best.history if last.until else before + rows,
        outcome=outcome if outcome.interrupted else best.outcome,
        last_steps=progress.state.step,
        seconds=seconds,
        solver=last.solver,
    )


@dataclass(frozen=True)
class _Last:
    """The fit with all data. until: the round to end after, of a fit from scratch; None where it goes on."""

    problem: Problem
    solver: SolverSettings
    until: int | None


def _last_fit(problem: Problem, solver: SolverSettings, settings: RecoverSettings, best: Trial) -> _Last:
    """Going on from the best fit with smaller steps; or, where more rounds made its held-out error rise, from scratch
    to the round in which that was smallest. A problem that goes on from a neighbour has no scratch to begin from."""
    everything = replace(problem, heldout=None)
    solver = _with_rank(problem, solver, settings, best)
    if problem.start is None and best.step < STILL_FALLING_SHARE * best.steps:
        return _Last(everything, solver.model_copy(update={"steps": best.steps}), best.step)
    generator = copy.deepcopy(best.representation.generator).requires_grad_(True)
    start = best.representation.codes.matrix()
    steps = {"steps": max(1, round(LAST_ROUNDS_SHARE * best.steps)), "early_weight_decay": None}
    going_on = replace(everything, generator=generator, start=start)
    return _Last(going_on, solver.model_copy(update=steps | _smaller_steps(solver)), None)


def _smaller_steps(solver: SolverSettings) -> dict[str, float]:
    steps = {name: getattr(solver, name) for name in ("code_lr", "weight_lr", "matrix_lr")}
    return {name: LAST_STEP_SHARE * step for name, step in steps.items() if step is not None}


def _rank_is_open(solver: SolverSettings, settings: RecoverSettings) -> bool:
    return settings.rank == "auto" and solver.rank is None


def _with_rank(problem: Problem, solver: SolverSettings, settings: RecoverSettings, best: Trial) -> SolverSettings:
    """The settings with the smallest rank of the codes that held-out data allows, where none was given."""
    if not _rank_is_open(solver, settings):
        return solver
    rank = smallest_rank(problem, best.representation)
    return solver.model_copy(update={"rank": rank}) if rank < min(best.representation.codes.matrix().shape) else solver


def _drawing_seconds(problem: Problem, best: Trial) -> float:
    """Seconds in which a clip is drawn and judged."""
    start = time.monotonic()
    problem.heldout_error(best.representation.frames())
    return time.monotonic() - start


def _is_near(ended: Representation, best: Trial) -> bool:
    """Whether what the last fit came to differs from the best of the search by about its error and no more."""
    distance = float((ended.frames() - best.representation.frames()).square().mean())
    return math.isfinite(distance) and distance <= NEAR_ERRORS * best.error


def _stopped(by: str, plan: Search, trials: tuple[Trial, ...]) -> Outcome:
    return Outcome(
        "stopped",
        f"Stopped by {by} in the search over settings, after {len(trials)} of at most {plan.most} fits; the best so "
        f"far is kept. Go on with --resume{'' if by == CTRL_C else ', use a longer --time, or --quality draft'}.",
        interrupted=by == CTRL_C,
    )


RANK_ERROR_FACTOR = 1.01
"""By how much the held-out error may rise for codes of smaller rank."""


def smallest_rank(problem: Problem, found: Representation) -> int:
    """The smallest rank of the codes at which the held-out error is within a hundredth of its smallest.

    The codes are cut off after their first r singular vectors and the frames drawn and judged anew, for r in steps of
    about a third.
    """
    codes, errors = found.codes.matrix(), {}
    for rank in _ranks(found):
        cut = replace(found, codes=factorise(codes, found.times, rank))
        errors[rank] = problem.heldout_error(cut.frames())
    least = min(errors.values())
    return min(rank for rank, error in errors.items() if error <= RANK_ERROR_FACTOR * least)


def _ranks(found: Representation) -> list[int]:
    """The ranks that are tried, rising."""
    full = min(found.codes.matrix().shape)
    return sorted({min(full, round(4 / 3 * 1.4**k)) for k in range(64)} | {full})
