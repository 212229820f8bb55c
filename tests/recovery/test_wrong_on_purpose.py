"""Data of another operator, seed or convention: whatever is recovered from it, the verdict never says to use it."""

import contextlib

import numpy as np
import pytest
import torch

from lowreel.baselines import first_clip
from lowreel.errors import InputError
from lowreel.io.video import open_clip
from lowreel.operators import (
    Cosine,
    Fourier,
    Functions,
    Gaussian,
    Identity,
    Mask,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    Signs,
    SinglePixel,
    Snapshot,
)
from lowreel.recovery import comparison
from lowreel.recovery.recover import recover
from lowreel.settings import RecoverSettings

CLIP = open_clip("rotating-mnist:3", size=(16, 16), frames=slice(6)).read()
S = tuple(CLIP.shape)
EVERY = torch.ones(16, 16, dtype=torch.bool)
QUICK = RecoverSettings(quality="draft", steps=40, heldout=0.05)


def pixels(kept, seed=0):
    return torch.rand(16, 16, generator=torch.Generator().manual_seed(seed)) < kept


def rolled(x):
    return torch.roll(x, (5, 7), (2, 3))


WRONG = {
    "missing, other seed": (MissingPixels(S, 0.5, seed=0), MissingPixels(S, 0.5, seed=1)),
    "mask, inverted": (Mask(S, pixels(0.5)), Mask(S, ~pixels(0.5))),
    "blocks, other seed": (MissingBlocks(S, 0.4, 4, seed=0), MissingBlocks(S, 0.4, 4, seed=1)),
    "gaussian, other seed": (Gaussian(S, 100, seed=0), Gaussian(S, 100, seed=1)),
    "gaussian, data of signs": (Gaussian(S, 100, seed=0), Signs(S, 100, seed=0)),
    "signs, wrong sign": (Signs(S, 100), lambda x: -Signs(S, 100)(x)),
    "gaussian, 8 bits": (Gaussian(S, 100), lambda x: 255 * Gaussian(S, 100)(x)),
    "single-pixel, other seed": (SinglePixel(S, 120, "random", seed=0), SinglePixel(S, 120, "random", seed=1)),
    "fourier, centred": (Fourier(S, "mask", mask=EVERY), lambda x: torch.fft.fftshift(torch.fft.fft2(x) / 16, (2, 3))),
    "fourier, imaginary": (Fourier(S, "mask", mask=EVERY), lambda x: 1j * torch.fft.fft2(x) / 16),
    "fourier, phase of pi": (Fourier(S, "rows", 0.5), lambda x: Fourier(S, "rows", 0.5)(-x)),
    "frames, other ones": (MissingFrames(S, dropped=[1]), MissingFrames(S, dropped=[4])),
}
"""The operator that is said, and what the data was made by: an operator or a function of the clip."""

CODES = Snapshot(S, 3).codes[:3, 0]  # reversed in time they are right of a clip whose frames are

SLOW = {
    "missing, frames reversed": (MissingPixels(S, 0.5), lambda x: MissingPixels(S, 0.5)(x).flip(0)),
    "missing, transposed": (MissingPixels(S, 0.5), lambda x: MissingPixels(S, 0.5)(x).transpose(2, 3)),
    "snapshot, other seed": (Snapshot(S, 3, seed=0), Snapshot(S, 3, seed=1)),
    "snapshot, codes transposed": (Snapshot(S, 3), Snapshot(S, 3, mask=CODES.transpose(1, 2))),
    "snapshot, codes shifted": (Snapshot(S, 3), Snapshot(S, 3, mask=CODES.roll(1, 2))),
    "dct, other seed": (Cosine(S, 120, "random", seed=0), Cosine(S, 120, "random", seed=1)),
    "single-pixel, data of dct": (SinglePixel(S, 120, "random"), Cosine(S, 120, "random")),
    "signs, transposed rows": (Signs(S, 100), lambda x: Signs(S, 100)(x).flip(1)),
    "functions, other seed": (
        Functions(lambda x: x @ np.eye(16)[:, ::2], lambda y: y @ np.eye(16)[::2], S),
        lambda x: x @ torch.rand(16, 8, generator=torch.Generator().manual_seed(0)),
    ),
}


def least_norm(data, operator, entries, *, sigma=0.0):
    yield "least norm", first_clip(data, operator, entries)


def verdict_on(operator, made_by, monkeypatch):
    """The kind of verdict, against a baseline that takes no time; "refused" where the data is refused before a fit."""
    monkeypatch.setattr(comparison, "quick_baselines", least_norm)
    with contextlib.suppress(InputError):
        return recover(made_by(CLIP), operator, QUICK).verdict.kind
    return "refused"


@pytest.mark.parametrize("name", [*WRONG, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_what_is_wrong_is_never_called_good(name, monkeypatch):
    assert verdict_on(*(WRONG | SLOW)[name], monkeypatch) in ("refused", "do_not_use", "undecided")


@pytest.mark.parametrize(
    "operator", [Gaussian(S, 100), SinglePixel(S, 120, "random")], ids=lambda operator: operator.kind
)
def test_what_is_right_still_is(operator, monkeypatch):
    """The same epochs, clip and baseline, with the data's own operator."""
    assert verdict_on(operator, operator, monkeypatch) == "use"


def test_a_constant_clip_is_no_evidence(monkeypatch):
    """Any method meets it exactly."""
    monkeypatch.setattr(comparison, "quick_baselines", least_norm)
    found = recover(torch.zeros(S), Identity(S), QUICK.model_copy(update={"steps": 3}))
    assert found.verdict.kind == "undecided"
