"""Steps in which all directions of a weight matrix count alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LINEAR, CUBIC, QUINTIC = 3.4445, -4.7750, 2.0315
"""Coefficients of the odd polynomial s -> LINEAR s + CUBIC s^3 + QUINTIC s^5 that drives singular values to near 1."""

ITERATIONS = 5
"""How often it is applied: singular values above a few thousandths then lie between about 0.7 and 1.2."""


def orthogonalised(matrix: Tensor) -> Tensor:
    """The nearest matrix with equal singular values, scaled to entries of unit mean square; of any shape, by rows.

    A Newton-Schulz iteration on the singular values, with the coefficients of Jordan et al., "Muon", 2024. It is an
    odd polynomial of the matrix X, so it is X times an even one, P(X* X), or P(X X*) X: the iteration runs on the
    smaller of the two square matrices, and X takes part in two products in place of fifteen. In float32: half
    precision would be slower on most processors, and 14 % off (docs/choices.md).
    """
    x = matrix.flatten(1) if matrix.ndim > 1 else matrix[None]
    factor = _even_factor(x)
    return (x @ factor if _is_tall(x) else factor @ x).reshape(matrix.shape)


def step_orthogonalised(weight: Tensor, direction: Tensor, step: float, decay: float) -> None:
    """weight = (1 - decay step) weight - step orthogonalised(direction), in place and in one product.

    Of the same shape, two axes or more; quickest where both lie in memory alike.
    """
    rows, x = _rows(weight), _rows(direction)
    if rows.data_ptr() != weight.data_ptr():  # no view of it: laid out in another way
        weight.mul_(1 - decay * step).sub_(orthogonalised(direction), alpha=step)
        return
    factor = _even_factor(x)
    pair = (x, factor) if _is_tall(x) else (factor, x)
    rows.addmm_(*pair, beta=1 - decay * step, alpha=-step)


def _rows(tensor: Tensor) -> Tensor:
    """The tensor as a matrix, a row for each entry of the first axis, columns in the order in which they are stored."""
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).flatten(1)


def _is_tall(x: Tensor) -> bool:
    return x.shape[0] > x.shape[1]


def _even_factor(x: Tensor) -> Tensor:
    """What to multiply X by, from the right where it is tall, else from the left, to have it orthogonalised."""
    gram = x.T @ x if _is_tall(x) else x @ x.T
    size = gram.diagonal().sum().clamp_min(1e-24)  # |X|^2
    square = gram = gram / size
    factor = None
    for k in range(ITERATIONS):
        even = torch.addmm(square, square, square, beta=CUBIC, alpha=QUINTIC)
        even.diagonal().add_(LINEAR)
        factor = even if factor is None else even @ factor
        if k < ITERATIONS - 1:
            square = even @ square @ even
    assert factor is not None
    power = (factor * (gram @ factor)).sum()  # |X P|^2 over |X|^2
    return factor * (math.sqrt(x.numel()) / (power * size).clamp_min(1e-24).sqrt())
