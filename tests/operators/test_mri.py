"""MRI with several coils: against the sum over pixels and sigpy, its units, what is held out, simulated scans."""

import copy
import math

import pytest
import sigpy
import torch
from cases import ONE, SAVED, H, T, W, kept, like, moving, noise, paths

from lowreel.catalogue import MriSettings
from lowreel.data.holdout import hold_out
from lowreel.errors import InputError
from lowreel.operators import (
    MRI,
    cartesian_rows,
    from_settings,
    radial,
    simulated_coil_maps,
    simulated_phase,
    spiral,
    with_phase,
)

close = torch.testing.assert_close
SIDES = (20, 27)
CLIP = (3, 1, *SIDES)


def complex_noise(*shape, seed=0, dtype=torch.float64):
    return torch.complex(noise(*shape, seed=seed, dtype=dtype), noise(*shape, seed=seed + 1, dtype=dtype))


def relative(found, wanted):
    return float((found - wanted).norm() / wanted.norm())


@pytest.fixture(params=[name for name in SAVED if name.startswith("mri")])
def operator(request):
    return SAVED[request.param]().double().members()["inner"]


def test_complex_laws(operator):
    """A(c x + z) = c A x + A z for a complex c, <A x, y> = <x, A^H y> as complex numbers, and a real clip is one."""
    x, z, factor = complex_noise(*ONE), complex_noise(*ONE, seed=3), 2 - 3j
    close(operator(factor * x + z), factor * operator(x) + operator(z))
    y = like(operator(x))
    close((operator(x).conj() * y).sum(), (x.conj() * operator.adjoint(y)).sum())
    close(operator(x.real), operator(x.real.to(torch.complex128)))


def summed(x, trajectory, centred=True):
    """The sum over pixels, in float64: (T, coils, H, W) at (T, readouts, samples, 2)."""
    numbers = [torch.arange(n) - n // 2 for n in x.shape[-2:]]
    rows, columns = numbers if centred else map(torch.fft.ifftshift, numbers)
    down = torch.exp(-1j * trajectory[..., 0, None].double() * rows)
    right = torch.exp(-1j * trajectory[..., 1, None].double() * columns)
    x = x.to(torch.complex128)
    return torch.einsum("trsh,tchw,trsw->tcrs", down, x, right) / math.sqrt(rows.numel() * columns.numel())


@pytest.mark.parametrize("centred", [True, False])
def test_any_trajectory_is_the_sum_over_pixels(centred):
    """To 1e-5 in float32 and to 1e-12 in float64; samples that are not there are zero."""
    trajectory, maps = radial(5, 27, 3), simulated_coil_maps(4, SIDES)
    there = kept(3, 5, 54)
    operator = MRI(CLIP, trajectory=trajectory, coil_maps=maps, mask=there, centred=centred)
    x = complex_noise(*CLIP)
    wanted = summed(x * maps, trajectory, centred) * there[:, None]
    assert relative(operator(x.to(torch.complex64)), wanted.to(torch.complex64)) < 1e-5
    assert relative(operator.double()(x), wanted) < 1e-12


def test_pixels_that_turn_are_the_sum_over_pixels():
    """A factor exp(-2 pi i f t) of each pixel and sample: to 1e-5 in float32."""
    trajectory, times = spiral(2, 90, 3, turns=4), torch.linspace(0.001, 0.02, 90)
    field = 100 * torch.sin(torch.linspace(0, 3, SIDES[0]))[:, None] * torch.cos(torch.linspace(0, 4, SIDES[1]))
    x = complex_noise(*CLIP)
    turned = [x * torch.exp(-2j * math.pi * field.double() * t) for t in times.double()]
    each = [summed(x_t, trajectory[:, :, k : k + 1]) for k, x_t in enumerate(turned)]
    operator = MRI(CLIP, trajectory=trajectory, off_resonance=field, times=times)
    assert relative(operator(x.to(torch.complex64)), torch.cat(each, -1)) < 1e-5
    with pytest.raises(InputError, match="off_resonance in Hz and times in seconds"):
        MRI(CLIP, trajectory=trajectory, off_resonance=field, times=1000 * times)


def test_any_trajectory_reaches_the_grid():
    """Points on the grid give the discrete transform, with the origin in the middle and in the corner."""
    grid = torch.cartesian_prod(*(2 * math.pi * torch.fft.fftshift(torch.fft.fftfreq(n)) for n in SIDES))
    x = complex_noise(*CLIP)
    for centred in (True, False):
        found = MRI(CLIP, trajectory=grid, centred=centred).double()(x).reshape(CLIP)
        wanted = MRI(CLIP, centred=centred)(x)
        close(found, wanted if centred else torch.fft.fftshift(wanted, (-2, -1)), rtol=1e-5, atol=1e-5)


def test_agrees_with_sigpy():
    """Its centred transform and its transform at any points of the clip times the maps, in its units."""
    maps, trajectory = simulated_coil_maps(4, SIDES), radial(5, 27, 1)
    x = complex_noise(*CLIP, dtype=torch.float32)
    pictures = (x * maps).numpy()
    rows = cartesian_rows(3, SIDES, 3)
    found = MRI(CLIP, mask=rows, coil_maps=maps)(x)
    close(found, torch.from_numpy(sigpy.fft(pictures, axes=(-2, -1))) * rows, rtol=1e-4, atol=1e-5)
    turns = trajectory[0] * torch.tensor(SIDES) / (2 * math.pi)
    operator = MRI(CLIP, trajectory=turns, units="cycles/FOV", coil_maps=maps)
    theirs = sigpy.nufft(pictures, turns.numpy(), oversamp=2, width=8)
    assert relative(operator(x), torch.from_numpy(theirs)) < 1e-5


def test_full_data_holds_the_clip():
    """All rows of coils whose squares add up to one: A^H A = I."""
    x = complex_noise(*CLIP, dtype=torch.float32)
    operator = MRI(CLIP, coil_maps=simulated_coil_maps(5, SIDES))
    close(operator.adjoint(operator(x)), x)


def test_units_say_the_same():
    """One trajectory in three units is one operator, and in another unit than is said it is refused with the remedy."""
    shape = (1, 1, 80, 64)
    turns = radial(3, 8, 1)[0] / (2 * math.pi)
    told = {"radians/pixel": 2 * math.pi * turns, "cycles/pixel": turns, "cycles/FOV": turns * torch.tensor([80, 64])}
    x = complex_noise(*shape, dtype=torch.float32)
    found = [MRI(shape, trajectory=path, units=units)(x) for units, path in told.items()]
    for other in found[1:]:
        assert relative(other, found[0]) < 1e-5
    for units, path in told.items():
        for wrong in told.keys() - {units}:
            with pytest.raises(InputError, match=f"it would be all of the spectrum in units='{units}'"):
                MRI(shape, trajectory=path, units=wrong)


REFUSED = {
    "colour": (lambda: MRI((3, 3, 8, 8)), r"one complex channel, \(T, 1, H, W\), got \(3, 3, 8, 8\)"),
    "mask shape": (lambda: MRI(ONE, mask=kept(W, H)), rf"a mask \({H}, {W}\) or .*got \({W}, {H}\)"),
    "dark mask": (lambda: MRI(ONE, mask=torch.zeros(H, W)), "keeps nothing"),
    "grey mask": (lambda: MRI(ONE, mask=torch.full((H, W), 0.5)), "True .measured. and False"),
    "maps": (lambda: MRI(ONE, coil_maps=torch.ones(2, W, H)), r"expected coil maps \(coils, 4, 3\)"),
    "dark maps": (lambda: MRI(ONE, coil_maps=torch.zeros(2, H, W)), "no coil sees anything"),
    "maps of no numbers": (lambda: MRI(ONE, coil_maps=torch.full((2, H, W), math.nan)), "coil maps hold numbers"),
    "path shape": (lambda: MRI(ONE, trajectory=torch.ones(2, 6, 3)), r"got torch.float32 \(2, 6, 3\)"),
    "path of frames or readouts": (lambda: MRI(ONE, trajectory=paths(T)[:, 0]), r"trajectory\[None\] or"),
    "path of other frames": (lambda: MRI(ONE, trajectory=paths(2)), "a trajectory of 2 frames does not fit"),
    "path of no numbers": (lambda: MRI(ONE, trajectory=paths() * math.nan), "name samples that are missing by mask"),
    "units": (lambda: MRI(ONE, trajectory=paths(), units="turns"), "expected units radians/pixel, .*got 'turns'"),
    "density": (lambda: MRI(ONE, trajectory=paths(), density=-torch.ones(2, 6)), "weights of 0 or more"),
    "field without times": (
        lambda: MRI(ONE, trajectory=paths(), off_resonance=noise(H, W)),
        "the times of its samples",
    ),
    "field on the grid": (lambda: MRI(ONE, off_resonance=noise(H, W), times=torch.ones(6)), "goes with a trajectory"),
    "field shape": (
        lambda: MRI(ONE, trajectory=paths(), off_resonance=noise(W, H), times=torch.ones(6)),
        "off_resonance",
    ),
    "acceleration": (lambda: cartesian_rows(0.5, (8, 8), 2), "a number from 1 to the 8 rows, got 0.5"),
    "spokes": (lambda: radial(0, 8, 2), "a whole number of spokes, 1 or more, got 0"),
    "turns": (lambda: spiral(1, 8, 2, turns=0), "turns and a density above 0"),
    "coils": (lambda: simulated_coil_maps(0, (8, 8)), "expected 1 coil or more"),
    "two kinds of scan": (lambda: MriSettings(spokes=3, acceleration=2).check(), "one of them"),
    "golden rows": (lambda: MriSettings(golden_angle=True, acceleration=2).check(), "is for --spokes and --spirals"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(make, message):
    """In words that say what was wanted."""
    with pytest.raises(InputError, match=message):
        make()


def test_transforms_are_shared_and_bounded(monkeypatch):
    """Frames of one trajectory share a transform; without memory none is kept, and numbers are the same to the bit."""
    from lowreel.operators import nufft_plans

    made, real = [], nufft_plans.Nufft
    monkeypatch.setattr(nufft_plans, "Nufft", lambda *given, **known: made.append(1) or real(*given, **known))
    x = complex_noise(*ONE, dtype=torch.float32)
    for trajectory, different in ((paths(), 1), (paths(T), T)):
        operator = MRI(ONE, trajectory=trajectory)
        expected = operator(x)
        operator.adjoint(expected)
        operator.subset([1, 2])(x[1:3])
        assert len(made) == different
        assert operator.bytes_to_come() < MRI(ONE, trajectory=trajectory).bytes_to_come()
        assert torch.equal(copy.deepcopy(operator)(x), expected)
        assert torch.equal(MRI(ONE, trajectory=trajectory, memory=0)(x), expected)
        made.clear()


@pytest.mark.parametrize(
    "operator",
    [
        MRI(CLIP, trajectory=radial(9, 27, 3), coil_maps=simulated_coil_maps(4, SIDES)),
        MRI(CLIP, trajectory=spiral(1, 160, 3, turns=4), coil_maps=simulated_coil_maps(4, SIDES)),
        MRI(CLIP, mask=cartesian_rows(2, SIDES, 3), coil_maps=simulated_coil_maps(4, SIDES)),
        MRI(CLIP, mask=cartesian_rows(2, SIDES[::-1], 3).mT, coil_maps=simulated_coil_maps(4, SIDES), centred=False),
        MRI(CLIP, mask=kept(3, *SIDES), coil_maps=simulated_coil_maps(4, SIDES)),
    ],
    ids=["spokes", "spiral", "rows", "columns", "points"],
)
def test_what_is_held_out_is_held_out_of_all_coils(operator):
    """Whole readouts or lines but for the middle of the spectrum, of every coil alike, and never all."""
    known = operator.observed_mask()
    held = hold_out(operator, 0.1)
    assert torch.equal(held, held[:, :1].expand_as(held))
    assert 0.03 < float(held.sum() / known.sum()) < 0.3
    assert not (held & ~known).any()
    (lines,) = operator.arrangements()
    numbers = lines.numbers.expand(held.shape)
    for frame in range(len(held)):
        of_held = numbers[frame][held[frame]].unique()
        assert (of_held >= 0).all()
        together = torch.isin(numbers[frame], of_held) & known[frame]
        assert torch.equal(together, held[frame])


def test_readouts_that_cross_are_not_held_out_where_they_do():
    """What several spokes pass is never missing: those near zero."""
    (lines,) = MRI(CLIP, trajectory=radial(9, 27, 3)).arrangements()
    near = radial(9, 27, 3).norm(dim=-1) < 0.2
    assert (lines.numbers[:, 0][near] == -1).all()
    assert (lines.numbers[:, 0][~near] >= 0).float().mean() > 0.8


def test_gridding_is_near_the_clip():
    """With enough spokes, far nearer than the adjoint without weights; with given weights it is theirs."""
    clip = with_phase(moving(3, 1, *SIDES))
    operator = MRI(CLIP, trajectory=radial(48, 27, 3), coil_maps=simulated_coil_maps(4, SIDES))
    y = operator(clip)
    assert relative(operator.gridded(y), clip) < 0.15
    weights = radial(48, 27, 1)[0].norm(dim=-1)
    ramp = MRI(CLIP, trajectory=radial(48, 27, 3), coil_maps=simulated_coil_maps(4, SIDES), density=weights)
    assert relative(ramp.gridded(y), clip) < 0.15
    plain = MRI(CLIP, trajectory=radial(48, 27, 3), coil_maps=simulated_coil_maps(4, SIDES), density=0 * weights + 1)
    assert relative(plain.gridded(y), clip) > 0.3


def test_spokes_turn_by_the_golden_angle():
    """On through all frames, with twice the samples asked for and zero among them; or evenly, and all frames alike."""
    points = radial(4, 10, 3)
    assert points.shape == (3, 4, 20, 2)
    assert not points[:, :, 10].any()
    angles = torch.atan2(*(points[:, :, -1] - points[:, :, 0]).flatten(0, 1).unbind(-1))
    close(torch.diff(angles) % math.pi, torch.full((11,), math.radians(111.24611)), rtol=1e-5, atol=1e-5)
    assert radial(4, 10, 3, golden_angle=False).shape == (1, 4, 20, 2)
    assert float(points.abs().max()) == pytest.approx(math.pi)
    assert spiral(2, 30, 3, turns=5).norm(dim=-1).diff(dim=-1).gt(0).all()


def test_simulated_scans_are_seeded_and_smooth():
    """Maps whose squares add up to one, a phase that leaves the modulus, rows with zero in the middle; any size."""
    maps = simulated_coil_maps(6, (31, 40), seed=2)
    close(maps.abs().square().sum(0), torch.ones(31, 40))
    assert maps.diff(dim=-1).abs().max() < 0.2
    assert maps.diff(dim=-2).abs().max() < 0.2
    assert torch.equal(maps, simulated_coil_maps(6, (31, 40), seed=2))
    assert not torch.equal(maps, simulated_coil_maps(6, (31, 40), seed=3))
    clip = moving()
    close(with_phase(clip).abs(), clip)
    assert simulated_phase((31, 40)).abs().max() <= 2 * math.pi * 0.35
    assert simulated_phase((31, 40)).std() > 0.3
    assert simulated_coil_maps(2, (1, 1)).isfinite().all()
    rows = cartesian_rows(4, (48, 5), 6)
    assert rows.all(-1).sum(-1).unique().tolist() == [12]
    assert rows[:, 0, 24].all()
    assert rows[:, :, 12:36].float().mean() > 2 * rows[:, :, :12].float().mean()


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        (MriSettings(spokes=3, golden_angle=True), (3, 8, 3, 54)),
        (MriSettings(spirals=2, coils=4), (3, 4, 2, 143)),
        (MriSettings(acceleration=4, coils=1), (3, 1, *SIDES)),
    ],
)
def test_settings_make_the_scanner(settings, shape):
    """Spokes with twice the samples of the longer side, spirals with one a cycle at their edge; coils; rows."""
    settings.check()
    assert from_settings(settings, CLIP).data_shape == shape


def test_rows_count_by_how_rare_they_are():
    """One over the share of the frames that measure a place and its neighbours; where all are measured alike, alike."""
    frames, height, width = 8, 32, 8
    mask = torch.zeros(frames, 1, height, width, dtype=torch.bool)
    mask[:, :, 12:20] = True  # around zero in all frames
    for t in range(frames):  # each other row in one frame of eight
        mask[t, 0, t:12:frames] = True
        mask[t, 0, 20 + t :: frames] = True
    weights = MRI((frames, 1, height, width), mask=mask).density_weights()
    assert weights is not None
    assert bool((weights[~mask] == 0).all())
    assert float(weights[:, 0, 15][mask[:, 0, 15]].max()) == pytest.approx(1)
    assert float(weights[5, 0, 5, 0]) == pytest.approx(frames, rel=0.4)
    assert MRI((frames, 1, height, width), mask=mask[:1].expand_as(mask).contiguous() | True).density_weights() is None
