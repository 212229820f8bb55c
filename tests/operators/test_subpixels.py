"""Which operators tell the four pixels of a square of 2x2 apart, and what large frames of the others are made by."""

import pytest
import torch

from lowreel.catalogue import parse_operator
from lowreel.model.generators import decoder, subpixel_stages
from lowreel.operators import Functions, Mask, from_settings, tells_subpixels_apart
from lowreel.operators.real_form import on_real_clips
from lowreel.recovery.preparation import prepare
from lowreel.settings import RecoverSettings

SHAPE = (8, 3, 45, 62)

APART = (
    "identity",
    "missing --ratio 0.95",
    "blocks",
    "frames --drop 2:4",
    "gaussian --sampling 0.02",
    "signs --sampling 0.05",
    "snapshot",
    "exposure",
)

NOT_APART = (
    "downsample",
    "bayer",
    "blur --sigma 1",
    "single-pixel --sampling 0.1",
    "dct --sampling 0.1",
    "fourier --lines 20",
    "mri --coils 2 --spokes 9 --golden-angle",
    "mri --coils 2 --acceleration 2",
    'chain --of "blur --sigma 1" --of "missing --ratio 0.5"',
)


def operator_of(text, shape=SHAPE):
    settings = parse_operator(text)
    return on_real_clips(from_settings(settings, shape if "mri" not in text else (shape[0], 1, *shape[2:])))


@pytest.mark.parametrize("text", APART)
def test_random_pixels_and_numbers_tell_them_apart(text):
    assert tells_subpixels_apart(operator_of(text))


@pytest.mark.parametrize("text", NOT_APART)
def test_unmeasured_frequencies_and_mosaics_do_not(text):
    assert not tells_subpixels_apart(operator_of(text))


def test_the_worst_channel_counts():
    """All pixels of two colours, and every other one of the third."""
    observed = torch.ones(SHAPE, dtype=torch.bool)
    observed[:, 2, ::2] = False
    assert not tells_subpixels_apart(Mask(SHAPE, observed))


@pytest.mark.parametrize("frames", [2, 8, 9, 13, 25, 37])
def test_rows_that_alternate_from_frame_to_frame_do(frames):
    """Fields of half the rows each: all frames together see every pixel, however many they are; one alone does not."""
    shape = (frames, *SHAPE[1:])
    observed = torch.zeros(shape, dtype=torch.bool)
    observed[::2, :, ::2] = observed[1::2, :, 1::2] = True
    operator = Mask(shape, observed)
    assert tells_subpixels_apart(operator)
    assert not tells_subpixels_apart(operator.subset([0]))


def test_frames_that_nothing_is_seen_of_do_not_count():
    """Every third frame is dropped."""
    observed = torch.ones(30, *SHAPE[1:], dtype=torch.bool)
    observed[::3] = False
    assert tells_subpixels_apart(Mask(tuple(observed.shape), observed))


def test_an_operator_that_sees_nothing_tells_nothing_apart():
    nothing = Functions(lambda x: 0 * x[:1, :1, :1, :1], lambda y: torch.zeros(SHAPE), SHAPE)
    assert not tells_subpixels_apart(nothing)


@pytest.mark.parametrize("name", ["decoder", "lean"])
@pytest.mark.parametrize(("text", "stages"), [("missing", 1), ("downsample", 0)])
def test_only_large_frames_that_are_told_apart_end_in_subpixels(text, stages, name, monkeypatch):
    """The generator that a recovery is posed with; of smaller frames it has none."""
    operator = operator_of(text)
    assert subpixel_stages(operator) == 0
    monkeypatch.setattr("lowreel.model.generators.subpixels.LEAST_FRAME_OF_SUBPIXELS", 45 * 62)
    problem = prepare(operator(torch.rand(SHAPE)), operator, RecoverSettings(generator=name))
    assert isinstance(problem.generator, decoder.Decoder)
    assert problem.generator.subpixel_stages == stages
