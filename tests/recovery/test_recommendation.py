"""What is recommended is the best by data shaped like what is missing, and the verdict says what it could not check."""

import math
import re

import pytest
import torch
from cases import levels, moving

import lowreel
from lowreel import RecoverSettings
from lowreel.operators import Identity, Mask, MissingFrames, MissingPixels, SinglePixel, Stacked
from lowreel.recovery.comparison import Baseline, Finished, heldout_decibels
from lowreel.recovery.coverage import caveat, judged_by, unjudged_share, unseen_share
from lowreel.recovery.preparation import prepare
from lowreel.recovery.recommendation import Recommended, recommended
from lowreel.recovery.recover import recover

SHAPE = (8, 1, 16, 16)
CLIP = moving(*SHAPE)
FEW = RecoverSettings(quality="draft", steps=2, heldout=0.1)


def problem_of(operator=None, **known):
    operator = operator or Identity(SHAPE)
    return prepare(operator(CLIP), operator, FEW, **known)


def off(size, seed):
    """The clip with an error of its own at each pixel."""
    return CLIP + size * torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def best(problem, frames, *others):
    baselines = {f"other {k}": Baseline(clip, db(problem, clip)) for k, clip in enumerate(others)}
    return recommended(problem, frames, db(problem, frames), baselines)


def db(problem, clip):
    return -10 * math.log10(problem.heldout_error(clip))


def test_the_better_one_is_recommended():
    """Generator or baseline, with its level; the generator where there is no baseline."""
    problem, good, bad = problem_of(), CLIP + 0.02, CLIP + 0.1
    assert best(problem, good, bad).name == "generator"
    assert best(problem, bad, CLIP + 0.2, good) == Recommended(0.0, "other 1", db(problem, good))
    assert best(problem, bad).name == "generator"
    assert best(problem, good, bad).sentence(0.0) == ""
    told = best(problem, bad, good)
    assert f"other 0 ({told.heldout_db - 6:.1f} dB)" in told.sentence(-6.0)


@pytest.mark.parametrize("first", ["generator", "one"])
def test_a_mean_changes_none_of_its_clips(first):
    """Though that of clips that are made anew takes the place of one of them."""
    kept = {"one": Baseline(off(0.1, 1).half(), 0.0), "two": Baseline(off(0.1, 2).half(), 0.0)}
    before, mean = {name: b.clip.clone() for name, b in kept.items()}, Recommended(0.25, "two", 0.0, first)
    clips = Finished(kept, lambda clip: clip)
    found = mean.of(CLIP, clips)
    own = CLIP if first == "generator" else before["one"].float()
    torch.testing.assert_close(found, 0.25 * own + 0.75 * before["two"].float())
    assert all(torch.equal(clips[name].clip, clip.float()) for name, clip in before.items())
    assert torch.equal(found, mean.of(CLIP, dict(clips)))


def test_several_masks_with_holes_are_judged_together():
    """What a stack of them holds out is told in one number."""
    masks = [torch.ones(SHAPE, dtype=torch.bool) for _ in range(2)]
    for t in range(SHAPE[0]):
        masks[0][t, :, 2:8, t : t + 6] = masks[1][t, :, 8:14, 8 - t : 14 - t] = False
    problem = problem_of(Stacked([Mask(SHAPE, mask) for mask in masks]))
    assert re.fullmatch(r"\d+ held-out holes", judged_by(problem))


def test_a_baseline_that_is_delivered_is_what_is_recommended():
    """Of a fit that was stopped: there is no better clip beside it."""
    operator = MissingPixels(SHAPE, 0.5)

    def callback(progress):
        raise KeyboardInterrupt

    found = recover(operator(CLIP), operator, FEW.model_copy(update={"steps": 40}), callback=callback)
    assert found.delivered != "generator"
    assert found.recommended.name == found.delivered
    assert not found.has_better
    assert torch.equal(found.recommended_clip, found.clip)


def test_a_mean_is_recommended_where_errors_are_independent():
    """The mean of two clips with errors of their own has half of the error; that of clips alike has as much."""
    problem, one, other = problem_of(), off(0.1, 1), off(0.1, 2)
    found = best(problem, one, other)
    assert 0.3 < found.share < 0.7
    assert found.heldout_db == pytest.approx(db(problem, one) + 3, abs=1)
    clip = found.of(one, {"other 0": Baseline(other, 0.0)})
    assert db(problem, clip) == pytest.approx(found.heldout_db)
    assert best(problem, one, one + 0.001).heldout_db == pytest.approx(db(problem, one), abs=0.05)


def test_of_two_that_cannot_be_told_apart_the_mean_is_recommended():
    """Also of two baselines; not where one is a decibel behind, nor where it is worse everywhere. Its name says all."""
    problem, bad = problem_of(), CLIP + 0.3
    one, other, third = off(0.1, 1), off(0.1, 2), off(0.15, 3)
    baselines = {name: Baseline(clip, db(problem, clip)) for name, clip in {"a": one, "b": other, "c": third}.items()}
    found = recommended(problem, bad, db(problem, bad), baselines)
    assert {found.first, found.baseline} == {"a", "b"}
    assert db(problem, found.of(bad, baselines)) == pytest.approx(found.heldout_db)
    assert Recommended.named(found.name, found.heldout_db) == found
    alike = CLIP + torch.where(levels(*SHAPE) < 0.5, 0.1, -0.102)
    assert best(problem, bad, CLIP + 0.1, CLIP + 0.1 + (alike - CLIP) / 100).share == 0.5
    assert best(problem, bad, CLIP + 0.1, CLIP + 0.101).share in (0.0, 1.0)
    frames = problem_of(MissingFrames(SHAPE, dropped=[3]))
    assert best(frames, CLIP + 0.1, CLIP + 0.2).name == "generator"


def test_a_mean_has_the_share_with_the_smallest_error():
    """Errors of opposite sign, three times as large in one, cancel at three quarters of the other."""
    found = best(problem_of(), CLIP + 0.03, CLIP - 0.09)
    assert found.share == pytest.approx(0.75)


def test_dropped_frames_are_judged_by_frames():
    """A baseline that is black in frames it has not seen loses; the one that joins frames in time is named."""
    clip = lowreel.open_clip("rotating-mnist:3", size=(16, 16), frames=slice(20)).read()
    operator = MissingFrames(tuple(clip.shape), dropped=range(5, 8))
    found = recover(operator(clip), operator, FEW.model_copy(update={"heldout": None}))
    assert found.verdict.kind == "do_not_use"
    assert "held-out frames" in found.trust
    assert "temporal interpolation" in found.trust
    assert "low rank" not in found.trust
    assert found.baselines["low rank"].heldout_db < found.baselines["temporal interpolation"].heldout_db - 3
    assert found.recommended.name == "temporal interpolation"
    assert torch.equal(found.recommended_clip, found.baselines["temporal interpolation"].clip)
    assert found.has_better


def test_levels_of_a_mask_with_holes_are_those_of_what_is_missing():
    """All clips have the same factor, so that none is preferred for it; what somebody has chosen has none."""
    kept = torch.ones(SHAPE, dtype=torch.bool)
    for t in range(SHAPE[0]):
        kept[t, :, 4:11, t : t + 7] = False
    problem = problem_of(Mask(SHAPE, kept))
    given = problem_of(Mask(SHAPE, kept), holdout=problem.heldout)
    assert given.gap_factor == 1 != problem.gap_factor
    for clip in (off(0.01, 0), off(0.1, 1)):
        level, own = (heldout_decibels(p.heldout_error(clip), p) for p in (problem, given))
        assert own - level == pytest.approx(10 * math.log10(problem.gap_factor))


def test_errors_of_coarse_numbers_do_not_drown_those_of_fine_ones():
    """A single pattern that is far off counts no more among those held out than another."""
    operator = SinglePixel(SHAPE, 60)
    problem = problem_of(operator)
    places = problem.heldout[0, 0].nonzero()[:, 0]
    natural = problem.natural_response()[1].square().mean((0, 1))
    errors = []
    for place in (places[0], places[-1]):
        data = problem.data.clone()
        data[:, :, place] += natural[place].sqrt()
        errors.append(prepare(data, operator, FEW, holdout=problem.heldout).heldout_error(CLIP))
    assert errors[0] == pytest.approx(errors[1], rel=0.01)


def test_clips_of_baselines_are_made_when_they_are_asked_for():
    """Two looks see the same clip, which none of them keeps, with the known pixels as they came."""
    operator = MissingPixels(SHAPE, 0.5)
    found = recover(operator(CLIP), operator, FEW)
    once, again = (found.baselines["low rank"].clip for _ in range(2))
    assert once is not again
    assert torch.equal(once, again)
    assert torch.equal(operator(once), operator(CLIP))


def test_what_no_frame_observes_is_said():
    """A place that is hidden in all frames cannot be checked; one that is hidden in some can."""
    kept = torch.ones(SHAPE[0], *SHAPE[2:], dtype=torch.bool)
    kept[:, 4:8, 4:8] = False
    mask = Mask(SHAPE, kept)
    assert unseen_share(mask, mask.observed_mask()) == 16 / 256
    assert "No frame observes 6% of the picture" in caveat(16 / 256)
    for operator in (MissingPixels(SHAPE, 0.9), MissingFrames(SHAPE, 0.5), Identity(SHAPE)):
        assert unseen_share(operator, operator.observed_mask()) == 0
        assert caveat(0.0) == ""


def test_what_lies_beyond_all_that_was_held_out_is_said():
    """Of dropped frames single pixels say nothing: there is no verdict, and no baseline is recommended."""
    operator = MissingFrames(SHAPE, dropped=[3, 4])
    single = problem_of(operator, holdout=levels(*SHAPE[2:]) < 0.1)
    assert unjudged_share(single) == 1
    assert unjudged_share(problem_of(operator)) == 0
    assert judged_by(problem_of(operator)).endswith("held-out frames")
    assert judged_by(problem_of()) == "held-out data"
    assert "there nothing can be checked" in caveat(0.0, 0.3)
    assert best(single, CLIP + 0.1, CLIP + 0.01).name == "generator"
