"""How often in a fit its held-out error is measured, for which all frames are drawn."""

from __future__ import annotations

import math

from ..settings import BATCH_PIXELS
from ..solver.problem import Problem

CHECKS_PER_RUN, CHECKS_OF_LARGE_FRAMES = 12, 5
"""How often in a run the held-out error is measured, at most: each time all frames are drawn. Of frames of more than
BATCH_PIXELS that takes as long as half of an epoch (docs/choices.md)."""


def checks_per_run(problem: Problem) -> int:
    """How often the held-out error is measured in a run, at most. Of large frames of which nothing is held out, where
    it would decide nothing and only the score is noted, at the ends alone."""
    _, _, height, width = problem.operator.clip_shape
    if height * width <= BATCH_PIXELS:
        return CHECKS_PER_RUN
    return 1 if problem.heldout is None else CHECKS_OF_LARGE_FRAMES


def is_checked(step: int, steps: int, goal: int, most: int) -> bool:
    """Whether the held-out error is measured after an epoch: `most` times a run, and at both ends."""
    return step % _every(steps, most) == 0 or step in (1, steps, goal)


def checks_left(step: int, steps: int, most: int) -> int:
    """Checks that are still to be made after so many epochs of a run."""
    every = _every(steps, most)
    return steps // every - step // every + (steps % every != 0)


def _every(steps: int, most: int) -> int:
    """Epochs from one check to the next in a run of so many, with so many checks at most."""
    return max(1, math.ceil(steps / most))
