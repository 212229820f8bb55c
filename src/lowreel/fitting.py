"""One fit from its first round to its last: the best iterate by held-out data, a time limit, how it ended."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor

from .representation import Representation
from .settings import Choice, SolverSettings
from .solver import Problem, State, iterate, planned_rounds

CHECKS = 25
"""How often in a run the held-out error is measured."""

REPLAN = 8
"""Rounds after which a run with a time limit looks at its pace again: other work on the machine may slow it down."""

SHORT = 40
"""Rounds under which the last tenth of them is too short to say that a fit has converged."""

OutcomeKind = Literal["finished", "converged", "stopped", "diverged"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and a sentence that says what to do."""

    kind: OutcomeKind
    sentence: str


@dataclass(frozen=True)
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


Stage = Literal["fit", "search", "last"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a round: shown live, written as a checkpoint, given back to go on.

    best: the state with the smallest held-out error so far, best_error. steps: rounds planned. seconds: spent so far.
    history: one row a round with step, loss, heldout (squared error per pixel, None between checks), seconds, and
    `score` where one is asked for. stage: what the fit is for: the only one, one of the search, or the last one with
    all data; trials: the finished fits of the search. made, planned: rounds of all fits together; before: seconds that
    the search has taken.
    """

    state: State
    best: State
    best_error: float
    steps: int
    seconds: float
    history: tuple[dict[str, Any], ...] = ()
    stage: Stage = "fit"
    trials: tuple[Trial, ...] = ()
    made: int = 0
    planned: int = 0
    before: float = 0.0


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
    """Drain `iterate`, keeping the iterate with the smallest held-out error; stop at `limit` seconds or on Ctrl-C.

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
        while stopped is None and (progress is None or progress.state.step < steps):
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
        stopped = "Ctrl-C"
    if progress is None:
        raise KeyboardInterrupt
    if stopped:
        progress = _with_last_judged(problem, solver, progress, score)
    return progress, _outcome(progress, full, stopped)


def _with_last_judged(problem: Problem, solver: SolverSettings, progress: Progress, score: Score | None) -> Progress:
    """The progress with the held-out error of its last state, for what is delivered now; checkpoints do without."""
    row = _check(problem, solver, progress.state, score)
    error = row.get("heldout")
    if error is None:
        return progress
    history = (*progress.history[:-1], progress.history[-1] | row)
    if error < progress.best_error:
        return replace(progress, best=progress.state, best_error=error, history=history)
    return replace(progress, history=history)


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
    if state.step % max(1, steps // CHECKS) == 0 or state.step in (1, steps):
        row |= _check(problem, solver, state, score)
    error = row["heldout"]
    if before is None or (error is not None and error < before.best_error):
        best, best_error = state, math.inf if error is None else error
    else:
        best, best_error = before.best, before.best_error
    history = (*(before.history if before else ()), row)
    return Progress(state, best, best_error, steps, seconds, history, made=state.step, planned=steps)


def _check(problem: Problem, solver: SolverSettings, state: State, score: Score | None) -> dict[str, Any]:
    """The held-out error of a state, None where it is not finite or nothing is held out, and its score."""
    frames = state.representation(problem, solver).frames()
    error = problem.heldout_error(frames)
    row: dict[str, Any] = {"heldout": error if math.isfinite(error) else None}
    if score is not None:
        level = score(frames)
        row["score"] = level if math.isfinite(level) else None
    return row


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
        )
    if steps < full:
        return Outcome(
            "finished",
            f"The time limit shortened the run to {steps} of {full} rounds; a longer --time may give a better clip.",
        )
    if steps < SHORT:
        return Outcome("finished", f"All {steps} rounds were made, too few to tell whether more would help.")
    tenth = steps // 10
    early = [row["heldout"] for row in progress.history if row["heldout"] and row["step"] <= steps - tenth]
    if early and progress.best_error > 0.999 * min(early):
        return Outcome("converged", "The held-out error no longer falls; more steps would not help.")
    return Outcome("finished", "The held-out error was still falling; more --steps may help a little.")
