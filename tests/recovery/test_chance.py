"""Whether a gain may be chance: few and uneven holes, of which errors by standard deviations say little."""

import pytest
import torch

from lowreel.recovery.chance import CHANCE, is_chance

UNEVEN = torch.logspace(0, -4, 20)  # as lines of a spectrum: the first few have nearly all of the energy
SIGNS = torch.tensor([1.0, -1.0]).repeat(10)

GAINS = {
    "better on each of 20 uneven lines": (UNEVEN, False),
    "worse on each of them": (-UNEVEN, False),
    "better on one large hole, on the others by turns": (torch.cat([torch.tensor([20.0]), SIGNS]), True),
    "better and worse by turns": (SIGNS, True),
    "better on each of five": (torch.arange(1.0, 6), True),
    "better on each of six": (torch.arange(1.0, 7), False),
    "none at all": (torch.zeros(9), False),
    "better on most of many": (torch.ones(5000).index_fill_(0, torch.arange(2000), -1.0), False),
}


@pytest.mark.parametrize(("gains", "chance"), GAINS.values(), ids=GAINS)
def test_a_gain_is_chance_where_other_signs_would_give_as_much(gains, chance):
    """However uneven the holes are, and in whichever order."""
    assert is_chance(gains) == chance
    assert is_chance(gains.flip(0)) == chance


@pytest.mark.parametrize("count", [12, 700])
def test_no_more_are_called_better_than_chance_allows(count):
    """Of gains of mean zero and very unlike sizes; both ways together twice the chance, and what 100 tries allow."""
    draw = torch.Generator().manual_seed(0)
    sizes = torch.exp(2 * torch.randn(100, count, generator=draw))
    gains = sizes * (torch.randint(0, 2, (100, count), generator=draw) * 2 - 1)
    assert sum(not is_chance(g) for g in gains) / 100 < 2 * CHANCE + 0.05
