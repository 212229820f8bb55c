"""A snapshot of an iteration: all that a restart needs."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..model.latents import Codes, factorise
from ..model.representation import Representation
from ..settings import SolverSettings
from .constraints import has_joint_lines, has_own_ranks
from .problem import Problem


@dataclass(frozen=True)
class State:
    """A snapshot after `step` epochs: all that a restart needs, on any device, sharing no memory with the iteration.

    parameters: code tensors by name; weights: the generator's state; optimiser: the memory of the optimisers by the
    names of `optim.named_state`, and, as `shares`, (2, 2): of Algorithm 1's steps on codes and on weights the share
    that is taken and the loss at which the last one was; loss: mean over the epoch's minibatches; identity: hashes of
    the data, the operator and the generator.
    """

    step: int
    loss: float
    parameters: dict[str, Tensor]
    weights: dict[str, Tensor]
    optimiser: dict[str, Tensor]
    identity: dict[str, str]

    def codes(self, problem: Problem, settings: SolverSettings) -> Codes:
        """The codes in their compact form: on r basis vectors where the rank is constrained (eq. 8), of all sequences
        together."""
        p = {name: tensor.to(problem.device) for name, tensor in self.parameters.items()}
        if has_own_ranks(problem, settings):
            return Codes(p["coefficients"], problem.times)
        if settings.rank is not None and has_joint_lines(problem, settings):  # in a space through 0
            return factorise(p["coefficients"], problem.times, settings.rank)
        if settings.algorithm == "alternating" and settings.rank is not None:
            return factorise(p["coefficients"], problem.times, settings.rank, affine=settings.linear)
        return Codes(p["coefficients"], problem.times, p.get("basis"), p.get("mean"))

    def representation(self, problem: Problem, settings: SolverSettings) -> Representation:
        """Codes and generator as they stand."""
        generator = copy.deepcopy(problem.generator)
        generator.load_state_dict(self.weights)
        return Representation(generator.eval().requires_grad_(False), self.codes(problem, settings))

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor under one name, for a checkpoint."""
        groups = {"parameters": self.parameters, "weights": self.weights, "optimiser": self.optimiser}
        return {f"{group}.{name}": t for group, named in groups.items() for name, t in named.items()}

    def header(self) -> dict[str, Any]:
        """What is not a tensor."""
        loss = self.loss if math.isfinite(self.loss) else None
        return {"step": self.step, "loss": loss, "identity": self.identity}

    @staticmethod
    def of(tensors: dict[str, Tensor], header: dict[str, Any]) -> State:
        """The state that `tensors` and `header` came from."""
        groups: dict[str, dict[str, Tensor]] = {"parameters": {}, "weights": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            group, _, rest = name.partition(".")
            groups[group][rest] = tensor
        loss = math.nan if header["loss"] is None else header["loss"]
        return State(step=header["step"], loss=loss, identity=header["identity"], **groups)
