"""The last step on noisy scans: nearer to the true clip, judged by what it has not seen, left out where it must be."""

from dataclasses import replace
from itertools import repeat

import pytest
import torch
from cases import levels

import lowreel
from lowreel.baselines.proximal import Variation
from lowreel.baselines.variation import NORM_ITERATIONS, operator_norm
from lowreel.data import NoNoise, UnknownNoise, add_white_noise
from lowreel.operators import MRI, MissingPixels, radial, simulated_coil_maps, to_complex, with_phase
from lowreel.recovery import accounting
from lowreel.recovery.comparison import heldout_decibels
from lowreel.recovery.preparation import given_data, posed
from lowreel.recovery.refinement import WEIGHT_PER_NOISE, applications, can_refine, iterations, refinement
from lowreel.recovery.verdict import Outcome
from lowreel.settings import RecoverSettings
from lowreel.solver.problem import Problem

SHAPE = FRAMES, _, SIDE, _ = 5, 1, 32, 32
SETTINGS = RecoverSettings(quality="draft", baselines="none", steps=2)


def disc():
    """A bright disc that moves over a grey ground, with a phase."""
    down, across = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    frames = [((down - 14 - t) ** 2 + (across - 16) ** 2 < 60).float() * 0.6 + 0.3 for t in range(FRAMES)]
    return with_phase(torch.stack(frames)[:, None], 0)


def scanner(spokes=9, coils=4):
    return MRI(SHAPE, trajectory=radial(spokes, SIDE, FRAMES), coil_maps=simulated_coil_maps(coils, (SIDE, SIDE)))


@pytest.fixture(scope="module")
def scan():
    """The problem of nine spokes in four coils with noise, and the true clip as its operator takes it."""
    operator = scanner()
    data, noise = add_white_noise(operator(disc()), operator, snr=30.0, seed=0)
    given = given_data(data, operator, noise, None, None)
    made = posed(given, SETTINGS, generator=None, times=None, sequences=(), beta=None, holdout=None)
    true = torch.cat([(part / given.levels.scale + 1) / 2 for part in (disc().real, disc().imag)], 1)
    return made, true


def grainy(true):
    """What a generator may make of it: true but for grain of a twentieth."""
    return true + 0.05 * (levels(*true.shape, seed=1) - 0.5)


class Fitted:
    """What of a fit is asked for: frames that it draws, with a large error, and how it ended."""

    def __init__(self, frames, outcome):
        self.judged = self.representation = self
        self.outcome, self.error = outcome, 1.0
        self.frames = lambda: frames


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
    """Exact data, which is met exactly in another way, and real clips; nor where the held-out data agrees no better, as
    with the true clip itself."""
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
    assert refinement(true, problem) is None


def test_how_far_is_gone(scan, monkeypatch):
    """24 iterations in each of the two ways, all with the weight that is in proportion to the noise over |A|."""
    problem, true = scan
    given = []

    def noted(gradient, start, proximal, weights, *, step):
        given.extend(weights)
        return repeat(start, len(given))

    monkeypatch.setattr("lowreel.recovery.refinement.proximal_gradient", noted)
    assert refinement(grainy(true), problem) is None
    assert len(given) == iterations() == 24
    norm = operator_norm(problem.operator.inner)
    assert given == pytest.approx([WEIGHT_PER_NOISE * problem.noise.sigma / norm] * 24)
    assert applications() == 2 * 24 + NORM_ITERATIONS


ERRORS = {
    "two worse in turn": ([0.5, 0.8, 0.7, 0.1], 1, 3),
    "one worse": ([0.5, 0.8, 0.3, 0.4, 0.2], 5, 5),
    "none better": ([1.2, 1.1, 0.1], None, 2),
}


@pytest.mark.parametrize(("shares", "looks", "seen"), ERRORS.values(), ids=ERRORS)
def test_the_way_ends_after_two_looks_that_are_no_better(shares, looks, seen, scan, monkeypatch):
    """One that is no better is passed by; the best look is the one that is kept. shares: of the first grain."""
    problem, true = scan
    frames, given_out = grainy(true), []

    def way(*_):
        for share in shares:
            given_out.append(share)
            yield true + share * (frames - true)

    monkeypatch.setattr("lowreel.recovery.refinement._path", way)
    found = refinement(frames, problem)
    assert (None if found is None else found.looks) == looks
    assert len(given_out) == seen


def test_the_level_that_is_told_has_to_rise(scan, monkeypatch):
    """Held-out samples alone are not enough: what is told of the clip counts fitted ones, too."""
    problem, true = scan
    assert refinement(grainy(true), problem) is not None
    monkeypatch.setattr(Problem, "heldout_error", lambda *_: 1e-3)
    assert refinement(grainy(true), problem) is None


def test_noise_of_unknown_size(scan):
    """It is taken to be what the frames miss of the data that they were fitted to; the error falls, too."""
    problem, true = scan
    frames = grainy(true)
    found = refinement(frames, replace(problem, noise=UnknownNoise()))
    assert problem.noise.sigma < found.sigma < 1.5 * problem.noise.sigma  # the grain is missed, too
    assert error(found.judged, true) < 0.7 * error(frames, true)


def recovered(operator, monkeypatch, noise):
    """A recovery of data with noise of 30 dB, or without; and what `refinement` was given and came to in it."""
    kept = []

    def watched(frames, problem):
        kept.append((frames, problem, refinement(frames, problem)))
        return kept[-1][-1]

    monkeypatch.setattr("lowreel.recovery.accounting.refinement", watched)
    data = operator(disc())
    data, known = (data, None) if noise == "none" else add_white_noise(data, operator, snr=30.0, seed=0)
    known = None if noise != "known" else known
    return lowreel.recover(data, operator, quality="draft", steps=30, baselines="none", noise=known), *kept


@pytest.mark.parametrize("noise", ["known", "unknown"])
def test_a_recovery_delivers_what_is_judged(noise, monkeypatch, tmp_path):
    """The clip of a noisy scan is not the generator's own, and nearer to the true one; its level is that of the refined
    frames, and the generator's own is kept beside it, also in a file, and is what a packed clip may lose of."""
    found, (frames, problem, refined) = recovered(scanner(), monkeypatch, noise)
    own, scale = found.representation.frames(), found.levels.scale
    assert found.refined
    clips = [torch.as_tensor(clip) for clip in (found.clip, scale * own)]
    delivered, drawn = (float((clip - disc()).abs().square().mean()) for clip in clips)
    assert delivered < drawn
    whole = to_complex(2 * refined.of(frames, problem) - 1) * scale
    torch.testing.assert_close(clips[0], whole, rtol=0, atol=1e-5)
    assert found.heldout_db == pytest.approx(heldout_decibels(problem.heldout_error(refined.judged), problem))
    level = heldout_decibels(problem.heldout_error(frames), problem)
    assert found.found.heldout_db_representation == pytest.approx(level, abs=1e-3)
    assert level < found.heldout_db
    again = lowreel.load(found.save(tmp_path / "run"))
    assert again.summary.refined
    assert again.refined
    assert again.found.drawn_db == pytest.approx(level, abs=1e-3)
    asked = {}
    monkeypatch.setattr("lowreel.api.pack.pack_recovered", lambda *_, **known: asked.update(known))
    lowreel.pack(again)
    assert asked["error"] == pytest.approx(10 ** (-level / 10), rel=1e-3)


def test_data_that_is_exact_after_all_is_met(monkeypatch):
    """Of unknown noise, where there is none: the generator's clip made to agree with all data is delivered, which is
    decided by the frames that have not seen the held-out part."""
    asked, decide = [], accounting._meets_data
    monkeypatch.setattr(accounting, "_meets_data", lambda *given: asked.append(given) or decide(*given))
    operator = scanner(spokes=24, coils=8)
    found, (frames, _, refined) = recovered(operator, monkeypatch, "none")
    assert refined is not None
    assert not found.refined
    assert [(given[1] is frames, given[2]) for given in asked] == [(True, refined.error)]
    missed = operator(torch.as_tensor(found.clip)) - operator(disc())
    assert float(missed.abs().square().mean()) < 1e-6 * float(operator(disc()).abs().square().mean())
    assert "heldout_db_representation" not in found.summary.model_dump()


ENDS = {
    "by Ctrl-C": (Outcome("stopped", "", interrupted=True), False),
    "diverged": (Outcome("diverged", ""), False),
    "by a limit of time": (Outcome("stopped", ""), True),
    "by itself": (Outcome("finished", ""), True),
}


@pytest.mark.parametrize(("outcome", "refines"), ENDS.values(), ids=ENDS)
def test_fits_that_are_refined(outcome, refines, scan):
    """None that diverged, and none whose user waits for the end."""
    problem, true = scan
    own = accounting._own_clip(problem, Fitted(grainy(true), outcome), grainy(true))
    assert own.is_refined is refines
    assert (own.error < 1) is refines


def test_variation_with_a_guide(scan):
    """A guide of ones changes nothing; where it is 0 an edge stays as it is."""
    clip = to_complex(scan[1])
    axes = {0: 3.0, -2: 1.0, -1: 1.0}
    plain, ones = Variation(1.0, axes), Variation(1.0, axes, guide=torch.ones(3, *clip.shape))
    torch.testing.assert_close(plain(clip, 0.05), ones(clip, 0.05))
    none = Variation(1.0, axes, guide=(plain.sizes(clip) < 0.05).float())
    changed = {name: error(one(clip, 0.05).abs(), clip.abs()) for name, one in (("plain", plain), ("guided", none))}
    assert changed["guided"] < changed["plain"] / 4


def test_a_guide_of_nothing(scan):
    """Where it is 0 and nothing differs there is a number, as anywhere else: the clip stays."""
    clip = torch.ones_like(to_complex(scan[1]))
    own = Variation(1.0, {0: 3.0, -2: 1.0, -1: 1.0}, guide=torch.zeros(3, *clip.shape))
    assert torch.equal(own(clip, 0.05), clip)


def test_an_edge_in_space_is_smoothed_along_time():
    """Each difference has a guide of its own: an edge that stands still keeps its height and loses its flicker."""
    edge = torch.zeros(6, 1, 8, 8)
    edge[..., 4:] = 1.0
    flicker = 0.1 * torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])[:, None, None, None]
    axes = {0: 3.0, -2: 1.0, -1: 1.0}
    guide = 1 / (1 + (Variation(1.0, axes).sizes(edge.cfloat()) / 0.1).square())
    found = Variation(1.0, axes, iterations=100, guide=guide)((edge + flicker).cfloat(), 0.3).real
    assert float((found - edge).abs().max()) < 0.02
