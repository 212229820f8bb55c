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
    tall = x.shape[0] > x.shape[1]
    square = x.T @ x if tall else x @ x.T
    square = square / square.diagonal().sum().clamp_min(1e-24)
    factor = None
    for k in range(ITERATIONS):
        even = torch.addmm(square, square, square, beta=CUBIC, alpha=QUINTIC)
        even.diagonal().add_(LINEAR)
        factor = even if factor is None else even @ factor
        if k < ITERATIONS - 1:
            square = even @ square @ even
    assert factor is not None
    found = (x @ factor if tall else factor @ x).reshape(matrix.shape)
    return found.mul_(math.sqrt(found.numel()) / found.norm().clamp_min(1e-12))
