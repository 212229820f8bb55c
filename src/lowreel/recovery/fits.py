"""The fits of a recovery on a device: quick baselines first, then a search or one fit, within the time allowed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..data import hold_out
from ..model.representation import Representation
from ..settings import LEAST_HELDOUT_SHARE, Candidate, Precision, RecoverSettings
from ..solver.problem import Problem, check_same, identity
from ..system.devices import CPU
from ..system.memory import trim_heap
from .accounting import finish
from .comparison import Baseline, OnBaseline, can_come_first, compared, noise_sigma
from .fit import Callback, Progress, Score
from .policy import FitResult, fit_chosen, fit_once, in_place_of
from .search import varied
from .search_plan import Search


@dataclass
class Fits:
    """The fits of a recovery on a device, all within the time of the settings, which the baselines do not count to.

    own_holdout: whether the user has said what is held out, so that it stays.
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
        """Put what goes on onto the device, and let callbacks see what is on the CPU."""
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
