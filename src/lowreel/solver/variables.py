"""The tensors that a fit changes: codes, weights, and the memory of their optimisers."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..model.generators import line_start, shared_start, smooth_start
from ..model.generators.layers import to_channels_last
from ..model.latents import check_rank, factorise
from ..settings import SolverSettings
from .constraints import has_joint_lines, has_own_ranks, is_projected
from .identity import check_same, identity
from .optim import OrthogonalisedMomentum, load_named_state, named_state, parameter_group
from .precision import autocast
from .problem import Problem
from .state import State

LEAST_STEP_SHARE = 1 / 1024
"""Algorithm 1 takes at least this share of the authors' steps."""


CODES_GROWTH_FACTOR, WEIGHTS_GROWTH_FACTOR = 1.05, 1.02
"""Factors by which these shares grow after a step that did not make the loss rise."""


WEIGHTS_RISE_FACTOR = 1.1
"""By what factor a step on the weights may make the loss rise before its share is halved: under Adam, which has
momentum, the loss never falls steadily, and a stricter rule would soon bring the share to its minimum
(docs/choices.md)."""


MATRIX_MOMENTUM = 0.9
"""Memory of the momentum of weight matrices."""


FULL_PRECISION_SHARE = 0.9
"""Share of a run from which on products are in float32 throughout (docs/choices.md)."""


ALGORITHM_1_LINE_SPREAD = 1.0
"""How far from its middle an ordered line begins and ends in Algorithm 1, which can hardly tell frames apart whose
codes are as near to each other as those that the joint fit starts with (docs/choices.md)."""


CODE_TENSORS = ("coefficients", "basis", "mean")
"""Names of the code parameters."""


@dataclass
class StepShare:
    """How much of the authors' step is taken: half as much after a step that made the loss rise, else slowly more.

    rise: the factor up to which the loss may rise; loss: at which the last step was taken.
    """

    growth: float
    rise: float
    value: float = 1.0
    loss: float = math.inf

    def judge(self, after: float) -> None:
        """Change the share by the loss after the last step."""
        share = self.value / 2 if not after <= self.rise * self.loss else self.growth * self.value
        self.value = min(max(share, LEAST_STEP_SHARE), 1.0)


class Variables:
    """The live tensors of an iteration: a copy of the generator, the code parameters, their optimisers.

    adam: of codes and weights, or of Algorithm 1's weights; None where it leaves them as they are. matrix_momentum: of
    those weights of the joint fit that are matrices; None where Adam has them too, or the weights are not fitted.
    """

    def __init__(self, problem: Problem, settings: SolverSettings, state: State | None):
        self.frames, self.device = problem.operator.clip_shape[0], problem.device
        if settings.rank is not None:
            shortest = min(problem.sequences) if has_own_ranks(problem, settings) else self.frames
            check_rank(settings.rank, shortest, problem.generator.code_dim)
        self.identity = identity(problem, settings)
        self.generator = copy.deepcopy(problem.generator).requires_grad_(settings.fit_weights)
        to_channels_last(self.generator)
        start = state.parameters if state else _start(problem, settings)
        self.codes = {
            name: nn.Parameter(start[name].to(self.device).clone(memory_format=torch.contiguous_format))
            for name in CODE_TENSORS
            if name in start
        }
        matrices = self._matrices(settings)
        self.adam = self._adam(settings, matrices)
        self.matrix_momentum = self._matrix_momentum(settings, matrices)
        self.optimisers = [one for one in (self.adam, self.matrix_momentum) if one is not None]
        self.code_share, self.weight_share = (
            StepShare(CODES_GROWTH_FACTOR, 1.0),
            StepShare(WEIGHTS_GROWTH_FACTOR, WEIGHTS_RISE_FACTOR),
        )
        self.reduced_precision = settings.precision == "bfloat16"
        if state is not None:
            self._restore(state)

    def _matrices(self, settings: SolverSettings) -> dict[str, nn.Parameter]:
        """The weights that move by orthogonalised momentum."""
        if settings.algorithm == "alternating" or settings.matrix_lr is None or not settings.fit_weights:
            return {}
        return {name: p for name, p in self.generator.named_parameters() if p.ndim > 1}

    def _adam(self, settings: SolverSettings, matrices: dict[str, nn.Parameter]) -> torch.optim.Adam | None:
        weights = {f"weights.{n}": p for n, p in self.generator.named_parameters() if n not in matrices}
        if settings.algorithm == "alternating":
            lr = settings.weight_lr * self.frames
            return torch.optim.Adam([parameter_group(weights)], lr=lr) if settings.fit_weights else None
        codes = {f"codes.{name}": parameter for name, parameter in self.codes.items()}
        groups = [parameter_group(codes, step=settings.code_lr)]
        if settings.fit_weights:
            groups.append(parameter_group(weights, step=settings.weight_lr))
        return torch.optim.Adam(groups, lr=1.0, betas=(0.9, 0.99))

    def _matrix_momentum(
        self, settings: SolverSettings, matrices: dict[str, nn.Parameter]
    ) -> OrthogonalisedMomentum | None:
        """The optimiser of these weights, with one group for all layers that take the same share of the step."""
        by_share: dict[float, dict[str, nn.Parameter]] = {}
        for name, weight in matrices.items():
            share = self.generator.step_shares.get(name.partition(".")[0], 1.0)
            by_share.setdefault(share, {})[f"weights.{name}"] = weight
        groups = [parameter_group(of, step=settings.matrix_lr, share=share) for share, of in by_share.items()]
        return OrthogonalisedMomentum(groups, lr=1.0, momentum=MATRIX_MOMENTUM, fused=True) if groups else None

    def _restore(self, state: State) -> None:
        check_same(self.identity, state.identity)
        self.generator.load_state_dict(state.weights)
        if "shares" in state.optimiser:
            codes, weights = state.optimiser["shares"].tolist()
            self.code_share = StepShare(CODES_GROWTH_FACTOR, 1.0, *codes)
            self.weight_share = StepShare(WEIGHTS_GROWTH_FACTOR, WEIGHTS_RISE_FACTOR, *weights)
        for optimiser in self.optimisers:
            load_named_state(optimiser, state.optimiser)

    def descend(self, loss: Tensor, share: float, decay: float) -> None:
        """An update of the joint fit: all that is fitted moves down the gradient of the loss, which is a scalar.

        share: of the steps of the settings; decay: weight matrices shrink by this times their step. All directions of a
        matrix move equally, also those in which the gradient is only noise; decay takes away again what these add.
        """
        for optimiser in self.optimisers:
            optimiser.zero_grad()
            for group in optimiser.param_groups:
                group["lr"] = share * group["step"] * group.get("share", 1.0)
        if self.matrix_momentum is not None:
            for group in self.matrix_momentum.param_groups:
                group["weight_decay"] = decay
        torch.autograd.backward(loss)
        for optimiser in self.optimisers:
            optimiser.step()

    def generated(self, codes: Tensor, progress: float) -> Tensor:
        """G(codes), differentiable: (N, K) to (N, C, H, W).

        progress: share of the run that is over. Early in a run, where steps are large, products are made in the
        precision of the settings.
        """
        with autocast(self.device, self.reduced_precision and progress < FULL_PRECISION_SHARE):
            frames: Tensor = self.generator(codes)
        return frames

    def z(self) -> Tensor:
        """Z, (T, K), differentiable."""
        p = self.codes
        codes = p["coefficients"] @ p["basis"] if "basis" in p else p["coefficients"]
        return codes + p["mean"] if "mean" in p else codes

    def snapshot(self, step: int, loss: float) -> State:
        """All that a restart needs, copied. step: epochs made; loss: mean over the minibatches of the last."""
        shares = [[share.value, share.loss] for share in (self.code_share, self.weight_share)]
        memory = named_state(*self.optimisers) | {"shares": torch.tensor(shares, dtype=torch.float64)}
        weights = {name: tensor.detach().clone() for name, tensor in self.generator.state_dict().items()}
        codes = {name: tensor.detach().clone() for name, tensor in self.codes.items()}
        return State(step, loss, codes, weights, memory, self.identity)


def _start(problem: Problem, settings: SolverSettings) -> dict[str, Tensor]:
    """First code parameters: Z itself, or its factors where the joint fit has a rank to keep."""
    frames, code_dim = problem.operator.clip_shape[0], problem.generator.code_dim
    if problem.start is not None:
        codes = problem.start
    elif settings.init == "shared" and not settings.ordered:
        codes = shared_start(frames, code_dim, problem.seed)
    else:
        generator = problem.generator
        codes = generator.code_mean + generator.code_spread * _path_start(problem, settings)
        codes = codes if problem.motion is None else torch.cat([codes, problem.motion.to(codes)], 1)
    if settings.algorithm == "alternating" or settings.rank is None or is_projected(problem, settings):
        return {"coefficients": codes}
    found = factorise(codes, problem.times, settings.rank, affine=settings.linear).tensors()
    return {name: tensor for name, tensor in found.items() if name != "times"}


def _path_start(problem: Problem, settings: SolverSettings) -> Tensor:
    code_dim = problem.generator.code_dim - problem.generator.motion_numbers
    if settings.linear and (settings.rank == 2 or has_joint_lines(problem, settings)):
        wide = {"spread": ALGORITHM_1_LINE_SPREAD} if settings.algorithm == "alternating" and settings.ordered else {}
        return line_start(problem.times, code_dim, problem.seed, problem.sequences, **wide)
    return smooth_start(problem.times, code_dim, problem.seed)
