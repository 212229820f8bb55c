"""How good a clip is, against the true one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..system.as_tensor import tensor_of
from ..system.threads import shared_out

TWO_PARTS_DB = 10 * math.log10(2)
"""By how many dB the error of a number of two parts is above their mean error."""


def psnr(found: Any, truth: Any) -> float:
    """Peak signal-to-noise ratio of the whole clip, in dB, with peak 1; inf if equal: -10 log10 mean |x - truth|^2.

    found, truth: (T, C, H, W) in grey levels, of a grey clip also (T, H, W), each NumPy's, torch's on any device, or
    xarray's. Raises ValueError when their shapes differ, InputError for what is no array of numbers.
    """
    return _decibels(1.0, found, truth)


def psnr_range(found: Any, truth: Any) -> float:
    """The same with peak max(x) - min(x) of the true clip, as the paper's tables have it (Section 3).

    found, truth: (T, C, H, W) in grey levels or any other units, arrays as in `psnr`. Raises ValueError when
    their shapes differ.
    """
    true = tensor_of(truth, "psnr: truth")
    return _decibels(float(true.max() - true.min()), found, true)


def both_psnr(found: Any, truth: Any) -> tuple[float, float]:
    """`psnr` and `psnr_range`, for which the error is looked at once."""
    level, true = psnr(found, truth), tensor_of(truth, "psnr: truth")
    gained = 0.0 if level == math.inf else peak_decibels(float(true.min()), float(true.max()))
    return level, -math.inf if math.isnan(gained) else level + gained


def psnr_complex(found: Tensor, truth: Tensor) -> float:
    """The same of complex clips, (T, C, H, W), with the squares of the moduli of their differences, and peak 1.

    Errors of the phase count here, which `psnr` of the magnitudes does not see. Raises ValueError for other shapes.
    """
    return _decibels(1.0, torch.view_as_real(found), torch.view_as_real(truth.to(found.dtype))) - TWO_PARTS_DB


def _decibels(peak: float, found: Any, truth: Any) -> float:
    found, truth = _with_channels(tensor_of(found, "psnr: found").cpu(), tensor_of(truth, "psnr: truth").cpu())
    if found.shape != truth.shape:
        raise ValueError(f"psnr: expected two clips of one shape, got {tuple(found.shape)} and {tuple(truth.shape)}")
    error = squared_error(found, truth)
    if error == 0:
        return math.inf
    return 10 * math.log10(peak**2 / error) if peak > 0 else -math.inf


def squared_error(found: Tensor, truth: Tensor) -> float:
    """Mean squared error of a clip, (T, ...), in the square of its unit; of complex clips that of the moduli of the
    differences.

    Frame by frame: four double copies of a large clip, at every check of two fits, were most of a recovery's memory.
    """
    kind, frames = torch.complex128 if found.is_complex() else torch.float64, zip(found, truth, strict=True)
    return math.fsum(float((f.to(kind) - t.to(kind)).abs().square().sum()) for f, t in frames) / truth.numel()


def _with_channels(found: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Two clips, of which a grey one gets its axis of channels where the other has it alone: (T, 1, H, W)."""
    if {found.ndim, truth.ndim} != {3, 4}:
        return found, truth
    return (found[:, None], truth) if found.ndim == 3 else (found, truth[:, None])


def error_decibels(squared_error: float) -> float:
    """-10 log10 of a mean squared error: the PSNR with peak 1 that it stands for; inf for 0."""
    return -10 * math.log10(squared_error) if squared_error > 0 else math.inf


def peak_decibels(low: float, high: float) -> float:
    """What a level with peak 1 gains with the peak high - low, both grey levels: 20 log10; NaN where
    there is no range."""
    return 20 * math.log10(high - low) if high > low else math.nan


def stated_peak_decibels(low: float, high: float) -> float:
    """The same for what is said in words: 0, the peak 1, where there is no range."""
    return peak_decibels(low, high) if high > low else 0.0


def ssim(found: Any, truth: Any) -> float:
    """Structural similarity, mean over the frames, for grey levels in [0, 1]; scikit-image's, 7x7 window.

    found, truth: (T, C, H, W), or (T, H, W), arrays as in `psnr`. Frames under 7 pixels use the largest odd window that
    fits; NaN for those under 3. Raises ValueError when their shapes differ.
    """
    from skimage.metrics import structural_similarity

    found, truth = tensor_of(found, "ssim: found").float().cpu(), tensor_of(truth, "ssim: truth").float().cpu()
    found, truth = _with_channels(found, truth)
    if found.shape != truth.shape or found.ndim not in (3, 4):
        shapes = f"{tuple(found.shape)} and {tuple(truth.shape)}"
        raise ValueError(f"ssim: expected two clips (T, C, H, W) of one shape, got {shapes}")
    if found.ndim == 3:
        found, truth = found[:, None], truth[:, None]
    window = min(7, *truth.shape[-2:])
    window -= 1 - window % 2
    if window < 3:
        return math.nan

    def of_frame(pair: tuple[np.ndarray, np.ndarray]) -> float:
        return float(structural_similarity(*pair, win_size=window, data_range=1.0, channel_axis=0))

    frames = list(zip(found.clamp(0, 1).numpy(), truth.numpy(), strict=True))
    return float(np.mean(shared_out(of_frame, frames)))
