"""The search over settings: fits side by side, each with settings of its own, judged by the same held-out data."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

import torch

from ..errors import InputError
from ..fitting import CTRL_C, ENOUGH, Progress, Score, Trial, Watch, fit
from ..generators import Decoder
from ..measure import is_of_others
from ..settings import Choice, SolverSettings
from ..solver import Problem, check_same, identity, planned_rounds


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
    def in_turn(self) -> int:
        """How long the fits take, in fits one after the other."""
        return self.turns([])

    def turns(self, trials: Sequence[Trial]) -> int:
        """How long what is left after these takes, in fits one after the other."""
        left, later = len(self.next(trials)), self.most - len(self.due(trials))
        waves = [left] + [len(self.changes)] * math.ceil(later / max(len(self.changes), 1))
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
    return replace(problem, generator=usual.deeper(choice.deeper, seed=problem.seed).to(problem.device))


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

    done: trials of an earlier session, which are not made again but for those that were cut off. limit: seconds for
    all; each fit gets an equal share of it, ends at once where that leaves it too few rounds, and none is begun for
    which too little is left. watch: called, in this
    thread, after every round of any fit, and with what Ctrl-C cut off. Each fit has the same number of threads, and
    is the same whatever runs beside it. On Ctrl-C the fits under way end with their best. Raises InputError where
    `done` is of another problem or plan.
    """
    _check_done(problem, solver, plan, done)
    cut = tuple(trial for trial in done if trial.outcome.kind == "stopped")
    trials: tuple[Trial, ...] = tuple(trial for trial in done if trial.outcome.kind != "stopped")
    stopped: str | None = None
    start = time.monotonic()
    while stopped is None and (choices := plan.next(trials)):
        share = None
        if limit is not None:
            share = max(limit - (time.monotonic() - start), 0.1) / plan.turns(trials)
            if trials and share < LEAST_PART * max(trial.seconds for trial in trials):
                stopped = TIME_LIMIT
                break
        found, stopped = _Wave(problem, solver, choices, plan, (*trials, *cut), share, watch, score).run()
        trials = plan.ordered((*trials, *found))
        if stopped is None and len([t for t in found if t.outcome.kind != "stopped"]) < len(choices):
            stopped = TIME_LIMIT
    if not trials and not cut:
        raise KeyboardInterrupt
    return plan.ordered((*trials, *(old for old in cut if not _is_made_again(old, trials)))), stopped


TIME_LIMIT = "the time limit"

LEAST_PART = 0.5
"""Part of the time of a whole fit that a limit has to leave for another one to be begun."""


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


def side_by_side(problem: Problem) -> int:
    """Fits that are made at once: one for each core that torch may use.

    One alone on an accelerator, which a fit fills, and with operators of others, which may not be safe to share.
    """
    if problem.device.type != "cpu" or is_of_others(problem.operator):
        return 1
    return torch.get_num_threads()


@dataclass
class _Wave:
    """Choices that are tried at once. limit: seconds of each fit; begun: when the first one was."""

    problem: Problem
    solver: SolverSettings
    choices: list[Choice]
    plan: Search
    before: tuple[Trial, ...]
    limit: float | None
    watch: Watch | None
    score: Score | None
    stop: threading.Event = field(default_factory=threading.Event)
    is_slow: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)
    rounds: queue.SimpleQueue[tuple[int, Progress | Trial | None]] = field(default_factory=queue.SimpleQueue)

    def run(self) -> tuple[tuple[Trial, ...], str | None]:
        """The trials, in the order of the choices, and what stopped them."""
        found: dict[int, Trial] = {}
        pending, stopped, made = set(range(len(self.choices))), None, dict.fromkeys(range(len(self.choices)), 0)
        last: tuple[int, Progress] | None = None
        each = max(1, torch.get_num_threads() // self.plan.at_once)
        with threads(each), ThreadPoolExecutor(self.plan.at_once) as pool:
            futures = [pool.submit(self._fit, k) for k in sorted(pending)]
            while pending:
                try:
                    k, news = self.rounds.get()
                    if isinstance(news, Progress):
                        made[k], last = news.made, (k, news)
                        if stopped is None:
                            self._show(k, news, found, sum(made.values()))
                        continue
                    pending.discard(k)
                    if news is not None:
                        found[k] = news
                except KeyboardInterrupt:
                    stopped = CTRL_C
                    self.stop.set()
                except BaseException:
                    self.stop.set()
                    raise
            for future in futures:
                future.result()
        if stopped and last:
            with suppress(KeyboardInterrupt):
                self._show(*last, found, sum(made.values()))
        return tuple(found[k] for k in sorted(found)), stopped

    def _fit(self, k: int) -> None:
        trial = None
        try:
            if not self.stop.is_set() and not self.is_slow.is_set():
                trial = self._trial(k)
        except KeyboardInterrupt:  # stopped before the first round
            pass
        except BaseException:
            self.stop.set()
            raise
        finally:
            self.rounds.put((k, trial))

    def _trial(self, k: int) -> Trial:
        choice = self.choices[k]
        problem, solver = varied(self.problem, choice), choice.solver(self.solver)

        def watch(progress: Progress) -> None:
            self.rounds.put((k, progress))
            if self.stop.is_set():
                raise KeyboardInterrupt

        least = math.ceil(ENOUGH * planned_rounds(problem, solver))
        progress, outcome = fit(problem, solver, limit=self._left(), watch=watch, score=self.score, least=least)
        if outcome.kind == "stopped" and not outcome.interrupted:
            self.is_slow.set()  # so would be those that are still to be begun
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

    def _left(self) -> float | None:
        """Seconds for a fit that is begun now: its share, and no more than is left of those of all."""
        if self.limit is None:
            return None
        shares = math.ceil(len(self.choices) / self.plan.at_once)
        return min(self.limit, max(self.begun + shares * self.limit - time.monotonic(), 0.0))

    def _show(self, k: int, progress: Progress, found: dict[int, Trial], made: int) -> None:
        if self.watch is None:
            return
        done = (*self.before, *(found[k] for k in sorted(found)))
        made += sum(trial.steps for trial in self.before)
        planned = self.plan.most * progress.steps
        self.watch(
            replace(
                progress,
                stage="search",
                trials=done,
                at_once=self.plan.at_once,
                made=made,
                planned=planned,
                number=len(self.before) + k,
            )
        )


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch with so many threads, and with those of before at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
