"""What a search tries, in which order, and how long that takes: no fit is made here."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..operators import is_external
from ..settings import BRANCH_SHARE, LOOK_SHARE, Candidate
from ..solver.problem import Problem
from .fit import Progress, Trial, part_of


@dataclass(frozen=True)
class Search:
    """What is tried. first: the preset's own choice; changes: of it, one at a time; waves: how often, each time of
    the best so far. at_once: fits side by side, at most. overfits: whether the trunk did, so that changes against that
    are tried too.

    Up to `BRANCH_SHARE` of the epochs the choices that begin alike share one fit, the trunk, which is that of the
    first; a change of the generator, or of the first half, starts afresh. After `LOOK_SHARE` of the epochs the best of
    all goes on alone to the end.
    """

    first: Candidate
    changes: tuple[dict[str, float], ...]
    waves: int
    at_once: int = 1
    overfits: bool = False

    def told_by(self, trials: Sequence[Trial], trunk: Progress | None = None) -> Search:
        """The plan with what the fits that were made say of overfitting.

        A fit that diverged says that the preset's choice is not good enough; one with a change against overfitting,
        that there was a reason to try it.
        """
        histories = [trial.history for trial in trials] + ([] if trunk is None else [trunk.history])
        overfits = any(overfitted(history) for history in histories) or any(
            trial.outcome.kind == "diverged" or trial.choice.early_weight_decay is not None for trial in trials
        )
        return replace(self, overfits=self.overfits or overfits)

    def due(self, trials: Sequence[Trial]) -> list[Candidate]:
        """All choices that are to be tried, those of these trials too, as far as these decide; in order."""
        return [choice for wave in self._waves(trials) for choice in wave]

    def _waves(self, trials: Sequence[Trial]) -> list[list[Candidate]]:
        """The same by waves, without those that the trials do not decide yet."""
        waves = [[self.first, *(self._changed(self.first) if self.waves else [])]]
        while len(waves) < self.waves:
            due = [choice for wave in waves for choice in wave]
            made = [trial for trial in trials if trial.choice in due]
            if len(made) < len(due):
                break
            waves.append([choice for choice in self._changed(best_of(made).choice) if choice not in due])
        return waves

    def open_waves(self, trials: Sequence[Trial]) -> int:
        """How many waves there are whose choices these trials do not tell yet."""
        return max(self.waves, 1) - len(self._waves(trials))

    def next(self, trials: Sequence[Trial]) -> list[Candidate]:
        """The choices to try after these, none where the search is over."""
        known = [trial.choice for trial in trials]
        return [choice for choice in self.due(trials) if choice not in known]

    def ordered(self, trials: Sequence[Trial]) -> tuple[Trial, ...]:
        """The trials in the order in which they were due, whichever ended first."""
        due = self.due(trials)
        known = [trial.choice for trial in trials if trial.choice not in due]  # of a wave before which one was cut off
        return tuple(sorted(trials, key=lambda trial: [*due, *known].index(trial.choice)))

    def _changed(self, choice: Candidate) -> list[Candidate]:
        return [choice.model_copy(update=change) for change in self._open_changes]

    @property
    def _open_changes(self) -> tuple[dict[str, float], ...]:
        """The changes that are tried: those against overfitting only where there is any."""
        return tuple(change for change in self.changes if self.overfits or not curbs_overfitting(change))

    @property
    def branches(self) -> bool:
        """Whether there is anything to choose: otherwise the first fit simply goes to its end."""
        return self.waves > 0 and bool(self.changes)

    @property
    def most(self) -> int:
        """Choices at most."""
        return 1 + (self.waves * len(self.changes) if self.branches else 0)

    def epochs(self, steps: int, trials: Sequence[Trial] = (), *, parted: bool = True) -> int:
        """Epochs of all fits, of so many each if they went to their ends, as far as these trials tell what is tried.

        parted: whether they share a trunk; else each starts afresh.
        """
        if not self.branches:
            return steps
        trunk, look = part_of(BRANCH_SHARE, steps), part_of(LOOK_SHARE, steps)
        deep = [choice.begins_afresh for choice in self.due(trials)]
        deep += self.open_waves(trials) * [_begins_afresh(change) for change in self._open_changes]
        shared = trunk if parted else 0
        return shared + sum(look if afresh else look - shared for afresh in deep) + steps - look

    @property
    def in_turn(self) -> float:
        """How long the fits take, in fits with all threads one after the other, about."""
        if not self.branches:
            return 1.0
        first = [LOOK_SHARE - BRANCH_SHARE, *self._shares()]
        return BRANCH_SHARE + self.to_come(first, self.waves - 1)

    def to_come(self, shares: Sequence[float], waves: int) -> float:
        """How long fits of these shares of the epochs take side by side, so many waves after them, and the end of the
        best, in fits with all threads."""
        each = [_side_by_side(shares, self.at_once), *waves * [_side_by_side(self._shares(), self.at_once)]]
        return sum(each) * slower(self.at_once) + 1 - LOOK_SHARE

    def _shares(self) -> list[float]:
        """The shares of the epochs that a wave's fits make, if all share the trunk that can."""
        return [LOOK_SHARE - (0 if _begins_afresh(change) else BRANCH_SHARE) for change in self._open_changes]


OVERFIT_RATIO = 2.5
"""How many times the error of the fitted data that of the held-out data is where the trunk ends, at least, for a fit
with stronger decay to be tried (docs/choices.md)."""


def overfitted(history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the trunk of a fit with such a history had learned its data by heart when it ended."""
    return any(row["heldout"] > OVERFIT_RATIO * row["fitted"] for row in history if row.get("fitted") is not None)


def curbs_overfitting(change: Mapping[str, float]) -> bool:
    """Whether a change of the preset's choice helps only where that learns its data by heart."""
    return "early_weight_decay" in change


def _begins_afresh(change: Mapping[str, float]) -> bool:
    """Whether a change of the preset's choice is one of its first half too: `Candidate.begins_afresh`."""
    return bool({"extra_stages", "early_weight_decay"} & set(change))


def _side_by_side(shares: Sequence[float], at_once: int) -> float:
    """How long it takes until all are made, so many at once, each begun when another one ends."""
    ends = [0.0] * at_once
    for share in shares:
        heapq.heapreplace(ends, ends[0] + share)
    return max(ends)


def slower(at_once: int) -> float:
    """How many times as long a fit takes beside others as alone with the threads of all, about."""
    return float(at_once**THREADS_POWER)


THREADS_POWER = 0.7
"""Power of the number of threads by which a fit is faster: 1.6 times with two (docs/choices.md)."""


LARGE_FRAME_PIXELS = 2**17
"""Pixels of a frame from which on fits are made one after the other, with all threads each (docs/choices.md)."""


def best_of(trials: Iterable[Trial]) -> Trial:
    """The one with the smallest held-out error, the first of equals; the one that was made to its end, once one was.

    That one stays the best even if its error has risen a little on the way to its end.
    """
    return min(trials, key=lambda trial: (not is_whole(trial), trial.error))


def is_whole(trial: Trial) -> bool:
    """Whether a fit has been made to the end of its schedule."""
    return len(trial.history) >= trial.steps


def side_by_side(problem: Problem, plan: Search, most: Callable[[], int]) -> int:
    """How many fits of the plan are made at once, each with its share of the threads: the smallest number with which
    all of them end soonest.

    most: how many there may be, which may take a trial to tell. One on an accelerator, which a single fit keeps busy;
    with operators of other libraries, which may not be safe to share; and where frames are large, as the threads of one
    fit then have enough to do and a second fit takes as much memory again.
    """
    pixels, threads = math.prod(problem.operator.clip_shape[2:]), torch.get_num_threads()
    is_alone = problem.device.type != "cpu" or is_external(problem.operator) or pixels >= LARGE_FRAME_PIXELS
    if is_alone or threads == 1:
        return 1
    able = range(1, max(1, min(most(), threads)) + 1)
    return min(able, key=lambda at_once: (round(replace(plan, at_once=at_once).in_turn, 6), at_once))
