"""From a scan to the problem that is recovered: noise made white, coils made few, coil maps, the operator."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import InputError
from ..io.scans import Scan
from ..operators.mri import MRI
from .coil_maps import (
    EmpiricalMaps,
    combined,
    compress_coils,
    estimate_coil_maps,
    mean_coil_pictures,
    prewhiten,
    whitening,
)

MOST_COILS = 8
"""Combinations of coils that a scan is compressed to, where it has more."""

WRAPPED_ENERGY = 2.0
"""How many times as much of the picture lies at the borders as in the middle where its origin is in the corner."""


class Scanned(NamedTuple):
    """Data (T, coils, ...), complex64, the operator that made it, and what was done, in sentences."""

    data: Tensor
    operator: MRI
    told: tuple[str, ...]


def problem_of(
    scan: Scan, *, coils: int = MOST_COILS, maps: EmpiricalMaps = "walsh", memory: int | None = None
) -> Scanned:
    """Data and operator of a scan: prewhitened where it knows its noise, of at most so many combinations of coils, with
    its coil maps, or with those estimated from the mean over its frames (`estimate_coil_maps`).

    memory: bytes for prepared transforms, as of `MRI`. Raises InputError for numbers that are not finite, and as
    `estimate_coil_maps`, `compress_coils` and `MRI` do.
    """
    data, told = torch.from_numpy(scan.kspace), list(scan.told)
    if not bool(torch.isfinite(torch.view_as_real(data)).all()):
        raise InputError(f"{scan.label}: holds numbers that are not finite; mask them, or leave their frames out")
    known = None if scan.coil_maps is None else torch.from_numpy(scan.coil_maps)
    if scan.noise_covariance is not None and data.shape[1] > 1:
        matrix = whitening(torch.from_numpy(scan.noise_covariance))
        data = prewhiten(data, torch.from_numpy(scan.noise_covariance))
        known = None if known is None else combined(known[None], matrix)[0]
        told.append("the noise of the coils is made white by the scan's own noise")
    if data.shape[1] > coils:
        few = compress_coils(data, coils=coils)
        told.append(f"{data.shape[1]} coils become {coils} combinations that keep {few.kept:.2%} of the energy")
        known = None if known is None else combined(known[None], few.matrix)[0]
        data = few.data
    plain = _operator(scan, None, memory)
    if data.shape[1] == 1:
        told.append("one coil, taken to see all pixels alike")
        found = None
    elif known is not None:
        told.append("the coil maps are those that were given")
        found = known
    else:
        pictures = mean_coil_pictures(data, plain)
        found = estimate_coil_maps(pictures, maps)
        told += [f"the coil maps are estimated from the mean over the frames ({maps})", *_origin(pictures)]
    return Scanned(data.contiguous(), _operator(scan, found, memory), tuple(told))


def _operator(scan: Scan, maps: Tensor | None, memory: int | None) -> MRI:
    return MRI(
        scan.clip_shape,
        mask=None if scan.mask is None else torch.from_numpy(scan.mask),
        trajectory=None if scan.trajectory is None else torch.from_numpy(scan.trajectory),
        coil_maps=maps,
        units="cycles/pixel",
        centred=scan.centred,
        memory=memory,
    )


def _origin(pictures: Tensor) -> list[str]:
    """A doubt where the picture seems to be cut in four, as where its origin is in the corner."""
    size = pictures.abs().square().sum(0)
    height, width = size.shape
    middle = size[height // 4 : height - height // 4, width // 4 : width - width // 4].mean()
    border = size.roll((height // 2, width // 2), (0, 1))[
        height // 4 : -(height // 4), width // 4 : -(width // 4)
    ].mean()
    if float(border) <= WRAPPED_ENERGY * float(middle):
        return []
    return [
        "the mean picture is brighter at its borders than in its middle: is the origin of the images in the corner?"
    ]
