"""Operators of optics and sensors: blur, coarser pixels, colour mosaics, exposures longer than a frame."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..system.as_tensor import tensor_of
from .arrangement import Alone, Arrangement
from .base import LinearOperator
from .pixels import Mask
from .shapes import Shape, checked_clip_shape
from .tensors import by_adjoint

__all__ = ["Bayer", "Blur", "Downsample", "LongExposure"]

BLUR_REACH_SIGMAS = 3.0
"""Standard deviations at which a Gaussian blur is cut off."""


class Blur(LinearOperator):
    """Every frame convolved with a kernel; y has the clip's shape, frames go on beyond their border as it is.

    sigma: standard deviation in pixels of a Gaussian kernel of sum 1; or kernel: (h, w) real numbers, odd sizes, as
    it appears in the picture of a point. Raises InputError for both, none, or another kernel.
    """

    kind = "blur"
    part_length = 1
    has_no_zero_rows = True

    def __init__(self, clip_shape: Shape, sigma: float | None = None, *, kernel: Tensor | np.ndarray | None = None):
        super().__init__(clip_shape, tuple(clip_shape), part_frames=1)
        if (sigma is None) == (kernel is None):
            raise InputError("blur: give sigma in pixels, or a kernel")
        self.sigma = None if sigma is None else float(sigma)
        self.kernel: Tensor
        self.register_buffer(
            "kernel", _gaussian(sigma) if sigma is not None else _checked(tensor_of(kernel, "blur: kernel"))
        )

    def _measure(self, x: Tensor) -> Tensor:
        return by_adjoint(self._blur, self._blur_transposed, x)

    def _adjoint(self, y: Any) -> Tensor:
        return by_adjoint(self._blur_transposed, self._blur, y)

    def _borders(self) -> Iterator[tuple[int, Tensor]]:
        """Axis, and for each pixel of the frame with its border the pixel whose value it takes."""
        for axis, count in ((2, self.clip_shape[2]), (3, self.clip_shape[3])):
            reach = self.kernel.shape[axis - 2] // 2
            yield axis, torch.arange(-reach, count + reach, device=self.kernel.device).clamp(0, count - 1)

    def _blur(self, x: Tensor) -> Tensor:
        pixels = x.flatten(0, 1)[:, None]
        for axis, source in self._borders():
            pixels = pixels.index_select(axis, source)
        return F.conv2d(pixels, self.kernel.flip(0, 1).to(x.dtype)[None, None]).reshape(self.clip_shape)

    def _blur_transposed(self, y: Tensor) -> Tensor:
        pixels = F.conv_transpose2d(y.flatten(0, 1)[:, None], self.kernel.flip(0, 1).to(y.dtype)[None, None])
        for axis, source in self._borders():
            shape = list(pixels.shape)
            shape[axis] = self.clip_shape[axis]
            pixels = pixels.new_zeros(shape).index_add(axis, source, pixels)
        return pixels.reshape(self.clip_shape)

    def _subset(self, parts: Sequence[int]) -> Blur:
        return self._like(len(parts), (len(parts), *self.clip_shape[1:]))

    def parameters_spec(self) -> dict[str, Any]:
        return {} if self.sigma is None else {"sigma": self.sigma}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {"kernel": self.kernel} if self.sigma is None else {}


def _gaussian(sigma: float) -> Tensor:
    if not 0 < sigma <= 100:
        raise InputError(f"blur: expected a sigma above 0 and at most 100 pixels, got {sigma:g}")
    reach = max(1, math.ceil(BLUR_REACH_SIGMAS * sigma))
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    kernel = torch.outer(line, line)
    return (kernel / kernel.sum()).float()


def _checked(kernel: Tensor) -> Tensor:
    if kernel.ndim != 2 or min(kernel.shape) < 1 or any(n % 2 == 0 for n in kernel.shape) or kernel.is_complex():
        raise InputError(f"blur: expected a kernel (h, w) of real numbers and odd sizes, got {tuple(kernel.shape)}")
    if not bool(torch.isfinite(kernel).all()) or not bool((kernel != 0).any()):
        raise InputError("blur: expected a kernel of finite numbers, not all of them zero")
    return kernel.float()


class Downsample(LinearOperator):
    """Coarser pixels: means of factor x factor pixels, of fewer at the right and lower border.

    y: (T, C, ceil(H / factor), ceil(W / factor)). Raises InputError unless 2 <= factor <= max(H, W).
    """

    kind = "downsample"
    part_length = 1
    baselines = ("bicubic",)
    has_no_zero_rows = True

    def __init__(self, clip_shape: Shape, factor: int):
        frames, channels, height, width = checked_clip_shape(clip_shape)
        if not 2 <= factor <= max(2, height, width):
            raise InputError(f"downsample: expected a factor from 2 to {max(2, height, width)}, got {factor}")
        coarse = (math.ceil(height / factor), math.ceil(width / factor))
        super().__init__(clip_shape, (frames, channels, *coarse), part_frames=1)
        self.factor = int(factor)

    def _measure(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.factor, ceil_mode=True, count_include_pad=False)

    def _subset(self, parts: Sequence[int]) -> Downsample:
        return self._like(len(parts), (len(parts), *self.data_shape[1:]))

    def parameters_spec(self) -> dict[str, Any]:
        return {"factor": self.factor}


class Bayer(Mask):
    """A colour filter array: of each pixel one colour, in tiles of 2x2; y has the clip's shape, zeros elsewhere.

    pattern: colours of the tile's upper and lower row, such as rggb. A raw picture (T, 1, H, W) times `mask` is such
    data. Bayer, US patent 3,971,065 (1976). Raises InputError for a grey clip or another pattern.
    """

    kind = "bayer"
    may_skip_frames = False

    def __init__(self, clip_shape: Shape, pattern: Literal["rggb", "bggr", "grbg", "gbrg"] = "rggb"):
        frames, channels, height, width = checked_clip_shape(clip_shape)
        if channels != 3:
            raise InputError(f"bayer: expected a clip in colour, C = 3, got C = {channels}; use --channels 3")
        if pattern not in ("rggb", "bggr", "grbg", "gbrg"):
            raise InputError(f"bayer: expected the pattern rggb, bggr, grbg or gbrg, got {pattern}")
        tile = torch.tensor(["rgb".index(colour) for colour in pattern]).reshape(2, 2)
        colours = tile.repeat(height // 2 + 1, width // 2 + 1)[:height, :width]
        mask = colours == torch.arange(3)[:, None, None]
        super().__init__(clip_shape, mask.expand(frames, -1, -1, -1))
        self.pattern = pattern

    def arrangements(self) -> tuple[Arrangement, ...]:
        return (Alone(),)

    def parameters_spec(self) -> dict[str, Any]:
        return {"pattern": self.pattern}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {}


class LongExposure(LinearOperator):
    """Temporal blur: each picture is the mean of B frames in a row, and pictures follow each other frame by frame.

    y: (T - B + 1, C, H, W), y_t = (x_t + ... + x_(t+B-1)) / B. Raises InputError unless 2 <= B <= T.
    """

    kind = "exposure"
    has_no_zero_rows = True

    def __init__(self, clip_shape: Shape, together: int):
        frames, *frame = checked_clip_shape(clip_shape)
        if frames < 2:
            raise InputError("exposure: expected a clip of two frames at least, got one")
        if not 2 <= together <= frames:
            raise InputError(f"exposure: expected 2 to {frames} frames together, got {together}")
        super().__init__(clip_shape, (frames - together + 1, *frame))
        self.together = int(together)

    def _measure(self, x: Tensor) -> Tensor:
        return by_adjoint(self._expose, self._spread, x)

    def _adjoint(self, y: Any) -> Tensor:
        return by_adjoint(self._spread, self._expose, y)

    def _expose(self, x: Tensor) -> Tensor:
        y = x.new_zeros(self.data_shape)
        for k in range(self.together):
            y += x[k : k + len(y)] / self.together
        return y

    def _spread(self, y: Tensor) -> Tensor:
        x = y.new_zeros(self.clip_shape)
        for k in range(self.together):
            x[k : k + len(y)] += y / self.together
        return x

    def parameters_spec(self) -> dict[str, Any]:
        return {"together": self.together}
