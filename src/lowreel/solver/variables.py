"""The tensors that move: codes, weights, and the memory of their optimisers."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..model.generators import line_start, shared_start, smooth_start
from ..model.latents import check_rank, factorise
from ..settings import SolverSettings
from .constraints import has_joint_lines
from .optim import step_orthogonalised
from .precision import autocast
from .problem import Problem, check_same, identity
from .state import State

LEAST_SHARE = 1 / 1024
"""Smallest share of the authors' steps that Algorithm 1 falls to."""


CODES_GROW, WEIGHTS_GROW = 1.05, 1.02
"""By what these shares grow after a step that did not make the loss rise."""


WEIGHTS_RISE = 1.1
"""By what factor a step on the weights may make the loss rise before its share is halved: Adam, which has momentum,
never falls steadily, and a share that takes that for trouble goes to the smallest (docs/choices.md)."""


MOMENTUM = 0.9
"""Memory of the momentum of weight matrices."""


FULL_PRECISION_FROM = 0.9
"""Share of a run from which on products are in float32 throughout (docs/choices.md)."""


CODE_TENSORS = ("coefficients", "basis", "mean")
"""Code parameters in the order in which the optimiser counts them."""


@dataclass
class StepShare:
    """Share of the authors' step: halved after a step that made the loss rise, else it grows towards the whole one.

    rise: the factor up to which the loss may rise; loss: at which the last step was taken.
    """

    growth: float
    rise: float
    value: float = 1.0
    loss: float = math.inf

    def judge(self, after: float) -> None:
        """Look at the loss after the last step."""
        share = self.value / 2 if not after <= self.rise * self.loss else self.growth * self.value
        self.value = min(max(share, LEAST_SHARE), 1.0)


class Variables:
    """The live tensors of an iteration: a copy of the generator, the code parameters, Adam, momentum."""

    def __init__(self, problem: Problem, settings: SolverSettings, state: State | None):
        self.frames, self.device = problem.operator.clip_shape[0], problem.device
        if settings.rank is not None:
            check_rank(settings.rank, self.frames, problem.generator.code_dim)
        self.identity = identity(problem, settings)
        self.generator = copy.deepcopy(problem.generator).requires_grad_(settings.fit_weights)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        start = state.parameters if state else _start(problem, settings)
        self.codes = {
            name: nn.Parameter(start[name].to(self.device).clone(memory_format=torch.contiguous_format))
            for name in CODE_TENSORS
            if name in start
        }
        self.matrices = self._matrices(settings)
        self.momentum = {name: torch.zeros_like(weight) for name, weight in self.matrices.items()}
        self.adam = self._optimiser(settings)
        self.code_share, self.weight_share = StepShare(CODES_GROW, 1.0), StepShare(WEIGHTS_GROW, WEIGHTS_RISE)
        self.reduced_precision = settings.precision == "bfloat16"
        if state is not None:
            self._restore(state)

    def _matrices(self, settings: SolverSettings) -> dict[str, nn.Parameter]:
        """The weights that move by orthogonalised momentum."""
        if settings.matrix_lr is None or not settings.fit_weights:
            return {}
        return {name: p for name, p in self.generator.named_parameters() if p.ndim > 1}

    def _optimiser(self, settings: SolverSettings) -> torch.optim.Adam | None:
        if settings.algorithm == "alternating":
            if not settings.fit_weights:
                return None
            return torch.optim.Adam(self.generator.parameters(), lr=settings.weight_lr * self.frames)
        groups: list[dict[str, Any]] = [{"params": list(self.codes.values()), "step": settings.code_lr}]
        if settings.fit_weights:
            rest = [p for name, p in self.generator.named_parameters() if name not in self.matrices]
            groups.append({"params": rest, "step": settings.weight_lr})
        return torch.optim.Adam(groups, lr=1.0, betas=(0.9, 0.99))

    def _adam_parameters(self) -> list[nn.Parameter]:
        return [p for group in self.adam.param_groups for p in group["params"]] if self.adam else []

    def _restore(self, state: State) -> None:
        check_same(self.identity, state.identity)
        self.generator.load_state_dict(state.weights)
        if "shares" in state.optimiser:
            codes, weights = state.optimiser["shares"].tolist()
            self.code_share = StepShare(CODES_GROW, 1.0, *codes)
            self.weight_share = StepShare(WEIGHTS_GROW, WEIGHTS_RISE, *weights)
        elif "codes" in state.optimiser:  # a checkpoint from when the weights had none
            self.code_share = StepShare(CODES_GROW, 1.0, *state.optimiser["codes"].tolist())
        for k, parameter in enumerate(self._adam_parameters()):
            if self.adam is not None and f"{k}.step" in state.optimiser:
                moments = {
                    name: torch.zeros_like(parameter).copy_(state.optimiser[f"{k}.{name}"])
                    for name in ("exp_avg", "exp_avg_sq")
                }
                self.adam.state[parameter] = {"step": state.optimiser[f"{k}.step"].clone(), **moments}
        for name, momentum in self.momentum.items():
            momentum.copy_(state.optimiser[f"momentum.{name}"])

    @torch.no_grad()
    def step_matrices(self, step: float, decay: float) -> None:
        """Move the weight matrices against their orthogonalised momentum, by entries of this root mean square.

        They shrink by decay * step before: all directions move alike, also those in which the gradient is noise, and
        what noise adds has to go again.
        """
        for name, weight in self.matrices.items():
            assert weight.grad is not None
            momentum = self.momentum[name].lerp_(weight.grad, 1 - MOMENTUM)
            own = step * self.generator.step_shares.get(name.partition(".")[0], 1.0)
            step_orthogonalised(weight, weight.grad.lerp_(momentum, MOMENTUM), own, decay)

    def generated(self, codes: Tensor, progress: float) -> Tensor:
        """G(codes), differentiable; early in a run, where steps are large, in the precision of the settings."""
        with autocast(self.device, self.reduced_precision and progress < FULL_PRECISION_FROM):
            return self.generator(codes)

    def z(self) -> Tensor:
        """Z, (T, K), differentiable."""
        p = self.codes
        codes = p["coefficients"] @ p["basis"] if "basis" in p else p["coefficients"]
        return codes + p["mean"] if "mean" in p else codes

    def snapshot(self, step: int, loss: float) -> State:
        moments = {
            f"{k}.{name}": tensor.clone()
            for k, parameter in enumerate(self._adam_parameters())
            for name, tensor in (self.adam.state[parameter] if self.adam else {}).items()
        }
        moments |= {f"momentum.{name}": tensor.clone() for name, tensor in self.momentum.items()}
        shares = [[share.value, share.loss] for share in (self.code_share, self.weight_share)]
        moments["shares"] = torch.tensor(shares, dtype=torch.float64)
        weights = {name: tensor.detach().clone() for name, tensor in self.generator.state_dict().items()}
        codes = {name: tensor.detach().clone() for name, tensor in self.codes.items()}
        return State(step, loss, codes, weights, moments, self.identity)


def _start(problem: Problem, settings: SolverSettings) -> dict[str, Tensor]:
    """First code parameters: Z itself, or its factors where the joint fit has a rank to keep."""
    frames, code_dim = problem.operator.clip_shape[0], problem.generator.code_dim
    if problem.start is not None:
        codes = problem.start
    elif settings.init == "shared":
        codes = shared_start(frames, code_dim, problem.seed)
    else:
        generator = problem.generator
        codes = generator.code_mean + generator.code_spread * _path_start(problem, settings)
    if settings.algorithm == "alternating" or settings.rank is None or has_joint_lines(problem, settings):
        return {"coefficients": codes}
    found = factorise(codes, problem.times, settings.rank, affine=settings.linear).tensors()
    return {name: tensor for name, tensor in found.items() if name != "times"}


def _path_start(problem: Problem, settings: SolverSettings) -> Tensor:
    code_dim = problem.generator.code_dim
    if settings.linear and (settings.rank == 2 or has_joint_lines(problem, settings)):
        return line_start(problem.times, code_dim, problem.seed, problem.sequences)
    return smooth_start(problem.times, code_dim, problem.seed)
