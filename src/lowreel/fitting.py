"""One fit from its first round to its last: the best iterate by held-out data, a time limit, how it ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from torch import Tensor

from .memory import give_back
from .representation import Representation
from .settings import Choice, SolverSettings
from .solver import Problem, State, iterate, planned_rounds

CHECKS = 25
"""How often in a run the held-out error is measured, at most: each time all frames are drawn."""

REPLAN = 8
"""Rounds after which a run with a time limit looks at its pace again: other work on the machine may slow it down."""

SHORT = 40
"""Rounds under which the last tenth of them is too short to say that a fit has converged."""

STANDARD_ERRORS = 2.0
"""Standard errors by which a later iterate has to be worse on held-out data for an earlier one to be delivered."""

CTRL_C = "Ctrl-C"

OutcomeKind = Literal["finished", "converged", "stopped", "diverged"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and a sentence that says what to do. interrupted: stopped by the user, not by a time limit."""

    kind: OutcomeKind
    sentence: str
    interrupted: bool = False


@dataclass(frozen=True, repr=False)
class Trial:
    """A finished fit of the search: its settings, its best iterate by held-out data, and how it came about.

    error: that iterate's held-out squared error per pixel; step: its round, of `steps`; history: as in `Progress`;
    identity: what it was a fit of, as in `State`.
    """

    choice: Choice
    representation: Representation
    error: float
    step: int
    steps: int
    seconds: float
    outcome: Outcome
    history: tuple[dict[str, Any], ...] = ()
    identity: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"Trial({self.choice}, held-out error {self.error:.3g} in round {self.step} of {self.steps}, "
            f"{self.seconds:.1f} s)"
        )


Stage = Literal["fit", "search", "last"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a round: shown live, written as a checkpoint, given back to go on.

    best: the state that the held-out data prefers so far (`prefers`), and its error. least: what the held-out numbers
    say of the one with the smallest error. steps: rounds planned. seconds: spent so far.
    history: one row a round with step, loss, heldout (squared error per pixel, None between checks), seconds, and
    `score` where one is asked for. stage: what the fit is for: the only one, one of the search, or the last one with
    all data; trials: the finished fits of the search, at_once of which are made side by side. made, planned: rounds of
    all fits together; before: seconds that the search has taken. number: of the fit of the search, counted from 0; now:
    draws what the state stands for, for whoever looks.
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


Watch = Callable[[Progress], None]
Score = Callable[[Tensor], float]


def fit(
    problem: Problem,
    solver: SolverSettings,
    *,
    limit: float | None = None,
    watch: Watch | None = None,
    resume: Progress | None = None,
    score: Score | None = None,
    until: int | None = None,
) -> tuple[Progress, Outcome]:
    """Drain `iterate`, keeping the iterate that the held-out data prefers; stop at `limit` seconds or on Ctrl-C.

    With a limit the schedule is shortened to end in time, when the first rounds have shown their pace and again
    where they become slower. score: a number that is noted of the frames at each check and takes part in nothing.
    until: the round after which to end, on the way of the full schedule.
    """
    progress, full = resume, planned_rounds(problem, solver)
    steps = resume.steps if resume else full
    spent, begun = (resume.seconds, resume.state.step) if resume else (0.0, 0)
    start, first = time.monotonic(), 0.0
    stopped = None
    try:
        while stopped is None and (progress is None or progress.state.step < min(steps, until or steps)):
            current = solver.model_copy(update={"steps": steps})
            for state in iterate(problem, current, progress.state if progress else None):
                here = time.monotonic() - start
                first = first or here
                progress = _follow(problem, current, progress, state, spent + here, score)
                if watch:
                    watch(progress)
                if not math.isfinite(state.loss):
                    return progress, _diverged(progress)
                if state.step == until:
                    return progress, _outcome(progress, full, None)
                if limit is not None and here >= limit:
                    stopped = f"the time limit of {limit:g} s"
                    break
                if limit is not None and (steps == full or state.step % REPLAN == 0):
                    planned = _affordable(state.step, state.step - begun, first, here, limit, steps)
                    if planned < (steps if steps == full else 0.95 * steps):
                        steps = planned
                        break
    except KeyboardInterrupt:
        stopped = CTRL_C
    if progress is None:
        raise KeyboardInterrupt
    if stopped:
        progress = _with_last_judged(problem, solver, progress, score)
    return progress, _outcome(progress, full, stopped)


def _with_last_judged(problem: Problem, solver: SolverSettings, progress: Progress, score: Score | None) -> Progress:
    """The progress with the held-out error of its last state, for what is delivered now; checkpoints do without."""
    row, terms = _check(problem, solver, progress.state, score)
    error = row["heldout"]
    if error is None:
        return progress
    history = (*progress.history[:-1], progress.history[-1] | row)
    if prefers(terms, progress.least):
        return replace(progress, best=progress.state, best_error=error, history=history)
    return replace(progress, history=history)


def prefers(later: Tensor, least: Tensor | None) -> bool:
    """Whether a later iterate is delivered rather than the one with the smallest held-out error so far.

    later, least: what the held-out numbers say of both (`Problem.heldout_terms`). It is, unless it is worse by more
    than two standard errors of their difference: steps become smaller towards the end, so that later iterates are the
    quieter ones, and few held-out numbers cannot tell them apart.
    """
    if least is None or not len(least):
        return True
    worse = (later - least).double()
    return float(worse.mean()) <= STANDARD_ERRORS * float(worse.std(correction=0)) / math.sqrt(len(worse))


def _affordable(step: int, made: int, first: float, seconds: float, limit: float, full: int) -> int:
    """Rounds in all that fit into the limit at the pace of those made; `full` while it is too early to tell.

    The first round, which took `first` seconds, starts everything up and says nothing of the pace, unless it takes
    half of the time alone.
    """
    if made < 4 and seconds < 0.5 * limit:
        return full
    pace = (seconds - first) / (made - 1) if made > 1 else first
    return min(full, max(step + 1, step + int((0.95 * limit - seconds) / max(pace, 1e-9))))


def _follow(
    problem: Problem,
    solver: SolverSettings,
    before: Progress | None,
    state: State,
    seconds: float,
    score: Score | None,
) -> Progress:
    """The progress after one more round; the held-out error is measured CHECKS times a run and at its end."""
    steps = solver.steps or 0
    row: dict[str, Any] = {"step": state.step, "loss": state.loss if math.isfinite(state.loss) else None}
    row |= {"heldout": None, "seconds": round(seconds, 3)}
    if state.step % max(1, math.ceil(steps / CHECKS)) == 0 or state.step in (1, steps):
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
        now=partial(state.representation, problem, solver),
    )


def _check(
    problem: Problem, solver: SolverSettings, state: State, score: Score | None
) -> tuple[dict[str, Any], Tensor]:
    """The held-out error of a state, None where it is not finite or nothing is held out, and its score; what each
    held-out number says."""
    frames = state.representation(problem, solver).frames()
    terms = problem.heldout_terms(frames)
    error = float(terms.double().sum()) if len(terms) else math.nan
    row: dict[str, Any] = {"heldout": error if math.isfinite(error) else None}
    if score is not None:
        level = score(frames)
        row["score"] = level if math.isfinite(level) else None
    del frames
    give_back()  # otherwise what large frames leave in pieces grows from check to check
    return row, terms


def _diverged(progress: Progress) -> Outcome:
    return Outcome(
        "diverged",
        f"The loss was no longer a number after round {progress.state.step}; the best iterate before that (round "
        f"{progress.best.step}) is kept. Check the data's range, or lower the steps by --preset default.",
    )


def _outcome(progress: Progress, full: int, stopped: str | None) -> Outcome:
    steps = progress.steps
    if stopped and progress.state.step < steps:
        return Outcome(
            "stopped",
            f"Stopped by {stopped} after round {progress.state.step} of {steps}; the best iterate so far (round "
            f"{progress.best.step}) is kept. Go on with --resume.",
            interrupted=stopped == CTRL_C,
        )
    if steps < full:
        return Outcome(
            "finished",
            f"The time limit shortened the run to {steps} of {full} rounds; a longer --time may give a better clip.",
        )
    if steps < SHORT:
        return Outcome("finished", f"All {steps} rounds were made, too few to tell whether more would help.")
    tenth = steps // 10
    errors = [(row["step"], row["heldout"]) for row in progress.history if row["heldout"]]
    early = [error for step, error in errors if step <= steps - tenth]
    if early and min(error for _, error in errors) > 0.999 * min(early):
        return Outcome("converged", "The held-out error no longer falls; more steps would not help.")
    return Outcome("finished", "The held-out error was still falling; more --steps may help a little.")
