"""Steps on weight matrices in which all directions count alike, and optimisers that go on from named tensors."""

import pytest
import torch
from cases import noise
from torch import nn

from lowreel import InputError
from lowreel.solver.optim import (
    OrthogonalisedMomentum,
    load_named_state,
    named_state,
    orthogonalised,
    parameter_group,
)

SHAPES = [(4, 3, 3, 3), (40, 2, 3, 3), (5, 7, 1, 1), (4, 9), (9, 4), (6,)]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def parameter(shape, layout=torch.contiguous_format, seed=1):
    tensor = noise(*shape, seed=seed).float()
    return nn.Parameter(tensor.contiguous(memory_format=layout) if tensor.ndim == 4 else tensor)


def gradients(shape, layout=torch.contiguous_format, count=3):
    return [parameter(shape, layout, seed).detach().clone() for seed in range(2, 2 + count)]


def stepped(optimiser, weight, gradient):
    weight.grad = gradient.clone()
    optimiser.step()
    return weight.detach().clone()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("alike", [True, False], ids=["gradient alike", "gradient contiguous"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_steps_are_those_of_the_formula(shape, alike, layout, fused):
    """w becomes (1 - d s) w - s orthogonalised(m b + (1 - m) g), however weight and gradient lie in memory."""
    weight = parameter(shape, layout)
    optimiser = OrthogonalisedMomentum([weight], lr=0.3, momentum=0.9, weight_decay=0.1, fused=fused)
    wanted, b = weight.detach().clone(), torch.zeros(shape)
    for gradient in gradients(shape, layout if alike else torch.contiguous_format):
        b = 0.9 * b + 0.1 * gradient
        wanted = (1 - 0.1 * 0.3) * wanted - 0.3 * orthogonalised(0.9 * b + 0.1 * gradient)
        torch.testing.assert_close(stepped(optimiser, weight, gradient), wanted, atol=1e-5, rtol=1e-4)
    assert weight.is_contiguous(memory_format=layout) or len(shape) != 4


@pytest.mark.parametrize("left", [0.0, 1e-3])
@pytest.mark.parametrize(("rows", "gone"), [(8450, 7), (8450, 11), (8448, 11), (8448, 13)])
def test_rows_that_are_nearly_zero_say_nothing_of_the_others(rows, gone, left):
    """Every gone-th row of a very tall matrix, of which every 11th or 13th is looked at: entries keep a mean square
    near 1, and singular values lie as near to each other as they do otherwise."""
    x = torch.randn(rows, 6, generator=torch.Generator().manual_seed(1))
    x[::gone] *= left
    moved = orthogonalised(x)
    assert 0.9 < float(moved.square().mean().sqrt()) < 1.1
    sizes = torch.linalg.svdvals(moved)
    assert float(sizes.max() / sizes.min()) < 1.2 / 0.7


def test_a_weight_without_gradient_stays():
    """As with every optimiser; a closure is called, and what it returns comes back."""
    moving, still = parameter((4, 9)), parameter((4, 9), seed=2)
    before = still.detach().clone()
    optimiser = OrthogonalisedMomentum([moving, still], lr=0.3, momentum=0.9, weight_decay=0.1)

    def closure():
        loss = moving.square().sum()
        loss.backward()
        return float(loss.detach())

    assert optimiser.step(closure) > 0
    assert torch.equal(still, before)
    assert still not in optimiser.state


OPTIMISERS = {
    "momentum": lambda group: OrthogonalisedMomentum([group], lr=0.3, momentum=0.9, fused=True),
    "adam": lambda group: torch.optim.Adam([group], lr=0.1),
}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
@pytest.mark.parametrize("layout", LAYOUTS, ids=["contiguous", "channels_last"])
def test_an_optimiser_goes_on_from_its_named_state(make, layout):
    """To the same bits and the same layout; the tensors are copies, and those of other names are left alone."""
    shape = (4, 3, 3, 3)
    weight = parameter(shape, layout)
    optimiser, (first, *others) = make(parameter_group({"main.0.weight": weight})), gradients(shape, layout)
    stepped(optimiser, weight, first)
    named = {name: tensor.contiguous() for name, tensor in named_state(optimiser).items()}
    kept = {name: tensor.clone() for name, tensor in named.items()}
    again = nn.Parameter(weight.detach().clone())
    resumed = make(parameter_group({"main.0.weight": again}))
    load_named_state(resumed, named | {"shares": torch.ones(2, 2), "main.1.weight.momentum_buffer": torch.ones(7)})
    for gradient in others:
        assert torch.equal(stepped(resumed, again, gradient), stepped(optimiser, weight, gradient))
    memory = resumed.state[again]
    assert all(t.is_contiguous(memory_format=layout) for t in memory.values() if t.ndim == 4)
    assert named.keys() == named_state(resumed).keys()
    assert all(torch.equal(named[name], tensor) for name, tensor in kept.items())


def test_named_state_of_another_shape_is_refused():
    """By its name and both shapes."""
    optimiser = OPTIMISERS["momentum"](parameter_group({"a": parameter((4, 9))}))
    with pytest.raises(InputError, match=r"optimiser\.a\.momentum_buffer has shape \(9, 4\).*\(4, 9\)"):
        load_named_state(optimiser, {"a.momentum_buffer": torch.zeros(9, 4)})
