"""BART's pairs of files, NAME.hdr with the dimensions and NAME.cfl with complex numbers, the first axis fastest.

Layout: BART, "doc/" of the toolbox: sixteen axes, READ and PHS1 of an image, TIME the eleventh.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ...errors import InputError
from .base import Entry, reading

KIND, REMEDY = "a pair of BART's files", "copy NAME.cfl and NAME.hdr again"
IMAGE = ("read", "phs1", "phs2", "coil", "maps", "te", "coeff", "coeff2")
DIMENSIONS = (*IMAGE, "iter", "cshift", "time", "time2", "level", "slice", "avg", "batch")
DIMENSION_ROLES = dict.fromkeys(DIMENSIONS, "-") | {"read": "W", "phs1": "H", "time": "T"}


def entries(path: Path) -> list[Entry]:
    """The one array, named by nothing, its axes in NumPy's order: the first of BART, the width, last."""
    shape = _dimensions(path)
    axes = [DIMENSIONS[k] if k < len(DIMENSIONS) else f"axis{k}" for k in range(len(shape))]
    kept = [k for k in range(len(shape)) if k < 2 or shape[k] > 1][::-1]
    roles = "".join(DIMENSION_ROLES.get(axes[k], "-") for k in kept)
    return [Entry("", tuple(shape[k] for k in kept), "complex64", "", tuple(axes[k] for k in kept), roles)]


def load(path: Path, entry: Entry) -> np.ndarray:
    """The array, mapped; real where all of its imaginary parts are zero."""
    with reading(path, KIND, REMEDY):
        values = np.memmap(path, "<c8", "r", shape=entry.shape)
    return values if any(np.any(part.imag) for part in values) else values.real


def _dimensions(path: Path) -> tuple[int, ...]:
    header = path.with_suffix(".hdr")
    if not header.is_file():
        raise InputError(f"{path}: has no {header.name} beside it, where BART keeps the dimensions; {REMEDY}")
    with reading(header, KIND, REMEDY):
        lines = [line.strip() for line in header.read_text("utf-8", "replace").splitlines()]
        shape = tuple(int(n) for n in lines[lines.index("# Dimensions") + 1].split())
    shape = shape if len(shape) > 1 else (*shape, 1)
    if len(shape) > 32 or min(shape, default=0) < 1 or 8 * math.prod(shape) != path.stat().st_size:
        size = path.stat().st_size
        raise InputError(f"{path}: has {size} bytes, but {header.name} says {shape}, complex of 8 bytes; {REMEDY}")
    return shape
