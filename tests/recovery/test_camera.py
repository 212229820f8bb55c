"""Recoveries that follow a camera: when they do, what for, and that everything else of a run goes with it."""

from dataclasses import replace
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F

import lowreel
from lowreel.errors import InputError
from lowreel.model.generators import Decoder, MovingDecoder, from_spec, margin_of
from lowreel.model.latents import Codes
from lowreel.model.representation import Representation
from lowreel.packing.container import Packed
from lowreel.packing.pack import as_packed
from lowreel.packing.parts import smallest
from lowreel.packing.quantised import Quantised
from lowreel.recovery.camera import following, margin_so_far
from lowreel.recovery.preparation import prepare
from lowreel.settings import RecoverSettings, SolverSettings
from lowreel.solver.constraints import with_similarity

FRAMES, SIDES, MOVES = 12, (40, 56), 6


def panned(step):
    """A clip for which a camera goes over a picture of blurred noise by so many pixels a frame, grey."""
    noise = torch.rand(1, 1, SIDES[0] + 8, SIDES[1] + FRAMES * step + 8, generator=torch.Generator().manual_seed(0))
    picture = F.avg_pool2d(F.avg_pool2d(noise, 5, 1), 5, 1)[0]
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return torch.stack([picture[:, :, t * step : t * step + SIDES[1]] for t in range(FRAMES)])


def posed(step, **choices):
    """The problem of such a clip of which 80 % of the pixels are missing."""
    clip = panned(step)
    operator = lowreel.MissingPixels(clip.shape, ratio=0.8, seed=0)
    return prepare(operator(clip), operator, RecoverSettings(quality="draft", **choices))


def moving(subpixel_stages=0):
    """A decoder whose picture is larger than its frames, and the plain one of that picture, with the same weights."""
    sizes = {"code_dim": 8, "upsampling_stages": 3, "subpixel_stages": subpixel_stages}
    found = MovingDecoder((3, 40, 60), margin=(3, 2), **sizes)
    plain = Decoder((3, 46, 64), **sizes)
    plain.load_state_dict(found.state_dict())
    return found, plain


def codes_with(*shifts):
    """Codes that are alike but for the shift across and down."""
    own = torch.randn(1, 8, generator=torch.Generator().manual_seed(0)).repeat(len(shifts), 1)
    motion = torch.zeros(len(shifts), MOVES)
    motion[:, [2, 5]] = torch.tensor(shifts, dtype=torch.float32)
    return torch.cat([own, motion], 1)


@pytest.mark.parametrize("subpixel_stages", [0, 1])
@pytest.mark.parametrize(("across", "down"), [(0, 0), (2, -3), (-1, 1)])
@torch.no_grad()
def test_a_frame_is_a_part_of_the_picture(across, down, subpixel_stages):
    """Whole pixels of motion cut it out of what the plain decoder draws."""
    generator, plain = moving(subpixel_stages)
    codes = codes_with((across, down))
    cut = plain(codes[:, :-MOVES])[..., 3 + down : 43 + down, 2 + across : 62 + across]
    torch.testing.assert_close(generator(codes), cut, atol=1e-5, rtol=0)


@torch.no_grad()
def test_what_is_written_draws_the_same(tmp_path):
    """As a representation, with the codes that a small file has, and packed; with one stage more it is of the same
    frames."""
    generator, _ = moving()
    times = torch.arange(4, dtype=torch.float64) / 25
    found = Representation(
        generator.eval().requires_grad_(False), Codes(codes_with((0, 0), (1, 0), (2, 1), (2, 2)), times)
    )
    found.codes.coefficients[:, :8] += torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    found.save(tmp_path / "it.safetensors")
    torch.testing.assert_close(Representation.load(tmp_path / "it.safetensors").frames(), found.frames())
    torch.testing.assert_close(smallest(found).frames(), found.frames(), atol=1e-4, rtol=0)
    state = Quantised(smallest(found), found.frames(), is_own=False)
    state.move(-64)
    again = Packed.of_bytes(as_packed(state, (1.0, 0.0), Fraction(25)).to_bytes())
    assert again.drawing_bytes() > 0
    torch.testing.assert_close(again.representation().frames(), found.frames(), atol=0.02, rtol=0)
    deeper = generator.with_extra_stages(1, seed=0)
    assert (deeper.frame_shape, deeper.margin) == (generator.frame_shape, generator.margin)
    assert from_spec(deeper.spec()).spec() == deeper.spec()


@torch.no_grad()
def test_between_two_frames_the_camera_is_half_way():
    """And the path of the codes is told without it."""
    generator, _ = moving()
    found = Representation(generator, Codes(codes_with((-2, 0), (2, -2)), torch.tensor([0.0, 1.0]).double()))
    torch.testing.assert_close(found.frames(at=0.5), generator(codes_with((0, -1))))
    assert found.path().shape == (2, 8)


def test_a_margin_holds_what_frames_see():
    """Of each side, shifts and slopes together, and what is to spare."""
    shift, slope = torch.tensor([[0, 0, 3.0, 0, 0, -2], [0, 0, -5.0, 0, 0, 1]]), torch.tensor([[2.0, 0, 1, 0, -3, 0]])
    assert margin_of(shift, (3, 40, 60), 2) == (4, 7)
    assert margin_of(slope, (3, 40, 60), 0) == (0, 3)


CHOICES = [{"rank": 2}, {"linear": True}, {"generator": "decoder"}, {"generator": "lean"}]


def test_a_camera_is_followed_where_it_moves():
    """Where nothing is given that speaks of generator or codes; a still one is not, and has the usual decoder."""
    following, usual = posed(2), posed(0)
    assert isinstance(following.generator, MovingDecoder)
    shifts = following.motion[:, 2]
    torch.testing.assert_close(shifts - shifts.mean(), 2 * (torch.arange(FRAMES) - (FRAMES - 1) / 2), atol=1, rtol=0)
    assert type(usual.generator) is Decoder
    assert usual.motion is None
    for choices in CHOICES:
        assert not isinstance(posed(2, **choices).generator, MovingDecoder), choices


def test_a_camera_is_followed_through_a_frame_without_data():
    """That frame is taken to look where the one before it does."""
    clip = panned(2)
    mask = torch.rand(clip.shape, generator=torch.Generator().manual_seed(0)) < 0.3
    mask[5] = False
    operator = lowreel.Mask(clip.shape, mask)
    shifts = prepare(operator(clip), operator, RecoverSettings(quality="draft")).motion[:, 2]
    assert abs(shifts[5] - shifts[4]) < 1
    assert shifts[-1] - shifts[0] == pytest.approx(2 * (FRAMES - 1), abs=2)


@pytest.mark.parametrize("name", ["color-wheel:0", "rotating-mnist:5", "rotating-mnist:8"])
def test_what_turns_is_no_camera(name):
    """A wheel or a digit that turns before a background at rest is one motion of the plane, too; it is recovered as
    before: following digit 5 costs 4 dB."""
    clip = lowreel.open_clip(name).read()
    operator = lowreel.MissingPixels(clip.shape, ratio=0.8, seed=0)
    assert prepare(operator(clip), operator, RecoverSettings(quality="draft")).motion is None


def test_similar_codes_may_look_elsewhere():
    """The similarity of the codes of a camera is that of what they show."""
    problem, settings = posed(2), SolverSettings(similarity=0.5)
    codes = torch.randn(FRAMES, problem.generator.code_dim)
    loss = with_similarity(torch.zeros(()), codes, problem, settings)
    codes[:, -MOVES:] += 100 * torch.randn(FRAMES, MOVES)
    assert with_similarity(torch.zeros(()), codes, problem, settings) == loss


def recovered(clip, **more):
    """That clip from a fifth of its pixels, in a fit of 30 epochs."""
    operator = lowreel.MissingPixels(clip.shape, ratio=0.8, seed=0)
    fixed = {"quality": "draft", "steps": 30, "baselines": "none", "precision": "float32"}
    return lowreel.recover(operator(clip), operator, **fixed | more)


def test_following_a_camera_is_better():
    """By 2 dB for a camera over a picture, in as many epochs; and goes on from where it stood as if unbroken."""
    clip, states = panned(2), []
    followed = recovered(clip, callback=lambda progress: states.append(progress))
    usual = recovered(clip, generator="decoder")
    error = [float((found.representation.frames() - clip).square().mean()) for found in (followed, usual)]
    assert error[0] < error[1] / 10**0.2
    again = recovered(clip, resume=states[14])
    assert torch.equal(again.representation.frames(), followed.representation.frames())


def test_runs_that_did_not_follow_go_on_so():
    """Those that were begun before there was a motion."""
    clip, states = panned(2), []
    usual = recovered(clip, generator="decoder", callback=lambda progress: states.append(progress))
    again = recovered(clip, resume=states[14])
    assert torch.equal(again.representation.frames(), usual.representation.frames())


def test_a_run_that_goes_on_keeps_its_margin():
    """Though the motion, found anew, might be another one by rounding."""
    clip, states = panned(2), []
    recovered(clip, callback=lambda progress: states.append(progress), steps=2)
    margin = margin_so_far(states[-1])
    operator = lowreel.MissingPixels(clip.shape, ratio=0.8, seed=0)
    problem = prepare(operator(clip), operator, RecoverSettings(quality="draft"))
    assert margin == problem.generator.margin
    usual = replace(problem, generator=Decoder(problem.generator.frame_shape), motion=None)
    again = following(usual, RecoverSettings(quality="draft"), (margin[0] + 1, margin[1]))
    assert again.generator.margin == (margin[0] + 1, margin[1])


def test_clips_that_are_recovered_together_are_not_followed():
    """Nor is the generator of one that was taken for another clip."""
    clip = panned(2)
    operator = lowreel.MissingPixels(clip.shape, ratio=0.8, seed=0)
    settings = RecoverSettings(quality="draft", steps=2, baselines="none", precision="float32")
    for one in lowreel.recover([operator(clip)] * 2, [operator] * 2, settings):
        assert type(one.representation.generator) is Decoder
    moving_one = recovered(clip, steps=2).representation.generator
    with pytest.raises(InputError, match="motion of a camera in another clip"):
        recovered(clip, generator=moving_one)
