"""Complex clips as real ones of twice the channels, with which everything computes, and as magnitudes, which are
shown."""

from __future__ import annotations

import torch
from torch import Tensor


def to_complex(x: Tensor) -> Tensor:
    """The complex clip (T, C, H, W) of a real one (T, 2 C, H, W): real parts of all channels, then imaginary parts."""
    real, imaginary = x.chunk(2, dim=1)
    return torch.complex(real.contiguous(), imaginary.contiguous())


def to_real(x: Tensor) -> Tensor:
    """The real clip (T, 2 C, H, W) of a complex one (T, C, H, W), or of a real one, whose imaginary part is zero."""
    return torch.cat([x.real, x.imag], 1) if x.is_complex() else torch.cat([x, torch.zeros_like(x)], 1)


def magnitude(x: Tensor) -> Tensor:
    """What is shown of a clip, (T, C, H, W): itself, of a complex one the sizes of its numbers."""
    return x.abs() if x.is_complex() else x
