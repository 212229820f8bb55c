"""Precision is chosen by what is faster here, whatever the processor says of itself."""

import pytest
import torch

from lowreel import Decoder, RecoverSettings
from lowreel.io.datasets import Images
from lowreel.operators import MissingPixels
from lowreel.recovery.preparation import prepare
from lowreel.settings import TrainSettings
from lowreel.solver import precision
from lowreel.solver.precision import LEAST_PIXELS, fastest_precision
from lowreel.training.loop import iterate

CPU = torch.device("cpu")


def clocked(monkeypatch, seconds, *, products=True):
    """Passes that take so long in float32 and in bfloat16; which of them were made."""
    made = []

    def timed(action, device):
        del action, device
        made.append("bfloat16" if torch.is_autocast_enabled("cpu") else "float32")
        return seconds[made[-1]]

    monkeypatch.setattr(precision, "_has_faster_products", lambda device: products)
    monkeypatch.setattr(precision, "seconds_of", timed)
    return made


@pytest.mark.parametrize(
    ("float32", "bfloat16", "wanted"),
    [(0.05, 0.03, "bfloat16"), (0.05, 0.5, "float32"), (0.05, 0.049, "float32")],
)
def test_the_faster_precision_is_taken_where_it_gains_enough(monkeypatch, float32, bfloat16, wanted):
    clocked(monkeypatch, {"float32": float32, "bfloat16": bfloat16})
    assert fastest_precision(lambda: None, CPU, LEAST_PIXELS) == wanted


def test_nothing_is_tried_in_emulated_bfloat16(monkeypatch):
    """Where plain products are slower in it a pass would take seconds."""
    made = clocked(monkeypatch, {"float32": 0.05, "bfloat16": 0.01}, products=False)
    assert fastest_precision(lambda: None, CPU, LEAST_PIXELS) == "float32"
    assert "bfloat16" not in made


def test_small_minibatches_are_not_tried(monkeypatch):
    """Timings of a millisecond are mostly noise; the choice would differ from run to run."""
    clocked(monkeypatch, {"float32": 0.05, "bfloat16": 0.01})
    monkeypatch.setattr(precision, "_precision_of", precision._precision_of.__wrapped__)
    chosen = {}
    for side in (16, 64):
        operator = MissingPixels((4, 1, side, side), 0.5)
        problem = prepare(operator(torch.rand(operator.clip_shape)), operator, RecoverSettings())
        chosen[side] = precision.precision_of(problem, RecoverSettings().solver())
    assert chosen == {16: "float32", 64: "bfloat16"}


@pytest.mark.parametrize(("images", "wanted"), [(1, "float32"), (2, "bfloat16")])
def test_nor_are_they_in_a_training(monkeypatch, images, wanted):
    """The same bound, for the pixels of a minibatch: of 64x64 images two reach it."""
    clocked(monkeypatch, {"float32": 0.05, "bfloat16": 0.01})
    pixels = torch.zeros(images, 1, 64, 64, dtype=torch.uint8)
    state = next(
        iterate(Images("black", pixels, (64, 64)), Decoder((1, 64, 64)), TrainSettings(epochs=1, batch_size=images))
    )
    assert state.precision == wanted


def test_a_training_takes_the_precision_that_is_given(monkeypatch):
    """Nothing is tried, and a training that was begun when there was no such setting goes on."""
    monkeypatch.setattr("lowreel.training.loop.fastest_precision", None)
    images = Images("black", torch.zeros(2, 1, 64, 64, dtype=torch.uint8), (64, 64))
    for given in ("float32", "bfloat16"):
        settings = TrainSettings(epochs=1, batch_size=2, precision=given)
        state = next(iterate(images, Decoder((1, 64, 64)), settings))
        assert state.precision == given
        assert "precision" not in state.identity["settings"]


def test_a_precision_that_is_given_is_taken():
    """In what the fit is, and so in what a resume compares."""
    assert RecoverSettings(precision="bfloat16").solver().precision == "bfloat16"
    assert RecoverSettings(precision="bfloat16", preset="paper-joint").solver().precision == "float32"
