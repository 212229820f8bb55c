"""Baselines, frames that are drawn, and scores are the same for any number of threads that share them out."""

import sys

import pytest
import torch
from cases import levels, moving

from lowreel.analysis.metrics import ssim
from lowreel.baselines import biharmonic, total_variation
from lowreel.model.generators import Decoder
from lowreel.model.latents import Codes
from lowreel.model.representation import Representation
from lowreel.operators import MissingPixels
from lowreel.system.threads import threads

SHAPE = (7, 3, 24, 20)


def made(what):
    """A clip, or a score, of the same data."""
    clip, operator = moving(*SHAPE), MissingPixels(SHAPE, 0.7)
    y, known = operator(clip), operator.observed_mask()
    if what == "SSIM":
        return torch.tensor(ssim(levels(*SHAPE), clip))
    if what == "drawing":
        torch.manual_seed(0)
        codes = Codes(torch.randn(len(clip), 8), torch.arange(float(len(clip))))
        return Representation(Decoder((3, 32, 32), code_dim=8), codes).frames()
    return biharmonic(y, known) if what == "biharmonic" else total_variation(y, operator, known, y, iterations=40)


@pytest.mark.parametrize("values", [3 * 20 * 5, 3 * 24 * 20 * 2], ids=["rows at once", "frames at once"])
@pytest.mark.parametrize("what", ["biharmonic", "total variation", "SSIM", "drawing"])
def test_threads_change_nothing(what, values, monkeypatch):
    """Not a bit, whether a piece is rows of a frame or frames."""
    monkeypatch.setattr(sys.modules["lowreel.baselines.variation_of_pixels"], "VALUES_PER_THREAD", values)
    monkeypatch.setattr(sys.modules["lowreel.baselines.bilaplacian"], "VALUES_AT_ONCE", values)
    monkeypatch.setattr(sys.modules["lowreel.model.representation"], "PIXELS_AT_ONCE", 32 * 32)
    found = []
    for count in (1, 2, 3, 9):
        with threads(count):
            found.append(made(what))
    assert all(torch.equal(found[0], other) for other in found[1:])
