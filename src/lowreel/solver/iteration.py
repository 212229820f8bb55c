"""Recovery as an iteration: Algorithm 1 of the paper, and the faster joint fit that is the default."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

from ..settings import SolverSettings
from .alternating import alternating_epoch
from .joint import joint_epoch, update
from .problem import Problem
from .schedule import minibatches, planned_epochs
from .state import State
from .variables import Variables


def iterate(problem: Problem, settings: SolverSettings, state: State | None = None) -> Iterator[State]:
    """Fit codes, and weights where wanted, to the data; yield a snapshot after each epoch.

    The loop is the algorithm and nothing else: the caller decides when to stop, what to save and what to show. With
    `state` it goes on from there, to the same bits as an unbroken run on the same build and number of threads. The
    generator in `problem` is left untouched. Raises InputError when the rank or the state do not fit the problem.
    """
    fit = Variables(problem, settings, state)
    epoch_of = alternating_epoch if settings.algorithm == "alternating" else joint_epoch
    step = state.step if state else 0
    while step < planned_epochs(problem, settings):
        loss = epoch_of(fit, problem, settings, step)
        step += 1
        yield fit.snapshot(step, loss)


def trial_updates(problem: Problem, settings: SolverSettings) -> tuple[Callable[[float], None], int]:
    """For timing: a function that makes one update of a fit of its own, and the number of updates in an epoch.

    The function is given how far the run is, from 0 to 1, by which the precision may differ. An update of Algorithm 1
    is a whole epoch.
    """
    fit = Variables(problem, settings, None)

    def alternate(_: float) -> None:
        alternating_epoch(fit, problem, settings, 0)

    if settings.algorithm == "alternating":
        return alternate, 1
    batches, parts, scale = (
        minibatches(problem, settings, 0),
        problem.operator.parts(),
        problem.fit_scale,
    )
    turn = cycle(batches)

    def update_once(progress: float) -> None:
        batch = next(turn)
        frames = [t for part in batch for t in parts[part].frames]
        update(fit, problem, settings, batch, frames, scale, progress)

    return update_once, len(batches)
