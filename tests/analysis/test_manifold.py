"""The path of the codes: order against sorting, correlations against closed forms, frames between, gaps."""

import itertools
import math

import numpy as np
import pytest
import torch
from cases import levels, noise

from lowreel.analysis.embedding import CodePath
from lowreel.analysis.manifold import (
    Order,
    are_as_noise,
    circular_correlation,
    cross_faded,
    embedded,
    evenly,
    frames_without_data,
    gaps_in,
    nearest,
    order_along,
    order_sentence,
    spearman,
)
from lowreel.errors import InputError
from lowreel.operators import Gaussian, Identity, Mask, MissingFrames, MissingPixels, Snapshot, Stacked

close = torch.testing.assert_close
DIRECTION = noise(5, seed=3)


def on_a_line(positions):
    return noise(5, seed=4) + torch.tensor(positions, dtype=torch.float64)[:, None] * DIRECTION


def circle(count, turns=1.0):
    angle = 2 * math.pi * turns * torch.arange(count, dtype=torch.float64) / count
    return torch.stack([angle.cos(), angle.sin()], 1), angle


@pytest.mark.parametrize("seed", range(5))
def test_order_on_a_line_is_that_of_sorting(seed):
    """A step is kept exactly where the two positions follow each other in the sorted list."""
    positions = np.random.default_rng(seed).permutation(12)
    kept = order_along(on_a_line(positions.tolist())).kept
    assert kept == tuple(abs(int(b) - int(a)) == 1 for a, b in itertools.pairwise(positions))


@pytest.mark.parametrize(
    "codes", [on_a_line([0, 1, 2, 5, 6]), on_a_line([9, 4, 3, 1]), circle(20, 0.9)[0], noise(2, 3)]
)
def test_order_is_kept(codes):
    """Of a line in either direction, of an open arc, of two frames."""
    order = order_along(codes)
    assert order.is_kept
    assert order.longest == (0, len(codes) - 1)
    assert order_sentence(order) == "The path of the codes keeps the order of the frames."


def test_order_that_is_lost_names_neighbours_and_a_stretch():
    """Frames 1 and 7 lie side by side; from 2 to 6 the path is in order, and that is proposed; numbers can be given."""
    order = order_along(on_a_line([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 10.5]))
    assert order.kept == (True, False, True, True, True, True, False)
    assert (1, 7) in order.neighbours
    assert order.stretches == ((0, 1), (2, 6))
    told = order_sentence(order)
    assert "frames 1 and 7 are neighbours on the path" in told
    assert told.endswith("--between 2 6.")
    assert "frames 11 and 17" in order_sentence(order, range(10, 18))


def test_a_path_without_order():
    """Where no three frames follow each other nothing is proposed."""
    told = order_sentence(order_along(on_a_line([0, 5, 1, 6, 2, 7, 3])))
    assert "No stretch" in told
    assert "--between" not in told


def test_still_frames_are_in_order():
    """Codes that coincide have nothing between them."""
    assert order_along(on_a_line([1.0, 1.0, 1.0, 2.0])).is_kept
    assert Order((), ()).longest == (0, 0)


def moving_spot(frames):
    """A spot that goes round, (T, 1, 24, 24)."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 24), indexing="ij")
    turns = torch.linspace(0, 6, frames)[:, None, None]
    return torch.exp(-9 * ((x - 0.6 * turns.cos()) ** 2 + (y - 0.6 * turns.sin()) ** 2))[:, None]


@pytest.mark.parametrize("size", [4, 24])
@pytest.mark.parametrize("count", [8, 40])
def test_frames_of_noise_have_no_order(count, size):
    """Those of a motion have, also under noise that is weaker than it, and any two frames alone."""
    drawn = torch.Generator().manual_seed(0)
    random = torch.rand(100, count, 1, size, size, generator=drawn)
    assert sum(map(are_as_noise, random)) >= (95 if size == 24 else 40)
    spot = moving_spot(count)
    assert not are_as_noise(spot)
    assert not are_as_noise(spot + 0.05 * torch.randn(spot.shape, generator=drawn))
    assert not are_as_noise(random[0, :2])


def test_noise_that_a_generator_has_smoothed_is_noise():
    """Its frames are more alike in time and in space than those of noise, and less than those of a motion."""
    drawn = torch.Generator().manual_seed(0)
    rough = torch.rand(24, 1, 26, 26, generator=drawn)
    smooth = torch.nn.functional.avg_pool2d(rough[1:] + rough[:-1], 2, stride=1)
    assert are_as_noise(smooth)
    assert not are_as_noise(moving_spot(16) + 0.05 * torch.rand(16, 1, 24, 24, generator=drawn))


def test_no_order_is_claimed_for_noise():
    """Whatever the codes: those of frames of noise may lie on a smooth path all the same."""
    codes = on_a_line([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    random = torch.rand(8, 1, 24, 24, generator=torch.Generator().manual_seed(0))
    for frames, told in ((random, "as in noise"), (moving_spot(8), "keeps the order")):
        path = CodePath("a", embedded(codes), 1.0, order_along(codes), tuple(range(8)), 1, frames, tuple(range(8)))
        assert told in path.sentence


def test_spearman_knows_order_alone():
    """1 for any rising positions, -1 for falling ones, and the closed form 1 - 6 sum d^2 / (n (n^2 - 1)) otherwise."""
    assert spearman(torch.tensor([0.0, 1.0, 5.0, 100.0]), range(4)) == pytest.approx(1)
    assert spearman(torch.tensor([3.0, 2.0, -5.0]), [1, 2, 30]) == pytest.approx(-1)
    ranks = torch.tensor([2.0, 1.0, 4.0, 3.0, 5.0])
    assert spearman(ranks, [1, 2, 3, 4, 5]) == pytest.approx(1 - 6 * 4 / (5 * 24))


@pytest.mark.parametrize(("turned", "wanted"), [(1, 1.0), (-1, -1.0)])
def test_circular_correlation_of_turned_angles(turned, wanted):
    """It does not see where the circle begins, only which way it goes."""
    angle = levels(30, seed=2) * 4
    found = circular_correlation(angle, turned * angle + 2.5 + 2 * math.pi * torch.arange(30))
    assert found == pytest.approx(wanted)


def test_circular_correlation_of_independent_angles_is_small():
    """Near 0 for angles that have nothing to do with each other."""
    assert abs(circular_correlation(levels(4000, seed=1) * 2, levels(4000, seed=2) * 2)) < 0.05


def test_embedding_keeps_what_the_spectrum_says():
    """Coordinates have the singular values as norms, larger first; three directions keep all distances of rank 3."""
    codes = noise(20, 3) @ noise(3, 9, seed=1)
    found = embedded(codes)
    close(found.coordinates.norm(dim=0), found.singular_values[:3])
    close(torch.cdist(found.coordinates, found.coordinates), torch.cdist(codes, codes))
    assert bool((torch.arange(20, dtype=torch.float64).sub(9.5) @ found.coordinates >= 0).all())


SHAPE = (6, 1, 4, 5)
HOLES = torch.ones(SHAPE, dtype=torch.bool)
HOLES[[1, 4]] = False
LEFT_OUT = {
    "frames": (lambda: MissingFrames(SHAPE, dropped=[2, 3]), [2, 3]),
    "mask": (lambda: Mask(SHAPE, HOLES), [1, 4]),
    "identity": (lambda: Identity(SHAPE), []),
    "missing": (lambda: MissingPixels(SHAPE, 0.8), []),
    "gaussian": (lambda: Gaussian(SHAPE, 3), []),
    "snapshot": (lambda: Snapshot(SHAPE, 3), []),
    "stack": (lambda: Stacked([MissingFrames(SHAPE, dropped=[2, 3]), MissingFrames(SHAPE, dropped=[3, 4])]), [3]),
    "stack with all": (lambda: Stacked([MissingFrames(SHAPE, dropped=[2, 3]), Identity(SHAPE)]), []),
}


@pytest.mark.parametrize(("make", "wanted"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_frames_without_data(make, wanted):
    """Those of which every entry is uninformative."""
    assert frames_without_data(make()) == wanted


def test_gaps_are_filled_evenly():
    """A step of three usual ones hides two frames; uneven times without a gap hide none."""
    times = torch.tensor([0.0, 0.1, 0.2, 0.5, 0.6], dtype=torch.float64)
    assert gaps_in(times) == pytest.approx([0.3, 0.4])
    assert gaps_in(torch.tensor([0.0, 0.1, 0.22, 0.3, 0.46], dtype=torch.float64)) == []
    assert gaps_in(torch.zeros(1, dtype=torch.float64)) == []


def test_times_are_even_and_end_at_frames():
    """The first and the last time are those of the frames asked for."""
    times = torch.tensor([0.0, 0.1, 0.4, 0.5], dtype=torch.float64)
    close(evenly(times, 5, (1, 3)), torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5], dtype=torch.float64))
    for wrong in ((0, 4), (2, 2), (3, 1), (-1, 2)):
        with pytest.raises(InputError, match="expected two frames of 0 to 3, the earlier one first"):
            evenly(times, 5, wrong)


def test_what_users_try_first():
    """Cross-fading is linear in time, and held beyond the ends; the nearest frame is one of them."""
    clip, times = levels(3, 1, 2, 2), torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
    at = torch.tensor([-1.0, 0.25, 1.0, 2.0, 2.5, 9.0], dtype=torch.float64)
    faded = cross_faded(clip, times, at)
    close(faded[1], 0.75 * clip[0] + 0.25 * clip[1])
    close(faded[3], (clip[1] + clip[2]) / 2)
    close(faded[[0, 2, 5]], clip)
    close(nearest(clip, times, at), clip[[0, 0, 1, 1, 2, 2]])
