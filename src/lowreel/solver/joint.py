"""The faster joint fit: one backward pass for codes and weights, a minibatch of parts at a time."""

from __future__ import annotations

import torch
from torch import Tensor

from ..settings import BRANCH_SHARE, SolverSettings
from .constraints import constrained, is_projected, with_similarity
from .losses import variation
from .problem import Problem
from .schedule import minibatches, one_cycle, planned_epochs, weight_decay_of
from .variables import Variables


def joint_epoch(fit: Variables, problem: Problem, settings: SolverSettings, step: int) -> float:
    """One pass over all parts in a fresh random order, an Adam step on codes and weights for each minibatch."""
    parts = problem.operator.parts()
    batches = minibatches(problem, settings, step)
    updates = planned_epochs(problem, settings) * len(batches)
    scale, total = problem.fit_scale, 0.0
    for k, batch in enumerate(batches):
        frames = [t for part in batch for t in parts[part].frames]
        progress = (step * len(batches) + k + 1) / updates
        total += len(frames) * update(fit, problem, settings, batch, frames, scale, progress)
    return total / fit.frames


def update(
    fit: Variables,
    problem: Problem,
    settings: SolverSettings,
    batch: list[int],
    frames: list[int],
    scale: float,
    progress: float,
) -> float:
    """One step on codes and weights for a minibatch of parts; returns its loss."""
    generated = fit.generated(fit.z()[frames], progress)
    loss = _batch_loss(fit, problem, batch, generated, scale * fit.frames / len(frames), settings)
    early = settings.early_weight_decay if progress <= BRANCH_SHARE else None
    decay = weight_decay_of(problem, settings) if early is None else early
    fit.descend(loss, one_cycle(progress), decay)
    if is_projected(problem, settings) or settings.ordered:
        with torch.no_grad():
            fit.codes["coefficients"].copy_(constrained(fit.codes["coefficients"], problem, settings))
    return float(loss.detach())


def _batch_loss(
    fit: Variables, problem: Problem, batch: list[int], generated: Tensor, scale: float, settings: SolverSettings
) -> Tensor:
    operator = problem.operator
    found = operator.subset(batch)(generated)
    error = problem.data_fidelity(found, operator.take(problem.data, batch), operator.take(problem.fit_weights, batch))
    loss = with_similarity(scale * error, fit.z(), problem, settings)
    if settings.tv_weight and problem.is_time_invariant:
        loss = loss + settings.tv_weight * variation(generated)
    return loss
