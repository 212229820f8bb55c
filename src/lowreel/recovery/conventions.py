"""Checks of the data before any fit: its sign, the origin of its spectrum, its phase, its mask."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

from ..data import Noise, contradiction
from ..errors import DataWarning, InputError
from ..io.containers import ABOVE_ZERO
from ..operators import Data, LinearOperator, inner, map_data, tensors_of
from .levels import WIDEST_NOISE

LOOKED_AT_PARTS = 8
"""Parts of the data that are looked at, at most: a convention is the same in all of them."""

CG_ITERATIONS = 12

COMPLEX_SHARE = 0.02
"""Share of the energy of the strongest numbers that a complex clip explains and a real one does not, beyond what noise
makes, for an image to count as complex (docs/choices.md)."""

NOISE_SHARE = 0.6
"""Part of the energy of noise that a complex clip explains and a real one does not: a half, and some to spare."""

PAIRED_NOISE_SHARE = 0.75
"""The same of numbers that stand at opposite frequencies, one of each pair being among the largest."""

STRONG_SHARE = 0.9
"""Share of the energy that the strongest numbers hold together: what they say is hardly noise."""

NEGATIVE_SHARE = 0.1
"""Share of the energy that a constant clip below black explains, for the data to count as of the wrong sign."""

ENOUGH_PROJECTIONS = 160
"""Random projections whose correlation with those of a white clip is not so negative by chance: 4 standard errors."""

ROUNDING_SHARE = 1e-4

CUT = 0.3
"""How alike neighbouring numbers of a spectrum may be: a picture has its bright parts then at its borders."""

SEAM_SHARE = 0.1
"""Difference of opposite borders, as a share of their energy, under which a picture goes on beyond its border."""


def check_mask(data: Data, operator: LinearOperator) -> None:
    """Raise InputError where the data lacks pixels that the operator observes, and has pixels that it does not.

    data: as the caller gave it, with all its entries. Nothing is checked unless the operator is a mask of pixels.
    """
    if not operator.is_pixel_mask:
        return
    (y,), (observed,) = tensors_of(data), tensors_of(operator.observed_mask())
    found = contradiction(y, observed)
    if found is not None:
        raise InputError(f"data: {found}")


@torch.no_grad()
def check_conventions(data: Data, operator: LinearOperator, noise: Noise) -> None:
    """Raise InputError where the data cannot come from any clip of grey levels above black, whatever the noise.

    data: finite, zero where nothing was observed. A clip that seems to be cut in four is a DataWarning.
    """
    if operator.is_pixel_mask:
        return
    data, operator = _few_parts(data, operator)
    sigma = noise.rms or 0.0
    if operator.is_spectrum:
        _check_origin(tensors_of(data)[0], operator, sigma)
    _check_sign(data, operator, sigma)
    if any(y.is_complex() for y in tensors_of(data)):
        _check_real(data, operator)
    if operator.is_spectrum:
        _warn_of_a_cut(tensors_of(data)[0], operator)


def _few_parts(data: Data, operator: LinearOperator) -> tuple[Data, LinearOperator]:
    """The data of a few parts, evenly over the clip, where it has parts."""
    count = math.ceil(operator.clip_shape[0] / operator.part_frames)
    if count <= LOOKED_AT_PARTS:
        return data, operator
    parts = [round(k * (count - 1) / (LOOKED_AT_PARTS - 1)) for k in range(LOOKED_AT_PARTS)]
    return operator.take(data, parts), operator.subset(parts)


def _check_sign(data: Data, operator: LinearOperator, sigma: float) -> None:
    """By the correlation with the data of a white clip, <A 1, A x>, and the least that a clip in [0, 1] can make of it.

    That is a wide bound for random projections, most of whose clips come near to none: there chance is judged.
    """
    white = operator(torch.ones(operator.clip_shape))
    mean, power, energy = float(inner(white, data)), float(inner(white, white)), float(inner(data, data))
    least = float(operator.adjoint(white).clamp_max(0).sum())
    numbers = sum(y.numel() for y in tensors_of(data))
    is_below = mean < least - WIDEST_NOISE * sigma * math.sqrt(power) - ROUNDING_SHARE * math.sqrt(power * energy)
    if operator.is_random_projection:
        is_below = mean < 0 and numbers >= ENOUGH_PROJECTIONS
    if is_below and mean**2 > NEGATIVE_SHARE * power * energy:
        raise InputError(
            f"data: it is of a clip whose mean grey level is {mean / power:.3g}, below black; has the data the wrong "
            "sign, or the image a phase of pi? Give -y; or, of a clip with negative levels, y + A(constant)"
        )


def _check_origin(spectrum: Tensor, operator: LinearOperator, sigma: float) -> None:
    """Of a clip above black no number of the spectrum is larger than that at frequency zero, the sum of the pixels."""
    sizes = spectrum.abs().flatten(2)
    has_zero = tensors_of(operator.observed_mask())[0][..., 0, 0]
    largest, place = sizes.max(-1)
    beyond = has_zero & (largest > ABOVE_ZERO * sizes[..., 0] + WIDEST_NOISE * sigma)
    if not bool(has_zero.any()) or 2 * int(beyond.sum()) <= int(has_zero.sum()):
        return
    width = spectrum.shape[-1]
    where = int(place[beyond].mode().values)
    raise InputError(
        f"data: the spectrum is largest at ({where // width}, {where % width}), but frequency zero, the largest of "
        "any clip above black, is expected in the corner (0, 0); is the spectrum centred, along one axis or both? "
        "Give np.fft.ifftshift(y, axes=(-2, -1)), and the mask so too; of a file say --spectrum-origin"
    )


def _check_real(data: Data, operator: LinearOperator) -> None:
    """By the strongest numbers: what a complex clip explains of them and a real one does not.

    Of a spectrum also by those beside frequency zero, which alone may hold most of the energy, and by the numbers at
    the opposite frequencies, which are as large for a real clip and not there in half of a spectrum.
    """
    strong = _strongest(data)
    share = _imaginary_share(data, operator, strong, NOISE_SHARE)
    if operator.is_spectrum and share <= COMPLEX_SHARE:
        rest = map_data(_without_zero, data)
        strong = map_data(lambda e, known: (e | _opposite(e)) & known, _strongest(rest), operator.observed_mask())
        share = _imaginary_share(rest, operator, strong, PAIRED_NOISE_SHARE)
    if share > COMPLEX_SHARE:
        raise InputError(
            f"data: {share:.0%} of what its strongest numbers say is of the imaginary part of the image, and clips are "
            "real with this operator; use lowreel.MRI (--operator mri), whose clips are complex, or take the phase off "
            "first (of the image, or of each coil); or is the origin of image or spectrum another than the operator's, "
            "or y half of a spectrum (np.fft.rfft2)?"
        )


def _without_zero(spectrum: Tensor) -> Tensor:
    """A spectrum of the same clip less its mean grey level in each frame."""
    rest = spectrum.clone()
    rest[..., 0, 0] = 0
    return rest


def _opposite(spectrum: Tensor) -> Tensor:
    """At each frequency what stands at the opposite one."""
    return spectrum.flip(-2, -1).roll((1, 1), (-2, -1))


def _imaginary_share(data: Data, operator: LinearOperator, entries: Data, noise_share: float) -> float:
    """Part of the energy of these entries that is of an imaginary part of the clip, beyond what noise makes."""
    energy = _energy(data, entries)
    if energy == 0:
        return 0.0
    real, both = (_unexplained(data, operator, entries, is_complex) for is_complex in (False, True))
    numbers = sum(int(e.sum()) for e in tensors_of(entries))
    return (real - both - noise_share * numbers * _noise_variance(data, operator)) / energy


def _noise_variance(data: Data, operator: LinearOperator) -> float:
    """Of white noise that the weaker half of the numbers may be: no less than there is, as these say something too."""
    pairs = zip(tensors_of(data), tensors_of(operator.observed_mask()), strict=True)
    return float(torch.cat([y[known].abs().square() for y, known in pairs]).median()) / math.log(2)


def _strongest(data: Data) -> Data:
    """Booleans like the data: the largest numbers, which hold `STRONG_SHARE` of its energy."""
    sizes = torch.cat([y.abs().flatten() for y in tensors_of(data)]).square().double()
    rising = sizes.sort().values
    weak = int((rising.cumsum(0) < (1 - STRONG_SHARE) * rising.sum()).sum())
    least = math.sqrt(float(rising[min(weak, len(rising) - 1)]))
    largest: Data = map_data(lambda y: y.abs() >= least * (1 - 1e-6), data)
    return largest


def _energy(data: Data, entries: Data) -> float:
    pairs = zip(tensors_of(data), tensors_of(entries), strict=True)
    return sum(float(y[e].abs().double().square().sum()) for y, e in pairs)


def _unexplained(data: Data, operator: LinearOperator, entries: Data, is_complex: bool) -> float:
    """Squared residual of these entries for the best clip that a few conjugate gradient steps find, real or complex."""

    def there(clip: tuple[Tensor, ...]) -> Data:
        parts = [operator(part) for part in clip]
        found = parts[0] if len(parts) == 1 else map_data(lambda a, b: a + 1j * b, *parts)
        seen: Data = map_data(lambda y, e: y * e, found, entries)
        return seen

    def back(y: Data) -> tuple[Tensor, ...]:
        turned = [y, map_data(lambda t: -1j * t, y)] if is_complex else [y]
        return tuple(operator.adjoint(map_data(as_measured, t, data)) for t in turned)

    def as_measured(found: Tensor, y: Tensor) -> Tensor:
        return found if y.is_complex() else found.real  # one member of a stack is a spectrum, another is real

    residual: Data = map_data(lambda y, e: y * e, data, entries)
    gradient = back(residual)
    direction, power = gradient, sum(float(g.square().sum()) for g in gradient)
    for _ in range(CG_ITERATIONS):
        image = there(direction)
        step = power / max(float(inner(image, image)), 1e-30)
        residual = map_data(lambda r, i, a=step: r - a * i, residual, image)
        gradient = back(residual)
        before, power = power, sum(float(g.square().sum()) for g in gradient)
        if power <= 1e-12 * before or before == 0:
            break
        direction = tuple(g + (power / before) * d for g, d in zip(gradient, direction, strict=True))
    return float(inner(residual, residual))


def _warn_of_a_cut(spectrum: Tensor, operator: LinearOperator) -> None:
    """Warn where the picture seems to be cut in four: bright at its borders, and going on beyond them."""
    picture = operator.adjoint(spectrum).clamp_min(0)
    for axis, name in ((2, "rows"), (3, "columns")):
        angles = 2 * math.pi * torch.arange(picture.shape[axis]) / picture.shape[axis]
        energy = picture.square().sum((0, 1, 5 - axis))
        at_borders = float((energy * angles.cos()).sum() / energy.sum().clamp_min(1e-30))
        first, last = picture.narrow(axis, 0, 1), picture.narrow(axis, picture.shape[axis] - 1, 1)
        seam = float((first - last).square().sum()) / max(float(first.square().sum() + last.square().sum()), 1e-30)
        if at_borders > CUT and seam < SEAM_SHARE:
            warnings.warn(
                f"the image seems to be cut in the middle of its {name}: bright at its borders, going on beyond them. "
                "Is its origin in the middle? Then give y * (-1)^(row + column), a checkerboard, to have it whole; "
                "of a file say --image-origin middle",
                DataWarning,
                stacklevel=5,
            )
            return
