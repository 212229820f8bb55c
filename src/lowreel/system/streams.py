"""Random numbers that follow from an address: the same (seed, purpose, frame, row) gives the same ones on every
machine.

The raw bits are NumPy's Philox-4x64, whose output is fixed; what turns them into uniforms and normals is here and
is fixed by `VERSION`. Addressed numbers let a matrix be drawn in tiles of any shape, in any order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

VERSION = 1

MASK, GAUSSIAN, NOISE, PROBE, HELDOUT, _, ORDER, CHECK, DRAW, SIGNS, SNAPSHOT, LINES, ROWS, COILS, PHASE = range(1, 16)
"""What the numbers are for; streams of different purposes never overlap."""


def raw(seed: int, purpose: int, frame: int, row: int, count: int) -> NDArray[np.uint64]:
    """`count` random 64-bit words at the address (seed, purpose, frame, row)."""
    return np.random.Philox(key=[seed, purpose], counter=[0, row, frame, 0]).random_raw(count)


def uniforms(seed: int, purpose: int, frame: int, count: int) -> NDArray[np.float64]:
    """`count` numbers in [0, 1) at an address: the upper 53 bits of its words."""
    return (raw(seed, purpose, frame, 0, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def generator(seed: int, purpose: int, frame: int = 0, row: int = 0) -> np.random.Generator:
    """A NumPy generator at an address, for numbers that need not agree between library versions (orders, starts)."""
    return np.random.Generator(np.random.Philox(key=[seed, purpose], counter=[0, row, frame, 0]))


def to_normals(words: NDArray[np.uint64]) -> NDArray[np.float32]:
    """Two independent N(0, 1) numbers from each word, by Box and Muller; shape (..., n) becomes (..., 2 n).

    Computed in float64 and rounded, so that the last bit of a machine's log or cosine does not show.
    """
    radius = np.sqrt(-2 * np.log(((words >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32))
    angle = (words & np.uint64(0xFFFFFFFF)).astype(np.float64) * (2 * np.pi * 2.0**-32)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).astype(np.float32)


def normals(seed: int, purpose: int, frame: int, rows: range, count: int) -> NDArray[np.float32]:
    """N(0, 1) numbers of shape (len(rows), count), one address a row."""
    words = np.stack([raw(seed, purpose, frame, row, (count + 1) // 2) for row in rows])
    return to_normals(words)[:, :count]
