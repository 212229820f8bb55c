"""`recover_together`: each clip's own result, chosen by its own held-out data. Tiny clips, few epochs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from cases import moving

from lowreel import recover, recover_together
from lowreel.errors import InputError
from lowreel.operators import MRI, Gaussian, MissingPixels
from lowreel.recovery.fit import Progress
from lowreel.recovery.sharing import Sharing
from lowreel.recovery.together import ClipData, Group, _gain_in_decibels, _preferred, _preferred_by_clips
from lowreel.settings import RecoverSettings

FEW = RecoverSettings(baselines="none", quality="draft", steps=6, heldout=0.1, precision="float32")
SEARCH = FEW.model_copy(update={"quality": "standard"})
CLIPS = [moving(6, 1, 12, 10), 1 - moving(4, 1, 12, 10)]
OPERATORS = [MissingPixels((6, 1, 12, 10), 0.5, seed=2), Gaussian((4, 1, 12, 10), 60, seed=2)]
DATA = [A(x) for A, x in zip(OPERATORS, CLIPS, strict=True)]


@pytest.mark.parametrize("settings", [FEW, SEARCH], ids=["draft", "search"])
def test_a_group_of_one_is_the_clip_alone(settings):
    """Its clip, its representation, its search and its standard deviation, to the bit."""
    (found,) = recover_together(DATA[:1], OPERATORS[:1], settings)
    alone = recover(DATA[0], OPERATORS[0], settings)
    assert torch.equal(found.clip, alone.clip)
    assert torch.equal(found.representation.frames(), alone.representation.frames())
    assert [trial.error for trial in found.trials] == [trial.error for trial in alone.trials]
    assert (found.uncertainty is None) == (alone.uncertainty is None)
    assert found.uncertainty is None or torch.equal(found.uncertainty, alone.uncertainty)
    assert (found.heldout_db, found.trust, found.together) == (alone.heldout_db, alone.trust, None)


@pytest.fixture(scope="module")
def searched():
    return recover(DATA, OPERATORS, SEARCH, times=[torch.arange(6) / 5, torch.arange(4) / 50])


def test_each_clip_has_a_result_of_its_own(searched):
    """Its length, times, data and standard deviation; what is delivered is what its held-out data prefers."""
    for found, y, A, step in zip(searched, DATA, OPERATORS, (1 / 5, 1 / 50), strict=True):
        assert tuple(found.clip.shape) == A.clip_shape
        assert float(found.representation.times.diff().mean()) == pytest.approx(step)
        assert float((A(found.clip) - y).abs().max()) < 0.05
        assert found.uncertainty is not None
        assert tuple(found.uncertainty.shape) == A.clip_shape
        shared = found.together
        assert found.heldout_db == pytest.approx(getattr(shared, f"{shared.chosen}_db"))
        assert shared.sentence in found.trust


def test_what_is_shared_is_one_generator():
    """Without the fits alone all clips have the same weights; the codes are each clip's own."""
    first, second = recover_together(DATA, OPERATORS, FEW, always=True)
    for a, b in zip(
        first.representation.generator.parameters(), second.representation.generator.parameters(), strict=True
    ):
        assert torch.equal(a, b)
    assert (len(first.representation.codes), len(second.representation.codes)) == (6, 4)
    assert math.isnan(first.together.alone_db)
    assert "alone it was not tried" in first.trust


def test_a_given_rank_is_that_of_each_clip():
    """Both clips have codes on so many vectors of their own."""
    found = recover_together(DATA, OPERATORS, FEW, always=True, rank=2)
    assert [one.representation.codes.rank for one in found] == [2, 2]
    both = torch.cat([one.representation.codes.matrix() for one in found])
    assert int(torch.linalg.matrix_rank(both, rtol=1e-4)) > 2


def still(*frames, seed):
    """A picture of blocks, the same in all frames."""
    picture = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return picture.repeat_interleave(4, 2).repeat_interleave(4, 3).expand(*frames, 1, 16, 16).contiguous()


def test_the_choice_is_right_where_it_is_known():
    """Five clips of one picture, a fifth of the pixels of one frame each: together they tell it, alone none does. A
    sixth clip, of another picture and known well, loses nothing."""
    settings = RecoverSettings(baselines="none", quality="draft", heldout=0.1, precision="float32", steps=60)
    clips = [still(1, seed=0) for _ in range(5)] + [still(4, seed=1)]
    operators = [MissingPixels(tuple(x.shape), 0.8 if len(x) == 1 else 0.3, seed=k) for k, x in enumerate(clips)]
    found = recover_together([A(x) for A, x in zip(operators, clips, strict=True)], operators, settings)
    errors = [float((one.clip - x).square().mean()) for one, x in zip(found, clips, strict=True)]
    alone = [
        float((recover(A(x), A, settings).clip - x).square().mean()) for A, x in zip(operators, clips, strict=True)
    ]
    assert [one.together.chosen for one in found].count("together") >= 4
    assert sum(errors[:5]) < 0.5 * sum(alone[:5])
    assert errors[5] < 2 * alone[5]


def test_held_out_data_decides_and_says_so():
    """Its own where it is sure, that of all where not, together where neither is; what failed is not delivered."""
    group = Group.of([ClipData(f"clip {k}", DATA[k], OPERATORS[k]) for k in range(2)], FEW)
    shared = group.fit_together()
    alone = {k: group.fit_alone(k, shared) for k in range(2)}
    asked = {
        "together": ("together", "alone"),
        "alone": ("alone", "together"),
        "all say together": ("neither", "together"),
        "all say alone": ("neither", "alone"),
        "nothing is sure": ("neither", "neither"),
    }
    for what, (own, pooled) in asked.items():
        preferred = iter([pooled, own, own])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lowreel.recovery.together._preferred", lambda gains, told=preferred: next(told))
            patch.setattr("lowreel.recovery.together.is_chance_among", lambda gains: True)
            sharing = group.decided(shared, alone)[0]
        assert sharing.chosen == ("alone" if what in ("alone", "all say alone") else "together"), what
        assert sharing.is_chance == (own == "neither")
        assert sharing.by_all == what.startswith("all")
        found = group.account(0, shared, alone[0], sharing)
        wanted = alone[0] if sharing.chosen == "alone" else group.part(0, shared)
        assert torch.equal(found.representation.codes.matrix(), wanted.representation.codes.matrix())
        assert sharing.sentence in found.trust
    with pytest.MonkeyPatch.context() as patch:  # neither alone nor as one set, but clip by clip
        patch.setattr("lowreel.recovery.together._preferred", lambda gains: "neither")
        patch.setattr("lowreel.recovery.together._gain_in_decibels", lambda gains: -1.0)
        patch.setattr("lowreel.recovery.together.is_chance_among", lambda gains: gains != [-1.0, -1.0])
        assert [(one.chosen, one.by_all) for one in group.decided(shared, alone)] == [("alone", True)] * 2
    failed = replace(shared, judged=diverged(shared))
    assert [one.chosen for one in group.decided(failed, alone)] == ["alone", "alone"]
    assert [one.chosen for one in group.decided(shared, {0: replace(alone[0], error=math.inf)})] == ["together"] * 2


PREFERENCES = {
    "nothing held out": ([], "neither"),
    "the same": ([0.0] * 9, "neither"),
    "few holes": ([1.0] * 4, "neither"),
    "each hole a little": ([0.1] * 20, "together"),
    "uneven, each hole": ([100.0, *[0.1] * 20], "together"),
    "uneven, one hole": ([100.0, *[0.1, -0.1] * 10], "neither"),
    "more and worse": ([-3.0] * 12 + [1.0] * 4, "alone"),
}


@pytest.mark.parametrize(("gains", "preferred"), PREFERENCES.values(), ids=PREFERENCES)
def test_what_is_preferred_is_so_beyond_chance(gains, preferred):
    """By the same test of signs as the verdict: a hole that hides nearly all says nothing by itself."""
    assert _preferred(torch.tensor(gains)) == preferred
    mirror = {"together": "alone", "alone": "together"}.get(preferred, preferred)
    assert _preferred(-torch.tensor(gains)) == mirror


@pytest.mark.parametrize(
    ("gains", "preferred"),
    [
        ([], "neither"),
        ([-2.0], "neither"),
        ([-1.0, -2.0], "neither"),
        ([-2.0, -1.0, -2.0], "alone"),
        ([-1.0, -1.0], "neither"),
        ([-1.0, -1.0, -1.0], "alone"),
        ([-0.02, -0.02, -0.02], "neither"),
        ([2.5, -0.2, -2.7], "neither"),
        ([-2.1, -2.6, -0.9], "neither"),
        ([math.nan, -1.0, -1.1], "neither"),
        ([-1.0, 0.2, -0.8, -0.4, -0.9, -0.7, 0.1, -0.6, -0.3, -0.5], "alone"),
    ],
)
def test_clips_that_agree_are_no_chance(gains, preferred):
    assert _preferred_by_clips(gains) == preferred
    mirror = {"together": "alone", "alone": "together"}.get(preferred, preferred)
    assert _preferred_by_clips([-gain for gain in gains]) == mirror


def test_the_gain_of_a_clip_is_that_of_its_errors():
    """3 dB, where the error together is half of that alone."""
    alone = torch.rand(50, generator=torch.Generator().manual_seed(0)).double() + 0.1
    together = 0.5 * alone
    gains = (alone - together) / ((alone.mean() + together.mean()) / 2)
    assert _gain_in_decibels(gains) == pytest.approx(10 * math.log10(2))


def diverged(shared):
    """The representation of a fit whose codes are no numbers."""
    codes = replace(
        shared.judged.codes, coefficients=shared.judged.codes.coefficients * math.nan, basis=None, mean=None
    )
    return replace(shared.judged, codes=codes)


def test_the_sentence_names_what_was_chosen():
    """By how much, of how many clips, and whether that may be chance."""
    assert Sharing(3, "together", 30.0, 27.5).sentence == (
        "Recovered together with 2 other clips, by one generator: "
        "on its held-out data that is 2.5 dB better than alone."
    )
    assert Sharing(2, "alone", 30.0, 30.1, is_chance=True).sentence == (
        "Recovered alone: on its held-out data that is 0.1 dB better than together with 1 other clip, "
        "which may be chance, and so it is over all clips."
    )
    assert Sharing(2, "together", 30.0, 30.1, is_chance=True, by_all=True).sentence == (
        "Recovered together with 1 other clip, by one generator: on its held-out data that is 0.1 dB worse than alone, "
        "which may be chance, but over all clips it is better."
    )


def test_a_fit_of_a_group_goes_on_where_it_was():
    """From what the callback saw last, to the same bits as unbroken; the search, too."""
    group = Group.of([ClipData(f"clip {k}", DATA[k], OPERATORS[k]) for k in range(2)], SEARCH)
    wanted, seen = group.fit_together(), []

    def stop(progress: Progress):
        seen.append(progress)
        if len(seen) == 5:
            raise KeyboardInterrupt

    assert group.fit_together(stop).outcome.kind == "stopped"
    again = group.fit_together(resume=seen[-1])
    assert torch.equal(again.representation.frames(), wanted.representation.frames())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"y": DATA[:1]}, "list with the data of each of 2 operators, got 1"),
        ({"y": [DATA[0], DATA[1] * math.nan]}, r"y\[1\]: data: .*NaN"),
        ({"A": [OPERATORS[0], MissingPixels((4, 1, 12, 12), 0.5)]}, r"y\[1\]: MissingPixels: expected data"),
        ({"times": [torch.arange(6) / 5]}, "times: of several clips expected a list with one for each of 2"),
        ({"times": [torch.arange(6) / 5, torch.arange(3)]}, r"y\[1\]: times: expected 4 rising"),
        ({"beta": torch.ones(9)}, "beta: is for one clip"),
        ({"A": [OPERATORS[0], MRI((4, 1, 12, 10), mask=torch.ones(12, 10).bool())],
          "y": [DATA[0], torch.randn(4, 1, 12, 10).to(torch.complex64)]}, r"y\[1\]: complex clips"),
        ({"rank": 5}, "rank: expected 1 to 4"),
        ({"y": [], "A": []}, "A: of several clips expected a list with an operator for each.*got none"),
        ({"A": OPERATORS[0]}, "A: of several clips expected a list .*got MissingPixels"),
        ({"A": None}, "A: of several clips expected a list .*got NoneType"),
        ({"noise": (0.1,)}, "noise: of several clips expected a list with one for each of 2"),
        ({"callback": 5}, "callback: expected a function of a RecoveryProgress, or None, got 5"),
        ({"names": ["one"]}, r"names: expected one for each of 2 clips, or none, got \['one'\]"),
        ({"names": "ab"}, "names: expected one for each of 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_of_the_clip(given, message):
    """Each mistake by the name of its clip."""
    known = {"y": DATA, "A": OPERATORS} | given
    with pytest.raises(InputError, match=message):
        recover_together(known.pop("y"), known.pop("A"), FEW, **known)


def test_a_callback_of_several_clips_is_told_of_rounds_and_ends_them():
    """The outcome says what ended the fits, and nothing of a command line."""
    seen = []

    def watch(progress):
        seen.append((progress.made, progress.share))
        return len(seen) == 2

    found = recover_together(DATA, OPERATORS, FEW, callback=watch, noise=(0.0, 0.1))
    assert [made for made, _ in seen] == [1, 2]
    for one in found:
        assert one.outcome.sentence.startswith("Stopped by its callback after epoch 2 of 6")
        assert one.outcome.sentence.endswith("To go on, recover the clips again from the start.")


def test_a_callback_of_several_clips_gets_the_frames_of_those_that_a_fit_is_of():
    """Of all of them in the fit of all, then of one after the other; each in the form and the units of its data."""
    seen = []
    data = [DATA[0].numpy() * 100, DATA[1]]
    recover_together(data, OPERATORS, FEW, callback=lambda p: seen.append(p.frames()), noise=(0.0, 0.1), levels=LEVELS)
    kinds = [tuple(None if clip is None else (type(clip), tuple(clip.shape)) for clip in frames) for frames in seen]
    first, second = (np.ndarray, (6, 1, 12, 10)), (torch.Tensor, (4, 1, 12, 10))
    assert list(dict.fromkeys(kinds)) == [(first, second), (first, None), (None, second)]
    assert seen[0][0].max() > 10
    assert seen[0][1].max() <= 1


LEVELS = ((100.0, 0.0), None)
