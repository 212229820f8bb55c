"""A recovery of pixels is packed by what held-out data says loses less: a pyramid fitted anew, or its own generator."""

import math
from types import SimpleNamespace

import pytest
import torch
from cases import noise
from conftest import moving

import lowreel
from lowreel.data import FEW_NUMBERS, Measured, NoNoise, WhiteNoise
from lowreel.errors import InputError
from lowreel.model.generators import Decoder
from lowreel.model.latents import Codes, factorise
from lowreel.model.representation import Representation
from lowreel.packing import recovered
from lowreel.packing.pack import PackedResult
from lowreel.packing.quantised import KNOWN_COUNTS, Quantised
from lowreel.packing.recovered import RecoveredPixels, pack_recovered
from lowreel.recovery.preparation import prepare
from lowreel.settings import LEAST_CLIP_UPDATES, PackSettings, RecoverSettings

T = 4
TIMES = torch.arange(T, dtype=torch.float64) / 25
SHAPE = (T, 1, 8, 8)
MASK = torch.arange(64).reshape(8, 8) % 4 == 0
ROUNDED = PackSettings(bytes=30_000, updates=0)
ERROR = 1e-3
"""Mean squared error of what the representation draws."""

HOLDING = RecoverSettings(heldout=0.4)
"""Of recoveries of these few numbers, so that enough are held out."""

UPDATES_OF_IT = 300
"""Of the pyramid of a few small frames."""

MARGIN_DB = 0.2
"""By how much the error of a few hundred held-out numbers may be off."""


def representation(affine=False):
    codes = noise(T, 16, dtype=torch.float32)
    own = factorise(codes, TIMES, 2, affine=True) if affine else Codes(codes, TIMES)
    return Representation(Decoder((1, 8, 8), code_dim=16), own)


def pixels(missing_db=31.0):
    """Of a clip of which a fourth was measured."""
    known = MASK.expand(T, 1, 8, 8)
    return RecoveredPixels(0.5 * torch.ones(SHAPE), known, 10 ** (-missing_db / 10))


def test_measured_pixels_count_more():
    """By their factor; errors that are alike everywhere count as they are."""
    found = representation()
    state = Quantised(found, torch.zeros(SHAPE), is_own=False, known=MASK.expand(SHAPE))
    plain = Quantised(found, torch.zeros(SHAPE), is_own=False)
    everywhere = torch.full((2, 1, 8, 8), 0.1)
    torch.testing.assert_close(state.misfit(everywhere, [1, 3]), plain.misfit(everywhere, [1, 3]))
    known, missing = (state.misfit(everywhere * where, [0, 2]) / where.sum() for where in (MASK, ~MASK))
    assert float(known / missing) == pytest.approx(KNOWN_COUNTS)


MEASURED = {
    "exact pixels": (lowreel.Mask(SHAPE, MASK), NoNoise(), 30.0, True),
    "noisy pixels": (lowreel.Mask(SHAPE, MASK), WhiteNoise(sigma=0.1), 30.0, False),
    "nobody knows how good": (lowreel.Mask(SHAPE, MASK), NoNoise(), math.nan, False),
    "a frame that was not measured": (lowreel.MissingFrames(SHAPE, dropped=[2]), NoNoise(), 30.0, False),
    "sums of pixels": (lowreel.Snapshot(SHAPE, 2), NoNoise(), 30.0, False),
}


@pytest.mark.parametrize(("operator", "of_noise", "level", "is_told"), MEASURED.values(), ids=MEASURED)
def test_pixels_are_those_that_were_measured_exactly(operator, of_noise, level, is_told):
    """And the error of a clip is that of what is missing, and its distance from the best one."""
    clip = torch.rand(SHAPE)
    found = RecoveredPixels.of(Measured(operator(clip), operator, TIMES, of_noise, {}), HOLDING, lambda: clip, level)
    assert (found is not None) == is_told
    if found is not None:
        assert torch.equal(found.known.expand(SHAPE), operator.observed_mask().expand(SHAPE))
        assert found.expected_error(2e-4) == pytest.approx(2e-4 + 0.75e-3)
        assert found.distance(2e-4 + 0.75e-3) == pytest.approx(2e-4)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.2, 0.4])
def test_few_held_out_numbers_tell_nothing(share):
    """The generator's own numbers are then packed, as of other runs; more are counted as the recovery does."""
    operator, clip = lowreel.Mask(SHAPE, MASK), torch.rand(SHAPE)
    problem = prepare(operator(clip), operator, RecoverSettings(heldout=share))
    measured = Measured(operator(clip), operator, TIMES, NoNoise(), {})
    found = RecoveredPixels.of(measured, RecoverSettings(heldout=share), lambda: clip, 30.0)
    assert (found is not None) == (problem.held_count >= FEW_NUMBERS)
    assert found is None or found.held_count == problem.held_count


@pytest.mark.parametrize("count", [1, 7, 8, 20])
def test_chosen_held_out_numbers_are_counted(count):
    """In place of those of the settings."""
    operator, clip = lowreel.Mask(SHAPE, MASK), torch.rand(SHAPE)
    chosen = (operator.observed_mask().flatten().cumsum(0) <= count).reshape(SHAPE) & operator.observed_mask()
    measured = Measured(operator(clip), operator, TIMES, NoNoise(), {})
    found = RecoveredPixels.of(measured, HOLDING, lambda: clip, 30.0, holdout=chosen)
    assert (None if found is None else found.held_count) == (count if count >= FEW_NUMBERS else None)


def result(error):
    return PackedResult(SimpleNamespace(), 1000, error)


REFUSED = InputError("pack: cannot")
WAYS = {
    # asked for, affine codes, level of the missing pixels, distance of the pyramid or why not, error that rounding the
    # decoder adds or why not; which is packed
    "nearly as good anew": ({"bytes": 9000}, False, 31.0, 1e-4, 1e-6, "anew"),
    "both lose, anew less": ({"bytes": 9000}, False, 31.0, 6e-4, 9e-4, "anew"),
    "both lose, anew more": ({"bytes": 9000}, False, 31.0, 6e-4, 1e-4, "own"),
    "too few bytes anew": ({"bytes": 90}, False, 31.0, REFUSED, 2e-4, "own"),
    "too few bytes for its own": ({"bytes": 90}, False, 31.0, 6e-3, REFUSED, "anew"),
    "too few for both": ({"bytes": 9}, False, 31.0, REFUSED, REFUSED, None),
    "a loss": ({"loss": 0.5}, False, 31.0, 1e-4, 1e-6, "anew"),
    "the loss of all": ({}, False, 31.0, 1e-4, 1e-6, "anew"),
    "a loss that it cannot have": ({"loss": 0.1}, False, 25.0, 1e-9, 1e-6, "own"),
    "near to the frames of its own": ({"psnr": 40}, False, 31.0, 1e-9, 1e-6, "own"),
    "codes on a line": ({"bytes": 9000}, True, 31.0, 1e-9, 1e-6, "own"),
    "few updates": ({"bytes": 9000, "updates": LEAST_CLIP_UPDATES - 1}, False, 31.0, 1e-9, 1e-6, "own"),
}


@pytest.mark.parametrize(("asked", "affine", "level", "anew", "own", "which"), WAYS.values(), ids=WAYS)
def test_what_loses_less_is_packed(asked, affine, level, anew, own, which, monkeypatch):
    """By the error that held-out data tells; a pyramid that hardly loses is not compared, and a loss is one of it."""
    goals = []

    def packed(found):
        def fit(_, *rest, **__):
            goals.append(rest[-1])
            if isinstance(found, InputError):
                raise found
            return result(found)

        return fit

    monkeypatch.setattr(recovered, "pack_clip", packed(anew))
    monkeypatch.setattr(recovered, "pack", packed(own))

    def made():
        settings = PackSettings(**asked)
        return pack_recovered(representation(affine), settings, recovered=lambda: pixels(level), error=ERROR)

    if which is None:
        with pytest.raises(InputError, match="cannot"):
            made()
        return
    found = made()
    assert ("own" if found.expected_error is None else "anew") == which
    is_tried = which == "own" and not affine and "psnr" not in asked and "updates" not in asked
    assert ("Maps fitted anew" in found.note) == is_tried
    if which == "anew" and "bytes" not in asked:
        (goal,) = goals
        distance = 10 ** (-goal.psnr / 10)
        own = pixels(level).expected_error(0.0)
        assert distance + own == pytest.approx(10 ** (asked.get("loss", 0.3) / 10) * ERROR)


SHARES = {"a fourth": 4, "half": 2, "nine tenths": 1.11}


@pytest.mark.parametrize("every", SHARES.values(), ids=SHARES)
@pytest.mark.parametrize("worse_there", [0.0, 1.0, 2.0], ids=["exact there", "as elsewhere", "worse there"])
def test_a_loss_is_one_of_the_true_error(every, worse_there, monkeypatch):
    """The distance that a pyramid may have is 7 % of the error that the generator has against the truth, however good
    it is at pixels that it has seen; where the best clip is the generator's with those put in, and what they gain."""
    goals = []
    monkeypatch.setattr(recovered, "pack_clip", lambda *rest, **_: goals.append(rest[-1]) or result(1e-6))
    found = representation()
    drawn = found.frames()
    known = (torch.arange(drawn.numel()) % every < 1).reshape(SHAPE)
    off = math.sqrt(ERROR) * noise(*SHAPE, dtype=torch.float32).sign()
    truth = drawn + torch.where(known, math.sqrt(worse_there) * off, off)
    level = -10 * math.log10(ERROR)
    operator = lowreel.Mask(SHAPE, known)
    measured = Measured(operator(truth), operator, TIMES, NoNoise(), {})
    best = torch.where(known, truth, drawn)

    def pixels_of():
        return RecoveredPixels.of(measured, HOLDING, lambda: best, level, level)

    made = pack_recovered(found, PackSettings(loss=0.3), recovered=pixels_of, error=ERROR)
    own, of_best = (float((clip - truth).double().square().mean()) for clip in (drawn, best))
    assert 10 ** (-goals[0].psnr / 10) == pytest.approx(0.0715 * own + own - of_best, rel=1e-3)
    assert made.unpacked_error == pytest.approx(own, rel=1e-4)


def test_a_run_loses_what_was_asked_for_against_the_truth(monkeypatch):
    """Of a grainy clip of which half was measured, and which its generator draws far better there than elsewhere: a
    budget by the error of the others alone loses 0.75 dB."""
    monkeypatch.setattr(recovered, "LEAST_CLIP_UPDATES", 20)
    shape = (6, 1, 16, 16)
    truth = (torch.from_numpy(moving(6, 1, 16, 16)) + 0.1 * noise(*shape, seed=1, dtype=torch.float32)).clamp(0, 1)
    operator = lowreel.Mask(shape, noise(*shape) < 0)
    found = lowreel.recover(operator(truth), operator, quality="draft", baselines="none", steps=150, seed=0)
    made = lowreel.pack(found, loss=0.3, updates=UPDATES_OF_IT, precision="float32")
    own, packed = (
        float((each.frames() - truth).square().mean()) for each in (found.representation, made.packed.representation())
    )
    assert 10 * math.log10(packed / own) < 0.3 + MARGIN_DB


def test_without_pixels_its_own_generator_is_packed():
    """Which says nothing of held-out data."""
    assert pack_recovered(representation(), ROUNDED, recovered=None, error=None).expected_error is None


@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16"])
@pytest.mark.parametrize("way", ["nearly as good anew", "both lose, anew more", "codes on a line", "few updates"])
def test_a_precision_that_is_not_used_is_told(way, precision, monkeypatch):
    """Of the generator's own numbers, which are fitted in float32 whatever is asked for."""
    asked, affine, level, anew, own, which = WAYS[way]
    monkeypatch.setattr(recovered, "pack_clip", lambda *_, **__: result(anew))
    monkeypatch.setattr(recovered, "pack", lambda *_, **__: result(own))
    settings = PackSettings(**asked, precision=precision)
    found = pack_recovered(representation(affine), settings, recovered=lambda: pixels(level), error=ERROR)
    assert ("--precision" in found.note) == (which == "own" and precision == "bfloat16")


def test_a_precision_for_a_known_clip_is_refused():
    """To which a recovery's own numbers are fitted."""
    operator = lowreel.Mask(SHAPE, MASK)
    found = lowreel.recover(operator(torch.full(SHAPE, 0.5)), operator, quality="draft", baselines="none", steps=1)
    with pytest.raises(InputError, match="leave out precision"):
        lowreel.pack(found, target=torch.full(SHAPE, 0.5), bytes=30_000, updates=0, precision="bfloat16")


UNASKED = {
    "near to the frames of its own": (PackSettings(psnr=3, updates=0), False, ERROR),
    "codes on a line": (PackSettings(bytes=30_000, updates=0), True, ERROR),
    "few updates": (ROUNDED, False, ERROR),
    "nobody knows its error": (PackSettings(bytes=30_000), False, None),
}


@pytest.mark.parametrize(("settings", "affine", "error"), UNASKED.values(), ids=UNASKED)
def test_the_clip_is_not_read_where_maps_may_not_be_used(settings, affine, error, monkeypatch):
    """Nor its mask made: of large frames that takes memory and time."""
    monkeypatch.setattr(recovered, "pack", lambda *_, **__: result(1e-6))

    def read():
        pytest.fail("the recommended clip was read")

    pack_recovered(representation(affine), settings, recovered=read, error=error)


@pytest.mark.parametrize(("operator", "of_noise", "level", "is_told"), MEASURED.values(), ids=MEASURED)
def test_the_clip_is_read_of_exact_pixels_alone(operator, of_noise, level, is_told):
    """Other data is known before."""
    clip, reads = torch.rand(SHAPE), []

    def read():
        reads.append(clip)
        return clip

    RecoveredPixels.of(Measured(operator(clip), operator, TIMES, of_noise, {}), HOLDING, read, level)
    assert len(reads) == is_told
