"""What a user would try first: interpolation and total variation, on clips where the answer is known."""

import itertools
import math
import sys

import numpy as np
import pytest
import torch
from cases import OPERATORS, levels, like, moving, noise
from skimage.restoration import inpaint_biharmonic

from lowreel.analysis.metrics import psnr
from lowreel.baselines import (
    baselines,
    biharmonic,
    chosen_variation,
    first_clip,
    interpolate_frames,
    interpolate_times,
    low_rank_clip,
    networks,
    quick_baselines,
    rough_clip,
    total_variation,
)
from lowreel.baselines.interpolation import local_means
from lowreel.baselines.low_rank import RANK_ITERATIONS, chosen_iterations, chosen_low_rank, thresholded
from lowreel.baselines.validation import left_out
from lowreel.baselines.variation import add_gradient, add_gradient_adjoint, shrink_to_one
from lowreel.data import add_white_noise, hold_out
from lowreel.data.distances import share_beyond
from lowreel.io.video import open_clip
from lowreel.model.generators import Decoder
from lowreel.operators import (
    Bayer,
    Downsample,
    Fourier,
    Gaussian,
    Mask,
    MissingBlocks,
    MissingFrames,
    MissingPixels,
    Snapshot,
    Stacked,
    map_data,
)
from lowreel.settings import PRESETS, SolverSettings
from lowreel.solver.iteration import iterate
from lowreel.solver.problem import Problem

close = torch.testing.assert_close
SHAPE = (5, 2, 16, 14)


def ramp():
    """Another slope in every frame and channel, float32."""
    t, c, y, x = torch.meshgrid(*(torch.arange(float(n)) for n in SHAPE), indexing="ij")
    return 0.1 + 0.02 * (t + 1) * y + 0.03 * (c + 1) * x - 0.01 * t * c


def blocks():
    """A picture of four flat quarters that does not change: piecewise constant, float32."""
    picture = torch.tensor([[0.2, 0.8], [0.9, 0.4]]).repeat_interleave(8, 0).repeat_interleave(7, 1)
    return picture.expand(SHAPE).clone()


@pytest.fixture
def few_updates(monkeypatch):
    """The slow baselines make two epochs."""
    monkeypatch.setattr(networks, "DEEP_PRIOR_SETTINGS", networks.DEEP_PRIOR_SETTINGS.model_copy(update={"steps": 2}))
    few = {name: preset.model_copy(update={"steps": 2}) for name, preset in PRESETS.items()}
    monkeypatch.setattr(networks, "PRESETS", few)


def known_of(ratio=0.7, seed=0, corners=False):
    mask = MissingPixels(SHAPE, ratio, seed=seed).mask.clone()
    if corners:
        mask[..., [0, 0, -1, -1], [0, -1, 0, -1]] = True
    return mask


def test_interpolation_keeps_known_pixels():
    """What was observed is delivered to the bit."""
    clip, known = levels(*SHAPE, dtype=torch.float32), known_of()
    found = interpolate_frames(clip * known, known)
    seen = known.expand(SHAPE)
    assert torch.equal(found[seen], clip[seen])
    assert found.isfinite().all()


def test_interpolation_reproduces_a_ramp_inside_the_hull():
    """With the corners known every pixel is inside, and a slope comes back as it was."""
    clip, known = ramp(), known_of(corners=True)
    close(interpolate_frames(clip * known, known), clip)


def test_interpolation_outside_the_hull_takes_the_nearest():
    """With the left half known the right half is a copy of the last known column."""
    clip, known = ramp(), torch.zeros(5, 1, 16, 14, dtype=torch.bool)
    known[..., :7] = True
    found = interpolate_frames(clip * known, known)
    close(found[..., 7:], clip[..., 6:7].expand(5, 2, 16, 7))


@pytest.mark.parametrize("fill", [interpolate_frames, biharmonic])
def test_frame_without_known_pixels_takes_the_mean_of_the_clip(fill):
    """The mean of all known pixels, channel by channel; the other frames are as without it."""
    clip, known = levels(*SHAPE, dtype=torch.float32), known_of()
    known[2] = False
    found = fill(clip * known, known)
    mean = (clip * known).sum((0, 2, 3)) / known.sum()
    close(found[2], mean[:, None, None].expand(SHAPE[1:]))
    rest = [0, 1, 3, 4]
    assert torch.equal(found[rest], fill(clip[rest] * known[rest], known[rest]))


COLLINEAR = {
    "one": (slice(4, 5), slice(3, 4)),
    "two": (slice(4, 5), slice(3, 8, 4)),
    "row": (4, slice(None)),
    "column": (slice(None), 3),
}


@pytest.mark.parametrize("where", COLLINEAR.values(), ids=COLLINEAR)
def test_known_pixels_without_a_triangle(where):
    """On one line there are no triangles: every pixel takes the nearest known one."""
    clip, known = ramp(), torch.zeros(5, 1, 16, 14, dtype=torch.bool)
    known[(slice(None), slice(None), *where)] = True
    found = interpolate_frames(clip * known, known)
    at = known[0, 0].nonzero().double()
    for y, x in itertools.product(range(0, 16, 3), range(0, 14, 3)):
        distance = torch.linalg.vector_norm(at - torch.tensor([y, x]), dim=1)
        nearest = at[distance <= distance.min() + 1e-9].long()
        assert any(torch.equal(found[:, :, y, x], clip[:, :, a, b]) for a, b in nearest.tolist())


@pytest.mark.parametrize("fill", [interpolate_frames, biharmonic])
def test_everything_known(fill):
    """Nothing is left to interpolate."""
    clip = levels(*SHAPE, dtype=torch.float32)
    assert torch.equal(fill(clip, torch.ones(5, 1, 16, 14, dtype=torch.bool)), clip)


def test_biharmonic_interpolation_is_that_of_skimage():
    """Frame by frame, and channel by channel where each has a mask of its own; known pixels to the bit."""
    clip, known = levels(*SHAPE, dtype=torch.float32), known_of()
    found = biharmonic(clip * known, known)
    own = known.expand(SHAPE) & (levels(*SHAPE, seed=3) < 0.8)
    apart = biharmonic(clip * own, own)
    assert torch.equal(found[known.expand(SHAPE)], clip[known.expand(SHAPE)])
    for t, c in itertools.product(range(2), range(2)):
        for got, mask in ((found, known[t, 0]), (apart, own[t, c])):
            theirs = inpaint_biharmonic(clip[t, c].numpy().astype(np.float64), ~mask.numpy())
            close(got[t, c], torch.from_numpy(theirs).float(), rtol=0, atol=3e-4)


def test_biharmonic_interpolation_reproduces_a_ramp_away_from_the_border():
    """A slope has no bilaplacian, but at the border, where the frame goes on as its mirror image."""
    clip, known = ramp(), known_of()
    known[..., [0, 1, -2, -1], :] = True
    known[..., [0, 1, -2, -1]] = True
    close(biharmonic(clip * known, known), clip, rtol=0, atol=1e-5)


def gradient(x):
    edges = torch.zeros(3, *x.shape)
    add_gradient(edges, x, (1.0, 1.0, 1.0))
    return edges


def gradient_adjoint(edges):
    x = torch.zeros(edges.shape[1:])
    add_gradient_adjoint(x, edges, (1.0, 1.0, 1.0))
    return x


def test_edges_are_shrunk_to_the_unit_ball():
    """Those of each pixel, all channels and axes together, keep their direction."""
    edges = noise(3, *SHAPE).float()
    lengths = edges.square().sum((0, 2), keepdim=True).sqrt()
    found = edges.clone()
    shrink_to_one(found)
    assert (lengths < 1).any()
    close(found, edges / lengths.clamp_min(1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 4, 5), (3, 1, 1, 1), (1, 3, 1, 6)])
def test_gradient_and_its_adjoint(shape):
    """<grad x, e> = <x, grad* e>, in whole numbers, so without rounding; a constant has no gradient."""
    x = (10 * noise(*shape)).round().float()
    edges = (10 * noise(3, *shape, seed=1)).round().float()
    assert torch.equal((gradient(x) * edges).sum(), (x * gradient_adjoint(edges)).sum())
    assert not gradient(torch.full(shape, 0.3)).any()


def test_gradient_is_the_step_along_each_axis():
    """Time, rows and columns, zero at the end."""
    t, _, y, x = torch.meshgrid(*(torch.arange(float(n)) for n in SHAPE), indexing="ij")
    found = gradient(100 * t + 10 * y + x)
    for axis, step in zip(((0, 0), (1, 2), (2, 3)), (100, 10, 1), strict=True):
        edges = found[axis[0]].movedim(axis[1], 0)
        assert (edges[:-1] == step).all()
        assert (edges[-1] == 0).all()


def test_total_variation_keeps_known_pixels():
    """Without noise what was observed is delivered to the bit, and the rest is in [0, 1]."""
    clip = levels(*SHAPE, dtype=torch.float32)
    operator = MissingPixels(SHAPE, 0.6)
    y, known = operator(clip), operator.observed_mask()
    found = total_variation(y, operator, known, torch.zeros(SHAPE), iterations=30)
    assert torch.equal(found[known], clip[known])
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_total_variation_reproduces_constants(level):
    """A clip of one level has no edges to pay for; from a start that is wrong by as much as can be."""
    operator = MissingPixels(SHAPE, 0.6)
    clip = torch.full(SHAPE, level)
    found = total_variation(operator(clip), operator, operator.observed_mask(), 1 - clip)
    close(found, clip, rtol=0, atol=3e-3)  # a first-order method, in float32, until it has settled


def test_total_variation_is_better_than_interpolation_on_flat_quarters():
    """A static piecewise constant clip is what it is made for."""
    clip, operator = blocks(), MissingPixels(SHAPE, 0.8, seed=1)
    found = baselines(operator(clip), operator, operator.observed_mask())
    assert list(found) == ["linear interpolation", "biharmonic interpolation", "3-D total variation", "low rank"]
    assert psnr(found["3-D total variation"], clip) > psnr(found["linear interpolation"], clip) + 3


def test_large_frames_do_without_linear_interpolation():
    """Where pixels are exact and none is far from a known one; biharmonic interpolation is what it is without."""
    shape = (1, 1, 264, 264)
    clip = levels(*shape, dtype=torch.float32)
    scattered, holes = MissingPixels(shape, 0.8), MissingBlocks(shape, 0.5, block=24)

    def first(operator, sigma):
        return next(quick_baselines(operator(clip), operator, operator.observed_mask(), sigma=sigma))

    name, found = first(scattered, 0.0)
    assert name == "biharmonic interpolation"
    close(found, biharmonic(scattered(clip), scattered.observed_mask()), rtol=0, atol=2e-3)
    assert first(scattered, 0.1)[0] == first(holes, 0.0)[0] == "linear interpolation"


@pytest.mark.parametrize("at_once", [1, 5 * 3 * 40 * 50])
def test_rough_clips_do_not_depend_on_how_many_frames_are_filled_at_once(at_once, monkeypatch):
    """Each is made of its own pixels, and keeps these."""
    clip, known = moving(5, 3, 40, 50), MissingPixels((5, 3, 40, 50), 0.8).observed_mask()
    monkeypatch.setattr(sys.modules["lowreel.baselines.interpolation"], "ROUGH_VALUES", at_once)
    found = rough_clip(clip * known, known)
    assert torch.equal(found[known], clip[known])
    close(found, torch.where(known, clip, local_means(clip * known, known)))


def test_total_variation_has_less_variation_than_its_start():
    """It is a minimiser: among clips with these pixels the interpolated one has more."""
    clip, operator = moving(*SHAPE), MissingPixels(SHAPE, 0.7)
    y, known = operator(clip), operator.observed_mask()
    start = interpolate_frames(y, known)
    found = total_variation(y, operator, known, start)

    def variation(x):
        return float(gradient(x).square().sum((0, 2)).sqrt().sum())

    assert variation(found) < variation(start)


def test_total_variation_nearly_meets_gaussian_data():
    """Without noise the residual is small beside the data; and the clip is better than the one of least norm."""
    clip, operator = blocks(), Gaussian(SHAPE, 90)
    y = operator(clip)
    found = baselines(y, operator, operator.observed_mask())
    assert list(found) == ["least norm", "3-D total variation", "low rank"]
    smooth = found["3-D total variation"]
    assert float((operator(smooth) - y).norm()) < 0.05 * float(y.norm())
    close(operator(found["least norm"]), y, rtol=1e-4, atol=1e-4)
    assert psnr(smooth, clip) > psnr(found["least norm"], clip) + 3


def test_total_variation_smooths_noisy_pixels():
    """With noise known pixels are not kept, and the clip is nearer to the true one than the data is."""
    clip, operator = blocks(), MissingPixels(SHAPE, 0.3)
    y, entry = add_white_noise(operator(clip), operator, level=0.1)
    known = operator.observed_mask()
    found = total_variation(y, operator, known, y, sigma=entry.sigma)
    assert not torch.equal(found[known], y[known])
    assert psnr(found[known], clip[known]) > psnr(y[known], clip[known]) + 3


def still():
    """A picture without a flat spot that does not change."""
    return levels(1, *SHAPE[1:], seed=2, dtype=torch.float32).expand(SHAPE).clone()


def wild():
    """Flat quarters of other levels in every frame."""
    return levels(5, 2, 2, 2, dtype=torch.float32).repeat_interleave(8, 2).repeat_interleave(7, 3)


@pytest.mark.parametrize("make", [still, wild, blocks])
def test_the_weight_of_time_follows_the_clip(make):
    """A clip that stands still and one that changes wildly both gain on the weight that suits neither."""
    clip, operator = make(), MissingPixels(SHAPE, 0.5)
    y, known = operator(clip), operator.observed_mask()
    chosen = chosen_variation(y, operator, known, first_clip(y, operator, known))
    fixed = total_variation(y, operator, known, first_clip(y, operator, known))
    assert psnr(chosen, clip) > psnr(fixed, clip) + 3


@pytest.mark.parametrize("make", [lambda: MissingBlocks(SHAPE, 0.5, 4), lambda: MissingFrames(SHAPE, 0.4)])
def test_what_is_left_out_is_shaped_like_what_is_missing(make):
    """Holes like the missing blocks, whole known frames; nothing that is no entry."""
    operator = make()
    entries = operator.observed_mask().clone()
    entries[..., 1, 1] = False
    held = left_out(operator, entries)
    assert not (held & ~entries).any()
    if operator.kind == "frames":
        taken = held.flatten(1).any(1)
        assert torch.equal(held[taken], entries[taken])
    else:
        assert share_beyond(entries.any(1).numpy(), held.any(1).numpy()) < 0.35
    assert 0 < int(held.sum()) < 0.5 * int(entries.sum())


@pytest.mark.parametrize(("make", "gain"), [(blocks, 0.3), (still, 3)])
def test_the_strength_follows_the_noise(make, gain):
    """Flat quarters gain a little, a picture without a flat spot much, which the plain strength would smooth away."""
    clip, operator = make(), Mask(SHAPE, torch.ones(16, 14))
    y, entry = add_white_noise(operator(clip), operator, level=0.1)
    known, sigma = operator.observed_mask(), entry.sigma
    chosen = chosen_variation(y, operator, known, first_clip(y, operator, known), sigma=sigma)
    assert psnr(chosen, clip) > psnr(total_variation(y, operator, known, y, sigma=sigma), clip) + gain


def test_too_few_entries_to_choose_by():
    """Of a clip of one pixel nothing can be left out: the plain weights are taken."""
    clip = torch.full((1, 1, 1, 1), 0.3)
    operator = Mask((1, 1, 1, 1), torch.ones(1, 1))
    assert torch.equal(chosen_variation(clip, operator, operator.observed_mask(), clip), clip)


@pytest.mark.parametrize(
    "make", [lambda: MissingPixels(SHAPE, 0.5), lambda: Gaussian(SHAPE, 9)], ids=["pixels", "other"]
)
def test_entries_that_are_held_out_are_not_used(make):
    """Changing them changes no baseline; without them the baselines are others."""
    operator = make()
    y, observed_mask = operator(moving(*SHAPE)), operator.observed_mask()
    fitted = observed_mask & (levels(y.shape[0], 1, *y.shape[2:]) if y.ndim == 4 else levels(*y.shape)).lt(0.8)
    changed = torch.where(fitted, y, y + 1)
    for start in (torch.zeros(SHAPE), moving(*SHAPE).flip(0)):
        found = total_variation(y, operator, fitted, start, iterations=10)
        assert torch.equal(found, total_variation(changed, operator, fitted, start, iterations=10))
        assert not torch.equal(found, total_variation(y, operator, observed_mask, start, iterations=10))
    if y.ndim == 4:
        assert torch.equal(interpolate_frames(y, fitted[:, :1]), interpolate_frames(changed, fitted[:, :1]))


CUT = ("missing", "mask T C H W", "blocks", "gaussian", "snapshot", "fourier rows", "downsample", "mask + gaussian")


@pytest.mark.parametrize("make", [OPERATORS[name] for name in CUT], ids=CUT)
def test_no_baseline_sees_what_is_no_entry(make, few_updates):
    """Whatever the data holds elsewhere, every baseline is the same to the bit, the slow ones too."""
    operator = make()
    y = operator(levels(*operator.clip_shape, dtype=torch.float32))
    entries = hold_out(operator, 0.6, seed=1)
    changed = map_data(lambda t, other, e: torch.where(e, t, other), y, like(y), entries)
    one, other = (baselines(data, operator, entries, slow=True, sigma=0.05) for data in (y, changed))
    assert list(one) == list(other)
    for name, clip in one.items():
        assert torch.equal(clip, other[name]), name


def test_a_mask_of_ones_gives_the_clip_back():
    """With every pixel known all quick baselines are the data."""
    clip = levels(*SHAPE, dtype=torch.float32)
    operator = Mask(SHAPE, torch.ones(16, 14))
    for found in baselines(clip, operator, operator.observed_mask()).values():
        assert torch.equal(found, clip)


def test_units_of_the_operator_do_not_matter():
    """A, y and sigma in other units, all times 100: the same baseline."""

    class Louder(Gaussian):
        def _measure(self, x):
            return 100 * super()._measure(x)

        def _adjoint(self, y):
            return 100 * super()._adjoint(y)

        def row_norm(self):
            return 100 * super().row_norm()

    quiet, loud = Gaussian(SHAPE, 60), Louder(SHAPE, 60)
    y = quiet(blocks())
    start = torch.zeros(SHAPE)
    one = total_variation(y, quiet, quiet.observed_mask(), start, sigma=0.1)
    other = total_variation(100 * y, loud, loud.observed_mask(), start, sigma=10.0)
    torch.testing.assert_close(one, other, atol=1e-3, rtol=0)
    assert float(one.std()) > 0.05


def test_temporal_interpolation_reproduces_a_slope_in_time():
    """A pixel that moves evenly in grey comes back between the frames that saw it; beyond them it stays."""
    clip = ramp()
    known = torch.zeros(SHAPE, dtype=torch.bool)
    known[[1, 3]] = True
    known[:, :, 0, 0] = False
    found = interpolate_times(clip * known, known)
    close(found[1:4, :, 1:], clip[1:4, :, 1:])
    close(found[[0, 4], :, 1:], clip[[1, 3], :, 1:])
    close(found[:, :, 0, 0], clip[known].mean().expand(5, 2))


def test_gap_tv_takes_a_snapshot_apart():
    """Flat quarters in four frames come back from one picture, far better than by least norm."""
    clip = blocks()[:4, :1]
    operator = Snapshot(tuple(clip.shape), 4)
    found = baselines(operator(clip), operator, operator.observed_mask())
    assert psnr(found["GAP-TV"], clip) > psnr(found["least norm"], clip) + 8


def test_low_rank_in_space_and_time_finds_a_clip_of_rank_one():
    """A picture that grows brighter, from a third of its spectrum: the clip of least nuclear norm is it."""
    clip = growing()
    operator = Fourier(tuple(clip.shape), "rows", 0.35)
    found = baselines(operator(clip), operator, operator.observed_mask())
    assert psnr(found["k-t low rank"], clip) > 40
    assert psnr(found["temporal total variation"], clip) > psnr(found["least norm"], clip)


def test_baselines_of_other_operators():
    """Coarser pixels have bicubic interpolation, a mosaic interpolation of each colour, frames one over time."""
    clip = 0.5 + 0.04 * torch.sin(torch.arange(16.0) / 5).expand(6, 3, 16, 16)
    for operator, name in (
        (Downsample(tuple(clip.shape), 2), "bicubic"),
        (Bayer(tuple(clip.shape)), "linear interpolation"),
        (MissingFrames(tuple(clip.shape), 0.5), "temporal interpolation"),
    ):
        found = baselines(operator(clip), operator, operator.observed_mask())[name]
        assert psnr(found, clip) > 40


SUITED = [
    MissingBlocks((4, 1, 8, 8), 0.4, 2),
    MissingFrames((4, 1, 8, 8), 0.5),
    Snapshot((4, 1, 8, 8), 2),
    Fourier((4, 1, 8, 8), "rows", 0.5),
    Downsample((4, 1, 8, 8), 2),
]
"""Operators that name baselines of their own."""


@pytest.mark.parametrize("operator", SUITED, ids=lambda operator: operator.kind)
def test_what_an_operator_names_is_run(operator):
    """Each name stands for a baseline, and no other operator of the list gets it."""
    clip = levels(*operator.clip_shape, dtype=torch.float32)
    found = set(baselines(operator(clip), operator, operator.observed_mask()))
    assert operator.baselines
    assert set(operator.baselines) <= found
    assert not found & {name for other in SUITED for name in other.baselines if name not in operator.baselines}


def growing(frames=12):
    """A picture that grows brighter: of rank one."""
    picture = levels(1, 1, 16, 16, dtype=torch.float32)
    return picture * torch.linspace(0.3, 0.9, frames).view(-1, 1, 1, 1)


RANK_ONE = {
    "half of the pixels": lambda shape: MissingPixels(shape, 0.5),
    "a third of the projections": lambda shape: Gaussian(shape, 85),
    "snapshots and pixels": lambda shape: Stacked([Snapshot(shape, 4), MissingPixels(shape, 0.6)]),
}


@pytest.mark.parametrize("make", RANK_ONE.values(), ids=RANK_ONE)
def test_low_rank_finds_a_clip_of_rank_one(make):
    """Noise in space that only grows brighter: nothing smooth, but the clip of least nuclear norm is it."""
    clip = growing()
    operator = make(tuple(clip.shape))
    found = baselines(operator(clip), operator, operator.observed_mask())
    assert psnr(found["low rank"], clip) > 35
    assert psnr(found["low rank"], clip) > psnr(found["3-D total variation"], clip) + 10


def test_low_rank_does_not_fit_noise():
    """The data is met as well as its noise allows, and the clip is nearer to the true one than one that meets it."""
    clip = growing()
    operator = MissingPixels(tuple(clip.shape), 0.3)
    y, entry = add_white_noise(operator(clip), operator, level=0.1)
    known = operator.observed_mask()
    start = first_clip(y, operator, known)
    found = low_rank_clip(y, operator, known, start, sigma=entry.sigma)
    residual = float(((operator(found) - y)[known]).square().mean().sqrt())
    assert math.isclose(residual, entry.sigma, rel_tol=0.05)
    assert psnr(found, clip) > psnr(low_rank_clip(y, operator, known, start), clip) + 3


def test_low_rank_ends_before_it_loses_what_moves():
    """Moving digits are of no low rank: on the way to the least one the clip is nearer to them than there."""
    clip = open_clip("moving-mnist:1", size=(32, 32), frames=slice(12)).read()
    operator = MissingPixels(tuple(clip.shape), 0.8)
    y, known = operator(clip), operator.observed_mask()
    start = first_clip(y, operator, known)
    assert chosen_iterations(y, operator, known) <= 20
    found = chosen_low_rank(y, operator, known, start)
    assert psnr(found, clip) > psnr(low_rank_clip(y, operator, known, start), clip) + 1


def test_low_rank_goes_on_where_left_out_entries_say_nothing():
    """Of whole frames that are left out low rank knows nothing, whenever it ends: then it ends at its minimum."""
    clip = growing()
    operator = MissingFrames(tuple(clip.shape), 0.6)
    assert chosen_iterations(operator(clip), operator, operator.observed_mask()) == RANK_ITERATIONS


@pytest.mark.parametrize("shape", [(3, 1, 4, 4), (30, 1, 2, 3)])
def test_singular_values_are_lowered(shape):
    """By the threshold, to zero at least; the vectors stay."""
    clip = noise(*shape)
    u, s, vh = torch.linalg.svd(clip.flatten(1), full_matrices=False)
    threshold = float(s[1])
    close(thresholded(clip, threshold).flatten(1), (u * (s - threshold).clamp_min(0)) @ vh)


def test_deep_image_prior_is_better_than_grey(monkeypatch):
    """Each frame from half of its own pixels; pictures of four frames at once by one network; seeded."""
    monkeypatch.setattr(networks, "DEEP_PRIOR_SETTINGS", networks.DEEP_PRIOR_SETTINGS.model_copy(update={"steps": 50}))
    clip = moving(4, 1, 12, 12)
    shape = tuple(clip.shape)
    for operator in (MissingPixels(shape, 0.5), Snapshot(shape, 2)):
        y, known = operator(clip), operator.observed_mask()
        grey = torch.full(shape, 0.5)
        found = networks.deep_image_prior(y, operator, known, grey)
        assert psnr(found, clip) > psnr(grey, clip) + 4
        assert torch.equal(found, networks.deep_image_prior(y, operator, known, grey))


def test_deep_image_prior_knows_one_frame_alone(few_updates):
    """Frames do not help each other; one of which nothing is known stays that of the start."""
    clip, operator = moving(3, 1, 12, 12), MissingPixels((3, 1, 12, 12), 0.5)
    known = operator.observed_mask().clone()
    known[1] = False
    start = levels(3, 1, 12, 12, dtype=torch.float32)
    found = networks.deep_image_prior(operator(clip), operator, known, start)
    other = clip.clone()
    other[2] = 0
    again = networks.deep_image_prior(operator(other), operator, known, start)
    assert torch.equal(found[:2], again[:2])
    assert torch.equal(found[1], start[1])
    assert not torch.equal(found[2], again[2])


def test_a_step_of_zero_leaves_the_codes():
    """The input of a deep image prior is fixed: only the weights move."""
    operator = MissingPixels((2, 1, 12, 12), 0.5)
    y = operator(moving(2, 1, 12, 12))
    problem = Problem(y, operator, Decoder((1, 12, 12)), torch.arange(2.0).double())
    first, *_, last = iterate(problem, SolverSettings(steps=3, code_lr=0.0))
    assert torch.equal(first.parameters["coefficients"], last.parameters["coefficients"])
    assert not torch.equal(first.weights["project.weight"], last.weights["project.weight"])


def test_the_papers_presets_are_among_the_slow_ones(monkeypatch):
    """At 64x64, by their names, and on a digit better than black after a few epochs; elsewhere they are left out."""
    few = {name: preset.model_copy(update={"steps": 15}) for name, preset in PRESETS.items()}
    monkeypatch.setattr(networks, "PRESETS", few)
    clip = open_clip("rotating-mnist:0").read(0, 2)
    operator = MissingPixels(tuple(clip.shape), 0.5)
    found = networks.paper_clips(operator(clip), operator, operator.observed_mask())
    assert list(found) == ["paper-latent", "paper-joint"]
    for digits in found.values():
        assert psnr(digits, clip) > psnr(torch.zeros_like(clip), clip) + 2
    small = MissingPixels((2, 1, 32, 64), 0.5)
    assert networks.paper_clips(small(torch.zeros(2, 1, 32, 64)), small, small.observed_mask()) == {}
