"""Baselines of complex clips: their steps against closed forms, the whole against dense solutions and sigpy."""

import math

import pytest
import sigpy.mri.app
import torch
from complex_mri import beating, cartesian, noise_of, rows_mask, smooth_maps, spokes

from lowreel.baselines.low_rank import lowered
from lowreel.baselines.mri import Judged, mri_baselines, ridge
from lowreel.baselines.proximal import (
    Fidelity,
    LocallyLowRank,
    LowRankAndSparse,
    Variation,
    as_blocks,
    of_blocks,
)
from lowreel.operators import MRI

close = torch.testing.assert_close


def white(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def decibels(clip, true):
    return -10 * math.log10(float((clip - true).abs().square().mean()) / float(true.abs().max()) ** 2)


def test_variation_of_two_frames():
    """Each pixel's two values move towards each other by the weight, until they meet."""
    clip, weight = white(2, 1, 6, 5), 0.4
    difference = clip[1] - clip[0]
    moved = difference * (weight / difference.abs().clamp_min(2 * weight))
    close(Variation(2.0, {0: 1.0}, iterations=60)(clip, weight / 2), torch.stack([clip[0] + moved, clip[1] - moved]))


def test_variation_is_optimal():
    """The multipliers of the solution are no longer than the weight, and lie along each jump where there is one."""
    clip, weight = white(7, 1, 6, 5), 0.5
    found = Variation(1.0, {0: 1.0}, iterations=3000)(clip, weight)
    multipliers, jumps = (found - clip).cumsum(0), found.diff(dim=0)
    close(multipliers[-1], torch.zeros_like(clip[0]), atol=1e-4, rtol=0)
    assert float(multipliers.abs().max()) < weight * (1 + 1e-4)
    there = jumps.abs() > 1e-2
    assert 0.05 < float(there.float().mean()) < 0.95
    close(multipliers[:-1][there], weight * (jumps / jumps.abs())[there], atol=2e-3, rtol=0)


def test_variation_of_space_and_time_is_least():
    """No clip near the one found costs less: |x - z|^2 / 2 and the lengths of the weighted differences."""
    clip, weights = white(4, 1, 5, 6), {0: 3.0, -2: 1.0, -1: 1.0}
    shrunk = Variation(0.1, weights, iterations=2000)(clip, 1.0)

    def cost(x):
        differences = torch.zeros(3, *x.shape, dtype=x.dtype)
        for own, (axis, weight) in zip(differences, weights.items(), strict=True):
            own.narrow(axis, 0, x.shape[axis] - 1).copy_(weight * x.diff(dim=axis))
        lengths = differences.abs().square().sum(0).sqrt()
        return float((x - clip).abs().square().sum() / 2 + 0.1 * lengths.sum())

    for k in range(20):
        assert min(cost(shrunk + size * white(*clip.shape, seed=k)) for size in (1e-2, 0.1)) > cost(shrunk)
    assert cost(shrunk) < 0.9 * min(cost(clip), cost(clip.mean((0, 2, 3), keepdim=True).expand(clip.shape)))


@pytest.mark.parametrize("shape", [(3, 5, 8), (3, 8, 5)])
def test_lowered_singular_values(shape):
    """As from the singular vectors, for wide matrices and for tall ones."""
    matrices = white(*shape)
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    close(lowered(matrices, 1.5), (u * (s - 1.5).clamp_min(0).unsqueeze(-2)) @ v, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("side", [16, 19])
def test_blocks_go_there_and_back(side):
    """Also where they do not divide the frame; with weight 0 the blocks' map changes nothing, wherever they lie."""
    clip = white(4, 1, side, 13)
    assert torch.equal(of_blocks(as_blocks(clip), clip.shape), clip)
    close(LocallyLowRank(1.0)(clip, 0.0), clip, atol=1e-5, rtol=1e-5)


def test_a_block_is_one_place_in_all_frames():
    """Its matrix has a row for each frame."""
    clip = white(4, 1, 16, 16)
    close(as_blocks(clip)[1], clip[:, 0, :8, 8:].flatten(1))


def test_sparse_part():
    """A clip of few frequencies in time loses only what the weight takes from each."""
    turn = torch.polar(torch.ones(8), 2 * math.pi * 3 * torch.arange(8) / 8)[:, None, None, None]
    both = torch.stack([torch.zeros(8, 1, 4, 4, dtype=torch.complex64), (2 * turn).expand(8, 1, 4, 4)])
    found = LowRankAndSparse(1.0, 1.0)(both, 0.5)
    close(found[1], both[1] * (1 - 0.5 / (2 * math.sqrt(8))))


@pytest.mark.parametrize("make", [cartesian, spokes])
def test_ridge_is_the_dense_solution(make):
    """Conjugate gradients end at (A^H E A + w |A|^2) x = A^H E y."""
    operator = make(frames=1, side=8, coils=2, **{"rows": 6} if make is cartesian else {"count": 3})
    data, entries = white(*operator.data_shape), operator.observed_mask()
    columns = torch.eye(64, dtype=torch.complex64).reshape(64, 1, 1, 8, 8)
    matrix = torch.stack([(operator(c) * entries).flatten() for c in columns], 1)
    weight, norm = 0.05, 1.3
    gram = matrix.mH @ matrix + weight * norm**2 * torch.eye(64)
    dense = torch.linalg.solve(gram, matrix.mH @ (data * entries).flatten())
    found = ridge(Fidelity(data, operator, entries, norm), torch.zeros(1, 1, 8, 8, dtype=torch.complex64), weight, 200)
    assert float((found.flatten() - dense).norm()) < 3e-3 * float(dense.norm())


def test_ridge_is_that_of_sigpy():
    """`SenseRecon` of a frame, with the same maps, rows and weight."""
    maps, mask = smooth_maps(4, 24, 24), rows_mask(1, 24, 24, 12)
    operator = MRI((1, 1, 24, 24), mask=mask, coil_maps=maps)
    data = operator(beating(1, 24, 24)) + noise_of(torch.empty(operator.data_shape), 0.02) * mask
    theirs = sigpy.mri.app.SenseRecon(
        data[0].numpy(), maps.numpy(), lamda=0.02, weights=mask[0].float().numpy(), max_iter=100, show_pbar=False
    ).run()
    ours = ridge(
        Fidelity(data, operator, operator.observed_mask(), 1.0), torch.zeros_like(beating(1, 24, 24)), 0.02, 60
    )
    close(ours[0, 0], torch.from_numpy(theirs), atol=2e-3, rtol=0)


@pytest.mark.parametrize("make", [cartesian, spokes])
def test_what_they_make_of_a_beating_disc(make):
    """Complex clips in the units of the data, phase included; the data of other frames helps all but SENSE."""
    operator, true = make(), beating(8, 24, 24)
    clean = operator(true)
    data = 1000 * (clean + noise_of(clean, 0.01) * operator.observed_mask())
    found = {
        name: decibels(clip / 1000, true) for name, clip in mri_baselines(data, operator, operator.observed_mask())
    }
    assert list(found) == [
        *("SENSE", "temporal total variation", "3-D total variation", "k-t low rank", "locally low rank"),
        "low rank + sparse",
    ]
    assert found["SENSE"] > 15
    assert min(level for name, level in found.items() if name != "SENSE") > found["SENSE"] + 1


def test_all_of_the_spectrum_without_noise_is_the_clip():
    """40 dB and more from the fit to all entries."""
    true = beating(4, 16, 16)
    operator = MRI(true.shape, coil_maps=smooth_maps(3, 16, 16))
    for name, clip in mri_baselines(operator(true), operator, operator.observed_mask()):
        assert decibels(clip, true) > 40, name


def test_where_nothing_can_be_left_out():
    """A frame of a single number: the weakest weight, and no error."""
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    mask[0, 4, 4] = True
    operator = MRI((1, 1, 8, 8), mask=mask)
    judged = Judged(operator(beating(1, 8, 8)), operator, operator.observed_mask())
    assert judged.held is None
    for _, clip in mri_baselines(operator(beating(1, 8, 8)), operator, operator.observed_mask()):
        assert bool(clip.isfinite().all())
