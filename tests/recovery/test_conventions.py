"""What data says before any fit: of its units, its sign, its phase and its origin."""

import math
import warnings

import numpy as np
import pytest
import torch
from cases import levels, moving

from lowreel.data import NoNoise, UnknownNoise, WhiteNoise
from lowreel.errors import InputError
from lowreel.operators import Blur, Fourier, Gaussian, Identity, Mask, MissingPixels, Signs, Snapshot, Stacked
from lowreel.recovery.conventions import check_conventions, check_mask
from lowreel.recovery.levels import AS_IS, levels_of
from lowreel.recovery.recover import recover
from lowreel.settings import RecoverSettings

CLIP = moving(6, 1, 24, 20)
S = tuple(CLIP.shape)
FEW = RecoverSettings(quality="draft", steps=2, baselines="none")
IDENTITY, SNAPSHOT, GAUSSIAN = Identity(S), Snapshot(S, 3), Gaussian(S, 60)


# Units

UNITS = {
    "grey levels": (IDENTITY, CLIP, NoNoise(), AS_IS),
    "all black": (IDENTITY, 0 * CLIP, NoNoise(), AS_IS),
    "noisy ones": (IDENTITY, CLIP + 0.1 * (levels(*S).float() - 0.5), WhiteNoise(sigma=0.05), AS_IS),
    "noise of unknown size": (IDENTITY, CLIP - 0.3, UnknownNoise(), AS_IS),
    "8 bits": (IDENTITY, (255 * CLIP).round(), NoNoise(), (255, 0)),
    "12 bits": (MissingPixels(S, 0.5), (4095 * CLIP).round(), NoNoise(), (4095, 0)),
    "signed": (IDENTITY, 2 * CLIP - 0.5, NoNoise(), (2 * float(CLIP.max() - CLIP.min()), 2 * float(CLIP.min()) - 0.5)),
    "snapshot": (SNAPSHOT, SNAPSHOT(CLIP), NoNoise(), AS_IS),
    "gaussian": (GAUSSIAN, GAUSSIAN(CLIP), NoNoise(), AS_IS),
}


@pytest.mark.parametrize(("operator", "y", "noise", "found"), UNITS.values(), ids=UNITS)
def test_units_are_found(operator, y, noise, found):
    """Those of a clip in [0, 1] are left as they are."""
    got = levels_of(y, operator, noise)
    scale, offset = found
    if offset < 0:
        assert got.offset == pytest.approx(offset, abs=1e-5)
        assert got.offset + got.scale >= float(y.max()) - 1e-5
    else:
        assert got == pytest.approx((scale, offset))


def test_a_snapshot_in_other_units_is_brighter_than_any_clip():
    """The smallest white that its numbers can be of, and no less."""
    y = (SNAPSHOT(255 * CLIP)).round()
    assert levels_of(y, SNAPSHOT, NoNoise()).scale == 255


OUTSIDE = {
    "noisy 8 bits": (IDENTITY, 255 * CLIP, WhiteNoise(sigma=5.0), "more than noise would do"),
    "gaussian of 8 bits": (GAUSSIAN, GAUSSIAN(255 * CLIP), NoNoise(), "mean grey level .* give y / white"),
    "units of a scanner": (GAUSSIAN, GAUSSIAN(1e-5 * CLIP), NoNoise(), "brightest pixel .* give y / white"),
}


@pytest.mark.parametrize(("operator", "y", "noise", "message"), OUTSIDE.values(), ids=OUTSIDE)
def test_units_that_cannot_be_told_are_refused_with_what_to_do(operator, y, noise, message):
    with pytest.raises(InputError, match=message):
        levels_of(y, operator, noise)


def test_signed_frames_come_back_in_their_units():
    """Exactly where the data is; the levels are told, and a score is given frames in the same units."""
    y, seen = 2 * CLIP - 0.5, []
    found = recover(y, IDENTITY, FEW, score=lambda frames: seen.append(float(frames.min())) or 0.0)
    assert torch.equal(found.clip, y)
    assert found.levels.offset == pytest.approx(float(y.min()))
    assert min(seen) >= float(y.min()) - 1e-6


def test_a_masked_array_is_data_with_missing_pixels():
    """The same result as by the operator that observes the others, whatever lies under the mask."""
    holes = levels(*S).numpy() < 0.4
    y = np.ma.MaskedArray(np.where(holes, 1e20, CLIP.numpy()), mask=holes)
    masked = recover(y, IDENTITY, FEW)
    plain = recover(CLIP * torch.from_numpy(~holes), Mask(S, ~holes), FEW)
    assert torch.equal(masked.clip, plain.clip)
    with pytest.raises(InputError, match="a masked array, but numbers of gaussian data"):
        recover(np.ma.MaskedArray(GAUSSIAN(CLIP).numpy(), mask=np.eye(6, 60, dtype=bool)), GAUSSIAN, FEW)


# Sign, phase, origin

EVERY = Fourier(S, "mask", mask=torch.ones(24, 20, dtype=torch.bool))
HALF = Fourier(S, "rows", 0.5)
NARROW = Fourier(S, "mask", mask=torch.ones(24, 20, dtype=torch.bool))  # as wide as half of a spectrum of 38 columns
RAMP = torch.linspace(-1, 1, 20)


def spectrum(image, operator=EVERY, noise=0.0):
    drawn = torch.randn(S, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    return operator.mask * (torch.fft.fft2(image, norm="ortho") + noise * drawn)


FITTING = {
    "spectrum": (EVERY, spectrum(CLIP)),
    "half of it": (HALF, spectrum(CLIP, HALF)),
    "with noise": (HALF, spectrum(CLIP, HALF, 0.2)),
    "with more noise than clip": (EVERY, spectrum(CLIP, EVERY, 1.0)),
    "lines": (Fourier(S, "radial", 9), Fourier(S, "radial", 9)(CLIP)),
    "half the plane": (half := Fourier(S, "mask", mask=torch.arange(20) < 11 * torch.ones(24, 1)), half(CLIP)),
    "lines, and a blurred copy": (both := Stacked([Fourier(S, "radial", 9), Blur(S, 1.0)]), both(CLIP)),
    "gaussian": (GAUSSIAN, GAUSSIAN(CLIP)),
    "signs of a dark clip": (Signs(S, 60), Signs(S, 60)(0.02 * CLIP)),
    "black": (EVERY, spectrum(0 * CLIP)),
}


@pytest.mark.parametrize(("operator", "y"), FITTING.values(), ids=FITTING)
def test_what_a_clip_can_have_given_is_let_pass(operator, y):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_conventions(y, operator, NoNoise())


CONTRADICTED = {
    "phase of pi": (HALF, spectrum(-CLIP, HALF), "below black; has the data the wrong sign"),
    "wrong sign": (GAUSSIAN, -GAUSSIAN(CLIP), "below black"),
    "phase of a quarter turn": (EVERY, spectrum(1j * CLIP), "imaginary part"),
    "phase of 20 degrees, noise": (EVERY, spectrum(CLIP * np.exp(1j * math.pi / 9), noise=0.05), "imaginary part"),
    "phase that varies": (HALF, spectrum(CLIP * torch.exp(1j * RAMP), HALF), "imaginary part"),
    "centred": (EVERY, torch.fft.fftshift(spectrum(CLIP), (2, 3)), r"largest at \(12, 10\)"),
    "half of a spectrum": (NARROW, torch.fft.rfft2(torch.cat([CLIP, CLIP[..., :18]], -1), norm="ortho"), "rfft2"),
    "centred along one axis": (EVERY, torch.fft.fftshift(spectrum(CLIP), (3,)), r"largest at \(0, 10\)"),
}


@pytest.mark.parametrize(("operator", "y", "message"), CONTRADICTED.values(), ids=CONTRADICTED)
def test_what_no_clip_can_have_given_is_refused(operator, y, message):
    """Before the fit, with what to do."""
    with pytest.raises(InputError, match=message):
        check_conventions(y, operator, NoNoise())


def test_a_picture_cut_in_four_is_told():
    """Its origin is in the middle: the spectrum has a checkerboard of phases."""
    y, x = torch.meshgrid(torch.arange(24.0), torch.arange(20.0), indexing="ij")
    disc = (((y - 12) ** 2 / 64 + (x - 10) ** 2 / 49) < 1).float().expand(S)
    check_conventions(spectrum(disc), EVERY, NoNoise())
    with pytest.warns(UserWarning, match="cut in the middle"):
        check_conventions(spectrum(torch.fft.ifftshift(disc, (2, 3))), EVERY, NoNoise())


def test_a_mask_that_is_not_the_datas_is_refused():
    """Zeros where pixels are observed, and numbers where they are not; what was never observed may hold anything."""
    one, other = MissingPixels(S, 0.5, seed=0), MissingPixels(S, 0.5, seed=1)
    check_mask(one(CLIP), one)
    check_mask(CLIP, one)
    with pytest.raises(InputError, match="is it the mask, or the seed, of this data"):
        check_mask(other(CLIP), one)
    seen = one.observed_mask()
    with pytest.raises(InputError, match="the wrong way round; give its opposite"):
        check_mask(torch.where(seen, 0, CLIP), one)
