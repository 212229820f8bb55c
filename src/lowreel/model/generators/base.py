"""The contract of a generator: codes in, frames out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn


class Generator(nn.Module, ABC):
    """G: codes (N, K) to frames (N, C, H, W) in [0, 1], each frame from its own code alone.

    `code_dim` is K, `frame_shape` is (C, H, W); `spec()` rebuilds the network, its weights apart. `code_mean` and
    `code_spread`, (K,), say what codes it is used to: of a trained one mean and standard deviation of its images'
    codes, else 0 and 1. They say where a fit starts and are not part of the weights.
    """

    kind: ClassVar[str]
    code_dim: int
    frame_shape: tuple[int, int, int]
    reduced_precision: ClassVar[bool] = False
    """Whether the first part of its fit may be computed with products in bfloat16."""
    step_shares: ClassVar[Mapping[str, float]] = {}
    """By the first part of its name, the share of the step that a weight matrix takes where that is not all of it."""
    epochs_factor: float = 1.0
    """So many times the usual epochs are made where none are given."""
    decay_share: float = 1.0
    """Share of the usual weight decay that its fit has where enough exact pixels are known."""
    motion_numbers: int = 0
    """So many numbers at the end of a code say what of a larger picture its frame shows; constraints on codes leave
    them out."""
    code_mean: Tensor | float = 0.0
    code_spread: Tensor | float = 1.0

    @abstractmethod
    def forward(self, codes: Tensor) -> Tensor:
        """Frames of codes: (N, K) to (N, C, H, W)."""

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """What `from_spec` needs to build the same network: kind and sizes."""

    @property
    def weights_count(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.parameters())


class _LeakyLevels(torch.autograd.Function):
    """clamp(h tanh(v), -1, 1), mapped to [0, 1], with more slope wherever descent leads back from where it is flat.

    There the gradient is that of h tanh(v) + leak v, clamped or not; beyond the clamp it is 0 on the way out. In place
    and without `torch.where`, which takes as long as all the rest: of large frames this was an eighth of an update.
    """

    @classmethod
    def of(cls, values: Tensor, headroom: float, leak: float) -> Tensor:
        """The clamped levels of values of any shape, in [0, 1], with that gradient."""
        apply: Any = cls.apply
        return cast(Tensor, apply(values, headroom, leak))

    @staticmethod
    def forward(ctx: Any, values: Tensor, headroom: float, leak: float) -> Tensor:
        levels = torch.tanh(values)
        ctx.save_for_backward(levels)
        ctx.headroom, ctx.leak = headroom, leak
        return (headroom * levels).clamp_(-1, 1).mul_(0.5).add_(0.5)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (levels,) = ctx.saved_tensors
        leads_back = gradient * levels > 0
        slope = levels.square().neg_().add_(1).mul_(ctx.headroom)
        slope.mul_((levels.abs() < 1 / ctx.headroom).logical_or_(leads_back)).add_(leads_back, alpha=ctx.leak)
        return slope.mul_(gradient).mul_(0.5), None, None


def to_grey_levels(values: Tensor, leak: float = 0.0, headroom: float = 1.0) -> Tensor:
    """tanh, mapped from [-1, 1] to [0, 1]; with `leak` the gradient is larger where descent leads back to grey.

    values: of any shape. headroom: by what tanh is multiplied before it is cut off at black and white. Above 1 both are
    reached by finite values; tanh alone never arrives, and a background that should be black stays a little grey.

    The leak never helps a level on its way to pure black or white: operators that mix pixels leave residuals there,
    which would drive the values before tanh without bound.

    Computed in float32 at least: half formats are coarser than a grey level.
    """
    values = values.to(torch.promote_types(values.dtype, torch.float32))
    if leak and values.requires_grad:
        return _LeakyLevels.of(values, headroom, leak)
    levels = torch.tanh(values)
    levels = levels if headroom == 1 else (headroom * levels).clamp(-1, 1)
    return levels * 0.5 + 0.5


def seeded(seed: int, purpose: int) -> torch.Generator:
    """A source of random weights or codes of its own, so that no global state is read or changed.

    Sources of one seed and different purposes (below 16) share no numbers.
    """
    return torch.Generator().manual_seed(16 * seed + purpose)


WEIGHTS, CODES, MAP_WEIGHTS = range(3)
"""Purposes of `seeded`."""
