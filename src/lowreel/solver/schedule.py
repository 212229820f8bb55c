"""How many epochs there are, what each minibatch sees, and how large a step is at a point of a run."""

from __future__ import annotations

import math

from ..settings import SolverSettings
from ..system import streams
from .grouped import GroupProblem
from .problem import Problem


def one_cycle(progress: float, warm_up: float = 0.1) -> float:
    """Share of the full step: up in a line over the first `warm_up` of the run, then down a half cosine to 0."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


LEAST_KNOWN_SHARE = 0.15
"""Share of the pixels that are known from which on a fit of large frames has less weight decay: with 20 % it is the
better for it, with 5 % it learns its data by heart (docs/choices.md)."""


def decay_share(problem: Problem) -> float:
    """Share of the usual weight decay: the generator's, where exact pixels are measured, and enough of them, of all
    clips of a group; else all of it. A decay of the first half alone (`early_weight_decay`) is what it says."""
    if isinstance(problem, GroupProblem):
        return max(map(decay_share, problem.clips))
    is_told = problem.operator.is_pixel_mask and problem.noise.is_exact and problem.known_share >= LEAST_KNOWN_SHARE
    return problem.generator.decay_share if is_told else 1.0


def weight_decay_of(problem: Problem, settings: SolverSettings) -> float:
    """What a fit uses of the weight decay of its settings, but in a first half that has a decay of its own: none where
    no matrices have a step of their own."""
    has_decay = settings.algorithm == "joint" and settings.fit_weights and settings.matrix_lr is not None
    return decay_share(problem) * settings.weight_decay if has_decay else 0.0


UNEVEN_FACTOR = 2
"""So many times as many epochs are made where samples of a spectrum lie unevenly, because such a fit is slower
(docs/choices.md)."""


def planned_epochs(problem: Problem, settings: SolverSettings) -> int:
    """Epochs that `iterate` makes in all; where none are given as many times the usual ones as the generator asks for,
    or UNEVEN_FACTOR times as many for samples of a spectrum that lie unevenly, whichever is more; for several clips the
    mean over their frames of what each has alone: every frame is seen as often as if it were alone
    (docs/choices.md)."""
    if isinstance(problem, GroupProblem) and len(problem.clips) > 1:
        each = [len(clip.times) * planned_epochs(clip, settings) for clip in problem.clips]
        return max(1, round(sum(each) / len(problem.times)))
    epochs = settings.epochs(len(minibatches(problem, settings, 0)))
    if settings.steps is not None:
        return epochs
    factor = problem.generator.epochs_factor
    return round((max(UNEVEN_FACTOR, factor) if problem.has_density else factor) * epochs)


def minibatches(problem: Problem, settings: SolverSettings, step: int) -> list[list[int]]:
    """The numbers of the parts in a random order, another one in each epoch, cut into minibatches; of a group, the
    parts of all clips."""
    operator = problem.operator
    frames, _, height, width = operator.clip_shape
    sizes, most = operator.part_sizes(), settings.frames_at_once(frames, height * width)
    found: list[list[int]] = []
    room = 0
    for part in streams.generator(problem.seed, streams.ORDER, step).permutation(len(sizes)).tolist():
        if sizes[part] > room:
            found.append([])
            room = most
        found[-1].append(part)
        room -= sizes[part]
    return [sorted(batch) for batch in found]
