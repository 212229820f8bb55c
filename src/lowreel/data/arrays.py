"""Arrays and tensors as people have them, as plain tensors: any byte order, stride, precision, device or library."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError

NUMBERS = "biufc"
"""NumPy's kinds of numbers: truth values, whole, unsigned, real, complex."""


class Plain(NamedTuple):
    """values: float32 or complex64, on the CPU, no part of a gradient. missing: booleans of the same shape, true where
    the array's own mask says that there is no number; None where it has none."""

    values: Tensor
    missing: Tensor | None = None


def plain(given: Any) -> Plain:
    """Numbers of a tensor, an array, or anything that NumPy makes an array of (lists, xarray, dask).

    Raises InputError for what holds no numbers, with its type.
    """
    if isinstance(given, Tensor):
        return Plain(_of_kind(given.detach().cpu()))
    array = _array(given)
    masked = isinstance(array, np.ma.MaskedArray) and bool(np.ma.getmaskarray(array).any())
    missing = torch.from_numpy(np.ma.getmaskarray(array).copy()) if masked else None
    bare = np.ma.getdata(array)
    single = np.dtype(np.complex64 if bare.dtype.kind == "c" else np.float32)
    values = torch.from_numpy(np.array(bare, dtype=single, order="C"))
    return Plain(values if missing is None else values.masked_fill(missing, 0), missing)


def _of_kind(tensor: Tensor) -> Tensor:
    return tensor.to(torch.complex64 if tensor.is_complex() else torch.float32)


def _array(given: Any) -> np.ndarray:
    try:
        array = given if isinstance(given, np.ndarray) else np.asarray(given)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"data: cannot make an array of {type(given).__name__} ({error})") from None
    if array.dtype.kind not in NUMBERS:
        held = f" of {array.dtype}" if isinstance(given, np.ndarray) else ""
        raise InputError(f"data: expected an array or tensor of numbers, got {type(given).__name__}{held}")
    return array
