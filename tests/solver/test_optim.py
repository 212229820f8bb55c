"""A step on a weight matrix in which all directions count alike."""

import pytest
import torch
from cases import noise

from lowreel.solver.optim import orthogonalised, step_orthogonalised


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("alike", [True, False], ids=["gradient alike", "gradient contiguous"])
@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (40, 2, 3, 3), (5, 7, 1, 1)], ids=str)
def test_a_step_is_decay_and_the_orthogonalised_direction(shape, layout, alike):
    """w becomes (1 - d s) w - s orthogonalised(g), however weight and gradient lie in memory; g stays as it was."""
    weight, gradient = (noise(*shape, seed=seed).float() for seed in (1, 2))
    wanted = (1 - 0.1 * 0.3) * weight - 0.3 * orthogonalised(gradient)
    moved = weight.clone().contiguous(memory_format=layout)
    given = gradient.clone().contiguous(memory_format=layout) if alike else gradient.clone()
    step_orthogonalised(moved, given, 0.3, 0.1)
    torch.testing.assert_close(moved, wanted, atol=1e-5, rtol=1e-4)
    assert torch.equal(given, gradient)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4)])
def test_a_step_on_a_plain_matrix(shape):
    """Wide or tall."""
    weight, gradient = (noise(*shape, seed=seed).float() for seed in (1, 2))
    wanted = (1 - 0.1 * 0.3) * weight - 0.3 * orthogonalised(gradient)
    step_orthogonalised(weight, gradient, 0.3, 0.1)
    torch.testing.assert_close(weight, wanted, atol=1e-5, rtol=1e-4)
