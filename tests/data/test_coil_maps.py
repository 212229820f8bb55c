"""Coil maps from what coils saw, white noise, fewer coils: against maps, covariances and energies that are known."""

import pytest
import sigpy.mri
import torch
from complex_mri import beating, cartesian, noise_of, rows_mask, smooth_maps, spokes

from lowreel.data.coil_maps import (
    combined,
    compress_coils,
    estimate_coil_maps,
    mean_coil_pictures,
    noise_covariance,
    prewhiten,
    whitening,
)
from lowreel.errors import InputError
from lowreel.operators import MRI

close = torch.testing.assert_close


def likeness(found, true):
    """|<s_true, s_est>| over the norms, at each pixel: blind to a phase of all coils."""
    inner = (found.conj() * true).sum(0).abs()
    return inner / (found.norm(dim=0) * true.norm(dim=0))


def roughness(maps):
    """Largest difference between neighbours."""
    return max(float(maps.diff(dim=axis).abs().max()) for axis in (1, 2))


MAPS = {
    "ours": smooth_maps(8, 48, 48),
    "birdcage": torch.from_numpy(sigpy.mri.birdcage_maps((8, 48, 48))).to(torch.complex64),
}


@pytest.mark.parametrize("method", ["walsh", "espirit"])
@pytest.mark.parametrize("kind", MAPS)
def test_maps_of_noisy_pictures(kind, method):
    """Inside the object they are the true ones up to one phase of all coils, which is smooth, and their sum of squares
    is 1; outside they go on smoothly."""
    true, picture = MAPS[kind], beating(1, 48, 48)[0]
    pictures = true * picture
    pictures = pictures + noise_of(pictures, 0.01)
    found = estimate_coil_maps(pictures, method)
    inside = picture[0].abs() > 0.2
    assert 0.3 < float(inside.float().mean()) < 0.7
    assert float(likeness(found, true)[inside].min()) > 0.98
    close(found.abs().square().sum(0), torch.ones(48, 48))
    assert roughness(found[:, 8:-8, 8:-8]) < 0.2


@pytest.mark.parametrize("make", [cartesian, spokes])
def test_maps_of_undersampled_data(make):
    """From all frames together, none of which would do alone."""
    operator = make(frames=12, side=32, coils=6)
    data = operator(beating(12, 32, 32))
    data = data + noise_of(data, 0.01) * operator.observed_mask()
    found = estimate_coil_maps(mean_coil_pictures(data, operator))
    inside = beating(1, 32, 32)[0, 0].abs() > 0.2
    assert float(likeness(found, smooth_maps(6, 32, 32))[inside].mean()) > 0.98


@pytest.mark.parametrize("centred", [True, False])
def test_mean_pictures(centred):
    """Of a clip that stands still, each place measured in some frame: what each coil sees, to rounding."""
    maps, mask = smooth_maps(3, 16, 16), rows_mask(9, 16, 16, 12)
    assert bool(mask.any(0).all())
    operator = MRI((9, 1, 16, 16), mask=mask, coil_maps=maps, centred=centred)
    still = beating(1, 16, 16).expand(9, -1, -1, -1)
    close(mean_coil_pictures(operator(still), operator), maps * still[0], atol=1e-5, rtol=1e-5)


def test_white_noise():
    """Of correlated noise the covariance is found, and is 1 afterwards."""
    mixing = torch.randn(4, 4, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))
    noise = mixing @ noise_of(torch.empty(4, 20000), 1.0)
    covariance = noise_covariance(noise)
    close(covariance, mixing @ mixing.mH, atol=0.3, rtol=0)
    white = prewhiten(noise[None, :, :], covariance)[0]
    close(noise_covariance(white), torch.eye(4, dtype=torch.complex64), atol=1e-3, rtol=0)


def test_whitened_maps_and_data_are_of_one_clip():
    """A with whitened maps gives whitened data."""
    operator, clip = cartesian(), beating(8, 24, 24)
    covariance = noise_covariance(noise_of(torch.empty(4, 100), 1.0))
    maps = prewhiten(operator.coil_maps, covariance)[0]
    other = MRI(clip.shape, mask=operator.mask, coil_maps=maps)
    close(other(clip), prewhiten(operator(clip), covariance), atol=1e-5, rtol=1e-4)


def test_compression():
    """Coils that are combinations of three are three, with all of their energy; combinations are orthonormal."""
    data = noise_of(torch.empty(5, 3, 40), 1.0)
    many = combined(data, noise_of(torch.empty(8, 3), 1.0))
    found = compress_coils(many, keep_energy=0.9999)
    assert found.data.shape == (5, 3, 40)
    assert found.kept == pytest.approx(1, abs=1e-6)
    close(found.matrix @ found.matrix.mH, torch.eye(3, dtype=torch.complex64), atol=1e-5, rtol=0)
    close(combined(found.data, found.matrix.mH), many, atol=1e-4, rtol=1e-4)
    two = compress_coils(many, coils=2)
    assert two.kept == pytest.approx(float(two.data.abs().square().sum() / many.abs().square().sum()), rel=1e-4)
    assert compress_coils(many, coils=20).data.shape == many.shape


WRONG = {
    "pictures that are real": lambda: estimate_coil_maps(torch.ones(2, 8, 8)),
    "empty pictures": lambda: estimate_coil_maps(torch.zeros(2, 8, 8, dtype=torch.complex64)),
    "no such method": lambda: estimate_coil_maps(torch.ones(2, 8, 8, dtype=torch.complex64), "espirt"),
    "few noise samples": lambda: noise_covariance(torch.zeros(4, 7, dtype=torch.complex64)),
    "a coil that saw nothing": lambda: whitening(torch.diag(torch.tensor([1.0, 0.0]))),
    "other coils": lambda: prewhiten(torch.zeros(1, 3, 4, dtype=torch.complex64), torch.eye(2)),
    "no coils": lambda: compress_coils(torch.zeros(1, 3, 4, dtype=torch.complex64), coils=0),
}


@pytest.mark.parametrize("what", WRONG)
def test_refused(what):
    with pytest.raises(InputError):
        WRONG[what]()
