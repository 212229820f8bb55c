"""What a recovery will take, in memory and time, said before it starts."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .baselines import GAP_ITERATIONS, GAP_STEPS, ITERATIONS, RANK_ITERATIONS, gradient, gradient_adjoint
from .errors import InputError
from .measure import tensors_of
from .memory import bytes_text, resident_bytes
from .settings import SolverSettings
from .solver import Problem, planned_rounds, trial_loss

CLIPS = 14
"""Arrays of the clip's size that a recovery holds at its peak, in its baselines: the three edge fields of total
variation twice, and the clips around them."""

DATA = 8
"""Arrays of the data's size that it holds then."""

WEIGHTS = 12
"""Copies of the weights in a fit: gradients, moments, and snapshots of all of them."""

CONSISTENCY = 20
"""Iterations in which the clip of least norm is found, roughly."""

SLACK = 2.0
"""Memory of the fit over what autograd keeps: gradients on their way, workspaces, what the allocator does not give
back before the baselines begin."""


@dataclass(frozen=True)
class Estimate:
    """memory: bytes at the peak, all told; each: those of one fit in it; seconds: of the optimisation; baselines:
    seconds of these."""

    memory: int
    seconds: float
    baselines: float
    each: int = 0

    def several(self, at_once: int, in_turn: float) -> Estimate:
        """That of so many fits side by side, which take as long as so many one after the other."""
        return replace(self, memory=self.memory + (at_once - 1) * self.each, seconds=in_turn * self.seconds)

    def sentence(self, limit: float | None = None) -> str:
        """What to expect, in words; limit: seconds that the optimisation may take."""
        seconds = self.seconds if limit is None else min(limit, self.seconds)
        return (
            f"Expect about {_time_text(seconds)} for the fit, {_time_text(self.baselines)} for the baselines, and "
            f"{bytes_text(self.memory)} of memory."
        )


def estimate(problem: Problem, solver: SolverSettings) -> Estimate:
    """Memory and time of a recovery, from one minibatch that is tried, and one step of total variation.

    Nothing of the problem is changed. On a machine that becomes busier it will take longer.
    """
    generator = copy.deepcopy(problem.generator).requires_grad_(solver.fit_weights)
    kept = _Kept()

    def update() -> int:
        loss, minibatches = trial_loss(problem, solver, generator)
        loss.backward()
        return minibatches

    with torch.autograd.graph.saved_tensors_hooks(kept.note, lambda t: t):
        updates = planned_rounds(problem, solver) * update() * (2 if solver.algorithm == "alternating" else 1)
    clip = 4 * math.prod(problem.operator.clip_shape)
    data = sum(t.numel() * t.element_size() for t in tensors_of(problem.data))
    weights = 4 * sum(p.numel() for p in generator.parameters())
    fit = SLACK * kept.bytes + WEIGHTS * weights
    return Estimate(
        memory=round(resident_bytes() + fit + CLIPS * clip + DATA * data),
        seconds=updates * _seconds(update),
        baselines=_baseline_seconds(problem),
        each=round(fit),
    )


def check_fits(estimate: Estimate, budget: int) -> None:
    """Raise InputError where the memory would exceed the budget, with what to change."""
    if estimate.memory > budget:
        raise InputError(
            f"memory: the recovery needs about {bytes_text(estimate.memory)}, {bytes_text(budget)} are allowed; use a "
            f"smaller --size, fewer --frames, or --memory {bytes_text(1.5 * estimate.memory).replace(' ', '')}"
        )


def check_clip_fits(clip_shape: Sequence[int], budget: int, arrays: int | None = None) -> None:
    """Raise InputError, before anything is read, where so many arrays of this clip's size exceed the budget.

    arrays: those of a recovery if None.
    """
    needed = (arrays or CLIPS) * 4 * math.prod(clip_shape)
    if needed > budget:
        raise InputError(
            f"memory: a clip of {clip_shape[0]} frames of {clip_shape[2]}x{clip_shape[3]} needs at least "
            f"{bytes_text(needed)}, {bytes_text(budget)} are allowed; use a smaller --size, fewer --frames, or "
            f"--memory {bytes_text(1.5 * needed).replace(' ', '')}"
        )


class _Kept:
    """Bytes of the tensors that autograd keeps, each counted once."""

    def __init__(self) -> None:
        self.bytes = 0
        self.seen: set[int] = set()

    def note(self, tensor: Tensor) -> Any:
        """Count a tensor, and hand it back to be kept."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.seen:
            self.seen.add(storage.data_ptr())
            self.bytes += storage.nbytes()
        return tensor


def _baseline_seconds(problem: Problem) -> float:
    """Time of the baselines that suit the operator, from one application of A and A* and one gradient of the clip."""
    operator = problem.operator
    clip = torch.zeros(operator.clip_shape)
    edges = _seconds(lambda: gradient_adjoint(gradient(clip)))
    if operator.picks_pixels:
        return ITERATIONS * edges
    applied = _seconds(lambda: operator.adjoint(operator(clip)))
    total = (CONSISTENCY + ITERATIONS) * applied + ITERATIONS * edges
    if operator.kind == "snapshot":
        total += GAP_ITERATIONS * (GAP_STEPS * applied + 4 * GAP_STEPS * edges)
    if operator.kind == "fourier":
        total += ITERATIONS * (applied + edges) + RANK_ITERATIONS * (GAP_STEPS * applied + 4 * edges)
    return total


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _time_text(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
