"""What a user would try first: interpolation and total variation, on clips where the answer is known."""

import itertools

import pytest
import torch
from cases import levels, moving, noise

from lowreel.baselines import (
    baselines,
    gradient,
    gradient_adjoint,
    interpolate_frames,
    interpolate_times,
    total_variation,
)
from lowreel.measure import (
    Bayer,
    Downsample,
    Fourier,
    Gaussian,
    Mask,
    MissingFrames,
    MissingPixels,
    Snapshot,
    add_white_noise,
)
from lowreel.metrics import psnr

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


def test_frame_without_known_pixels_takes_the_mean_of_the_clip():
    """The mean of all known pixels, channel by channel; the other frames are as without it."""
    clip, known = levels(*SHAPE, dtype=torch.float32), known_of()
    known[2] = False
    found = interpolate_frames(clip * known, known)
    mean = (clip * known).sum((0, 2, 3)) / known.sum()
    close(found[2], mean[:, None, None].expand(SHAPE[1:]))
    rest = [0, 1, 3, 4]
    assert torch.equal(found[rest], interpolate_frames(clip[rest] * known[rest], known[rest]))


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


def test_everything_known():
    """Nothing is left to interpolate."""
    clip = levels(*SHAPE, dtype=torch.float32)
    assert torch.equal(interpolate_frames(clip, torch.ones(5, 1, 16, 14, dtype=torch.bool)), clip)


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
    y, known = operator(clip), operator.informative()
    found = total_variation(y, operator, known, torch.zeros(SHAPE), iterations=30)
    assert torch.equal(found[known], clip[known])
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_total_variation_reproduces_constants(level):
    """A clip of one level has no edges to pay for; from a start that is wrong by as much as can be."""
    operator = MissingPixels(SHAPE, 0.6)
    clip = torch.full(SHAPE, level)
    found = total_variation(operator(clip), operator, operator.informative(), 1 - clip)
    close(found, clip, rtol=0, atol=1e-3)  # 400 iterations of a first-order method, in float32


def test_total_variation_is_better_than_interpolation_on_flat_quarters():
    """A static piecewise constant clip is what it is made for."""
    clip, operator = blocks(), MissingPixels(SHAPE, 0.8, seed=1)
    found = baselines(operator(clip), operator, operator.informative())
    assert list(found) == ["linear interpolation", "3-D total variation"]
    assert psnr(found["3-D total variation"], clip) > psnr(found["linear interpolation"], clip) + 3


def test_total_variation_has_less_variation_than_its_start():
    """It is a minimiser: among clips with these pixels the interpolated one has more."""
    clip, operator = moving(*SHAPE), MissingPixels(SHAPE, 0.7)
    start, found = baselines(operator(clip), operator, operator.informative()).values()

    def variation(x):
        return float(gradient(x).square().sum((0, 2)).sqrt().sum())

    assert variation(found) < variation(start)


def test_total_variation_nearly_meets_gaussian_data():
    """Without noise the residual is small beside the data; and the clip is better than the one of least norm."""
    clip, operator = blocks(), Gaussian(SHAPE, 90)
    y = operator(clip)
    found = baselines(y, operator, operator.informative())
    assert list(found) == ["least norm", "3-D total variation"]
    smooth = found["3-D total variation"]
    assert float((operator(smooth) - y).norm()) < 0.05 * float(y.norm())
    close(operator(found["least norm"]), y, rtol=1e-4, atol=1e-4)
    assert psnr(smooth, clip) > psnr(found["least norm"], clip) + 3


def test_total_variation_smooths_noisy_pixels():
    """With noise known pixels are not kept, and the clip is nearer to the true one than the data is."""
    clip, operator = blocks(), MissingPixels(SHAPE, 0.3)
    y, entry = add_white_noise(operator(clip), operator, level=0.1)
    known = operator.informative()
    found = total_variation(y, operator, known, y, sigma=entry["sigma"])
    assert not torch.equal(found[known], y[known])
    assert psnr(found[known], clip[known]) > psnr(y[known], clip[known]) + 3


@pytest.mark.parametrize(
    "make", [lambda: MissingPixels(SHAPE, 0.5), lambda: Gaussian(SHAPE, 9)], ids=["pixels", "other"]
)
def test_entries_that_are_held_out_are_not_used(make):
    """Changing them changes no baseline; without them the baselines are others."""
    operator = make()
    y, informative = operator(moving(*SHAPE)), operator.informative()
    fitted = informative & (levels(y.shape[0], 1, *y.shape[2:]) if y.ndim == 4 else levels(*y.shape)).lt(0.8)
    changed = torch.where(fitted, y, y + 1)
    for start in (torch.zeros(SHAPE), moving(*SHAPE).flip(0)):
        found = total_variation(y, operator, fitted, start, iterations=10)
        assert torch.equal(found, total_variation(changed, operator, fitted, start, iterations=10))
        assert not torch.equal(found, total_variation(y, operator, informative, start, iterations=10))
    if y.ndim == 4:
        assert torch.equal(interpolate_frames(y, fitted[:, :1]), interpolate_frames(changed, fitted[:, :1]))


def test_a_mask_of_ones_gives_the_clip_back():
    """With every pixel known both baselines are the data."""
    clip = levels(*SHAPE, dtype=torch.float32)
    operator = Mask(SHAPE, torch.ones(16, 14))
    for found in baselines(clip, operator, operator.informative()).values():
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
    one = total_variation(y, quiet, quiet.informative(), start, sigma=0.1)
    other = total_variation(100 * y, loud, loud.informative(), start, sigma=10.0)
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
    found = baselines(operator(clip), operator, operator.informative())
    assert psnr(found["GAP-TV"], clip) > psnr(found["least norm"], clip) + 8


def test_low_rank_in_space_and_time_finds_a_clip_of_rank_one():
    """A picture that grows brighter, from a third of its spectrum: the clip of least nuclear norm is it."""
    picture = levels(1, 1, 16, 16, dtype=torch.float32)
    clip = picture * torch.linspace(0.3, 0.9, 12).view(-1, 1, 1, 1)
    operator = Fourier(tuple(clip.shape), "rows", 0.35)
    found = baselines(operator(clip), operator, operator.informative())
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
        found = baselines(operator(clip), operator, operator.informative())[name]
        assert psnr(found, clip) > 40
