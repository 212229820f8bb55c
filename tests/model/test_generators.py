"""Laws over a list of generators, and the paper's Table 4."""

import json

import pytest
import torch
from cases import levels, noise

from lowreel.errors import InputError
from lowreel.model.generators import Dcgan, Decoder, Lean, Pyramid, from_spec, make
from lowreel.model.generators.base import to_grey_levels

close = torch.testing.assert_close

GENERATORS = {
    "dcgan grey": lambda seed=0: Dcgan(1, seed=seed),
    "dcgan colour": lambda seed=0: Dcgan(3, seed=seed),
    "decoder 5x7": lambda seed=0: Decoder((1, 5, 7), seed=seed),
    "decoder 1x1": lambda seed=0: Decoder((1, 1, 1), seed=seed),
    "decoder 3x40": lambda seed=0: Decoder((2, 3, 40), seed=seed),
    "decoder 16x12": lambda seed=0: Decoder((3, 16, 12), seed=seed),
    "decoder 17x31": lambda seed=0: Decoder((3, 17, 31), seed=seed),
    "decoder 64x64": lambda seed=0: Decoder((3, 64, 64), seed=seed),
    "lean 17x31": lambda seed=0: Lean((3, 17, 31), seed=seed),
    "lean 1x1": lambda seed=0: Lean((1, 1, 1), seed=seed),
    "lean 64x64": lambda seed=0: Lean((3, 64, 64), seed=seed),
    "pyramid 17x31": lambda seed=0: Pyramid((3, 17, 31), seed=seed),
    "pyramid 1x1": lambda seed=0: Pyramid((1, 1, 1), seed=seed),
    "pyramid that moves": lambda seed=0: Pyramid((3, 20, 40), margin=(1, 2), seed=seed),
    "pyramid of two scales with maps": lambda seed=0: Pyramid((3, 20, 40), maps=(3, 0, 1, 0), seed=seed),
    "decoder 45x80": lambda seed=0: Decoder((1, 45, 80), seed=seed),
    "decoder with sub-pixels 17x31": lambda seed=0: Decoder((3, 17, 31), subpixel_stages=1, seed=seed),
    "lean with sub-pixels 5x7": lambda seed=0: Lean((1, 5, 7), subpixel_stages=2, seed=seed),
}


@pytest.fixture(params=GENERATORS.values(), ids=GENERATORS)
def build(request):
    return request.param


def test_frames_depend_on_their_own_code_only(build):
    """G of several codes is G of each code alone, and changing one code changes no other frame."""
    generator = build().double()
    codes = noise(3, generator.code_dim)
    frames = generator(codes)
    close(frames, torch.cat([generator(code[None]) for code in codes]))
    changed = generator(torch.cat([codes[:2], -codes[2:]]))
    close(changed[:2], frames[:2])
    assert not torch.equal(changed[2], frames[2])


def test_shape_and_range(build):
    """(N, K) codes, however large, give (N, C, H, W) finite grey levels in [0, 1]."""
    generator = build()
    for size in (1, 100):
        frames = generator(size * noise(2, generator.code_dim, dtype=torch.float32)).detach()
        assert tuple(frames.shape) == (2, *generator.frame_shape)
        assert float(frames.min()) >= 0
        assert float(frames.max()) <= 1


def test_new_weights_do_not_saturate(build):
    """With codes of unit size the first frames are neither all the same level nor black and white."""
    generator = build(seed=3)
    frames = generator(noise(4, generator.code_dim, dtype=torch.float32)).detach()
    assert 0.01 < float(frames.std()) < 0.45
    assert float(frames.mean((1, 2, 3)).var()) > 0


def test_spec_and_weights_give_the_same_frames(build):
    """A network built from the JSON of its spec takes the weights and gives the same bits."""
    generator = build(seed=5)
    again = from_spec(json.loads(json.dumps(generator.spec())))
    again.load_state_dict(generator.state_dict())
    codes = noise(2, generator.code_dim, dtype=torch.float32)
    assert torch.equal(again(codes), generator(codes))
    assert (again.code_dim, again.frame_shape) == (generator.code_dim, generator.frame_shape)


def test_global_random_state_is_left_alone(build):
    """Building a network does not move torch's own random state."""
    before = torch.get_rng_state()
    build()
    assert torch.equal(torch.get_rng_state(), before)


def test_weights_come_from_the_seed_alone(build):
    """The same seed gives the same weights, whatever torch's own random state; another seed gives others."""
    torch.manual_seed(1)
    one = build(seed=0)
    torch.manual_seed(2)
    again, other = build(seed=0), build(seed=1)
    for (name, a), b in zip(one.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b), name
    drawn = [(n, a, b) for (n, a), b in zip(one.named_parameters(), other.parameters(), strict=True) if a.any()]
    assert drawn
    for name, a, b in drawn:
        assert not torch.equal(a, b), name


def test_gradient_reaches_every_weight(build):
    """Every weight tensor and every code has a part in the frames."""
    generator = build()
    codes = noise(3, generator.code_dim, dtype=torch.float32).requires_grad_()
    (generator(codes) - levels(3, *generator.frame_shape, dtype=torch.float32)).square().sum().backward()
    for name, weight in [*generator.named_parameters(), ("codes", codes)]:
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name


def test_weights_count(build):
    """`weights_count` is the number of stored numbers."""
    generator = build()
    assert generator.weights_count == sum(t.numel() for t in generator.state_dict().values())


TABLE_4 = {1: [131_072, 524_288, 131_072, 32_768, 512], 3: [2_097_152, 2_097_152, 524_288, 131_072, 3_072]}
TOTAL = {1: 819_712, 3: 4_852_736}


@pytest.mark.parametrize("channels", [1, 3])
def test_paper_network_is_that_of_table_4(channels):
    """Weights per layer and in total; no biases, no batch norm; codes of 32 and 256; the authors' names."""
    generator = Dcgan(channels)
    named = dict(generator.named_parameters())
    assert [p.numel() for p in named.values()] == TABLE_4[channels]
    assert list(named) == [f"main.{k}.weight" for k in (0, 2, 4, 6, 8)]
    assert list(generator.state_dict()) == list(named)
    assert generator.weights_count == TOTAL[channels]
    assert generator.code_dim == {1: 32, 3: 256}[channels]
    assert {tuple(p.shape[2:]) for p in named.values()} == {(4, 4)}


def test_paper_network_is_relu_between_and_tanh_at_the_end():
    """The frames are the authors' own network, written out here, with its output from [-1, 1] taken to [0, 1]."""
    generator = Dcgan(1).double()
    codes = noise(2, 32)
    features = codes[:, :, None, None]
    for k, weight in enumerate(generator.parameters()):
        stride, padding = (1, 0) if k == 0 else (2, 1)
        features = torch.conv_transpose2d(features.relu() if k else features, weight, None, stride, padding)
    close(generator(codes), (features.tanh() + 1) / 2)


REFUSED = {
    "paper of another size": (
        lambda: make("dcgan", (1, 48, 64)),
        "wanted are 48x64 with 1; add --size 64",
    ),
    "paper of two channels": (lambda: make("dcgan", (2, 64, 64)), "expected 1 or 3 channels, got 2"),
    "unknown": (
        lambda: make("wizard", (1, 8, 8)),
        "or a file of weights, got 'wizard'",
    ),
    "unknown spec": (lambda: from_spec({"kind": "wizard"}), "unknown kind 'wizard'"),
    "no spec": (lambda: from_spec({}), "unknown kind None"),
    "no height": (lambda: Decoder((1, 0, 8)), r"expected a frame shape \(C, H, W\)"),
    "more sub-pixels than pixels": (lambda: Decoder((1, 16, 16), subpixel_stages=3), "expected 0 to 2 subpixel_stages"),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_by_message(build, message):
    """What cannot be built is refused by a message that says what came and what to do."""
    with pytest.raises(InputError, match=message):
        build()


@pytest.mark.parametrize(("kind", "shape"), [("decoder", (3, 6, 9)), ("dcgan", (3, 64, 64)), ("dcgan", (1, 64, 64))])
def test_make(kind, shape):
    """`make` gives frames of the shape asked for, from the seed asked for."""
    generator = make(kind, shape, seed=2)
    assert generator.frame_shape == shape
    again, other = make(kind, shape, seed=2), make(kind, shape, seed=3)
    codes = noise(1, generator.code_dim, dtype=torch.float32)
    assert torch.equal(again(codes), generator(codes))
    assert not torch.equal(other(codes), generator(codes))


def test_black_and_white_are_reached_by_finite_values():
    """With headroom the levels are cut off at exactly 0 and 1; without, they are those of tanh."""
    values = torch.tensor([-3.0, -0.2, 0.0, 0.7, 3.0])
    close(to_grey_levels(values, headroom=1.1), (1.1 * values.tanh()).clamp(-1, 1) / 2 + 0.5)
    assert to_grey_levels(values, headroom=1.1)[[0, -1]].tolist() == [0, 1]
    close(to_grey_levels(values), values.tanh() / 2 + 0.5)


@pytest.mark.parametrize("headroom", [1.0, 1.1])
def test_levels_at_black_move_only_back_to_grey(headroom):
    """Where the output is flat the gradient pulls towards grey with at least the leak, and never pushes outwards."""
    values = torch.tensor([-12.0, 12.0], requires_grad=True)
    for target, pulled in ((0.5, True), (-1.0, False)):
        levels = to_grey_levels(values, leak=0.05, headroom=headroom)
        (gradient,) = torch.autograd.grad((levels - torch.tensor([target, 1 - target])).square().sum(), values)
        assert bool((gradient * values > 0).all()) == pulled
        assert pulled or not gradient.any()


def test_slope_inside_is_that_of_the_levels():
    """Between black and white the gradient is the exact one wherever descent leads away from grey."""
    values = torch.tensor([-0.4, 0.3], dtype=torch.float64, requires_grad=True)
    leaky, plain = (to_grey_levels(values, leak, 1.1) for leak in (0.05, 0.0))
    outwards = torch.tensor([1.0, -1.0], dtype=torch.float64)
    close(*(torch.autograd.grad(levels, values, outwards)[0] for levels in (leaky, plain)))


@pytest.mark.parametrize(("height", "width", "stages"), [(179, 320, 0), (240, 240, 1), (180, 320, 1), (360, 640, 1)])
def test_large_frames_end_in_sub_pixels(height, width, stages):
    """From 57,600 pixels on, whatever the shape; a deeper network of the same frames has as many."""
    with torch.device("meta"):
        made = Decoder((1, height, width))
        deeper = made.with_extra_stages(1, seed=0)
    assert (made.subpixel_stages, deeper.subpixel_stages) == (stages, stages)
    assert made.to_frame.out_channels == 4**stages
    assert len(deeper.grow) == len(made.grow) + 1 == made.upsampling_stages - stages + 1
    assert (made.epochs_factor > 1, made.decay_share < 1) == (stages > 0, stages > 0)


@pytest.mark.parametrize(("side", "stages"), [(16, 2), (32, 3), (64, 4), (256, 6), (320, 6)])
def test_decoders_of_the_first_files_are_what_they_were(side, stages):
    """A spec that does not say them has those of the time it was written, and no headroom; a new one says its own."""
    old = from_spec({"kind": "decoder", "frame_shape": [1, side, side], "code_dim": 64})
    assert len(old.grow) == stages
    assert (old.headroom, old.to_frame.out_channels) == (1, 1)
    new = Decoder((1, side, side))
    assert from_spec(new.spec()).spec() == new.spec()
    with pytest.raises(InputError, match="has an older form"):
        from_spec(old.spec() | {"doublings": stages})
