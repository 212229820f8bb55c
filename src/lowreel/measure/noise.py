"""Noise of the data; never part of the operator."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from . import streams
from .base import Data, Measurement, inner, tensors_of


def add_white_noise(
    y: Data, operator: Measurement, *, level: float | None = None, snr: float | None = None, seed: int = 0
) -> tuple[Data, dict[str, Any]]:
    """Data with white Gaussian noise, and the noise entry that goes into its file.

    level: standard deviation in units of the operator's row norm, so that for pixels it is in grey levels; or
    snr: 10 log10(|y|^2 / E|e|^2) in dB. Entries that observe nothing stay zero; complex data gets half the variance
    in each part. The entry holds kind, level, sigma (in the units of y) and seed. Raises InputError for both or a
    negative level.
    """
    if (level is None) == (snr is None):
        raise InputError("noise: give its level or the signal-to-noise ratio, not both")
    known = tensors_of(operator.informative())
    if snr is not None:
        count = sum(int(k.sum()) for k in known)
        sigma = math.sqrt(float(inner(y, y)) / count) * 10 ** (-snr / 20)
        level = sigma / operator.row_norm()
    else:
        assert level is not None
        if not (level >= 0 and math.isfinite(level)):
            raise InputError(f"noise: expected a standard deviation of 0 or more, got {level:g}")
        sigma = level * operator.row_norm()
    if sigma == 0:
        return y, no_noise()
    noisy = tuple(t + sigma * _white(t, seed, k) * known[k] for k, t in enumerate(tensors_of(y)))
    entry = {"kind": "white", "level": level, "sigma": sigma, "seed": seed}
    return (noisy if isinstance(y, tuple) else noisy[0]), entry


def no_noise() -> dict[str, Any]:
    """The noise entry of data that is exact."""
    return {"kind": "none", "level": 0.0}


def _white(like: Tensor, seed: int, member: int) -> Tensor:
    """Unit white noise in the shape of `like`, one address for each entry of its first axis."""
    reals = torch.view_as_real(like) if like.is_complex() else like
    rows, width = reals.shape[0], math.prod(reals.shape[1:])
    drawn = torch.from_numpy(streams.normals(seed, streams.NOISE, member, range(rows), width)).reshape(reals.shape)
    return torch.view_as_complex(drawn.contiguous()) / math.sqrt(2) if like.is_complex() else drawn
