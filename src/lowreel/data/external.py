"""Operators and their data from arrays that others saved: y, and the mask that it was made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from ..errors import InputError
from ..io.containers import CENTRED, Array, as_clip, origin_of
from ..operators.base import LinearOperator
from ..operators.pixels import Mask
from ..operators.snapshot import Snapshot
from ..operators.tensors import Data, tensors_of
from ..operators.transforms import Fourier
from .mask_check import contradiction


class Given(NamedTuple):
    """An operator, its data in the units of the file (float64), and the frames of the file that they are about."""

    operator: LinearOperator
    data: Data
    frames: tuple[int, int]


def snapshot_given(y: Array, mask: Array | None, frames: slice) -> Given:
    """K pictures, (H, W) or (H, W, K), of B frames each, through a mask (H, W, B): a clip of K B grey frames.

    Those are MATLAB's axes; in NumPy's files K and B come first. Raises InputError for other shapes, a mask that does
    not fit, and frames that do not begin and end with a picture.
    """
    if mask is None:
        raise InputError(f"{y.label}: snapshot needs the mask of the camera; name its array with --mask")
    pictures, codes = _real(_stack(y), y), _real(_stack(mask), mask)
    if pictures.shape[1:] != codes.shape[1:]:
        raise InputError(
            f"{mask.label}: the mask is {mask.values.shape}, the data {y.label} {y.values.shape}; expected "
            f"{_axes(y, 'B')} and {_axes(y, 'K')}{_hint(pictures.shape, codes.shape)}"
        )
    together, total = len(codes), len(codes) * len(pictures)
    start, stop = _stretch(frames, total, y)
    if start % together or stop % together:
        raise InputError(
            f"--frames: each picture holds {together} frames, so that a stretch begins and ends at a multiple of "
            f"{together}; got {start}:{stop}"
        )
    kept = pictures[start // together : stop // together]
    operator = Snapshot((stop - start, 1, *codes.shape[1:]), together, mask=torch.from_numpy(codes))
    return Given(operator, torch.from_numpy(kept)[:, None], (start, stop))


def mask_given(y: Array, mask: Array | None, frames: slice) -> Given:
    """A clip with zeros or NaN at unobserved pixels, and a mask: of a frame's size for all, or of the clip's.

    Zero (False) means unobserved. Without a mask the pixels that are NaN are the unobserved ones. Raises InputError
    for other shapes, a mask with more than two values, one that differs from channel to channel, another mask than
    that of the data or one turned round, no mask and no NaN.
    """
    pixels = _real(np.asarray(as_clip(y)), y)
    start, stop = _stretch(frames, len(pixels), y)
    pixels = pixels[start:stop]
    if mask is None:
        if not np.isnan(pixels).any():
            raise InputError(f"{y.label}: holds no NaN, so which pixels are unobserved? Name the array with --mask")
        seen = ~np.isnan(pixels).any(1, keepdims=True)
    else:
        seen = _seen(mask, (stop - start, *pixels.shape[1:]), (start, stop))
        _check_mask(pixels, seen, mask)
    return Given(Mask(pixels.shape, torch.from_numpy(seen)), torch.from_numpy(np.where(seen, pixels, 0)), (start, stop))


def fourier_given(
    y: Array, mask: Array | None, frames: slice, *, spectrum_origin: str | None = None, image_origin: str = "corner"
) -> Given:
    """Spectra of T frames, (H, W) or (H, W, T) complex, unitary, and which entries were measured: (H, W) or (H, W, T).

    Those are MATLAB's axes; in NumPy's files T comes first. A mask (W,) says which columns were measured, as fastMRI's
    files do. Without a mask the entries that are not zero were measured.
    The origins are each in the corner, in the middle, or in the middle along height or width alone. That of the
    spectrum, frequency zero, is found where it is not said: wherever the numbers are largest. Raises InputError for
    other shapes, real data, a mask that does not fit, and spectra whose origin cannot be found.
    """
    spectra = _stack(y) if y.dtype.kind == "c" else y.values
    if spectra.dtype.kind != "c":
        pairs = "; of pairs of real and imaginary parts save y[..., 0] + 1j * y[..., 1]" if y.shape[-1] == 2 else ""
        raise InputError(f"{y.label}: expected complex numbers, a spectrum, got {spectra.dtype}{pairs}")
    if not spectra.imag.any() and np.count_nonzero(spectra) > len(spectra):  # more than frequency zero of each frame
        raise InputError(
            f"{y.label}: the imaginary parts of its spectra are all zero: are these magnitudes, or real parts? Save "
            "the complex numbers"
        )
    start, stop = _stretch(frames, len(spectra), y)
    height, width = spectra.shape[1:]
    measured = spectra != 0 if mask is None else _mask_of_spectra(mask, height, width) != 0
    if measured.shape[1:] != (height, width) or len(measured) not in (1, len(spectra)):
        raise InputError(
            f"{mask.label if mask else y.label}: the mask is {measured.shape[::-1]}, the data {y.values.shape}; "
            f"expected {_axes(y, 'T')} or (H, W)"
        )
    measured = np.broadcast_to(measured, spectra.shape)
    if mask is not None:
        _check_mask(spectra, measured, mask)
    origin = spectrum_origin or origin_of(np.where(measured, spectra, 0))
    if origin is None:
        raise InputError(
            f"{y.label}: frequency zero was measured neither in the corner nor in the middle: where is it? Say "
            f"--spectrum-origin {'|'.join(CENTRED)}"
        )
    centred = CENTRED[origin]
    spectra, measured = (np.fft.ifftshift(v, axes=centred) for v in (spectra, measured))
    spectra = spectra * _shift_by_half((height, width), CENTRED[image_origin])
    kept = torch.from_numpy(np.ascontiguousarray(spectra[start:stop], dtype=np.complex128))[:, None]
    seen = torch.from_numpy(np.array(measured[start:stop]))
    operator = Fourier((stop - start, 1, height, width), "mask", mask=seen)
    return Given(operator, kept * operator.mask, (start, stop))


def _shift_by_half(shape: tuple[int, int], axes: tuple[int, ...]) -> np.ndarray:
    """What a spectrum (H, W) of images whose origin is in the middle of these axes is multiplied by, to be that of the
    same images from their corner on: e^(-2 pi i k (n // 2) / n), a checkerboard of signs where n is even."""
    factor = np.ones(shape, np.complex128)
    for axis, n in enumerate(shape):
        if axis + 1 in axes:
            turned = np.exp(-2j * np.pi * (np.arange(n) * (n // 2) % n) / n)
            factor *= turned[:, None] if axis == 0 else turned
    return factor


ARRAY_KINDS: dict[str, Callable[..., Given]] = {
    "snapshot": snapshot_given,
    "mask": mask_given,
    "fourier": fourier_given,
}
"""Operators that arrays in a file can describe, by the names that `--operator` takes: made of y, mask and frames."""


def check_finite(given: Given, label: str) -> None:
    """Raise InputError where a number that says something about the clip is NaN or infinite."""
    pairs = zip(tensors_of(given.data), tensors_of(given.operator.observed_mask()), strict=True)
    bad = sum(int((~torch.isfinite(y[known])).sum()) for y, known in pairs)
    if bad:
        raise InputError(f"{label}: {bad} numbers are NaN or infinite where something was observed; mask or mend them")


def data_of(y: Array, operator: LinearOperator) -> Data:
    """The array as data of an operator; where that is flat, as PyLops' is, the last axis runs fastest.

    Raises InputError where its shape is another.
    """
    values, wanted = torch.from_numpy(np.array(y.values)), operator.data_shape
    if len(wanted) == 1 and isinstance(wanted[0], int) and values.ndim > 1 and values.numel() == wanted[0]:
        values = values.reshape(-1)
    elif all(isinstance(n, int) for n in wanted) and tuple(values.shape) != wanted:
        raise InputError(
            f"{y.label}: is {tuple(values.shape)}, {type(operator).__name__} gives data of shape {wanted}; save y in "
            "that shape, flat with the last axis running fastest where it is flat, or give another --clip-shape"
        )
    return operator.checked_data(values.to(torch.complex128 if values.is_complex() else torch.float64))


def _check_mask(y: np.ndarray, observed: np.ndarray, mask: Array) -> None:
    found = contradiction(torch.from_numpy(y), torch.from_numpy(np.array(observed)))
    if found is not None:
        raise InputError(f"{mask.label}: {found}")


def _mask_of_spectra(mask: Array, height: int, width: int) -> np.ndarray:
    """A mask (K, H, W); one of columns holds for every row."""
    if mask.shape == (width,):
        return np.broadcast_to(mask.values, (1, height, width))
    return _stack(mask)


def _stack(array: Array) -> np.ndarray:
    """Pictures (K, H, W) of (H, W), or of (H, W, K) in MATLAB's order."""
    values = array.values
    if values.ndim not in (2, 3):
        place = f"; take one place on an axis, such as {array.label},1=0" if values.ndim > 3 else ""
        raise InputError(f"{array.label}: expected {_axes(array, 'K')} or (H, W); got {values.shape}{place}")
    if values.ndim == 2:
        return values[None]
    return np.moveaxis(values, -1, 0) if array.matlab else values


def _axes(array: Array, count: str) -> str:
    return f"(H, W, {count})" if array.matlab else f"({count}, H, W)"


def _hint(pictures: tuple[int, ...], codes: tuple[int, ...]) -> str:
    """What would make a mask fit, where something simple would."""
    if codes[:0:-1] == pictures[1:]:
        return "; it fits with H and W swapped: transpose every frame of the mask"
    if codes[:2] == pictures[1:] or codes[:2] == pictures[:2]:
        return "; the axes look like (H, W, B): move the last one to the front in both"
    return ""


def _real(values: np.ndarray, array: Array) -> np.ndarray:
    if values.dtype.kind not in "biuf":
        raise InputError(f"{array.label}: expected real numbers, got {values.dtype}; take its magnitude, abs(...)")
    return np.ascontiguousarray(values, dtype=np.float64)


def _stretch(frames: slice, total: int, y: Array) -> tuple[int, int]:
    start, stop, step = frames.indices(total)
    if step != 1 or start >= stop or (frames.stop or 0) > total:
        got = ":".join("" if n is None else str(n) for n in (frames.start, frames.stop, frames.step)).rstrip(":")
        raise InputError(f"--frames: expected N or A:B within the {total} frames of {y.label}, got {got}")
    return start, stop


def _seen(mask: Array, clip_shape: tuple[int, ...], frames: tuple[int, int]) -> np.ndarray:
    """The observed pixels, booleans (T, 1, H, W)."""
    values = np.asarray(as_clip(mask))
    if values.dtype.kind not in "biuf" or len(set(np.unique(values).tolist()) - {0}) != 1:
        raise InputError(f"{mask.label}: expected a mask of zeros and one other number, for observed")
    seen = values != 0
    seen = seen if len(seen) == 1 else seen[slice(*frames)]
    if (seen != seen[:, :1]).any():
        raise InputError(f"{mask.label}: differs from channel to channel; give one mask for all, of one channel")
    if len(seen) not in (1, clip_shape[0]) or seen.shape[2:] != clip_shape[2:]:
        swapped = seen.shape[:1:-1] == clip_shape[2:] and "; it fits with H and W swapped: transpose its frames"
        raise InputError(
            f"{mask.label}: the mask is {mask.values.shape}; expected one for frames of {clip_shape[2:]}, "
            f"a single one or {clip_shape[0]}{swapped or ''}"
        )
    return np.broadcast_to(seen[:, :1], (clip_shape[0], 1, *clip_shape[2:])).copy()
