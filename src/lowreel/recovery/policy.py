"""What a recovery tries: one fit with fixed settings, or a search by held-out data; and what its fits came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch

from ..data import FEW_NUMBERS
from ..model.generators import Decoder
from ..model.latents import factorise
from ..model.representation import Representation
from ..settings import LAST_EPOCHS_SHARE, MOVES, SWEEPS, Candidate, RecoverSettings, SolverSettings
from ..solver.precision import precision_of
from ..solver.problem import Problem
from ..system.devices import device_of
from ..system.memory import parse_bytes
from .cost import Estimate, check_fits, estimate, rank_frames
from .fit import Progress, Trial
from .search_plan import Search, side_by_side
from .verdict import Outcome

SEARCH_TIME_SHARE = 0.5
"""With a time limit below this share of the time of a whole search, one fit with fixed settings is made instead."""

LEAST_COARSE_PIXELS = 4
"""A deeper decoder is tried only if the coarse grid of the usual one has at least so many pixels a side."""


@dataclass(frozen=True)
class FitResult:
    """What the fits came to. judged: the representation of epoch `chosen` of `steps`, which has seen none of the
    held-out data and has `error` on it; the one that is delivered may come from a last fit with all data, of
    `last_steps` epochs. weight_decay: what the fit used of that of `solver`. is_short: whether a time limit left no fit
    of a search enough epochs, so that a single one is to be made instead."""

    representation: Representation
    judged: Representation
    error: float
    chosen: int
    history: tuple[dict[str, Any], ...]
    outcome: Outcome
    steps: int
    seconds: float
    solver: SolverSettings
    weight_decay: float
    trials: tuple[Trial, ...] = ()
    last_steps: int = 0
    is_short: bool = False

    def on(self, device: torch.device) -> FitResult:
        """The same with all representations on a device."""
        here, judged = self.representation.on(device), self.judged.on(device)
        return replace(self, representation=here, judged=judged, trials=tuple(t.on(device) for t in self.trials))


def planned(problem: Problem, settings: RecoverSettings, *, given: bool = False) -> tuple[Search | None, Estimate]:
    """What is tried, or None where there is one fit, and what fits and baselines will take.

    There is one fit where nothing is to choose, or nothing to choose by, or no time for it. given: whether the
    generator is somebody's own, whose size is not to be chosen. Raises InputError where this machine lacks the device
    of the settings.
    """
    problem = problem.on(device_of(settings.device))
    settings = with_precision(problem, settings)
    one = estimate(problem, settings.solver(), settings.baselines)
    plan = _plan(problem, settings, lambda: one, given=given)
    return plan, _of_all(one, plan)


def plan_of(
    problem: Problem,
    settings: RecoverSettings,
    *,
    given: bool = False,
    resume: Progress | None = None,
    choice: Candidate | None = None,
) -> Search | None:
    """What `planned` tries, for whoever does it: memory and time are estimated as far as they are limited alone.

    resume: what goes on, as it was begun. choice: what was chosen before, for data of the same kind; it alone is then
    fitted, however little time there is. Raises InputError where the fits need more memory than is allowed.
    """
    problem = problem.on(device_of(settings.device))
    settings = with_precision(problem, settings, resume)
    one = cache(lambda: estimate(problem, settings.solver(), "none"))  # baselines need no more memory than judging
    plan = _plan(problem, settings, one, given=given, resume=resume, choice=choice)
    if settings.memory is not None:
        check_fits(_of_all(one(), plan), parse_bytes(settings.memory))
    return plan


def _plan(
    problem: Problem,
    settings: RecoverSettings,
    one: Callable[[], Estimate],
    *,
    given: bool = False,
    resume: Progress | None = None,
    choice: Candidate | None = None,
) -> Search | None:
    """What is tried. one: what a fit takes."""
    goes_on = resume.stage if resume else None
    if not settings.searches or problem.held_count < FEW_NUMBERS or goes_on == "fit":
        return None
    if choice is not None:
        return Search(choice, (), 0)
    plan = search_plan(problem, settings, given=given)

    def room() -> int:
        return 1 + max(0, parse_bytes(settings.memory) - one().memory) // max(one().each, 1)

    plan = replace(plan, at_once=resume.at_once if resume else side_by_side(problem, plan, room))
    if settings.time is None or goes_on is not None:
        return plan
    is_short = settings.time < SEARCH_TIME_SHARE * one().seconds * (plan.in_turn + LAST_EPOCHS_SHARE)
    return None if is_short else plan


def _of_all(one: Estimate, plan: Search | None) -> Estimate:
    """What all fits of a plan take, of which each takes `one`."""
    return one if plan is None else one.several(plan.at_once, plan.in_turn + LAST_EPOCHS_SHARE)


def with_precision(problem: Problem, settings: RecoverSettings, resume: Progress | None = None) -> RecoverSettings:
    """The settings with the precision in which this machine is faster; of a run that goes on, that in which it was
    begun."""
    if settings.precision != "auto":
        return settings
    precision = resume.precision if resume else precision_of(problem, settings.solver())
    return settings.model_copy(update={"precision": precision})


def search_plan(problem: Problem, settings: RecoverSettings, *, given: bool = False) -> Search:
    """The preset and the changes of it that the user's choices leave open."""
    solver = settings.solver()
    coarse = problem.generator.coarse if isinstance(problem.generator, Decoder) else (0, 0)
    fixed = {"similarity"} if settings.similarity != "auto" else set()
    grows = not given and settings.generator in ("auto", "decoder") and min(coarse) >= LEAST_COARSE_PIXELS
    fixed |= set() if grows else {"extra_stages"}
    changes = tuple(change for change in MOVES[settings.quality] if not fixed & set(change))
    return Search(
        Candidate(weight_decay=solver.weight_decay, similarity=solver.similarity), changes, SWEEPS[settings.quality]
    )


RANK_ERROR_FACTOR = 1.01
"""By how much the held-out error may rise for codes of smaller rank."""

HOPELESS_ERROR_FACTOR = 1.1
"""Where it has risen by so much no smaller rank is tried: drawing a large clip takes a third of an epoch."""


def smallest_rank(problem: Problem, found: Representation) -> int:
    """The smallest rank of the codes at which the held-out error is within a hundredth of its smallest.

    The codes are cut off after their first r singular vectors and the frames, of large ones a few of them, drawn and
    judged anew, for falling r in steps of about a third.
    """
    codes, errors, few = found.codes.matrix(), {}, _some_frames(problem)
    for rank in reversed(tried_ranks(found)):
        cut = replace(found, codes=factorise(codes, found.times, rank))
        errors[rank] = few.heldout_error(cut.frames(None if few is problem else few.times))
        if errors[rank] > HOPELESS_ERROR_FACTOR * min(errors.values()):
            break
    least = min(errors.values())
    return min(rank for rank, error in errors.items() if error <= RANK_ERROR_FACTOR * least)


def _some_frames(problem: Problem) -> Problem:
    """The problem of the frames by which a rank is chosen, as far as FEW_NUMBERS are held out there; otherwise as it
    is."""
    operator, heldout, parts = problem.operator, problem.heldout, rank_frames(problem)
    if heldout is None or len(parts) == operator.clip_shape[0]:
        return problem
    own = operator.take(heldout, parts)
    few, data, times = operator.subset(parts), operator.take(problem.data, parts), problem.times[list(parts)]
    some = replace(problem, operator=few, data=data, heldout=own, times=times, sequences=(), beta=None, start=None)
    return problem if some.held_count < FEW_NUMBERS else some


def tried_ranks(found: Representation) -> list[int]:
    """The ranks that are tried, rising."""
    full = min(found.codes.matrix().shape)
    return sorted({min(full, round(4 / 3 * 1.4**k)) for k in range(64)} | {full})
