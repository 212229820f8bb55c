"""The last step on noisy scans: nearer to the true clip, judged by what it has not seen, left out where it must be."""

from dataclasses import replace

import pytest
import torch
from cases import levels

import lowreel
from lowreel.baselines.proximal import Variation
from lowreel.data import NoNoise, UnknownNoise, add_white_noise
from lowreel.operators import MRI, MissingPixels, radial, simulated_coil_maps, to_complex, with_phase
from lowreel.recovery.comparison import heldout_decibels
from lowreel.recovery.preparation import given_data, posed
from lowreel.recovery.refinement import can_refine, refinement
from lowreel.settings import RecoverSettings

SHAPE = FRAMES, _, SIDE, _ = 5, 1, 32, 32
SETTINGS = RecoverSettings(quality="draft", baselines="none", steps=2)


def disc():
    """A bright disc that moves over a grey ground, with a phase."""
    down, across = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    frames = [((down - 14 - t) ** 2 + (across - 16) ** 2 < 60).float() * 0.6 + 0.3 for t in range(FRAMES)]
    return with_phase(torch.stack(frames)[:, None], 0)


@pytest.fixture(scope="module")
def scan():
    """The problem of nine spokes in four coils with noise, and the true clip as its operator takes it."""
    operator = MRI(SHAPE, trajectory=radial(9, SIDE, FRAMES), coil_maps=simulated_coil_maps(4, (SIDE, SIDE)))
    data, noise = add_white_noise(operator(disc()), operator, snr=30.0, seed=0)
    given = given_data(data, operator, noise, None, None)
    made = posed(given, SETTINGS, generator=None, times=None, sequences=(), beta=None, holdout=None)
    true = torch.cat([(part / given.levels.scale + 1) / 2 for part in (disc().real, disc().imag)], 1)
    return made, true


def grainy(true):
    """What a generator may make of it: true but for grain of a twentieth."""
    return true + 0.05 * (levels(*true.shape, seed=1) - 0.5)


def error(clip, true):
    return float((clip - true).square().mean())


def test_grain_is_taken_off(scan):
    """The error falls to less than a half of it, in what is judged and in what is delivered, and so does what the
    held-out data says."""
    problem, true = scan
    frames = grainy(true)
    found = refinement(frames, problem)
    assert error(found.judged, true) < error(frames, true) / 2
    assert error(found.of(frames, problem), true) < error(frames, true) / 2
    assert problem.heldout_misfit(found.judged) < problem.heldout_misfit(frames)
    assert found.error == problem.heldout_error(found.judged)


def test_what_is_judged_has_not_seen_the_held_out_data(scan):
    """Other numbers there change at most how far is gone, and of course what is delivered."""
    problem, true = scan
    frames = grainy(true)
    spoilt = replace(problem, data=torch.where(problem.heldout, 1.01 * problem.data, problem.data))
    here, there = (refinement(frames, one) for one in (problem, spoilt))
    assert here.looks == there.looks
    seen = error(here.of(frames, problem), here.of(frames, spoilt))
    assert error(here.judged, there.judged) < seen / 10  # how far is an edge depends on the held-out error alone


def test_where_there_is_none(scan):
    """Exact data, which is met exactly in another way, and real clips; nor where the held-out data agrees no better."""
    problem, true = scan
    assert can_refine(problem)
    assert not can_refine(replace(problem, noise=NoNoise()))
    assert not can_refine(replace(problem, heldout=None))
    clip = levels(FRAMES, 1, 8, 8)
    pixels = MissingPixels(tuple(clip.shape), 0.5)
    data, noise = add_white_noise(pixels(clip), pixels, snr=30.0, seed=0)
    real = posed(
        given_data(data, pixels, noise, None, None),
        SETTINGS,
        generator=None,
        times=None,
        sequences=(),
        beta=None,
        holdout=None,
    )
    assert not can_refine(real)
    assert refinement(torch.full_like(true, torch.nan), problem) is None


def test_noise_of_unknown_size(scan):
    """It is taken to be what the frames miss of the data that they were fitted to; the error falls, too."""
    problem, true = scan
    frames = grainy(true)
    found = refinement(frames, replace(problem, noise=UnknownNoise()))
    assert problem.noise.sigma < found.sigma < 1.5 * problem.noise.sigma  # the grain is missed, too
    assert error(found.judged, true) < 0.7 * error(frames, true)


def test_a_recovery_delivers_what_is_judged(scan):
    """The clip of a noisy scan is not the generator's own, and its level is that of the refined frames."""
    problem, _ = scan
    operator = problem.operator.inner
    data, noise = add_white_noise(operator(disc()), operator, snr=30.0, seed=0)
    found = lowreel.recover(data, operator, quality="draft", steps=30, baselines="none", noise=noise)
    own = found.representation.frames()
    assert not torch.equal(found.clip, own)
    assert error(found.clip.abs(), disc().abs()) < error(own.abs(), disc().abs())
    least = min(row["heldout"] for row in found.history if row["heldout"] is not None)
    assert found.heldout_db > heldout_decibels(least, problem) - 1


def test_variation_with_a_guide(scan):
    """A guide of ones changes nothing; where it is 0 an edge stays as it is."""
    clip = to_complex(scan[1])
    axes = {0: 3.0, -2: 1.0, -1: 1.0}
    plain, ones = Variation(1.0, axes), Variation(1.0, axes, guide=torch.ones(1, *clip.shape))
    torch.testing.assert_close(plain(clip, 0.05), ones(clip, 0.05))
    none = Variation(1.0, axes, guide=(plain.sizes(clip) < 0.05).float())
    changed = {name: error(one(clip, 0.05).abs(), clip.abs()) for name, one in (("plain", plain), ("guided", none))}
    assert changed["guided"] < changed["plain"] / 4
