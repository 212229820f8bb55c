"""A section of a long clip may start from its neighbour: from its weights, and its codes of the frames they share."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass, replace

from torch import Tensor

from ..model.generators import smooth_start
from ..model.representation import Representation
from ..operators import Data, tensors_of
from ..settings import WARM_EPOCHS_SHARE, ContinuedSettings, RecoverSettings
from ..solver.problem import Problem
from ..solver.schedule import planned_epochs


@dataclass(frozen=True)
class Neighbour:
    """What was found for another stretch of the same clip.

    shift: frame t here is frame t + shift there, where there is one; None: the two share no frame, as across a cut.
    """

    representation: Representation
    shift: int | None = None

    def shared(self, frames: int) -> dict[int, int]:
        """The frames, of so many, that the neighbour has too, and their numbers there; both rising."""
        if self.shift is None:
            return {}
        there = range(len(self.representation.codes))
        return {t: t + self.shift for t in range(frames) if t + self.shift in there}


def continued(problem: Problem, neighbour: Neighbour) -> Problem | None:
    """The problem with the neighbour's weights and first codes; None where the fit cannot start from the neighbour.

    That is where the generators differ in size, and where what is held out would not be new to the weights: they saw
    all data of the neighbour, the shared frames' too, which are therefore not held out here, and where all parts are
    measured alike the held-out entries of every frame. Nothing of the neighbour is changed.
    """
    theirs = neighbour.representation.generator
    if theirs.spec() != problem.generator.spec() or problem.is_time_invariant:
        return None
    shared = neighbour.shared(problem.operator.clip_shape[0])
    heldout = problem.heldout if problem.heldout is None else _without(problem, problem.heldout, shared)
    if heldout is not None and not any(bool(entries.any()) for entries in tensors_of(heldout)):
        return None
    generator = copy.deepcopy(problem.generator)
    generator.load_state_dict(theirs.state_dict())
    start = first_codes(problem, neighbour.representation.codes.matrix(), shared)
    return replace(problem, generator=generator, start=start, heldout=heldout)


def _without(problem: Problem, heldout: Data, frames: Collection[int]) -> Data:
    """What is held out, less all of the parts that see one of these frames."""
    left = tuple(entries.clone() for entries in tensors_of(heldout))
    for part in problem.operator.parts():
        if any(t in frames for t in part.frames):
            rows = part.data if isinstance(part.data, tuple) else (part.data,)
            for entries, own in zip(left, rows, strict=True):
                entries[own] = False
    return left if isinstance(heldout, tuple) else left[0]


def first_codes(problem: Problem, theirs: Tensor, shared: dict[int, int]) -> Tensor:
    """First codes, (T, K): the neighbour's for the frames both share, and a smooth random path from there on.

    theirs: the neighbour's codes. Where no frame is shared, the path that any fit starts with.
    """
    generator = problem.generator
    path = generator.code_spread * smooth_start(problem.times, generator.code_dim, problem.seed)
    if not shared:
        return generator.code_mean + path
    edges = [min(max(t, min(shared)), max(shared)) for t in range(len(path))]
    return theirs[[shared[edge] for edge in edges]] + (path - path[edges])


def fewer_epochs(problem: Problem, settings: RecoverSettings) -> RecoverSettings:
    """The settings for a problem of `continued`: fewer epochs, unless they are given, and larger steps."""
    if settings.steps is not None:
        return settings
    return ContinuedSettings(**in_fewer_epochs(problem, settings).model_dump())


def in_fewer_epochs(problem: Problem, settings: RecoverSettings) -> RecoverSettings:
    """The settings with the share of the epochs that a section makes after the first, unless they are given."""
    if settings.steps is not None:
        return settings
    epochs = max(1, round(WARM_EPOCHS_SHARE * planned_epochs(problem, settings.solver())))
    return settings.model_copy(update={"steps": epochs})
