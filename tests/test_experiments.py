"""The experiments: what is kept of them is found again."""

import json
from pathlib import Path

import pytest
import torch

import lowreel

PAPER = Path(__file__).parents[1] / "experiments" / "paper"


def test_the_kept_fits_of_the_paper_are_found(monkeypatch):
    """A setting of another name must not have them all made again: see `Fit.name` for what to do then."""
    monkeypatch.syspath_prepend(PAPER)
    from fits import Fit

    kept = json.loads((PAPER / "results" / "fits.json").read_text(encoding="utf-8"))
    here = {name: fit for name, fit in ((name, Fit.of(figures)) for name, figures in kept.items()) if fit.is_here}
    assert here
    assert {name: fit.name for name, fit in here.items()} == {name: name for name in here}


@pytest.mark.parametrize("channels", [1, 3])
def test_a_balanced_generator_draws_the_same(monkeypatch, channels):
    """Its layers are of one size, its frames those of before."""
    monkeypatch.syspath_prepend(PAPER)
    from fits import balanced

    generator = lowreel.Dcgan(channels, seed=1)
    generator.main[-1].weight.data.mul_(0.01)
    codes = torch.randn(3, generator.code_dim, generator=torch.Generator().manual_seed(0))
    before = generator(codes).detach()
    sizes = torch.stack([weight.norm() for weight in balanced(generator).parameters()])
    torch.testing.assert_close(sizes, sizes[:1].expand_as(sizes))
    torch.testing.assert_close(generator(codes).detach(), before, atol=1e-5, rtol=0)


@pytest.mark.parametrize("times", [0.5, 1.0, 10.0, 3000.0])
def test_similarity_that_counts_more_often_leaves_the_data_its_step(monkeypatch, times):
    """Step times objective: lambda D as before, (1 - lambda) S so many times as much."""
    monkeypatch.syspath_prepend(PAPER)
    from fits import with_similarity_times

    before = lowreel.RecoverSettings(preset="paper-latent", similarity=0.4).solver()
    after = with_similarity_times(before, times)
    assert after.code_lr * (1 - after.similarity) == pytest.approx(before.code_lr * (1 - before.similarity))
    assert after.code_lr * after.similarity == pytest.approx(times * before.code_lr * before.similarity)
