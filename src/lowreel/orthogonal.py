"""Steps in which all directions of a weight matrix count alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def orthogonalised(matrix: Tensor) -> Tensor:
    """The nearest matrix with equal singular values, scaled to entries of unit mean square; of any shape, by rows.

    Five steps of a Newton-Schulz iteration on the singular values, which end between about 0.7 and 1.2 (Jordan et
    al., "Muon", 2024). Against plain adaptive steps it weighs all directions alike, also those in which the gradient
    is small, and needs several times fewer minibatches (docs/choices.md).
    """
    x = matrix.flatten(1) if matrix.ndim > 1 else matrix[None]
    tall = x.shape[0] > x.shape[1]
    x = (x.T if tall else x).bfloat16()
    x = x / (x.norm() + 1e-12)
    for _ in range(5):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), x, beta=3.4445)
    x = (x.T if tall else x).reshape(matrix.shape)
    return x.float().mul_(math.sqrt(x.numel()) / x.norm(dtype=torch.float32).clamp_min(1e-12))
