"""Which grey levels data of others is in: the scale and offset that bring its clip to [0, 1]."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..io.video.levels import WHITES
from ..operators.base import LinearOperator
from ..operators.data_consistency import project_onto_data
from ..operators.snapshot import Snapshot
from ..operators.tensors import Data, map_data, tensors_of

WHITE_OVER_PEAK = 1.1
"""White over the peak of data in units of its own: the clip may be brighter than what was measured of it."""

DARKEST_PEAK_FOUND = 0.1
"""A peak below this is taken for units of its own, such as those of an MRI scanner, not for a dark clip in [0, 1]."""

PEAK_ITERATIONS = 20
"""Iterations in which the clip of least norm is found, whose peak is taken."""


class Levels(NamedTuple):
    """x = (stored - offset) / scale, for a clip x in [0, 1]."""

    scale: float
    offset: float = 0.0


@torch.no_grad()
def estimate_scaling(data: Data, operator: LinearOperator) -> Levels:
    """Scale and offset of the clip that such data came from, in the units of the data; finite where informative.

    Some clip with levels in [offset, offset + peak] has to explain the data. Where rows only add pixels up, a row's
    number over its sum of weights is a mean of pixels, so that the largest of them is the least possible peak;
    elsewhere the peak is that of the least-norm clip. Whole numbers take the smallest of WHITES that is not below it;
    others 1 if the peak is between 0.1 and 1, else the peak times WHITE_OVER_PEAK. Only pixels as they are can tell an
    offset: it is the smallest of them, if below zero.
    """
    observed_mask = operator.observed_mask()
    known = [y[k] for y, k in zip(tensors_of(data), tensors_of(observed_mask), strict=True)]
    low = min((float(y.min()) for y in known if y.numel()), default=0.0) if operator.is_pixel_mask else 0.0
    offset = min(low, 0.0)
    peak = _least_peak(data, operator, observed_mask) - offset
    whole = all(not y.is_complex() and bool((y == y.floor()).all()) for y in known)
    if whole and offset == 0:
        return Levels(next((float(white) for white in WHITES if white >= peak), peak))
    if offset < 0:
        return Levels(peak or 1.0, offset)
    return Levels(1.0 if DARKEST_PEAK_FOUND <= peak <= 1 or peak <= 0 else WHITE_OVER_PEAK * peak)


def in_levels(data: Data, operator: LinearOperator, levels: Levels) -> Data:
    """The data of the clip in [0, 1], as float32 or complex64: what is left after the offset, over the scale."""
    shift = operator(torch.full(operator.clip_shape, levels.offset)) if levels.offset else None

    def brought(y: Tensor, less: Tensor | None = None) -> Tensor:
        scaled = (y if less is None else y - less) / levels.scale
        return scaled.to(torch.complex64 if scaled.is_complex() else torch.float32)

    return map_data(brought, data) if shift is None else map_data(brought, data, shift)


def _least_peak(data: Data, operator: LinearOperator, observed_mask: Data) -> float:
    adds = operator.is_pixel_mask or (isinstance(operator, Snapshot) and bool((operator.codes >= 0).all()))
    if adds:
        weights = operator(torch.ones(operator.clip_shape))
        means = map_data(lambda y, w, known: (y / w)[known], data, weights, observed_mask)
        return max((float(m.max()) for m in tensors_of(means) if m.numel()), default=0.0)
    as_float = map_data(lambda y: y.to(torch.complex64 if y.is_complex() else torch.float32), data)
    least = project_onto_data(
        torch.zeros(operator.clip_shape), operator, as_float, observed_mask, iterations=PEAK_ITERATIONS
    )
    return float(least.max())
