"""The search over settings: fits side by side, each with settings of its own, judged by the same held-out data."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

import torch

from ..errors import InputError
from ..fitting import CTRL_C, ENOUGH, Outcome, Progress, Score, Trial, Watch, fit
from ..generators import Decoder
from ..measure import is_of_others
from ..settings import BRANCH, LOOK, Choice, SolverSettings
from ..solver import Problem, check_same, identity, planned_rounds


@dataclass(frozen=True)
class Search:
    """What is tried. first: the preset's own choice; changes: of it, one at a time; waves: how often, each time of
    the best so far. at_once: fits side by side, at most.

    Up to `BRANCH` of the rounds the choices that begin alike share one fit, the trunk, which is that of the first; a
    change of the generator, or of the first half, starts afresh. After `LOOK` of the rounds the best of all goes on
    alone to the end.
    """

    first: Choice
    changes: tuple[dict[str, float], ...]
    waves: int
    at_once: int = 1

    def due(self, trials: Sequence[Trial]) -> list[Choice]:
        """All choices that are to be tried, those of these trials too, as far as these decide; in order."""
        due = [self.first, *(self._changed(self.first) if self.waves else [])]
        for _ in range(1, self.waves):
            made = [trial for trial in trials if trial.choice in due]
            if len(made) < len(due):
                break
            due += [choice for choice in self._changed(best_of(made).choice) if choice not in due]
        return due

    def next(self, trials: Sequence[Trial]) -> list[Choice]:
        """The choices to try after these, none where the search is over."""
        known = [trial.choice for trial in trials]
        return [choice for choice in self.due(trials) if choice not in known]

    def ordered(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        """The trials in the order in which they were due, whichever ended first."""
        due = self.due(trials)
        return tuple(sorted(trials, key=lambda trial: due.index(trial.choice)))

    def _changed(self, choice: Choice) -> list[Choice]:
        return [choice.model_copy(update=change) for change in self.changes]

    @property
    def branches(self) -> bool:
        """Whether there is anything to choose: otherwise the first fit simply goes to its end."""
        return self.waves > 0 and bool(self.changes)

    @property
    def most(self) -> int:
        """Choices at most."""
        return 1 + (self.waves * len(self.changes) if self.branches else 0)

    @property
    def most_rounds(self) -> float:
        """Rounds of all fits, at most, in schedules of one."""
        if not self.branches:
            return 1.0
        tails = sum(LOOK - _begun(change) for _ in range(self.waves) for change in ({}, *self.changes))
        return BRANCH + tails - (self.waves - 1) * (LOOK - BRANCH) + 1 - LOOK

    @property
    def in_turn(self) -> float:
        """How long the fits take, in fits with all threads one after the other, about."""
        if not self.branches:
            return 1.0
        return BRANCH + (self.most_rounds - BRANCH - (1 - LOOK)) * slower(self.at_once) / self.at_once + 1 - LOOK


def _begun(change: Mapping[str, float]) -> float:
    """The share of the rounds that a changed choice has from the trunk."""
    return 0.0 if {"deeper", "early_decay"} & set(change) else BRANCH


def slower(at_once: int) -> float:
    """How many times as long a fit takes beside others as alone with the threads of all, about."""
    return at_once**SCALING


SCALING = 0.7
"""Power of the number of threads by which a fit is faster: 1.6 times with two (docs/choices.md)."""


def best_of(trials: Iterable[Trial]) -> Trial:
    """The one with the smallest held-out error, the first of equals."""
    return min(trials, key=lambda trial: trial.error)


def varied(problem: Problem, choice: Choice) -> Problem:
    """The problem with the generator of a choice; raises InputError where it is no decoder and should be deeper.

    One that goes on from another fit has the generator of that, chosen before.
    """
    if choice.deeper == 0 or problem.start is not None:
        return problem
    usual = problem.generator
    if not isinstance(usual, Decoder):
        raise InputError(f"deeper: only decoders can be, not a generator of kind {usual.kind}")
    return replace(problem, generator=usual.deeper(choice.deeper, seed=problem.seed).to(problem.device))


def search(
    problem: Problem,
    solver: SolverSettings,
    plan: Search,
    *,
    done: tuple[Trial, ...] = (),
    trunk: Progress | None = None,
    limit: float | None = None,
    watch: Watch | None = None,
    score: Score | None = None,
) -> tuple[tuple[Trial, ...], str | None]:
    """Fit with every choice of the plan; the trials in their order, the best of them made to its end, and what stopped
    it or None.

    done, trunk: of an earlier session; they are not made again but for those that were cut off. limit: seconds for
    all: the schedule is shortened to end in time. watch: called, in this thread, after every round of any fit, and
    with what Ctrl-C cut off. Each fit is the same whatever runs beside it. On Ctrl-C the fits under way end with their
    best. Raises InputError where `done` is of another problem or plan.
    """
    _check_done(problem, solver, plan, done)
    cut = tuple(trial for trial in done if trial.outcome.kind == "stopped")
    trials: tuple[Trial, ...] = tuple(trial for trial in done if trial.outcome.kind != "stopped")
    work = _Work(problem, solver, plan, limit, watch, score, trunk=trunk)
    stopped: str | None = None
    if work.trunk is None and len(trials) < len(plan.due(trials)):
        first, stopped = work.make_trunk(cut)
        if first is not None and all(trial.choice != first.choice for trial in trials):
            trials = plan.ordered((*trials, first))
    while stopped is None and (choices := plan.next(trials)):
        found, stopped = _Wave(work, choices, (*trials, *cut)).run()
        trials = plan.ordered(_only_best_goes_on((*trials, *found)))
        if stopped is None and len([t for t in found if t.outcome.kind != "stopped"]) < len(choices):
            stopped = TIME_LIMIT
    if stopped is None and (best := best_of(trials)).outcome.kind == "finished" and not is_whole(best):
        last, stopped = work.end(best, (*trials, *cut))
        trials = tuple(last if trial is best else trial for trial in trials)
    if not trials and not cut:
        raise KeyboardInterrupt
    return plan.ordered((*trials, *(old for old in cut if not _is_made_again(old, trials)))), stopped


def is_whole(trial: Trial) -> bool:
    """Whether a fit has been made to the end of its schedule."""
    return len(trial.history) >= trial.steps


def _only_best_goes_on(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """The trials without what the others would need to go on: weights and moments of each."""
    best = best_of(trials) if trials else None
    return tuple(trial if trial is best else replace(trial, progress=None) for trial in trials)


TIME_LIMIT = "the time limit"


def _is_made_again(old: Trial, trials: tuple[Trial, ...]) -> bool:
    """Whether a fit that was cut off has been made since, and with no fewer rounds."""
    return any(trial.choice == old.choice and len(trial.history) >= len(old.history) for trial in trials)


def _check_done(problem: Problem, solver: SolverSettings, plan: Search, done: tuple[Trial, ...]) -> None:
    due = plan.due(done)
    for trial in done:
        if trial.choice not in due:
            raise InputError(
                "resume: the search before was over other settings; give the same ones, or start a new run"
            )
        check_same(identity(varied(problem, trial.choice), trial.choice.solver(solver)), trial.identity)


def side_by_side(problem: Problem, count: int, most: int) -> int:
    """Fits that are made at once, at most `most` of so many, with a share of the threads each.

    One where a fit of its own for each core is not sooner done than one after the other with all of them. One alone on
    an accelerator, which a fit fills, and with operators of others, which may not be safe to share.
    """
    if problem.device.type != "cpu" or is_of_others(problem.operator):
        return 1
    able = range(1, max(1, min(most, torch.get_num_threads())) + 1)
    return min(able, key=lambda at_once: (round(math.ceil(count / at_once) * slower(at_once), 6), at_once))


@dataclass
class _Work:
    """What the fits of a search have in common. trunk: where they part, once that is made."""

    problem: Problem
    solver: SolverSettings
    plan: Search
    limit: float | None
    watch: Watch | None
    score: Score | None
    stop: threading.Event = field(default_factory=threading.Event)
    is_slow: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=lambda: time.monotonic())
    trunk: Progress | None = None

    def make_trunk(self, cut: tuple[Trial, ...]) -> tuple[Trial | None, str | None]:
        """The first fit, up to where the others leave it; the trial and what stopped it, where it ended before that."""
        choice = self.plan.first
        show = self.shown(0, cut, lambda progress: progress.made)
        part = BRANCH if self.plan.branches else 1.0
        progress, outcome = self.fit(choice, show, part=part)
        if self.plan.branches and outcome.kind == "finished" and not is_stopped_early(progress, part):
            self.trunk = progress
            return None, None
        return self.ended(0, choice, progress, outcome, cut, progress.made)

    def ended(
        self, number: int, choice: Choice, progress: Progress, outcome: Outcome, others: tuple[Trial, ...], made: int
    ) -> tuple[Trial, str | None]:
        """The trial that a fit is, and what stopped it; what Ctrl-C cut off is shown, to be kept."""
        trial = self.trial(choice, progress, outcome)
        if outcome.interrupted:
            with suppress(KeyboardInterrupt):
                self.shown(number, (*others, trial), lambda _: made)(progress)
        return trial, _stopper(outcome)

    def end(self, best: Trial, trials: tuple[Trial, ...]) -> tuple[Trial, str | None]:
        """The best of the trials, made to its end."""
        before = tuple(trial for trial in trials if trial is not best)
        number = trials.index(best)
        made = _made(trials, self.trunk, self.plan.first)
        progress = best.progress
        if progress is None:  # of an earlier session: made again to where it stood, to the same bits
            with threads(self.threads_each):
                progress, outcome = self.fit(best.choice, None, resume=self.parted(best.choice), part=LOOK)
            if outcome.kind != "finished":
                return self.ended(number, best.choice, progress, outcome, before, made)
        looked = progress.made
        show = self.shown(number, (*before, best), lambda here: made + here.made - looked)
        progress, outcome = self.fit(best.choice, show, resume=progress)
        return self.ended(number, best.choice, progress, outcome, before, made + progress.made - looked)

    @property
    def threads_each(self) -> int:
        """Threads of a fit beside others."""
        return max(1, torch.get_num_threads() // self.plan.at_once)

    def parted(self, choice: Choice) -> Progress | None:
        """Where the fit of a choice starts: the trunk, as if it had been its own; None where it starts afresh."""
        if self.trunk is None or not choice.begins_as(self.plan.first):
            return None
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)
        state = replace(self.trunk.state, identity=identity(problem, solver))
        now = partial(state.representation, problem, solver)
        return replace(self.trunk, state=state, best=state, best_error=math.inf, least=None, now=now)

    def fit(
        self, choice: Choice, watch: Watch | None, *, resume: Progress | None = None, part: float = 1.0
    ) -> tuple[Progress, Outcome]:
        """One of the fits; where a time limit leaves it too few rounds it ends at once."""
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)
        steps = resume.steps if resume else planned_rounds(problem, solver)
        return fit(
            problem,
            solver,
            limit=self.share(resume),
            watch=watch,
            resume=resume,
            score=self.score,
            part=part,
            least=math.ceil(ENOUGH * steps),
        )

    def share(self, resume: Progress | None) -> float | None:
        """Seconds for the rest of the schedule of a fit that is begun now, if all went on at the same pace."""
        if self.limit is None:
            return None
        left = max(self.limit - (time.monotonic() - self.begun), 0.0)
        if resume is None:
            return left / self.plan.in_turn if self.trunk is None else left
        return left

    def trial(self, choice: Choice, progress: Progress, outcome: Outcome) -> Trial:
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

    def shown(self, number: int, trials: tuple[Trial, ...], made: Callable[[Progress], int]) -> Watch:
        """Shows the fit of that number beside the trials that are done; made: rounds of all by then."""

        def show(progress: Progress) -> None:
            if self.watch is None:
                return
            planned = max(made(progress), round(self.plan.most_rounds * progress.steps))
            self.watch(
                replace(
                    progress,
                    stage="search",
                    trials=trials,
                    at_once=self.plan.at_once,
                    made=made(progress),
                    planned=planned,
                    number=number,
                    trunk=self.trunk,
                )
            )

        return show


def is_stopped_early(progress: Progress, part: float) -> bool:
    """Whether a fit ended before that part of its schedule."""
    return progress.state.step < max(1, round(part * progress.steps))


def _stopper(outcome: Outcome) -> str | None:
    if outcome.kind != "stopped":
        return None
    return CTRL_C if outcome.interrupted else TIME_LIMIT


def _made(trials: tuple[Trial, ...], trunk: Progress | None, first: Choice) -> int:
    """Rounds that the trials have made, those that they share counted once."""
    shared = 0 if trunk is None else trunk.state.step
    return shared + sum(len(t.history) - (shared if t.choice.begins_as(first) else 0) for t in trials)


@dataclass
class _Wave:
    """Choices that are tried at once, from where they part to where the best is seen."""

    work: _Work
    choices: list[Choice]
    before: tuple[Trial, ...]
    rounds: queue.SimpleQueue[tuple[int, Progress | Trial | None]] = field(default_factory=queue.SimpleQueue)

    def run(self) -> tuple[tuple[Trial, ...], str | None]:
        """The trials, in the order of the choices, and what stopped them."""
        found: dict[int, Trial] = {}
        stop, trunk = self.work.stop, self.work.trunk
        pending, stopped = set(range(len(self.choices))), None
        made = dict.fromkeys(range(len(self.choices)), 0)
        before = _made(self.before, trunk, self.work.plan.first)
        last: tuple[int, Progress] | None = None
        with threads(self.work.threads_each), ThreadPoolExecutor(self.work.plan.at_once) as pool:
            futures = [pool.submit(self._fit, k) for k in sorted(pending)]
            while pending:
                try:
                    k, news = self.rounds.get()
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
        if stopped and last:
            with suppress(KeyboardInterrupt):
                self._show(*last, found, before + sum(made.values()))
        return tuple(found[k] for k in sorted(found)), stopped

    def _shared(self, k: int) -> int:
        """Rounds of a choice's fit that are the trunk's."""
        trunk = self.work.trunk
        shares = self.choices[k].begins_as(self.work.plan.first)
        return trunk.state.step if trunk is not None and shares else 0

    def _fit(self, k: int) -> None:
        trial = None
        try:
            if not self.work.stop.is_set() and not self.work.is_slow.is_set():
                trial = self._trial(k)
        except KeyboardInterrupt:  # stopped before the first round
            pass
        except BaseException:
            self.work.stop.set()
            raise
        finally:
            self.rounds.put((k, trial))

    def _trial(self, k: int) -> Trial:
        choice = self.choices[k]

        def watch(progress: Progress) -> None:
            self.rounds.put((k, progress))
            if self.work.stop.is_set():
                raise KeyboardInterrupt

        progress, outcome = self.work.fit(choice, watch, resume=self.work.parted(choice), part=LOOK)
        if outcome.kind == "stopped" and not outcome.interrupted:
            self.work.is_slow.set()  # so would be those that are still to be begun
        return self.work.trial(choice, progress, outcome)

    def _show(self, k: int, progress: Progress, found: dict[int, Trial], made: int) -> None:
        done = (*self.before, *(found[k] for k in sorted(found)))
        self.work.shown(len(self.before) + k, done, lambda _: made)(progress)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch with so many threads, and with those of before at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
