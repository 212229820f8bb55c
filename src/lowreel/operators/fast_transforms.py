"""Fast transforms of the last axis, Hadamard and cosine, and an order of the Hadamard patterns."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def hadamard(x: Tensor) -> Tensor:
    """Walsh-Hadamard transform of the last two axes of (..., H, W), whose lengths are powers of two; entries +1, -1."""
    for axis in (-1, -2):
        length, half = x.shape[axis], 1
        while half < length:
            a, b = x.unflatten(axis, (length // (2 * half), 2, half)).unbind(axis - 1)
            x = torch.stack([a + b, a - b], axis - 1).flatten(axis - 2, axis)
            half *= 2
    return x


def dct(x: Tensor) -> Tensor:
    """Orthonormal DCT-II of the last axis of x, of any shape, by one FFT of its even entries followed by its odd ones
    (Makhoul, 1980)."""
    count = x.shape[-1]
    turn, scale = _dct_factors(count, x)
    spectrum: Tensor = torch.fft.fft(torch.cat([x[..., ::2], x[..., 1::2].flip(-1)], -1))
    return (spectrum * turn).real * scale


def inverse_dct(y: Tensor) -> Tensor:
    """The inverse, and adjoint, of `dct`; y: of any shape."""
    count = y.shape[-1]
    turn, scale = _dct_factors(count, y)
    real = y / scale
    imaginary = -torch.cat([torch.zeros_like(real[..., :1]), real[..., 1:].flip(-1)], -1)
    interleaved = torch.fft.ifft(torch.complex(real, imaginary) * turn.conj()).real
    x = torch.empty_like(interleaved)
    x[..., ::2], x[..., 1::2] = interleaved[..., : (count + 1) // 2], interleaved[..., (count + 1) // 2 :].flip(-1)
    return x


def _dct_factors(count: int, like: Tensor) -> tuple[Tensor, Tensor]:
    k = torch.arange(count, dtype=like.dtype, device=like.device)
    scale = torch.full_like(k, math.sqrt(2 / count))
    scale[0] = math.sqrt(1 / count)
    return torch.polar(torch.ones_like(k), -math.pi * k / (2 * count)), scale


def power_of_two(count: int) -> int:
    """The smallest power of two that is not below `count`."""
    return 1 << (count - 1).bit_length()


def _stripes(count: int) -> np.ndarray:
    """Number of stripes of each row of the Hadamard matrix in natural order: the Gray code of a row's sign changes is
    its number with the bits reversed."""
    gray, rows = np.zeros(count, dtype=np.int64), np.arange(count)
    for _ in range(count.bit_length() - 1):
        gray, rows = gray << 1 | rows & 1, rows >> 1
    changes = gray.copy()
    while gray.any():
        gray >>= 1
        changes ^= gray
    return changes + 1


def cake_cutting(height: int, width: int) -> np.ndarray:
    """Places of the H W patterns by their number of pieces; of equal ones the squarer pieces first."""
    rows, columns = _independent(height), _independent(width)
    stripes = [_stripes(power_of_two(n))[kept] for n, kept in ((height, rows), (width, columns))]
    down, across = np.meshgrid(*stripes, indexing="ij")
    order = np.lexsort(((down + across).ravel(), (down * across).ravel()))
    places: np.ndarray = (rows[:, None] * power_of_two(width) + columns).ravel()
    return places[order]


def _independent(count: int) -> np.ndarray:
    """The rows of the Hadamard matrix, by rising number, that are linearly independent in their first `count` entries:
    each is no combination of rows with fewer stripes."""
    size = power_of_two(count)
    return np.sort(np.argsort(_stripes(size))[_fewest(size, count)])


def _fewest(size: int, count: int) -> np.ndarray:
    """`_independent` by number of stripes, from 0: rows 2k and 2k + 1 agree in their first half and are opposite
    in the second."""
    if count == size:
        return np.arange(size)
    half = size // 2
    if count <= half:
        return 2 * _fewest(half, count)
    return np.concatenate([2 * np.arange(half), 2 * _fewest(half, count - half) + 1])
