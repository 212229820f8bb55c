"""Sensitivities of receiver coils, estimated from what they saw; their noise made white; many coils made few.

Arrays are tensors: data (T, coils, ...), as `MRI` has it, pictures and maps (coils, H, W).
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..operators.mri import MRI

SMOOTHING_SHARE, LEAST_SMOOTHING_PIXELS = 0.035, 1.5
"""Standard deviation of the weights with which neighbours count in the correlation of the coils at a pixel, as a share
of the shorter side of the frame, and at least (docs/choices.md)."""

SIGNAL_SHARE = 0.05
"""Pixels whose coils see less than this share of the brightest ones are empty: their maps are continued from others."""

CONTINUED_PIXELS = (4.0, 16.0, 64.0)
"""Standard deviations with which maps are continued into empty pixels: the next one where the last found nothing."""

PHASE_ROUNDS = 8
"""How often the phase of the maps is turned to that of their smoothed neighbours."""

PICTURE_ITERATIONS = 3
"""Of conjugate gradients for the mean picture of each coil of data that lies on no grid (docs/choices.md)."""

PICTURE_READOUTS = 2
"""Readouts that these pictures are made from, at most, times the longer side of the frame: half as many again as radial
ones need to leave no gap."""

ESPIRIT_WIDTH = 24
"""Rows and columns of the middle of the spectrum that ESPIRiT is calibrated by, at most."""

PIXELS_TOGETHER = 1 << 14
"""Pixels whose coils' correlations are taken apart at once."""

EmpiricalMaps = Literal["walsh", "espirit"]


def mean_coil_pictures(data: Tensor, operator: MRI) -> Tensor:
    """What each coil saw in the mean over the frames, (coils, H, W) complex; the coil maps of `operator` are not used.

    On a grid each place of the spectrum has the mean of the frames that measured it. Elsewhere the readouts of all
    frames, or as many as are needed, evenly chosen, are those of one frame, solved by a few conjugate gradients from
    the density-compensated picture.
    """
    height, width = operator.clip_shape[2:]
    coils = data.shape[1]
    mask = operator.mask.expand(len(data), -1, -1, -1)
    if operator.trajectory is None:
        spectra = (data * mask).sum(0) / mask.sum(0).clamp_min(1)
        alone = MRI((coils, 1, height, width), mask=mask.any(0)[0], centred=operator.centred)
        return alone.adjoint(spectra[:, None].to(torch.complex64))[:, 0]
    path = operator.trajectory.expand(len(data), -1, -1, -1).flatten(0, 1)
    samples = data.transpose(0, 1).flatten(1, 2)[:, None].to(torch.complex64)
    there = mask[:, 0].flatten(0, 1)
    measured = there.any(1).nonzero()[:, 0]
    most = min(len(measured), PICTURE_READOUTS * max(height, width))
    chosen = measured[torch.linspace(0, len(measured) - 1, most).round().long()]
    path, samples, there = path[chosen], samples[:, :, chosen], there[chosen]
    alone = MRI((coils, 1, height, width), trajectory=path, mask=there, centred=operator.centred)
    return _nearest_pictures(alone, samples * there)[:, 0]


def _nearest_pictures(operator: MRI, data: Tensor) -> Tensor:
    """Pictures by a few steps of conjugate gradients on least squares, from the gridded ones."""
    found = operator.gridded(data)
    residual = data - operator(found)
    gradient = operator.adjoint(residual)
    direction, power = gradient, float(gradient.norm()) ** 2
    for _ in range(PICTURE_ITERATIONS):
        image = operator(direction)
        step = power / max(float(image.norm()) ** 2, 1e-30)
        found, residual = found + step * direction, residual - step * image
        gradient = operator.adjoint(residual)
        power, before = float(gradient.norm()) ** 2, power
        if power <= 1e-12 * before:
            break
        direction = gradient + (power / before) * direction
    return found


def estimate_coil_maps(pictures: Tensor, method: EmpiricalMaps = "walsh") -> Tensor:
    """Coil maps (coils, H, W), complex64, of sum of squares 1, from pictures (coils, H, W) such as the mean ones.

    "walsh": the strongest eigenvector of the correlation of the coils around each pixel (Walsh, Gmitro, Marcellin,
    Magn. Reson. Med. 43:682, 2000). "espirit": by `sigpy` (Uecker et al., Magn. Reson. Med. 71:990, 2014), where it is
    installed. The phase is that against the combination of coils which sees most, smoothed, so that maps have no seams.
    Where the pictures are empty maps are continued from the nearest pixels that are not: nothing of the frame is cut.
    Raises InputError for other methods and shapes, for numbers that are not finite, and for pictures that are zero.
    """
    if method not in ("walsh", "espirit"):
        raise InputError(f"coil maps: expected walsh or espirit, got {method!r}")
    if pictures.ndim != 3 or not pictures.is_complex() or not bool(torch.isfinite(pictures).all()):
        raise InputError(
            f"coil maps: expected complex pictures (coils, H, W), finite, got {pictures.dtype} {tuple(pictures.shape)}"
        )
    size = _smoothed(pictures.abs().square().sum(0), _smoothing(pictures)).clamp_min(0).sqrt()
    if float(size.max()) == 0:
        raise InputError("coil maps: the pictures of the coils are zero everywhere; what was measured?")
    pictures = pictures.to(torch.complex64)
    bright = float(size.flatten().quantile(0.99)) if size.numel() < 1 << 24 else float(size.max())
    maps, known = (_espirit if method == "espirit" else _walsh)(pictures, size > SIGNAL_SHARE * bright)
    return _continued(_aligned(maps, pictures, known), known)


def _walsh(pictures: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    coils = len(pictures)
    maps = torch.zeros_like(pictures).flatten(1)
    pairs = pictures[:, None] * pictures[None].conj()
    correlation = torch.complex(*(_smoothed(part, _smoothing(pictures)) for part in (pairs.real, pairs.imag)))
    where = known.flatten().nonzero()[:, 0]
    for some in where.split(PIXELS_TOGETHER):
        matrices = correlation.reshape(coils, coils, -1)[:, :, some].permute(2, 0, 1)
        maps[:, some] = torch.linalg.eigh(matrices)[1][:, :, -1].T
    return maps.view_as(pictures), known


def _espirit(pictures: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    try:
        import sigpy
        import sigpy.mri
    except ImportError:
        raise InputError('coil maps: "espirit" needs sigpy; pip install sigpy, or take "walsh"') from None
    spectra = sigpy.fft(pictures.numpy(), axes=(-2, -1))
    width = min(ESPIRIT_WIDTH, *pictures.shape[1:])
    found = torch.from_numpy(sigpy.mri.app.EspiritCalib(spectra, calib_width=width, show_pbar=False).run())
    seen = (found.abs().sum(0) > 0) & torch.isfinite(found).all(0)
    return torch.where(seen, found, 0).to(torch.complex64), seen & known


def _aligned(maps: Tensor, pictures: Tensor, known: Tensor) -> Tensor:
    """The maps with a smooth phase: first that against the combination of coils that sees most, then that of the
    neighbours."""
    seen = pictures[:, known]
    combination = torch.linalg.eigh(seen @ seen.mH)[1][:, -1]
    found = _turned(maps, torch.einsum("c,chw->hw", combination.conj(), maps))
    for _ in range(PHASE_ROUNDS):
        near = _smoothed_complex(found * known, _smoothing(maps))
        found = _turned(found, (near.conj() * found).sum(0))
    return found * known


def _turned(maps: Tensor, by: Tensor) -> Tensor:
    """The maps with the phase of `by`, (H, W), taken off."""
    return maps * (by.conj() / by.abs().clamp_min(1e-20))


def _continued(maps: Tensor, known: Tensor) -> Tensor:
    """Maps everywhere, of sum of squares 1: those of known pixels, elsewhere weighted means of known ones nearby."""
    found, missing = maps.clone(), ~known
    for pixels in CONTINUED_PIXELS:
        if not bool(missing.any()):
            break
        weight = _smoothed(known.float(), pixels)
        reached = missing & (weight > 1e-3)
        near = _smoothed_complex(maps, pixels)
        found[:, reached] = near[:, reached]
        missing = missing & ~reached
    found[:, missing] = maps[:, known].mean(1, keepdim=True)
    size = found.abs().square().sum(0).sqrt()
    return found / size.clamp_min(1e-20)


def _smoothing(pictures: Tensor) -> float:
    """Pixels by which pictures (coils, H, W) are smoothed."""
    return max(LEAST_SMOOTHING_PIXELS, SMOOTHING_SHARE * min(pictures.shape[1:]))


def _smoothed(values: Tensor, pixels: float) -> Tensor:
    """Gaussian weighted means over the last two axes, real."""
    from scipy.ndimage import gaussian_filter

    deviations = (0.0,) * (values.ndim - 2) + (pixels, pixels)
    return torch.from_numpy(gaussian_filter(values.numpy(), deviations, mode="nearest"))


def _smoothed_complex(values: Tensor, pixels: float) -> Tensor:
    return torch.complex(_smoothed(values.real, pixels), _smoothed(values.imag, pixels))


class Compressed(NamedTuple):
    """Data of few combinations of coils, these combinations, (fewer, coils), and the share of the energy they keep."""

    data: Tensor
    matrix: Tensor
    kept: float


def compress_coils(data: Tensor, *, coils: int | None = None, keep_energy: float = 0.99) -> Compressed:
    """The strongest combinations of coils by the singular values of the data (T, coils, ...): `coils` of them at most,
    or as many as keep this share of the energy (Huang et al., Magn. Reson. Imaging 26:133, 2008).

    White noise stays white. Raises InputError for less than one coil and for shares outside ]0, 1].
    """
    if (coils is not None and coils < 1) or not 0 < keep_energy <= 1:
        raise InputError(f"coil compression: expected 1 coil or more and a share in ]0, 1], got {coils}, {keep_energy}")
    values = data.transpose(0, 1).flatten(1).to(torch.complex128)
    energies, vectors = torch.linalg.eigh(values @ values.mH)
    energies, vectors = energies.flip(0).clamp_min(0), vectors.flip(1)
    shares = energies.cumsum(0) / energies.sum().clamp_min(1e-300)
    count = int((shares < keep_energy * (1 - 1e-12)).sum()) + 1 if coils is None else coils
    count = min(count, data.shape[1])
    matrix = vectors[:, :count].mH.to(torch.complex64)
    return Compressed(combined(data, matrix), matrix, float(shares[count - 1]))


def combined(data: Tensor, matrix: Tensor) -> Tensor:
    """Data (T, coils, ...) of combinations of coils, the rows of a matrix (n, coils)."""
    made: Tensor = torch.einsum("nc,tc...->tn...", matrix, data.to(torch.complex64))
    return made


def noise_covariance(samples: Tensor) -> Tensor:
    """Covariance of the coils, (coils, coils), of noise alone, (coils, N) complex. Raises InputError for too few."""
    coils, count = samples.shape
    if count < 2 * coils:
        raise InputError(f"noise: {count} samples are too few for the covariance of {coils} coils; leave the noise out")
    centred = (samples - samples.mean(1, keepdim=True)).to(torch.complex128)
    return (centred @ centred.mH / (count - 1)).to(torch.complex64)


def whitening(covariance: Tensor) -> Tensor:
    """The matrix (coils, coils) that makes noise of this covariance white: uncorrelated, E|n|^2 = 1 for each coil.

    Raises InputError where it is no covariance: not Hermitian, or not positive.
    """
    given = covariance.to(torch.complex128)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not torch.allclose(given, given.mH, rtol=1e-3, atol=0):
        raise InputError(f"noise: expected a Hermitian covariance (coils, coils), got {tuple(covariance.shape)}")
    factor, failed = torch.linalg.cholesky_ex((given + given.mH) / 2)
    if int(failed) or not math.isfinite(float(factor.abs().max())):
        raise InputError("noise: its covariance is not positive: some coils saw the same, or nothing; leave these out")
    found: Tensor = torch.linalg.inv(factor).to(torch.complex64)
    return found


def prewhiten(data: Tensor, covariance: Tensor) -> Tensor:
    """Data (T, coils, ...) whose noise is white, of variance 1 in each coil; see `whitening`.

    Maps that were known before, (coils, H, W), are changed alike: prewhiten(maps[None], covariance)[0]. covariance:
    (coils, coils). Raises InputError for one of another number of coils, and as `whitening`.
    """
    if data.shape[1] != len(covariance):
        raise InputError(f"noise: a covariance of {len(covariance)} coils does not fit data of {data.shape[1]}")
    return combined(data, whitening(covariance))
