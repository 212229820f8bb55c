"""Complex clips: recovered in their own units, alike however they are asked for, and kept in files."""

import json
import math

import numpy as np
import pytest
import torch
from cases import levels

import lowreel
from lowreel.analysis.metrics import psnr, psnr_complex
from lowreel.data import WhiteNoise, add_white_noise
from lowreel.errors import InputError
from lowreel.model.representation import Representation
from lowreel.operators import MRI, RealForm, radial, simulated_coil_maps, to_real, with_phase
from lowreel.recovery.preparation import prepare

SHAPE = FRAMES, _, HEIGHT, WIDTH = 6, 1, 12, 10
QUICK = {"steps": 3, "baselines": "none"}

close = torch.testing.assert_close


def clip(seed=0):
    """Smooth moving grey levels with a phase."""
    down, across = torch.meshgrid(torch.linspace(0, 3, HEIGHT), torch.linspace(0, 3, WIDTH), indexing="ij")
    frames = [(0.5 + 0.5 * torch.sin(down + across + t / 2 + seed))[None] for t in range(FRAMES)]
    return with_phase(torch.stack(frames), seed)


def scanner(share=1.0, seed=0):
    """Three coils and this share of the rows, others in each frame, zero always there."""
    rows = (levels(FRAMES, HEIGHT, 1, seed=seed) < share) | (torch.arange(HEIGHT) == HEIGHT // 2)[:, None]
    return MRI(SHAPE, mask=rows.expand(FRAMES, HEIGHT, WIDTH), coil_maps=simulated_coil_maps(3, (HEIGHT, WIDTH)))


@pytest.mark.parametrize("units", [1.0, 1e-6, 4000.0])
def test_a_clip_measured_in_full_comes_back_in_its_units(units):
    """From all of its spectrum a complex clip is recovered to 40 dB and more, whatever its units."""
    x = clip() * units
    found = lowreel.recover(scanner()(x), scanner(), **QUICK)
    assert found.clip.dtype == torch.complex64
    assert psnr_complex(found.clip / units, x / units) > 40
    assert found.levels.offset == 0
    assert float(x.abs().max()) <= found.levels.scale <= 1.2 * float(x.abs().max())


def test_a_real_clip_has_no_imaginary_part():
    """A clip that is real is found so."""
    x = clip().abs()
    found = lowreel.recover(scanner()(x), scanner(), **QUICK)
    close(found.clip, x.to(torch.complex64), atol=1e-3, rtol=0)


def test_the_representation_draws_complex_frames(tmp_path):
    """The saved representation gives the frames of the recovery, complex, within the units' white."""
    found = lowreel.recover(scanner(0.5)(clip()), scanner(0.5), **QUICK)
    frames = found.representation.frames()
    assert frames.dtype == torch.complex64
    assert tuple(frames.shape) == SHAPE
    found.representation.save(tmp_path / "r.safetensors")
    assert torch.equal(Representation.load(tmp_path / "r.safetensors").frames(), frames)


def test_resumed_equals_unbroken():
    """A complex recovery that goes on from what its callback was given ends in the same bits."""
    data, seen = scanner(0.5)(clip()), []
    whole = lowreel.recover(data, scanner(0.5), callback=seen.append, steps=4, baselines="none")
    resumed = lowreel.recover(data, scanner(0.5), resume=seen[1], steps=4, baselines="none")
    assert torch.equal(whole.clip, resumed.clip)
    assert seen[1].now().frames().is_complex()


def test_baselines_and_scores_are_of_the_complex_clip():
    """Baselines come in the units of the data; a score is given complex frames; levels with an offset are refused."""
    x, given = 7 * clip(), []

    def score(frames):
        given.append(frames)
        return 0.0

    found = lowreel.recover(scanner(0.7)(x), scanner(0.7), score=score, steps=2)
    assert all(b.clip.dtype == torch.complex64 for b in found.baselines.values())
    assert max(psnr(b.clip.abs() / 7, x.abs() / 7) for b in found.baselines.values()) > 15
    assert given
    assert all(frames.is_complex() for frames in given)
    with pytest.raises(InputError, match=r"expected \(white,\) of a complex clip"):
        lowreel.recover(scanner()(x), scanner(), levels=(2.0, 1.0), **QUICK)


def test_a_run_keeps_all_of_the_clip(tmp_path):
    """The run folder of a scan has the complex clip, the scores of its magnitudes and of both parts."""
    source = tmp_path / "clip.npy"
    np.save(source, clip().abs()[:, 0].numpy())
    from lowreel.catalogue import MriSettings

    request = lowreel.RunRequest(
        clip=str(source),
        operator=MriSettings(coils=2, spokes=7, golden_angle=True, phase=True),
        settings=lowreel.RecoverSettings(**QUICK),
        output=str(tmp_path / "run"),
    )
    result = lowreel.run(request)
    kept = np.load(tmp_path / "run" / "recovered.npy")
    assert kept.dtype == np.complex64
    assert kept.shape == SHAPE
    true = clip().abs()
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["psnr"] == pytest.approx(psnr(torch.from_numpy(np.abs(kept)), true), abs=0.05)
    assert math.isfinite(summary["psnr_complex"])
    assert summary["psnr_complex"] <= summary["psnr"] + 1e-6
    assert result.summary.channels == 1
    again = lowreel.run(request, resume=True)
    assert again.summary.psnr == result.summary.psnr


def test_the_real_form_is_recovered_as_its_operator():
    """Whoever gives the real form of an operator gets the complex clip too."""
    data = scanner(0.5)(clip())
    assert torch.equal(
        lowreel.recover(data, RealForm(scanner(0.5)), **QUICK).clip, lowreel.recover(data, scanner(0.5), **QUICK).clip
    )


@pytest.mark.parametrize("levels", [(), 5.0, (1.0, 0.0, 3.0), (math.nan,), (math.inf,), (0,), ("a",)])
def test_levels_that_are_none_are_refused(levels):
    """In words, whatever they are; whole numbers are numbers."""
    with pytest.raises(InputError, match="levels: expected"):
        lowreel.recover(scanner()(clip()), scanner(), levels=levels, **QUICK)
    assert lowreel.recover(scanner()(clip()), scanner(), levels=(2,), **QUICK).levels.scale == 2


def test_fitting_the_noise_is_no_merit_where_it_is_not_known():
    """Without the size of the noise a clip is judged by held-out samples alone: one that follows the others more
    closely is no better for it."""
    points = radial(7, 12, FRAMES)
    operator = MRI((FRAMES, 1, 12, 12), trajectory=points, coil_maps=simulated_coil_maps(2, (12, 12)))
    x = clip()[:, :, :, :1].expand(-1, -1, -1, 12).contiguous()
    known, unknown = (
        prepare(operator(x), operator, lowreel.RecoverSettings(), noise=noise)
        for noise in (WhiteNoise(sigma=1e-6), None)
    )
    other = torch.rand(known.operator.clip_shape, generator=torch.Generator().manual_seed(1))
    held = [float(t.sum()) for t in (known.heldout_terms(other), unknown.heldout_terms(other))]
    assert held[0] > 1.2 * held[1]
    assert unknown.fit_weights[unknown.fitted].mean() == pytest.approx(1)


def test_following_the_noise_is_no_merit_where_its_size_is_known():
    """Of two clips that are alike at the held-out samples the one that repeats the noise of the others is worse."""
    operator = MRI(SHAPE)
    y, noise = add_white_noise(operator(clip()), operator, sigma=0.1)
    problem = prepare(y, operator, lowreel.RecoverSettings(heldout=0.2), noise=noise)
    true = to_real(clip()) / 2 + 0.5
    repeats = problem.operator.adjoint(torch.where(problem.fitted, problem.data, problem.operator(true)))
    errors = [problem.heldout_error(one) for one in (true, repeats)]
    assert errors[1] > errors[0] + 0.05 * problem.noise.sigma**2
    assert problem.without_noise(errors[1]) > problem.without_noise(errors[0])


def test_a_frame_without_a_sample_is_left_to_the_others():
    """An operator of which one frame has no sample at all works, and keeps its adjoint."""
    there = torch.ones(FRAMES, 7, 24, dtype=torch.bool)
    there[2] = False
    operator = MRI((FRAMES, 1, 12, 12), trajectory=radial(7, 12, FRAMES), mask=there)
    x = torch.complex(levels(FRAMES, 1, 12, 12), levels(FRAMES, 1, 12, 12, seed=1)).to(torch.complex64)
    y = operator(x)
    assert not y[2].any()
    close(torch.vdot(y.flatten(), y.flatten()).real, torch.vdot(x.flatten(), operator.adjoint(y).flatten()).real)
