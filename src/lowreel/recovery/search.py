"""The search over settings: fits side by side, each with settings of its own, judged by the same held-out data."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from ..errors import InputError
from ..model.generators import Decoder
from ..settings import BRANCH_SHARE, LOOK_SHARE, Candidate, SolverSettings
from ..solver.identity import check_same, identity
from ..solver.problem import Problem
from ..solver.schedule import planned_epochs
from ..system.threads import threads
from .comparison import heldout_decibels
from .fit import CTRL_C, FINISHED_SHARE, Callback, Progress, Score, Trial, fit, part_of
from .search_plan import Search, best_of, curbs_overfitting, is_whole, slower
from .verdict import Outcome


def varied(problem: Problem, choice: Candidate) -> Problem:
    """The problem with the generator of a choice; raises InputError where more stages are wanted of a generator that is
    no decoder. A problem that goes on from another fit keeps the generator of that.
    """
    if choice.extra_stages == 0 or problem.start is not None:
        return problem
    usual = problem.generator
    if not isinstance(usual, Decoder):
        raise InputError(f"extra_stages: only decoders can be, not a generator of kind {usual.kind}")
    return replace(
        problem, generator=usual.with_extra_stages(choice.extra_stages, seed=problem.seed).to(problem.device)
    )


def search(
    problem: Problem,
    solver: SolverSettings,
    plan: Search,
    *,
    done: tuple[Trial, ...] = (),
    trunk: Progress | None = None,
    limit: float | None = None,
    callback: Callback | None = None,
    score: Score | None = None,
) -> tuple[tuple[Trial, ...], str | None]:
    """Fit with every choice of the plan; the trials in their order, the best of them made to its end, and what stopped
    it or None.

    done, trunk: of an earlier session; they are not made again but for those that were cut off. limit: seconds for
    all: the schedule is shortened to end in time. callback: called, in this thread, after every epoch of any fit, and
    with what Ctrl-C cut off. Each fit is the same whatever runs beside it. On Ctrl-C the fits under way end with their
    best. Raises InputError where `done` is of another problem or plan.
    """
    plan = plan.told_by(done, trunk)
    _check_done(problem, solver, plan, done)
    cut = tuple(trial for trial in done if _is_cut(trial))
    trials: tuple[Trial, ...] = tuple(trial for trial in done if not _is_cut(trial))
    work = _Work(problem, solver, plan, limit, callback, score, trunk=trunk)
    stopped: str | None = None
    if work.trunk is None and plan.first not in [trial.choice for trial in trials]:
        first, stopped = work.make_trunk((*trials, *cut))
        if first is not None:
            trials = (first, *trials)
        work.plan = plan = plan.told_by(trials, work.trunk)
    while stopped is None and (choices := plan.next(trials)):
        found, stopped = _Wave(work, choices, (*trials, *cut)).run()
        trials = plan.ordered(_only_best_goes_on((*trials, *found)))
        if stopped is None and len([t for t in found if not _is_cut(t)]) < len(choices):
            stopped = TIME_LIMIT
    while stopped is None and (best := best_of(trials)).outcome.kind == "finished" and not is_whole(best):
        last, stopped = work.end(best, (*trials, *cut))
        trials = tuple(last if trial is best else trial for trial in trials)
    if not trials and work.trunk is not None and stopped is not None:
        trials = (work.trial(plan.first, work.trunk, Outcome("stopped", PARTED, interrupted=stopped == CTRL_C)),)
    if not trials and not cut:
        raise KeyboardInterrupt
    found = plan.ordered((*trials, *(old for old in cut if not _is_made_again(old, trials))))
    return tuple(t if t.progress is None else replace(t, progress=None) for t in found), stopped  # none goes on now


def _only_best_goes_on(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The trials; all but the best without what they would need to go on, their weights and moments."""
    best = best_of(trials) if trials else None
    return tuple(trial if trial is best else replace(trial, progress=None) for trial in trials)


TIME_LIMIT = "the time limit"

PARTED = "Stopped where the fits of the search part; go on with --resume."


def _is_made_again(old: Trial, trials: tuple[Trial, ...]) -> bool:
    """Whether a fit that was cut off has been made since, and with no fewer epochs."""
    return any(trial.choice == old.choice and len(trial.history) >= len(old.history) for trial in trials)


def _check_done(problem: Problem, solver: SolverSettings, plan: Search, done: tuple[Trial, ...]) -> None:
    due = plan.due(done)
    for trial in done:
        if trial.choice not in due:
            raise InputError(
                "resume: the search before was over other settings; give the same ones, or start a new run"
            )
        check_same(identity(varied(problem, trial.choice), trial.choice.solver(solver)), trial.identity)


@dataclass
class _Work:
    """What the fits of a search have in common. trunk: where they part, once that is made."""

    problem: Problem
    solver: SolverSettings
    plan: Search
    limit: float | None
    callback: Callback | None
    score: Score | None
    stop: threading.Event = field(default_factory=threading.Event)
    is_slow: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=lambda: time.monotonic())
    trunk: Progress | None = None

    def make_trunk(self, before: tuple[Trial, ...]) -> tuple[Trial | None, str | None]:
        """The first fit, up to where the others leave it; the trial and what stopped it, where it ended before that."""
        choice = self.plan.first
        show = self.shown(choice, before, lambda progress: progress.made)
        part = BRANCH_SHARE if self.plan.branches else 1.0
        try:
            progress, outcome = self.fit(choice, show, part=part, limit=self.share(self.plan.in_turn, 1.0))
        except KeyboardInterrupt:  # before the first epoch
            return None, CTRL_C
        is_there = outcome.kind == "finished" and progress.state.step >= part_of(part, progress.steps)
        if is_there and self.plan.branches and progress.state.step < progress.steps:
            self.trunk = self.with_fitted(progress)
            return None, None
        trial, stopped = self.trial(choice, progress, outcome), _stopper(outcome)
        if stopped == CTRL_C:
            with suppress(KeyboardInterrupt):
                self.shown(choice, (*before, trial), lambda here: here.made)(progress)
        if stopped is None and outcome.kind == "finished" and not is_there:
            stopped = TIME_LIMIT
        return trial, stopped

    def with_fitted(self, progress: Progress) -> Progress:
        """Where the trunk ends, with the error of the fitted data noted beside that of the held-out data, where the
        plan asks for it."""
        if not any(curbs_overfitting(change) for change in self.plan.changes):
            return progress
        representation = progress.state.representation(self.problem, self.plan.first.solver(self.solver))
        error = self.problem.fitted_error(representation.frames())
        return replace(progress, history=(*progress.history[:-1], progress.history[-1] | {"fitted": error}))

    def end(self, best: Trial, trials: tuple[Trial, ...]) -> tuple[Trial, str | None]:
        """The best of the trials, made to its end."""
        made, looked, progress = _made(trials, self.trunk), len(best.history), best.progress
        if progress is None:  # of an earlier session: made again to where it stood, to the same bits
            show = self.shown(best.choice, trials, lambda _: made)
            limit = self.share_of(best.choice, [best.choice], 0)
            with threads(self.threads_each):
                progress, outcome = self.fit(
                    best.choice, show, resume=self.parted(best.choice), part=LOOK_SHARE, limit=limit
                )
            if progress.state.step < looked:
                return best, _stopper(outcome) or TIME_LIMIT
        show = self.shown(best.choice, trials, lambda here: made + here.made - looked)
        progress, outcome = self.fit(best.choice, show, resume=progress, limit=self.share(1.0, 1.0))
        return self.trial(best.choice, progress, outcome), _stopper(outcome)

    @property
    def threads_each(self) -> int:
        """Threads of a fit beside others."""
        return max(1, torch.get_num_threads() // self.plan.at_once)

    def parted(self, choice: Candidate) -> Progress | None:
        """Where the fit of a choice starts: the trunk, as if it had been its own; None where it starts afresh."""
        if self.trunk is None or choice.begins_afresh:
            return None
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)
        state = replace(self.trunk.state, identity=identity(problem, solver))
        now = partial(state.representation, problem, solver)
        error = self.trunk.history[-1]["heldout"]  # of its last state; the first check of its own takes its place
        error = math.inf if error is None else error
        return replace(self.trunk, state=state, best=state, best_error=error, least=None, now=now)

    def fit(
        self,
        choice: Candidate,
        callback: Callback | None,
        *,
        limit: float | None,
        resume: Progress | None = None,
        part: float = 1.0,
    ) -> tuple[Progress, Outcome]:
        """One of the fits; where a time limit leaves it too few epochs it ends at once."""
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)
        steps = resume.steps if resume else planned_epochs(problem, solver)
        return fit(
            problem,
            solver,
            limit=limit,
            callback=callback,
            resume=resume,
            score=self.score,
            part=part,
            least=math.ceil(FINISHED_SHARE * steps),
        )

    def share_of(self, choice: Candidate, turn: Sequence[Candidate], waves: int) -> float | None:
        """Seconds for the rest of the schedule of one of the fits that are made now, with so many waves of fits after
        them."""
        shares = [LOOK_SHARE - self.begun_at(one) for one in turn]
        return self.share(self.plan.to_come(shares, waves), (1 - self.begun_at(choice)) * slower(self.plan.at_once))

    def share(self, all_of_it: float, own: float) -> float | None:
        """Seconds for one fit out of those that are left: `own` is its work, `all_of_it` all the work that is still to
        come."""
        if self.limit is None:
            return None
        return max(self.limit - (time.monotonic() - self.begun), 0.0) * own / all_of_it

    def begun_at(self, choice: Candidate) -> float:
        """The share of its epochs that a fit has from the trunk."""
        return 0.0 if self.trunk is None or choice.begins_afresh else BRANCH_SHARE

    def trial(self, choice: Candidate, progress: Progress, outcome: Outcome) -> Trial:
        """What a fit came to, so far."""
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)
        return Trial(
            choice,
            progress.best.representation(problem, solver),
            progress.best_error,
            progress.best.step,
            progress.steps,
            progress.seconds,
            outcome,
            progress.history,
            progress.best.identity,
            progress,
        )

    def is_parted(self, trials: tuple[Trial, ...]) -> bool:
        """Whether the fits share a trunk, or will once it is made; not where it has failed."""
        return self.trunk is not None or self.plan.first not in [trial.choice for trial in trials if not _is_cut(trial)]

    def shown(self, choice: Candidate, trials: tuple[Trial, ...], made: Callable[[Progress], int]) -> Callback:
        """Shows the fit of a choice beside the trials that are done; made: epochs of all by then."""
        due, parted = self.plan.due(trials), self.is_parted(trials)
        number = due.index(choice) if choice in due else len(due)

        def show(progress: Progress) -> None:
            if self.callback is None:
                return
            planned = max(made(progress), self.plan.epochs(progress.steps, trials, parted=parted))
            self.callback(
                replace(
                    progress,
                    stage="search",
                    trials=trials,
                    at_once=self.plan.at_once,
                    made=made(progress),
                    planned=planned,
                    number=number,
                    trunk=self.trunk,
                    told=partial(heldout_decibels, problem=self.problem),  # one factor for all fits
                )
            )

        return show


def _stopper(outcome: Outcome) -> str | None:
    if outcome.kind != "stopped":
        return None
    return CTRL_C if outcome.interrupted else TIME_LIMIT


def _is_cut(trial: Trial) -> bool:
    return trial.outcome.kind == "stopped"


def _made(trials: tuple[Trial, ...], trunk: Progress | None) -> int:
    """Epochs made by the trials: those that they share count once, those of trials that are made again do not count."""
    shared = 0 if trunk is None else trunk.state.step
    whole = [trial for trial in trials if not _is_cut(trial)]
    return shared + sum(len(trial.history) - (0 if trial.choice.begins_afresh else shared) for trial in whole)


@dataclass
class _Wave:
    """Choices that are tried at once, from where they part to where the best is seen."""

    work: _Work
    choices: list[Candidate]
    before: tuple[Trial, ...]
    epochs: queue.SimpleQueue[tuple[int, Progress | Trial | None]] = field(default_factory=queue.SimpleQueue)

    def run(self) -> tuple[tuple[Trial, ...], str | None]:
        """The trials, in the order of the choices, and what stopped them."""
        found: dict[int, Trial] = {}
        stop, trunk = self.work.stop, self.work.trunk
        pending, stopped = set(range(len(self.choices))), None
        made = dict.fromkeys(range(len(self.choices)), 0)
        before = _made(self.before, trunk)
        last: tuple[int, Progress] | None = None
        with threads(self.work.threads_each), ThreadPoolExecutor(self.work.plan.at_once) as pool:
            futures = [pool.submit(self._fit, k) for k in sorted(pending)]
            while pending:
                try:
                    k, news = self.epochs.get()
                    if isinstance(news, Progress):
                        made[k], last = news.made - self._shared(k), (k, news)
                        if stopped is None:
                            self._show(k, news, found, before + sum(made.values()))
                        continue
                    pending.discard(k)
                    if news is not None:
                        found[k] = news
                        kept = _only_best_goes_on(tuple(found.values()))
                        found = dict(zip(found, kept, strict=True))
                except KeyboardInterrupt:
                    stopped = CTRL_C
                    stop.set()
                except BaseException:
                    stop.set()
                    raise
            for future in futures:
                future.result()
        if last is None and trunk is not None:  # what is saved of it lets a search go on from there
            last = 0, trunk
        if stopped and last:
            with suppress(KeyboardInterrupt):
                self._show(*last, found, before + sum(made.values()))
        return tuple(found[k] for k in sorted(found)), stopped

    def _shared(self, k: int) -> int:
        """Epochs of a choice's fit that are the trunk's."""
        trunk = self.work.trunk
        return 0 if trunk is None or self.choices[k].begins_afresh else trunk.state.step

    def _fit(self, k: int) -> None:
        trial = None
        try:
            if not self.work.stop.is_set() and not self.work.is_slow.is_set():
                trial = self._trial(k)
        except KeyboardInterrupt:  # stopped before the first epoch
            pass
        except BaseException:
            self.work.stop.set()
            raise
        finally:
            self.epochs.put((k, trial))

    def _trial(self, k: int) -> Trial:
        choice = self.choices[k]

        def callback(progress: Progress) -> None:
            self.epochs.put((k, progress))
            if self.work.stop.is_set():
                raise KeyboardInterrupt

        work, at_once = self.work, self.work.plan.at_once
        turn, waves = self.choices[at_once * (k // at_once) :], work.plan.open_waves(self.before)
        limit = work.share_of(choice, turn, waves)
        progress, outcome = work.fit(choice, callback, resume=work.parted(choice), part=LOOK_SHARE, limit=limit)
        if outcome.kind == "finished" and progress.state.step < part_of(LOOK_SHARE, progress.steps):
            outcome = Outcome("stopped", f"The time limit ended this fit after {progress.state.step} epochs.")
        if outcome.kind == "stopped" and not outcome.interrupted:
            self.work.is_slow.set()  # so would be those that are still to be begun
        return self.work.trial(choice, progress, outcome)

    def _show(self, k: int, progress: Progress, found: dict[int, Trial], made: int) -> None:
        done = (*self.before, *(found[k] for k in sorted(found)))
        self.work.shown(self.choices[k], done, lambda _: made)(progress)
