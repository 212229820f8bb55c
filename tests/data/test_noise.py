"""Noise of every kind: what the data becomes, what its entry tells, and how the fit then counts residuals."""

import json
from importlib.resources import files

import numpy as np
import pytest
import torch
from cases import levels, moving, noise

from lowreel.analysis.metrics import psnr
from lowreel.data import (
    PoissonNoise,
    WhiteNoise,
    add_dead_columns,
    add_poisson_noise,
    add_salt_and_pepper,
    add_white_noise,
    as_noise,
)
from lowreel.data.noise import NOISE_KINDS
from lowreel.errors import InputError
from lowreel.io.video import open_clip
from lowreel.operators import Blur, Fourier, Identity, MissingPixels, Signs, Snapshot, Stacked
from lowreel.recovery.preparation import prepare
from lowreel.recovery.recover import recover
from lowreel.settings import RecoverSettings
from lowreel.solver.losses import data_fidelity, residual_terms, robust_spread

close = torch.testing.assert_close
SHAPE = (4, 1, 32, 32)


def test_photons_have_the_variance_of_their_mean():
    """Mean y, variance y / photons, and the entry's sigma is the root mean square; nothing counted stays nothing."""
    clip = torch.full((8, 1, 64, 64), 0.5)
    operator = MissingPixels(tuple(clip.shape), 0.5)
    noisy, entry = add_poisson_noise(operator(clip), operator, photons=40, seed=2)
    seen = noisy[operator.observed_mask()]
    assert float(seen.mean()) == pytest.approx(0.5, abs=0.003)
    assert float(seen.var()) == pytest.approx(0.5 / 40, rel=0.05)
    assert entry.sigma == pytest.approx((0.5 / 40) ** 0.5)
    assert not noisy[~operator.observed_mask()].any()


def test_salt_and_pepper_is_a_share_of_extremes():
    """The share asked for is at the largest or smallest value of the data, half each; the rest is untouched."""
    clip = 0.2 + 0.6 * levels(*SHAPE, dtype=torch.float32)
    noisy, _ = add_salt_and_pepper(clip, Identity(SHAPE), share=0.2, seed=1)
    changed = noisy != clip
    assert float(changed.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert set(noisy[changed].tolist()) == {float(clip.min()), float(clip.max())}
    assert float((noisy[changed] == clip.max()).float().mean()) == pytest.approx(0.5, abs=0.1)


def test_dead_columns_are_zero_and_named():
    """The entry names exactly the columns that are zero."""
    clip = 0.2 + levels(*SHAPE, dtype=torch.float32)
    noisy, entry = add_dead_columns(clip, Identity(SHAPE), share=0.25)
    dead = (noisy == 0).all(2).all(0)[0].nonzero()[:, 0].tolist()
    assert entry.columns == tuple(dead)
    assert len(dead) == 8


KINDS = {
    "poisson": lambda y, A: add_poisson_noise(y, A, photons=30),
    "salt-and-pepper": lambda y, A: add_salt_and_pepper(y, A, share=0.1),
    "dead-columns": lambda y, A: add_dead_columns(y, A, share=0.1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_seeded_and_named(kind):
    """The same data comes twice, and its entry says the kind."""
    clip, operator = levels(*SHAPE, dtype=torch.float32), Identity(SHAPE)
    one, entry = KINDS[kind](clip, operator)
    other, _ = KINDS[kind](clip, operator)
    assert torch.equal(one, other)
    assert entry.kind == kind
    assert not torch.equal(one, clip)


WRONG = {
    "negative counts": (lambda y, A: add_poisson_noise(-y, A, photons=3), "negative or complex"),
    "no photons": (lambda y, A: add_poisson_noise(y, A, photons=0), "photons above 0 and at most 1e.12, got 0"),
    "all salt": (lambda y, A: add_salt_and_pepper(y, A, share=1), "between 0 and 1, got 1"),
    "none dead": (lambda y, A: add_dead_columns(y, A, share=0.001), "0 of 32 columns dead"),
    "stack": (lambda y, A: add_dead_columns((y, y), A, share=0.5), "several detectors"),
    "kind": (lambda y, A: as_noise({"kind": "pink"}), "got 'pink'"),
    "half an entry": (lambda y, A: as_noise({"kind": "poisson", "sigma": 1}), "poisson noise lacks photons"),
    "too many photons": (lambda y, A: add_poisson_noise(y, A, photons=1e300), "got 1e.300"),
    "negative": (lambda y, A: as_noise(-1.0), "0 or more"),
    "complex": (lambda y, A: add_salt_and_pepper(Fourier(SHAPE, "radial", 4)(y), A, share=0.1), "complex"),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_noise_that_makes_no_sense_is_refused(make, message):
    """By a sentence that says what came."""
    with pytest.raises(InputError, match=message):
        make(levels(*SHAPE, dtype=torch.float32), Identity(SHAPE))


ENTRIES = [
    {"kind": "none", "level": 0.0},
    {"kind": "white", "sigma": 0.1},
    {"kind": "white", "level": 0.05, "sigma": 0.1, "seed": 3},
    {"kind": "poisson", "photons": 30.0, "sigma": 0.1, "seed": 3},
    {"kind": "salt-and-pepper", "share": 0.1, "seed": 3},
    {"kind": "dead-columns", "columns": [2, 7], "seed": 3},
    {"kind": "unknown"},
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry['kind']}, {len(entry)}")
def test_an_entry_of_a_file_comes_back_as_it_was(entry):
    """With its names in the same order; every kind that there is has one."""
    assert json.dumps(as_noise(entry).entry()) == json.dumps(entry)
    assert {one["kind"] for one in ENTRIES} == set(NOISE_KINDS)


SPOILT = {
    "white": lambda y, A: add_white_noise(y, A, level=0.1),
    "poisson": lambda y, A: add_poisson_noise(y, A, photons=30),
    "dead-columns": lambda y, A: add_dead_columns(y, A, share=0.1),
}


@pytest.mark.parametrize("kind", SPOILT)
@pytest.mark.parametrize("factor", [1.0, 255.0])
def test_the_variance_is_that_of_the_noise(kind, factor):
    """Mean square of what was added over the variance that is told: one; in other units too."""
    clip = 0.2 + 0.6 * levels(4, 1, 64, 64, dtype=torch.float32)
    operator = Identity(tuple(clip.shape))
    noisy, noise = SPOILT[kind](clip, operator)
    known = torch.ones_like(clip, dtype=torch.bool) if (alive := noise.alive(clip)) is None else alive
    told = float(noise.scaled(factor).variance(factor * clip)[known].sum())
    assert float((factor * (noisy - clip))[known].square().sum()) == pytest.approx(told, rel=0.05)
    assert noise.is_exact is (told == 0)


# How residuals count


def test_robust_terms_agree_with_the_square_where_they_should():
    """Huber is the square for small residuals and meets it smoothly; both robust terms grow linearly."""
    r = noise(10_000).requires_grad_()
    spread = float(robust_spread(r, torch.ones_like(r), 0.0))
    assert spread == pytest.approx(1, rel=0.05)
    small = r.detach().abs() < 1.345 * spread
    close(residual_terms(r, "huber", spread)[small], r[small].square())
    close(residual_terms(r, "l1", spread), 2 * spread * r.abs())
    (slope,) = torch.autograd.grad(residual_terms(r, "huber", spread).sum(), r)
    assert float(slope.abs().max()) <= 2 * 1.345 * spread * 1.0001


@pytest.mark.parametrize("term", ["huber", "l1"])
def test_an_outlier_hardly_counts(term):
    """One residual of 100 among a thousand adds thousands of times less than to the square."""
    found, data, weights = torch.zeros(1001), noise(1001).float(), torch.ones(1001)
    without = data_fidelity(found, data, weights, term)
    data[0] = 100
    assert float(data_fidelity(found, data, weights, term) - without) < 0.05 * 100**2


def test_weights_are_one_over_the_variance():
    """Of counted photons: weights times variance is the same for all entries with a photon or more; their mean is 1."""
    y, entries = torch.linspace(0.1, 2, 20), torch.arange(20) > 4
    weights = PoissonNoise(photons=50.0, sigma=0.1).weights(y, entries)
    variances = (weights * y)[entries]
    close(variances, variances[:1].expand_as(variances))
    assert float(weights[entries].mean()) == pytest.approx(1)
    assert not weights[:5].any()
    assert WhiteNoise(sigma=0.1).weights(y, entries) is None


def test_weighted_photons_do_not_darken_the_clip():
    """With few photons the weighted fit keeps the mean level, and over two seeds is no worse than the unweighted."""
    demo = files("lowreel") / "assets" / "demo.mp4"
    clip = open_clip(demo, size=(32, 32), channels=1, frames=slice(8)).read()
    operator = Identity(tuple(clip.shape))
    gains = []
    for seed in (1, 2):
        data, entry = add_poisson_noise(operator(clip), operator, photons=30, seed=seed)
        settings = RecoverSettings(quality="draft", steps=60, baselines="none", seed=seed)
        weighted = recover(data, operator, settings, noise=entry)
        squared = recover(data, operator, settings.model_copy(update={"data_term": "squared"}), noise=entry)
        assert float(weighted.clip.mean()) == pytest.approx(float(clip.mean()), rel=0.12)
        gains.append(psnr(weighted.clip, clip) - psnr(squared.clip, clip))
    assert np.mean(gains) > -0.5


FLAT = {
    "salt and pepper": (Identity, lambda y, A: add_salt_and_pepper(y, A, share=0.2)),
    "unknown": (lambda s: MissingPixels(s, 0.5), lambda y, A: (y, {"kind": "unknown"})),
    "unknown snapshot": (lambda s: Snapshot(s, 4), lambda y, A: (y, {"kind": "unknown"})),
}


@pytest.mark.parametrize(("build", "spoil"), FLAT.values(), ids=FLAT)
def test_robust_fits_of_a_digit_on_black(build, spoil):
    """A background that is met exactly does not let the robust scale vanish."""
    clip = open_clip("rotating-mnist:7", size=(32, 32), frames=slice(8)).read()
    operator = build(tuple(clip.shape))
    data, entry = spoil(operator(clip), operator)
    found = recover(data, operator, RecoverSettings(quality="draft", steps=60, baselines="none"), noise=entry)
    assert psnr(found.clip, clip) > 22
    assert found.heldout_db < 60


@pytest.mark.parametrize("term", ["squared", "huber", "weighted"])
def test_dead_columns_stay_dead_whatever_the_term(term):
    """No term fits their zeros or puts them back."""
    clip = moving(4, 1, 16, 16)
    operator = Identity(tuple(clip.shape))
    data, entry = add_dead_columns(operator(clip), operator, share=0.2)
    problem = prepare(data, operator, RecoverSettings(data_term=term), noise=entry)
    assert not problem.known[..., list(entry.columns)].any()


def test_dead_columns_are_left_out_altogether():
    """They are neither fitted nor held out nor put back; the rest of the data is exact and is kept."""
    clip = moving(4, 1, 16, 16)
    operator = Identity(tuple(clip.shape))
    data, entry = add_dead_columns(operator(clip), operator, share=0.2)
    problem = prepare(data, operator, RecoverSettings(quality="draft", steps=1), noise=entry)
    assert not problem.known[..., list(entry.columns)].any()
    assert not problem.fitted[..., list(entry.columns)].any()
    found = recover(data, operator, RecoverSettings(quality="draft", steps=1, baselines="none"), noise=entry)
    alive = [c for c in range(16) if c not in entry.columns]
    assert entry.is_exact
    assert torch.equal(found.clip[..., alive], clip[..., alive])
    assert found.clip[..., list(entry.columns)].abs().min() > 0


def test_a_robust_fit_is_better_under_salt_and_pepper():
    """The term that the noise entry asks for beats the squares on the same data."""
    clip = moving(4, 1, 24, 24)
    operator = Identity(tuple(clip.shape))
    data, entry = add_salt_and_pepper(operator(clip), operator, share=0.3)
    steps = {"steps": 60, "seed": 1}
    robust = recover(data, operator, RecoverSettings(quality="draft", **steps, baselines="none"), noise=entry)
    squared = recover(
        data, operator, RecoverSettings(quality="draft", **steps, data_term="squared", baselines="none"), noise=entry
    )
    assert psnr(robust.clip, clip) > psnr(squared.clip, clip) + 3


@pytest.mark.parametrize(("sigma", "agrees"), [(0.0, True), (0.2, False)])
def test_data_of_unknown_noise_is_kept_where_it_proves_to_be_exact(sigma, agrees):
    """Held-out data decides: an exact snapshot is met by the clip, a noisy one is not."""
    clip = moving(8, 1, 16, 16)
    operator = Snapshot(tuple(clip.shape), 4)
    data = operator(clip)
    data = data + sigma * torch.from_numpy(np.random.default_rng(0).standard_normal(data.shape)).float()
    found = recover(data, operator, RecoverSettings(quality="draft", steps=40, baselines="none"), noise=None)
    error = float((operator(found.clip) - data).square().mean().sqrt())
    assert (error < 0.02) is agrees


@pytest.mark.parametrize(
    "operator",
    [Blur((2, 1, 8, 8), 1.0), Signs((2, 1, 8, 8), 20), Stacked([Identity((2, 1, 8, 8)), Signs((2, 1, 8, 8), 9)])],
    ids=["blur", "signs", "stack"],
)
@pytest.mark.parametrize("term", ["squared", "weighted", "huber", "l1"])
def test_every_term_fits_every_kind_of_data(operator, term):
    """An epoch is made, and its loss is a number."""
    settings = RecoverSettings(quality="draft", steps=2, data_term=term, heldout=0.2, baselines="none")
    found = recover(operator(moving(2, 1, 8, 8)), operator, settings, noise=None)
    assert np.isfinite(found.history[-1]["loss"])
