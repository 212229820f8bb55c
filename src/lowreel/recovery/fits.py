"""The fits of a recovery on a device: quick baselines first, then a search or one fit, within the time allowed."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..data import hold_out
from ..model.representation import Representation
from ..settings import (
    LAST_EPOCHS_SHARE,
    LAST_STEP_SHARE,
    LEAST_HELDOUT_SHARE,
    Candidate,
    Precision,
    RecoverSettings,
    SolverSettings,
)
from ..solver.identity import check_same, identity
from ..solver.problem import Problem
from ..solver.schedule import weight_decay_of
from ..system.devices import CPU
from ..system.memory import trim_heap
from .accounting import finish
from .comparison import Baseline, OnBaseline, can_come_first, compared, noise_sigma
from .cost import rank_frames
from .fit import CTRL_C, Callback, Progress, Score, Trial, fit
from .policy import FitResult, smallest_rank, tried_ranks
from .search import TIME_LIMIT, search, varied
from .search_plan import Search, best_of
from .verdict import Outcome

STILL_FALLING_SHARE = 0.9
"""Where the best iterate of a fit comes after this share of its epochs, more epochs with all data help."""

NEAR_ERRORS = 2.0
"""The last fit may differ from the one that it goes on from, in the mean square, by so many held-out errors of that
one."""


@dataclass
class Fits:
    """The fits of a recovery on a device, all within the time limit of the settings, which leaves out the baselines.
    own_holdout: whether the user has said what is held out: then it is not changed.
    """

    settings: RecoverSettings
    device: torch.device
    choice: Candidate | None
    callback: Callback | None
    score: Score | None
    own_holdout: bool = False
    begun: float = 0.0

    def all(
        self, problem: Problem, plan: Search | None, resume: Progress | None, on_baseline: OnBaseline | None
    ) -> tuple[FitResult, Problem, dict[str, Baseline]]:
        """What the fits have come to, the problem that the last of them was of, and the quick baselines.

        These come first, to be shown. plan: the search; None for one fit alone.
        """
        if plan is None and not self.own_holdout:
            problem = _with_least_held_out(problem, self.settings)
        if resume is not None:
            _check_same_data(problem, self.settings, resume)
        quick = _quick(problem, self.settings, on_baseline)
        resume = self._connected(resume)
        self.begun = time.monotonic()
        found = self.single(problem, resume) if plan is None else self.chosen(problem, plan, resume)
        if not found.is_short:
            return found, problem, quick
        if not self.own_holdout:  # the search had no time: a single fit, whose data is held out in another way
            problem = _with_least_held_out(problem, self.settings)
        quick = _quick(problem, self.settings, None)
        return in_place_of(found, self.single(problem, None)), problem, quick

    def _connected(self, resume: Progress | None) -> Progress | None:
        """Move what the fit goes on from to the device, and have callbacks see everything on the CPU."""
        if self.callback is not None:
            self.callback = partial(_shown, self.callback, self.settings.solver().precision)
        if self.device != CPU:
            self.callback, resume, self.score = _across(self.device, self.callback, resume, self.score)
        return resume

    def chosen(self, problem: Problem, plan: Search, resume: Progress | None) -> FitResult:
        """The search and the last fit."""
        settings = self.settings.model_copy(update={"time": self._left()})
        return fit_chosen(problem.on(self.device), settings, plan, self.callback, resume, self.score)

    def single(self, problem: Problem, resume: Progress | None) -> FitResult:
        """One fit without a search."""
        solver = self.settings.solver()
        if self.choice is not None and self.settings.searches:
            problem, solver = varied(problem, self.choice), self.choice.solver(solver)
        return fit_once(problem.on(self.device), solver, self._left(), self.callback, resume, self.score)

    def _left(self) -> float | None:
        limit = self.settings.time
        return None if limit is None else max(limit - (time.monotonic() - self.begun), 0.0)


def _check_same_data(problem: Problem, settings: RecoverSettings, resume: Progress) -> None:
    """Raise InputError where what goes on was begun with other data or another operator: before files are written."""
    known = [resume.state.identity, *(trial.identity for trial in resume.trials)]
    known += [resume.trunk.state.identity] if resume.trunk else []
    saved = next((one for one in known if one), None)
    if saved is not None:
        here = identity(problem, settings.solver())
        check_same({what: here[what] for what in ("data", "operator")}, saved)


def _quick(problem: Problem, settings: RecoverSettings, on_baseline: OnBaseline | None) -> dict[str, Baseline]:
    """The quick baselines, where they are wanted and can be run before the fit."""
    if settings.baselines == "none" or not can_come_first(problem):
        return {}
    trim_heap()  # what the estimate has freed
    found = compared(problem, noise_sigma(problem), on_baseline, partial(finish, problem=problem))
    trim_heap()
    return found


def _with_least_held_out(problem: Problem, settings: RecoverSettings) -> Problem:
    """The problem of a single fit, which never sees what is held out: no more of it than has to be."""
    if settings.heldout is not None or not settings.searches or problem.start is not None:
        return problem
    share, known = LEAST_HELDOUT_SHARE, problem.known
    return replace(problem, heldout=hold_out(problem.operator, share, problem.seed, known=known, data=problem.data))


def _shown(callback: Callback, precision: Precision, progress: Progress) -> None:
    """Show where a run stands, with the precision that it was begun in."""
    callback(replace(progress, precision=precision))


def _across(
    device: torch.device, callback: Callback | None, resume: Progress | None, score: Score | None
) -> tuple[Callback | None, Progress | None, Score | None]:
    """What connects a fit on a device with its caller: what it goes on from is there, what it shows is on the CPU."""
    if resume is not None:
        resume = replace(resume, trials=tuple(trial.on(device) for trial in resume.trials))

    def shown(progress: Progress) -> None:
        assert callback is not None
        now = progress.now
        callback(progress if now is None else replace(progress, now=partial(_drawn, now)))

    def scored(frames: Tensor) -> float:
        assert score is not None
        return score(frames.cpu())

    return callback and shown, resume, score and scored


def _drawn(now: Callable[[], Representation]) -> Representation:
    """What a state stands for, on the CPU."""
    return now().on(CPU)


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
        weight_decay=weight_decay_of(problem, solver),
    )


def in_place_of(search: FitResult, single: FitResult) -> FitResult:
    """The better of a search that had too little time and of the single fit that was made after it."""
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

    limit = None if settings.time is None else settings.time * plan.in_turn / (plan.in_turn + LAST_EPOCHS_SHARE)
    done, trunk = (resume.trials, resume.trunk) if resume else ((), None)
    trials, stopped = search(
        problem, solver, plan, done=done, trunk=trunk, limit=limit, callback=searching, score=score
    )
    plan = plan.told_by(trials, trunk)

    def left() -> float | None:
        return None if settings.time is None else settings.time - (time.monotonic() - start)

    is_as_before = all(any(trial is old for old in done) for trial in trials)
    found = _best(problem, trials, solver, spent if is_as_before else seconds())
    if stopped is not None:
        is_short = stopped == TIME_LIMIT and all(trial.outcome.kind == "stopped" for trial in trials)
        return replace(found, outcome=_stopped(stopped, plan, trials), is_short=is_short)
    if found.outcome.kind in ("diverged", "stopped"):
        return found
    best, rest = best_of(trials), left()
    chosen, spared = varied(problem, best.choice), 0.0
    if rest is not None:
        drawing, each = _drawing_seconds(chosen, best), best.seconds / max(len(best.history), 1)
        ranks = len(tried_ranks(best.representation)) if _rank_is_open(found.solver, settings) else 0
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
    made = plan.epochs(best_of(found.trials).steps, found.trials)
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


def _best(problem: Problem, trials: tuple[Trial, ...], solver: SolverSettings, seconds: float) -> FitResult:
    """What the search came to."""
    best = best_of(trials)
    chosen = best.choice.solver(solver)
    return FitResult(
        representation=best.representation,
        judged=best.representation,
        error=best.error,
        chosen=best.step,
        history=best.history,
        outcome=best.outcome,
        steps=len(best.history),
        seconds=seconds,
        solver=chosen,
        weight_decay=weight_decay_of(varied(problem, best.choice), chosen),
        trials=trials,
    )


def _ended(found: FitResult, best: Trial, last: _Last, progress: Progress, outcome: Outcome) -> FitResult:
    """What the last fit came to, or the best of the search where it is far from that."""
    ended = progress.state.representation(last.problem, last.solver)
    seconds = found.seconds + progress.seconds
    cut_off = last.until is not None and progress.state.step < last.until
    if cut_off or not _is_near(ended, best, rank_frames(last.problem)):
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
    """The fit with all data. until: the epoch to end after, of a fit from scratch; None where it goes on."""

    problem: Problem
    solver: SolverSettings
    until: int | None


def _last_fit(problem: Problem, solver: SolverSettings, settings: RecoverSettings, best: Trial) -> _Last:
    """Going on from the best fit with smaller steps; or, where more epochs made its held-out error rise, from scratch
    to the epoch in which that was smallest. A problem that started from a neighbour cannot begin from scratch."""
    solver = _with_rank(problem, solver, settings, best)
    if problem.start is None and best.step < STILL_FALLING_SHARE * best.steps:
        return _Last(_of_all_data(problem), solver.model_copy(update={"steps": best.steps}), best.step)
    generator = copy.deepcopy(best.representation.generator).requires_grad_(True)
    start = best.representation.codes.matrix()
    steps = {"steps": max(1, round(LAST_EPOCHS_SHARE * best.steps)), "early_weight_decay": None}
    going_on = _of_all_data(problem, generator=generator, start=start)
    return _Last(going_on, solver.model_copy(update=steps | _smaller_steps(solver)), None)


def _of_all_data(problem: Problem, **changes: Any) -> Problem:
    """The same problem with nothing held out, and with these changes of where it starts.

    What its data sees of a natural clip is the sum of what was seen where it is fitted and where it is held out: of
    large frames that clip takes half an epoch to draw.
    """
    everything = replace(problem, heldout=None, **changes)
    if problem.heldout is not None and not problem.has_density:
        power, fitted, held = problem.probed
        vars(everything)["probed"] = (power, fitted + held, 0.0)
    return everything


def _smaller_steps(solver: SolverSettings) -> dict[str, float]:
    steps = {name: getattr(solver, name) for name in ("code_lr", "weight_lr", "matrix_lr")}
    return {name: LAST_STEP_SHARE * step for name, step in steps.items() if step is not None}


def _rank_is_open(solver: SolverSettings, settings: RecoverSettings) -> bool:
    return settings.rank == "auto" and solver.rank is None


def _with_rank(problem: Problem, solver: SolverSettings, settings: RecoverSettings, best: Trial) -> SolverSettings:
    """The settings with the smallest rank of the codes that held-out data allows, where none was given; codes with the
    motion of a camera, which has another unit, keep theirs."""
    if not _rank_is_open(solver, settings) or best.representation.generator.motion_numbers:
        return solver
    rank = smallest_rank(problem, best.representation)
    return solver.model_copy(update={"rank": rank}) if rank < min(best.representation.codes.matrix().shape) else solver


def _drawing_seconds(problem: Problem, best: Trial) -> float:
    """Seconds in which a clip is drawn and judged."""
    start = time.monotonic()
    problem.heldout_error(best.representation.frames())
    return time.monotonic() - start


def _is_near(ended: Representation, best: Trial, which: Sequence[int]) -> bool:
    """Whether what the last fit came to differs from the best of the search, in the frames with these numbers, by about
    its error and no more."""
    parts = zip(ended.stretches(which), best.representation.stretches(which), strict=True)
    squares = [(len(one), float((one - other).square().mean())) for one, other in parts]
    distance = sum(n * square for n, square in squares) / sum(n for n, _ in squares)
    return math.isfinite(distance) and distance <= NEAR_ERRORS * best.error


def _stopped(by: str, plan: Search, trials: tuple[Trial, ...]) -> Outcome:
    return Outcome(
        "stopped",
        f"Stopped by {by} in the search over settings, after {len(trials)} of at most {plan.most} fits; the best so "
        f"far is kept. Go on with --resume{'' if by == CTRL_C else ', use a longer --time, or --quality draft'}.",
        interrupted=by == CTRL_C,
    )
