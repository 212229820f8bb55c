"""The search over settings: fits side by side, each with settings of its own, judged by the same held-out data."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import torch

from ..errors import InputError
from ..fitting import Progress, Score, Trial, Watch, fit
from ..generators import Decoder
from ..measure import is_of_others
from ..settings import Choice, SolverSettings
from ..solver import Problem, check_same, identity


@dataclass(frozen=True)
class Search:
    """What is tried. first: the preset's own choice; changes: of it, one at a time; waves: how often, each time of
    the best so far. at_once: fits side by side, at most."""

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
    def most(self) -> int:
        """Fits at most."""
        return 1 + self.waves * len(self.changes)

    @property
    def in_turn(self) -> float:
        """How long the fits take, in fits one after the other."""
        waves = [1 + len(self.changes)] + [len(self.changes)] * (self.waves - 1)
        return sum(math.ceil(n / self.at_once) for n in waves)


def best_of(trials: Iterable[Trial]) -> Trial:
    """The one with the smallest held-out error, the first of equals."""
    return min(trials, key=lambda trial: trial.error)


def varied(problem: Problem, choice: Choice) -> Problem:
    """The problem with the generator of a choice; raises InputError where it is no decoder and should be deeper."""
    if choice.deeper == 0:
        return problem
    usual = problem.generator
    if not isinstance(usual, Decoder):
        raise InputError(f"deeper: only decoders can be, not a generator of kind {usual.kind}")
    return replace(problem, generator=usual.deeper(choice.deeper, seed=problem.seed))


def search(
    problem: Problem,
    solver: SolverSettings,
    plan: Search,
    *,
    done: tuple[Trial, ...] = (),
    limit: float | None = None,
    watch: Watch | None = None,
    score: Score | None = None,
) -> tuple[tuple[Trial, ...], str | None]:
    """Fit with every choice of the plan, several at once; the trials in their order, and what stopped it or None.

    done: trials of an earlier session, which are not made again. limit: seconds for all; each fit gets an equal
    share of it. watch: called, in this thread, after every round of any fit. Each fit has the same share of the
    cores, and is the same whatever runs beside it. On Ctrl-C the fits under way end with their best. Raises
    InputError where `done` is of another problem.
    """
    for trial in done:
        check_same(identity(varied(problem, trial.choice), trial.choice.solver(solver)), trial.identity)
    trials, stopped = done, None
    start = time.monotonic()
    while stopped is None and (choices := plan.next(trials)):
        workers = min(len(choices), plan.at_once)
        share = None
        if limit is not None:
            rest = max(limit - (time.monotonic() - start), 0.1)
            share = rest / math.ceil((plan.most - len(trials)) / workers)
        found, stopped = _Wave(problem, solver, choices, plan, trials, share, watch, score).run(workers)
        trials = plan.ordered((*trials, *found))
    if not trials:
        raise KeyboardInterrupt
    return trials, stopped


def side_by_side(problem: Problem) -> int:
    """Fits that are made at once: one for each core that torch may use.

    One alone on an accelerator, which a fit fills, and with operators of others, which may not be safe to share.
    """
    if problem.times.device.type != "cpu" or is_of_others(problem.operator):
        return 1
    return torch.get_num_threads()


@dataclass
class _Wave:
    """Choices that are tried at once."""

    problem: Problem
    solver: SolverSettings
    choices: list[Choice]
    plan: Search
    before: tuple[Trial, ...]
    limit: float | None
    watch: Watch | None
    score: Score | None
    stop: threading.Event = field(default_factory=threading.Event)
    rounds: queue.SimpleQueue[tuple[int, Progress | Trial | None]] = field(default_factory=queue.SimpleQueue)

    def run(self, workers: int) -> tuple[tuple[Trial, ...], str | None]:
        """The trials, in the order of the choices, and what stopped them."""
        found: dict[int, Trial] = {}
        pending, stopped, made = set(range(len(self.choices))), None, dict.fromkeys(range(len(self.choices)), 0)
        with threads(max(1, torch.get_num_threads() // workers)), ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._fit, k) for k in sorted(pending)]
            while pending:
                try:
                    k, news = self.rounds.get()
                    if isinstance(news, Progress):
                        made[k] = news.made
                        self._show(news, found, sum(made.values()))
                        continue
                    pending.discard(k)
                    if news is not None:
                        found[k] = news
                except KeyboardInterrupt:
                    stopped = "Ctrl-C"
                    self.stop.set()
            for future in futures:
                future.result()
        return tuple(found[k] for k in sorted(found)), stopped

    def _fit(self, k: int) -> None:
        trial = None
        try:
            if not self.stop.is_set():
                trial = self._trial(k)
        except KeyboardInterrupt:  # stopped before the first round
            pass
        finally:
            self.rounds.put((k, trial))

    def _trial(self, k: int) -> Trial:
        choice = self.choices[k]
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)

        def watch(progress: Progress) -> None:
            self.rounds.put((k, progress))
            if self.stop.is_set():
                raise KeyboardInterrupt

        progress, outcome = fit(problem, solver, limit=self.limit, watch=watch, score=self.score)
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
        )

    def _show(self, progress: Progress, found: dict[int, Trial], made: int) -> None:
        if self.watch is None:
            return
        done = (*self.before, *(found[k] for k in sorted(found)))
        made += sum(trial.steps for trial in self.before)
        planned = self.plan.most * progress.steps
        self.watch(replace(progress, stage="search", trials=done, made=made, planned=planned))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch with so many threads, and with those of before at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
