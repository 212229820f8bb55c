"""One fit from its first epoch to its last: the best iterate by held-out data, a time limit, how it ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from ..analysis.metrics import error_decibels
from ..model.representation import Representation
from ..settings import Candidate, Precision, SolverSettings
from ..solver.iteration import iterate
from ..solver.problem import Problem
from ..solver.schedule import planned_epochs
from ..solver.state import State
from ..system.memory import trim_heap
from .chance import is_chance
from .checks import CHECKS_PER_RUN, checks_left, checks_per_run, is_checked
from .comparison import heldout_decibels
from .verdict import Outcome

PLANNED_TIME_SHARE = 0.95
"""Part of a time limit that is planned with: an epoch may take longer than those before it."""

TELLING_EPOCHS = 4
"""After so many epochs the pace is known well enough to shorten a run; before, half of the limit has to be over."""

FINISHED_SHARE = 0.25
"""A fit that a time limit ends before this share of its epochs counts as stopped, not as finished."""

REPLAN_EPOCHS = 8
"""Epochs after which a run with a time limit looks at its pace again: other work on the machine may slow it down."""

SHORT_EPOCHS = 40
"""Of fewer epochs the last tenth is too short to say that a fit has converged."""

CTRL_C = "Ctrl-C"


@dataclass(frozen=True, repr=False)
class Trial:
    """A finished fit of the search: its settings, its best iterate by held-out data, and how it came about.

    error: that iterate's held-out squared error per pixel; step: its epoch, of `steps`; history: as in `Progress`;
    identity: what it was a fit of, as in `State`; progress: where it stands, if it may be gone on with; a fit that was
    given up before its end has a shorter history than `steps`.
    """

    choice: Candidate
    representation: Representation
    error: float
    step: int
    steps: int
    seconds: float
    outcome: Outcome
    history: tuple[dict[str, Any], ...] = ()
    identity: dict[str, str] = field(default_factory=dict)
    progress: Progress | None = field(default=None, compare=False)

    def on(self, device: torch.device) -> Trial:
        """The same with its representation on a device."""
        return replace(self, representation=self.representation.on(device))

    def __repr__(self) -> str:
        told = f"held-out error {self.error:.3g} in epoch {self.step} of {self.steps}, {self.seconds:.1f} s"
        return f"Trial({self.choice}, {told})"


Stage = Literal["fit", "search", "last"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands after an epoch: shown live, written as a checkpoint, given back to go on.

    best: the state that the held-out data prefers so far (`prefers`), and its error. least: what the held-out numbers
    say of the one with the smallest error. steps: epochs planned. seconds: spent so far.
    history: one row an epoch with step, loss, heldout (squared error per pixel, None between checks), seconds, and
    `score` where one is asked for. stage: what the fit is for: the only one, one of the search, or the last one with
    all data; trials: the finished fits of the search, at_once of which are made side by side. made, planned: epochs of
    all fits together; before: seconds that the search has taken. number: of the fit of the search, counted from 0; now:
    draws what the state stands for, for whoever looks. trunk: where the fits of a search part; precision: of products,
    as the run began; told: makes a held-out error the level in dB that people are told.
    """

    state: State
    best: State
    best_error: float
    steps: int
    seconds: float
    history: tuple[dict[str, Any], ...] = ()
    stage: Stage = "fit"
    trials: tuple[Trial, ...] = ()
    at_once: int = 1
    made: int = 0
    planned: int = 0
    before: float = 0.0
    least: Tensor | None = None
    number: int = 0
    now: Callable[[], Representation] | None = None
    trunk: Progress | None = None
    precision: Precision = "float32"
    told: Callable[[float], float] = field(default=error_decibels, compare=False)

    @property
    def heldout_db(self) -> float:
        """Level of the best epoch so far on held-out data, as people are told it; -inf where none was judged."""
        return self.told(self.best_error) if math.isfinite(self.best_error) else -math.inf


Callback = Callable[[Progress], None]
Score = Callable[[Tensor], float]


def fit(
    problem: Problem,
    solver: SolverSettings,
    *,
    limit: float | None = None,
    callback: Callback | None = None,
    resume: Progress | None = None,
    score: Score | None = None,
    until: int | None = None,
    part: float = 1.0,
    least: int = 0,
) -> tuple[Progress, Outcome]:
    """Make the epochs of `iterate` and keep the best by held-out data; stop after `limit` seconds or on Ctrl-C.

    With a limit the schedule is shortened to end in time, checks included, when the first epochs have shown their pace
    and again where they become slower; no epoch is begun that would end too late, but for the first one. score: gives a
    number of the frames, which is noted at each check and changes nothing. until: the epoch after which to end; the
    schedule stays that of all epochs. part: share of the schedule after which to end; the limit is for all of it.
    least: epochs under which the fit is of no use: where the limit leaves room for fewer it ends.

    Raises KeyboardInterrupt on Ctrl-C before the first epoch has ended, as there is nothing yet to return; InputError
    as `iterate` does.
    """
    progress, full = resume, planned_epochs(problem, solver)
    steps = resume.steps if resume and resume.steps >= FINISHED_SHARE * full else full  # one cut short is planned anew
    goal = _goal(steps, until, part)
    start, spent, pace = time.monotonic(), resume.seconds if resume else 0.0, _Pace()
    most = checks_per_run(problem)
    allowed = None if limit is None else _TimeLimit(limit, start, full, until, least, most)
    lap, is_over, is_interrupted = start, False, False
    try:
        while not is_over and (progress is None or progress.state.step < goal):
            current = solver.model_copy(update={"steps": steps})
            for state in iterate(problem, current, progress.state if progress else None):
                made = time.monotonic()
                progress = _follow(problem, current, progress, state, spent + made - start, score, goal)
                judged = time.monotonic()
                pace.note(made - lap, judged - made if is_checked(state.step, steps, goal, most) else None)
                lap = judged
                if callback:
                    callback(progress)
                if not math.isfinite(state.loss):
                    return progress, _diverged(progress)
                if state.step >= goal:
                    break
                epochs = steps if allowed is None else allowed.epochs(state.step, steps, goal, pace)
                if epochs != steps:
                    is_over, steps = epochs == 0, epochs
                    goal = max(_goal(steps, until, part), state.step + 1)
                    break
    except KeyboardInterrupt:
        is_interrupted = True
    if progress is None:
        raise KeyboardInterrupt
    if is_over or is_interrupted:
        progress = _with_last_judged(problem, solver, progress, score)
    if not is_over and not is_interrupted and part < 1:
        return progress, Outcome("finished", f"The first {progress.state.step} of {progress.steps} epochs were made.")
    return progress, _outcome(progress, min(full, until or full), is_interrupted)


def _goal(steps: int, until: int | None, part: float) -> int:
    """The epoch after which a fit ends that has so many in its schedule."""
    return part_of(part, steps) if until is None else min(steps, until)


def part_of(share: float, steps: int) -> int:
    """Epochs in a share of a schedule, rounded up: two different shares then give different epochs."""
    return max(1, math.ceil(share * steps))


@dataclass
class _Pace:
    """What the epochs of this session and their checks have taken, in seconds. first: the first epoch alone."""

    first: float = 0.0
    epochs: int = 0
    seconds: float = 0.0
    checks: int = 0
    checking: float = 0.0

    def note(self, seconds: float, check: float | None) -> None:
        """Note one epoch more, and the check after it if there was one."""
        self.first = self.first if self.epochs else seconds
        self.epochs, self.seconds = self.epochs + 1, self.seconds + seconds
        if check is not None:
            self.checks, self.checking = self.checks + 1, self.checking + check

    @property
    def each(self) -> float:
        """Seconds of an epoch. The first one starts everything up and counts only while there is no other."""
        return (self.seconds - self.first) / (self.epochs - 1) if self.epochs > 1 else self.first

    @property
    def check(self) -> float:
        """Seconds of a check; as long as none was made those of an epoch, which takes longer."""
        return self.checking / self.checks if self.checks else self.each


@dataclass(frozen=True)
class _TimeLimit:
    """A limit of so many seconds from `start`. full: epochs of the schedule; until, least: as in `fit`; checks: in a
    run, at most."""

    seconds: float
    start: float
    full: int
    until: int | None
    least: int
    checks: int

    def epochs(self, step: int, steps: int, goal: int, pace: _Pace) -> int:
        """The epochs that a fit is planned with after `step` of `steps`: fewer where its pace turns out to be too slow,
        0 where it has to end now. goal: the epoch after which it would end otherwise."""
        spent = time.monotonic() - self.start
        left = PLANNED_TIME_SHARE * self.seconds - spent
        room = _affordable(step, left, pace, steps if self.until is None else goal, self.checks)
        is_told = pace.epochs >= TELLING_EPOCHS or spent >= self.seconds / 2
        if room == step or (is_told and room < max(self.least, self.until or 0)):
            return 0
        is_due = steps == self.full or step % REPLAN_EPOCHS == 0
        is_short = room < (steps if steps == self.full else 0.95 * steps)
        return room if self.until is None and is_told and is_due and is_short else steps


def _with_last_judged(problem: Problem, solver: SolverSettings, progress: Progress, score: Score | None) -> Progress:
    """The progress with the held-out error of its last state, for what is delivered now; checkpoints do without."""
    if progress.history[-1]["heldout"] is not None:
        return progress
    row, terms = _check(problem, solver, progress.state, score)
    error = row["heldout"]
    if error is None:
        return progress
    history = (*progress.history[:-1], progress.history[-1] | row)
    if prefers(terms, progress.least):
        return replace(progress, best=progress.state, best_error=error, history=history)
    return replace(progress, history=history)


def prefers(later: Tensor, least: Tensor | None) -> bool:
    """Whether a later epoch is kept in place of the one with the smallest held-out error so far.

    later, least: what the held-out numbers say of both, (N,) each (`Problem.heldout_terms`). It is, unless it is worse
    and not by chance (`chance.is_chance`): steps become smaller towards the end, so that later iterates are the quieter
    ones, and few held-out numbers cannot tell them apart.
    """
    if least is None or not len(least):
        return True
    worse = (later - least).double()
    total = float(worse.sum())
    return total <= 0 or (math.isfinite(total) and is_chance(worse))


def _affordable(step: int, left: float, pace: _Pace, goal: int, checks: int = CHECKS_PER_RUN) -> int:
    """The epoch up to which this many seconds last, `goal` at most, with the checks of a run of that length, of which
    it has so many at most.

    step: the epochs made; it is the answer where there is no time for one more.
    """
    most = min(goal, step + int(max(left, 0.0) / max(pace.each, 1e-9)))

    def seconds(epochs: int) -> float:
        return (epochs - step) * pace.each + checks_left(step, epochs, checks) * pace.check

    return next((epochs for epochs in range(most, step, -1) if seconds(epochs) <= left), step)


def _follow(
    problem: Problem,
    solver: SolverSettings,
    before: Progress | None,
    state: State,
    seconds: float,
    score: Score | None,
    goal: int,
) -> Progress:
    """The progress after one more epoch; the held-out error is measured `checks_per_run` times and at its end."""
    steps = solver.steps or 0
    row: dict[str, Any] = {"step": state.step, "loss": state.loss if math.isfinite(state.loss) else None}
    row |= {"heldout": None, "seconds": round(seconds, 3)}
    if is_checked(state.step, steps, goal, checks_per_run(problem)):
        judged, terms = _check(problem, solver, state, score)
        row |= judged
    error = row["heldout"]
    best, best_error = (before.best, before.best_error) if before else (state, math.inf)
    least = before.least if before else None
    if problem.heldout is None and row["loss"] is not None:
        best = state
    if error is not None:
        if prefers(terms, least):
            best, best_error = state, error
        least = terms if least is None or error < float(least.double().sum()) else least
    history = (*(before.history if before else ()), row)
    return Progress(
        state,
        best,
        best_error,
        steps,
        seconds,
        history,
        made=state.step,
        planned=steps,
        least=least,
        trunk=before.trunk if before else None,
        now=partial(state.representation, problem, solver),
        told=partial(heldout_decibels, problem=problem),
    )


def _check(
    problem: Problem, solver: SolverSettings, state: State, score: Score | None
) -> tuple[dict[str, Any], Tensor]:
    """The held-out error of a state, None where it is not finite or nothing is held out, and its score; what each
    held-out number says."""
    if problem.heldout is None and score is None:
        return {"heldout": None}, torch.zeros(0)
    frames = state.representation(problem, solver).frames()
    terms = problem.heldout_terms(frames)
    error = float(terms.double().sum()) if len(terms) else math.nan
    row: dict[str, Any] = {"heldout": error if math.isfinite(error) else None}
    if score is not None:
        level = score(frames)
        row["score"] = level if math.isfinite(level) else None
    del frames
    trim_heap()  # otherwise what large frames leave in pieces grows from check to check
    return row, terms


def _diverged(progress: Progress) -> Outcome:
    return Outcome(
        "diverged",
        f"The loss was no longer a number after epoch {progress.state.step}; the best iterate before that (epoch "
        f"{progress.best.step}) is kept. Check the data's range, or lower the steps by --preset default.",
    )


def _outcome(progress: Progress, full: int, is_interrupted: bool) -> Outcome:
    """How a fit of `full` epochs ended, be it by Ctrl-C, by a time limit or by itself."""
    step, steps = progress.state.step, progress.steps
    if is_interrupted and step < steps:
        return Outcome(
            "stopped",
            f"Stopped by {CTRL_C} after epoch {step} of {steps}; the best iterate so far (epoch "
            f"{progress.best.step}) is kept. Go on with --resume.",
            interrupted=True,
        )
    if step < FINISHED_SHARE * full:
        return Outcome(
            "stopped",
            f"The time limit left room for {step} of {full} epochs, too few for a good clip: use a longer --time, a "
            "smaller --size or fewer --frames, or go on with --resume.",
        )
    if step < full:
        return Outcome(
            "finished",
            f"The time limit shortened the run to {step} of {full} epochs; a longer --time may give a better clip.",
        )
    if steps < SHORT_EPOCHS:
        return Outcome("finished", f"All {steps} epochs were made, too few to tell whether more would help.")
    tenth = steps // 10
    errors = [(row["step"], row["heldout"]) for row in progress.history if row["heldout"]]
    early = [error for step, error in errors if step <= steps - tenth]
    if early and min(error for _, error in errors) > 0.999 * min(early):
        return Outcome("converged", "The held-out error no longer falls; more steps would not help.")
    return Outcome("finished", "The held-out error was still falling; more --steps may help a little.")
