"""Algorithm 1 of the paper: a gradient step on the codes, projection, an Adam step on the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from ..operators import tensors_of
from ..settings import SolverSettings
from .constraints import projected, with_similarity
from .problem import Problem
from .variables import Variables


def alternating_epoch(fit: Variables, problem: Problem, settings: SolverSettings, step: int) -> float:
    """Algorithm 1: gradient step on the codes, projection, Adam step on the weights at the projected codes.

    Both steps are the authors', that on the codes for data whose rows have norm 1 (`Problem.mean_row_norm_sq`), as long
    as they do not make the loss rise. After one that did, the step is halved, and then grows back slowly: with weights
    that curve the loss more than the authors' did, full steps make it oscillate, and codes on a line lose what was
    gained, again and again (docs/choices.md).
    """
    z = fit.codes["coefficients"]
    loss = _paper_loss(fit, problem, settings)
    here = float(loss.detach())
    if fit.adam is None:
        fit.code_share.judge(here)
    else:
        fit.weight_share.judge(here)
    fit.code_share.loss = here
    (gradient,) = torch.autograd.grad(loss, z)
    with torch.no_grad():
        z.sub_(fit.code_share.value * settings.code_lr * fit.frames / problem.mean_row_norm_sq * gradient)
        z.copy_(projected(z, problem, settings))
    if fit.adam is None:
        return here
    loss = _paper_loss(fit, problem, settings)
    here = float(loss.detach())
    fit.code_share.judge(here)
    fit.weight_share.loss = here
    for group in fit.adam.param_groups:
        group["lr"] = fit.weight_share.value * settings.weight_lr * fit.frames
    fit.adam.zero_grad()
    torch.autograd.backward(loss)
    fit.adam.step()
    return here


def _paper_loss(fit: Variables, problem: Problem, settings: SolverSettings) -> Tensor:
    """Eq. (6) as the authors average it: grey levels in [-1, 1], over all entries of the data, over (T - 1) K."""
    found = problem.operator(fit.generator(fit.z()))
    entries = sum(t.numel() for t in tensors_of(problem.data))
    data_term = 4 * problem.data_fidelity(found, problem.data, problem.fitted) / entries
    return with_similarity(data_term, fit.z(), problem, settings)
