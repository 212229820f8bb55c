"""What a scan is told by: trajectory, mask, weights and coil maps, as they are kept, or refused in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import InputError
from ..system.as_tensor import tensor_of

Units = Literal["radians/pixel", "cycles/pixel", "cycles/FOV"]

MOST_RADIANS, LEAST_RADIANS = 1.25 * math.pi, 0.2 * math.pi
"""Where the farthest point of a trajectory lies; less is a scan far coarser than its pixels, or in another unit."""


def checked_trajectory(given: Any, units: str, frames: int, size: tuple[int, int]) -> Tensor:
    """(1 or T, readouts, samples, 2), float32, in radians per pixel. Raises InputError."""
    path = tensor_of(given, "mri: trajectory")
    if path.is_complex() or path.ndim < 2 or path.ndim > 4 or path.shape[-1] != 2 or 0 in path.shape:
        raise InputError(
            f"mri: expected a real trajectory (T, readouts, samples, 2) or (readouts, samples, 2), got {path.dtype} "
            f"{tuple(path.shape)}"
        )
    if path.ndim == 3 and path.shape[0] == frames > 1:
        raise InputError(
            f"mri: a trajectory {tuple(path.shape)} may be {frames} readouts of all frames or one of each of {frames} "
            "frames; say which by trajectory[None] or trajectory[:, None]"
        )
    path = path.reshape((1,) * (4 - path.ndim) + tuple(path.shape))
    if len(path) not in (1, frames):
        raise InputError(f"mri: a trajectory of {len(path)} frames does not fit a clip of {frames}")
    factors = _radians(size)
    if units not in factors:
        raise InputError(f"mri: expected units {', '.join(factors)}, got {units!r}")
    if not bool(torch.isfinite(path).all()):
        raise InputError("mri: the trajectory holds numbers that are not finite; name samples that are missing by mask")
    radians = path.double() * torch.tensor(factors[units], dtype=torch.float64, device=path.device)
    _check_range(path.double(), radians, units, factors)
    return radians.float()


def _radians(size: tuple[int, int]) -> dict[str, tuple[float, float]]:
    """What one of each unit is in radians per pixel, along rows and columns."""
    turn = 2 * math.pi
    return {"radians/pixel": (1.0, 1.0), "cycles/pixel": (turn, turn), "cycles/FOV": (turn / size[0], turn / size[1])}


def _check_range(path: Tensor, radians: Tensor, units: str, factors: Mapping[str, tuple[float, float]]) -> None:
    if LEAST_RADIANS <= float(radians.abs().max()) <= MOST_RADIANS:
        return
    reach = path.abs().flatten(0, -2).amax(0)
    fitting = [
        name
        for name, factor in factors.items()
        if 0.9 * math.pi <= float((reach * torch.tensor(factor, dtype=reach.dtype)).max()) <= 1.1 * math.pi
    ]
    advice = (
        f"it would be all of the spectrum in units={fitting[0]!r}" if fitting else "scale it, or check the clip's size"
    )
    raise InputError(
        f"mri: the trajectory reaches {float(reach.max()):.3g} {units}, which is {float(radians.abs().max()):.3g} "
        f"radians per pixel, where up to pi is the whole spectrum; {advice}"
    )


def checked_mask(given: Any, frames: int, samples: tuple[int, ...]) -> Tensor:
    """(1 or T, 1, rows or readouts, columns or samples), booleans. Raises InputError."""
    if given is None:
        return torch.ones(1, 1, *samples[1:], dtype=torch.bool)
    mask = _per_sample(given, "mask", frames, samples)
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise InputError("mri: expected a mask of True (measured) and False, or 1 and 0")
    if not bool(mask.any()):
        raise InputError("mri: the mask keeps nothing, so there is nothing to recover from; True = measured")
    return mask.bool()


def checked_weights(given: Any, frames: int, samples: tuple[int, ...]) -> Tensor:
    """Density weights, shaped as a mask, float32. Raises InputError."""
    weights = _per_sample(given, "density", frames, samples)
    if weights.is_complex() or not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise InputError("mri: expected density weights of 0 or more, finite")
    return weights.float()


def _per_sample(given: Any, what: str, frames: int, samples: tuple[int, ...]) -> Tensor:
    values, (rows, columns) = tensor_of(given, f"mri: {what}"), samples[1:]
    shapes = [(rows, columns), (frames, rows, columns), (frames, 1, rows, columns), (1, 1, rows, columns)]
    if tuple(values.shape) not in shapes:
        raise InputError(f"mri: expected a {what} {shapes[0]} or {shapes[1]}, got {tuple(values.shape)}")
    return values.reshape(-1, 1, rows, columns)


def checked_coil_maps(given: Any, frames: int, size: tuple[int, int]) -> Tensor:
    """(1 or T, coils, H, W), complex64. Raises InputError."""
    if given is None:
        return torch.ones(1, 1, *size, dtype=torch.complex64)
    maps = tensor_of(given, "mri: coil maps")
    maps = maps[None] if maps.ndim == 3 else maps
    if maps.ndim != 4 or len(maps) not in (1, frames) or maps.shape[1] < 1 or tuple(maps.shape[2:]) != size:
        raise InputError(
            f"mri: expected coil maps (coils, {size[0]}, {size[1]}) or ({frames}, coils, {size[0]}, {size[1]}), got "
            f"{tuple(maps.shape)}"
        )
    if not bool(torch.isfinite(maps).all()):
        raise InputError("mri: the coil maps hold numbers that are not finite; 0 is for pixels that no coil sees")
    if not bool((maps != 0).any()):
        raise InputError("mri: the coil maps are zero everywhere, so that no coil sees anything")
    return maps.to(torch.complex64).contiguous()
