"""The motion of a camera: found where there is one, and maps that are read by it."""

from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F

from lowreel.model.camera import camera_motion
from lowreel.model.generators import Pyramid
from lowreel.model.generators.pyramid import MOTION_NUMBERS
from lowreel.packing.container import Packed
from lowreel.packing.direct import first_numbers
from lowreel.packing.pack import as_packed
from lowreel.packing.quantised import Quantised

FRAMES, SIDES = 12, (48, 64)


def texture(height, width, seed=0):
    """Blurred noise in [0, 1], (1, height, width)."""
    noise = torch.rand(1, 1, height + 8, width + 8, generator=torch.Generator().manual_seed(seed))
    for _ in range(2):
        noise = F.avg_pool2d(noise, 5, 1)
    return (noise[0] - noise.min()) / (noise.max() - noise.min())


def panned(across, down):
    """A clip for which a camera goes over a picture by so many pixels a frame, colour."""
    picture = texture(SIDES[0] + FRAMES * down, SIDES[1] + FRAMES * across)
    frames = [picture[:, t * down : t * down + SIDES[0], t * across : t * across + SIDES[1]] for t in range(FRAMES)]
    return torch.stack(frames).expand(-1, 3, -1, -1)


@pytest.mark.parametrize(("across", "down"), [(1, 0), (0, 1), (2, 1)])
def test_a_pan_is_found(across, down):
    """To a fifth of a pixel, even about the frame, with as much margin as it needs."""
    found = camera_motion(panned(across, down))
    places = torch.arange(FRAMES) - (FRAMES - 1) / 2
    torch.testing.assert_close(found.motion[:, 2], across * places, atol=0.2, rtol=0)
    torch.testing.assert_close(found.motion[:, 5], down * places, atol=0.2, rtol=0)
    assert found.margin == (1 if down else 0, 1 if across else 0)


def test_a_camera_that_goes_too_far_is_not_followed():
    """More than half a frame to each side of the middle: frames would have too little in common."""
    picture = texture(SIDES[0], 4 * SIDES[1], 3)
    for times, follows in ((0.8, True), (1.4, False), (2.5, False)):
        starts = torch.linspace(0, times * SIDES[1], 2 * SIDES[1]).round().int().tolist()
        clip = torch.stack([picture[:, :, start : start + SIDES[1]] for start in starts]).expand(-1, 3, -1, -1)
        assert (camera_motion(clip) is not None) == follows, times


def something_that_moves():
    """A bright square that crosses a picture that is still."""
    clip = texture(*SIDES).repeat(FRAMES, 3, 1, 1)
    for t in range(FRAMES):
        clip[t, :, 10:20, 4 * t : 4 * t + 10] = 1
    return clip


def somebody_who_fills_half_of_it():
    """A square of half the picture's height that crosses a picture that is still."""
    clip, square = texture(*SIDES).repeat(FRAMES, 3, 1, 1), texture(24, 24, 7)
    for t in range(FRAMES):
        clip[t, :, 12:36, 3 * t : 3 * t + 24] = square
    return clip


STILL = {
    "somebody who fills half of it": somebody_who_fills_half_of_it,
    "one frame": lambda: texture(*SIDES)[None],
    "the same frame": lambda: texture(*SIDES).repeat(FRAMES, 1, 1, 1),
    "grey": lambda: torch.full((FRAMES, 3, *SIDES), 0.5),
    "noise": lambda: torch.rand(FRAMES, 1, *SIDES, generator=torch.Generator().manual_seed(0)),
    "a cut": lambda: torch.cat([texture(*SIDES, seed).repeat(FRAMES // 2, 3, 1, 1) for seed in (0, 1)]),
    "a fade": lambda: torch.linspace(0, 1, FRAMES)[:, None, None, None] * texture(*SIDES),
    "pictures of their own": lambda: torch.stack([texture(*SIDES, seed) for seed in range(FRAMES)]),
    "something that moves": something_that_moves,
    "very small frames": lambda: torch.rand(FRAMES, 1, 2, 3, generator=torch.Generator().manual_seed(0)),
}


@pytest.mark.parametrize("clip", STILL.values(), ids=STILL)
def test_none_is_found_where_there_is_none(clip):
    """So that such clips are packed as without it."""
    assert camera_motion(clip()) is None


@pytest.mark.parametrize(("across", "down"), [(0, 0), (1, 0), (0, -1), (-1, 1)])
def test_maps_are_read_where_the_motion_says(across, down):
    """A motion of whole cells draws what maps draw that are cut out there."""
    moving, plain = Pyramid((3, 40, 60), margin=(1, 1)), Pyramid((3, 40, 60))
    plain.load_state_dict(moving.state_dict())
    codes = torch.randn(1, moving.code_dim, generator=torch.Generator().manual_seed(0))
    codes[:, -6:] = torch.tensor([0.0, 0, 16 * across, 0, 0, 16 * down])
    cut = [
        own[:, :, (1 + down) << k : (4 + down) << k, (1 + across) << k : (5 + across) << k].flatten(1)
        for k, own in enumerate(moving.maps_of(codes))
    ]
    torch.testing.assert_close(moving(codes), plain(torch.cat(cut, 1)), atol=1e-4, rtol=0)


def test_the_motion_is_in_the_file():
    """A clip whose camera moves is fitted with it, and what is read again draws the same; a still one without."""

    def packed(clip):
        start = first_numbers(clip, torch.arange(FRAMES, dtype=torch.float64) / 25, 0)
        state = Quantised(start, clip, is_own=False)
        state.move(-32)
        return as_packed(state, (1.0, 0.0), Fraction(25))

    found = packed(panned(2, 1))
    again = Packed.of_bytes(found.to_bytes())
    assert again.spec["margin"] == [1, 1]
    torch.testing.assert_close(again.representation().frames(), found.representation().frames())
    shifts = again.representation().codes.coefficients[:, -MOTION_NUMBERS:][:, [2, 5]]
    torch.testing.assert_close(shifts[-1] - shifts[0], torch.tensor([22.0, 11.0]), atol=0.5, rtol=0)
    assert "margin" not in packed(texture(*SIDES).repeat(FRAMES, 3, 1, 1)).spec
