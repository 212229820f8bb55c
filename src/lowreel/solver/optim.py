"""An optimiser that moves all directions of a weight matrix equally, and the part of optimisers that a checkpoint
holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import InputError

LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315
"""Coefficients of the odd polynomial s -> LINEAR s + CUBIC s^3 + QUINTIC s^5 that drives singular values to near 1."""

NEWTON_SCHULZ_ITERATIONS = 5
"""How often it is applied: singular values above a few thousandths then lie between about 0.7 and 1.2."""

SAMPLED_ROWS_FACTOR = 128
"""Of a matrix with twice as many rows a column or more, singular values are told from so many rows a column: they are
then a tenth off, less than the polynomial leaves them apart."""

LEAST_SAMPLED_SHARE = 0.01
"""All rows are taken where those have less than this part of their share of |X|^2: of rows that are nearly zero neither
directions nor size can be told."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """The nearest matrix with equal singular values, scaled to entries of unit mean square; of any shape, by rows.

    A Newton-Schulz iteration on the singular values, with the coefficients of Jordan et al., "Muon", 2024. It is an
    odd polynomial of the matrix X, so it is X times an even one, P(X* X), or P(X X*) X: the iteration runs on the
    smaller of the two square matrices, and X takes part in two products in place of fifteen, in one and a sample of
    its rows where it is very tall (SAMPLED_ROWS_FACTOR). In float32: half precision would be slower on most
    processors, and 14 % off (docs/choices.md).
    """
    x = matrix.flatten(1) if matrix.ndim > 1 else matrix[None]
    factor = _even_factor(x)
    return (x @ factor if _is_tall(x) else factor @ x).reshape(matrix.shape)


class OrthogonalisedMomentum(Optimizer):
    r"""Moves each weight against its orthogonalised momentum, in all directions of the matrix by the same amount.

    With the gradient :math:`g` of a weight :math:`w` and its momentum :math:`b`, 0 at first, a step is

    .. math::
        b \leftarrow \mu b + (1 - \mu) g, \qquad d = \mu b + (1 - \mu) g, \qquad
        w \leftarrow (1 - \eta \delta) w - \eta \, \mathrm{orthogonalised}(d).

    params: tensors of any shape, or groups of them as for every optimiser of torch; lr: eta, the root mean square of
    the entries of a step; momentum: mu, in [0, 1); weight_decay: delta. The entries of `weight.grad` are overwritten
    by d. fused: decay and step are made in one product, which is quicker and rounds in another way.
    Raises ValueError, as torch does, when `params` is empty.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float,
        weight_decay: float = 0.0,
        fused: bool = False,
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "fused": fused})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every weight that has a gradient; closure: computes the loss and its gradient again, and is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        memory = self.state[weight]
        if not memory:
            memory["momentum_buffer"] = torch.zeros_like(weight)
        momentum = memory["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp_(momentum, group["momentum"])
        move = _step_in_one_product if group["fused"] and _has_rows_in_place(weight) else _step
        move(weight, direction, group["lr"], group["weight_decay"])


def _step(weight: Tensor, direction: Tensor, lr: float, weight_decay: float) -> None:
    if weight_decay:
        weight.mul_(1 - weight_decay * lr)
    weight.sub_(orthogonalised(direction), alpha=lr)


def _step_in_one_product(weight: Tensor, direction: Tensor, lr: float, weight_decay: float) -> None:
    """The same; quickest where weight and direction lie in memory alike."""
    x = _rows(direction)
    factor = _even_factor(x)
    pair = (x, factor) if _is_tall(x) else (factor, x)
    _rows(weight).addmm_(*pair, beta=1 - weight_decay * lr, alpha=-lr)


def _has_rows_in_place(weight: Tensor) -> bool:
    """Whether the matrix of `_rows` is a view, so that writing into it changes the weight."""
    return weight.ndim > 1 and _rows(weight).data_ptr() == weight.data_ptr()


def parameter_group(named: Mapping[str, nn.Parameter], **options: Any) -> dict[str, Any]:
    """A group of parameters for an optimiser, with the names under which `named_state` holds what belongs to them."""
    return {"params": list(named.values()), "names": list(named), **options}


def named_state(*optimisers: Optimizer) -> dict[str, Tensor]:
    """Copies of the tensors in the `state_dict` of optimisers, as "NAME.QUANTITY", on the devices where they are.

    NAME is that of a parameter in its `parameter_group`, QUANTITY what torch calls it: `exp_avg`, `momentum_buffer`.
    """
    named: dict[str, Tensor] = {}
    for optimiser in optimisers:
        saved = optimiser.state_dict()
        names = [name for group in saved["param_groups"] for name in group["names"]]
        for k, quantities in saved["state"].items():
            named |= {f"{names[k]}.{quantity}": tensor.clone() for quantity, tensor in quantities.items()}
    return named


def load_named_state(optimiser: Optimizer, named: Mapping[str, Tensor]) -> None:
    """Give an optimiser what `named_state` holds of its parameters, through its `load_state_dict`.

    named: tensors of any device and layout, each with the same shape as its parameter; they are copied. Raises
    InputError when a tensor has another shape than its parameter.
    """
    groups = optimiser.param_groups
    parameters = {name: p for group in groups for name, p in zip(group["names"], group["params"], strict=True)}
    state: dict[int, dict[str, Tensor]] = {}
    places = {name: k for k, name in enumerate(parameters)}
    for key, tensor in named.items():
        name, _, quantity = key.rpartition(".")
        if name in places:
            state.setdefault(places[name], {})[quantity] = _laid_out_like(parameters[name], tensor, key)
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _laid_out_like(parameter: Tensor, tensor: Tensor, key: str) -> Tensor:
    """A copy that lies in memory as the parameter does; a count of steps as it is."""
    if tensor.ndim == 0:
        return tensor.clone()
    if tensor.shape != parameter.shape:
        raise InputError(
            f"resume: the saved optimiser.{key} has shape {tuple(tensor.shape)}, but its parameter has "
            f"{tuple(parameter.shape)}; restore the checkpoint, or start a new run"
        )
    return torch.empty_like(parameter).copy_(tensor)


def _rows(tensor: Tensor) -> Tensor:
    """The tensor as a matrix, a row for each entry of the first axis, columns in the order in which they are stored."""
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).flatten(1)


def _is_tall(x: Tensor) -> bool:
    return x.shape[0] > x.shape[1]


def _sampled_rows(x: Tensor) -> Tensor:
    """A view of evenly spread rows that are not nearly zero, where X has many more rows than columns; else X."""
    rows = x.shape[0]
    step = rows // (SAMPLED_ROWS_FACTOR * x.shape[1])
    if step <= 1:
        return x
    # Rows belong to channels and places of a grid: with a step that has no divisor in common each of these is met.
    sample = x[:: next(k for k in count(step) if math.gcd(k, rows) == 1)]
    size, whole = (torch.linalg.vector_norm(t).square() for t in (sample, x))
    return x if size < LEAST_SAMPLED_SHARE * len(sample) / rows * whole else sample


def _even_factor(x: Tensor) -> Tensor:
    """What to multiply X by, from the right where it is tall, else from the left, to have it orthogonalised."""
    x = _sampled_rows(x)
    gram = x.T @ x if _is_tall(x) else x @ x.T
    size = gram.diagonal().sum().clamp_min(1e-24)  # |X|^2
    square = gram = gram / size
    factor = None
    for k in range(NEWTON_SCHULZ_ITERATIONS):
        even = torch.addmm(square, square, square, beta=CUBIC, alpha=QUINTIC)
        even.diagonal().add_(LINEAR)
        factor = even if factor is None else even @ factor
        if k < NEWTON_SCHULZ_ITERATIONS - 1:
            square = even @ square @ even
    assert factor is not None
    power = (factor * (gram @ factor)).sum()  # |X P|^2 over |X|^2
    return factor * (math.sqrt(x.numel()) / (power * size).clamp_min(1e-24).sqrt())
