"""Operators that see pixels as they are: all of them, random pixels, blocks or frames, or those a mask keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..catalogue import FramesSettings
from ..errors import InputError
from ..system import streams
from ..system.as_tensor import tensor_of
from .arrangement import Alone, Arrangement, Pixels
from .base import LinearOperator
from .shapes import FrameWindow, Shape, checked_clip_shape, frame_numbers, within_spec
from .tensors import tensors_of

__all__ = ["Identity", "Mask", "MissingBlocks", "MissingFrames", "MissingPixels"]


class Identity(LinearOperator):
    """Every pixel of every frame, y = x: for compact representation rather than recovery (paper, Section 4.1)."""

    kind = "identity"
    part_length = 1
    is_pixel_mask = True

    def __init__(self, clip_shape: Shape):
        super().__init__(clip_shape, checked_clip_shape(clip_shape), part_frames=1)

    def _measure(self, x: Tensor) -> Tensor:
        return x

    def _adjoint(self, y: Any) -> Tensor:
        (pixels,) = tensors_of(y)
        return pixels

    def _subset(self, parts: Sequence[int]) -> Identity:
        shape = (len(parts), *self.clip_shape[1:])
        return self._like(len(parts), shape)

    def parameters_spec(self) -> dict[str, Any]:
        return {}


class Mask(LinearOperator):
    """The pixels that a mask keeps: y = mask * x, with zeros where nothing was observed.

    mask: booleans of shape (H, W), (T, H, W) or (T, 1, H, W), True = observed, the same for all channels; or
    (T, C, H, W), of each channel its own. Raises InputError when it has another size, holds numbers
    that are not finite or hides every pixel.
    """

    kind = "mask"
    part_length: ClassVar[int | str | None] = 1
    tensors_by_frame = ("mask",)
    may_skip_frames = True
    is_pixel_mask = True

    def __init__(self, clip_shape: Shape, mask: Tensor | np.ndarray):
        super().__init__(clip_shape, checked_clip_shape(clip_shape), part_frames=1)
        frames, _, height, width = self.clip_shape
        kept = _observed(tensor_of(mask, "Mask"))
        fitting = {(height, width), (frames, height, width), (frames, 1, height, width), self.clip_shape}
        if tuple(kept.shape) not in fitting:
            raise InputError(
                f"Mask: expected {(height, width)}, {(frames, height, width)} or {(frames, 1, height, width)} "
                f"for this clip, got {tuple(kept.shape)}; {_mask_remedy(tuple(kept.shape), self.clip_shape)}"
            )
        if not kept.any():
            raise InputError("Mask: it hides every pixel, so there is nothing to recover from; white (True) = keep")
        full = kept if kept.ndim == 4 else kept.reshape(-1, 1, height, width).expand(frames, 1, height, width)
        self.mask: Tensor
        self.register_buffer("mask", full.contiguous())

    def _measure(self, x: Tensor) -> Tensor:
        return x * self.mask

    def _adjoint(self, y: Any) -> Tensor:
        (pixels,) = tensors_of(y)
        return pixels * self.mask

    def _subset(self, parts: Sequence[int]) -> Mask:
        shape = (len(parts), *self.clip_shape[1:])
        return self._like(len(parts), shape, mask=self.mask[torch.as_tensor(parts)])

    def _share(self) -> float:
        return float(self.mask.float().mean())

    def observed_mask(self) -> Tensor:
        return self.mask.expand(self.clip_shape)

    def repeated_rows(self, known: tuple[Tensor, ...]) -> list[int]:
        """By the masks themselves: a clip to try it with takes as much memory as the one that is sought. known: of the
        data, (T, C, H, W)."""
        (entries,) = known
        alike = len(self.mask) > 1 and torch.equal(self.mask, self.mask[:1].expand_as(self.mask))
        return [1 if alike and not bool(entries[0].all()) else len(entries)]

    def arrangements(self) -> tuple[Arrangement, ...]:
        return (Pixels(),)

    @property
    def baselines(self) -> tuple[str, ...]:
        """Interpolation in time, where a pixel that is hidden in one frame is seen in another."""
        return () if torch.equal(self.mask, self.mask[:1].expand_as(self.mask)) else ("temporal interpolation",)

    def row_norm(self) -> float:
        return 1.0

    def parameters_spec(self) -> dict[str, Any]:
        return {}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {"mask": self.mask}


def _mask_remedy(mask: Shape, clip_shape: Shape) -> str:
    """What to do about a mask that does not fit a clip."""
    if mask == clip_shape[:3] or mask == clip_shape[1:3]:
        frames, *size, channels = clip_shape
        return (
            f"it fits a clip with channels last: give the shape as (T, C, H, W), {(frames, channels, *size)}, and the "
            "clip so, x.transpose(0, 3, 1, 2) of NumPy"
        )
    return "resize the mask or the clip so that they agree"


def _observed(given: Tensor) -> Tensor:
    """Booleans of a mask of zeros and one other number. Raises InputError for more numbers: greys, labels."""
    if not torch.isfinite(given).all():
        raise InputError("Mask: it holds numbers that are not finite; expected True (observed) and False, or 1 and 0")
    kept = given != 0
    others = given[kept]
    if others.numel() and bool((others != others[0]).any()):
        low, high = float(given.real.min()), float(given.real.max())
        raise InputError(
            f"Mask: it holds more than two numbers, {low:g} to {high:g}; expected True (observed) and False, or 1 and "
            "0, such as mask > 0.5"
        )
    return kept


def _smallest(words: NDArray[np.uint64], count: int) -> NDArray[np.bool_]:
    """The `count` smallest words, of equal ones the first: as by a stable sort, in a fraction of its time."""
    bound = np.partition(words, count - 1)[count - 1]
    chosen: NDArray[np.bool_] = words < bound
    chosen[np.flatnonzero(words == bound)[: count - np.count_nonzero(chosen)]] = True
    return chosen


class MissingPixels(Mask):
    """A fresh random mask for each frame, the same for all channels (paper, Section 3).

    ratio: share of the pixels that is dropped, in (0, 1). Each frame keeps exactly round((1 - ratio) H W) pixels:
    those with the smallest of H W random words. within: see `FrameWindow`.
    """

    kind = "missing"
    has_window = True
    may_skip_frames = False
    baselines = ()

    def __init__(self, clip_shape: Shape, ratio: float, *, seed: int = 0, within: FrameWindow | None = None):
        frames, _, height, width = checked_clip_shape(clip_shape)
        kept = _kept("missing pixels", ratio, height * width, f"pixel of a {height}x{width} frame")
        mask = np.zeros((frames, height * width), dtype=bool)
        for place, frame in zip(mask, frame_numbers(frames, within), strict=True):
            words = np.concatenate([streams.raw(seed, streams.MASK, frame, row, width) for row in range(height)])
            place[:] = _smallest(words, kept)
        super().__init__(clip_shape, mask.reshape(frames, height, width))
        self.ratio, self.seed, self.within = float(ratio), int(seed), within

    def arrangements(self) -> tuple[Arrangement, ...]:
        return (Alone(),)

    def parameters_spec(self) -> dict[str, Any]:
        return {"ratio": self.ratio, "seed": self.seed, **within_spec(self.within)}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {}


class MissingBlocks(Mask):
    """Square blocks of each frame are dropped, other ones in each frame, the same for all channels.

    ratio: share of the blocks that is dropped, in (0, 1); block: their side in pixels, less at the right and lower
    border. Each frame keeps exactly round((1 - ratio) n) of its n blocks. within: see `FrameWindow`.
    """

    kind = "blocks"
    has_window = True
    may_skip_frames = False
    hides_regions = True
    baselines = ("temporal interpolation",)

    def __init__(
        self, clip_shape: Shape, ratio: float, block: int = 8, *, seed: int = 0, within: FrameWindow | None = None
    ):
        frames, _, height, width = checked_clip_shape(clip_shape)
        if not 1 <= block <= max(height, width):
            raise InputError(f"missing blocks: expected a block of 1 to {max(height, width)} pixels, got {block}")
        rows, columns = -(-height // block), -(-width // block)
        kept = _kept("missing blocks", ratio, rows * columns, "block of a frame")
        grid = np.zeros((frames, rows * columns), dtype=bool)
        for place, frame in zip(grid, frame_numbers(frames, within), strict=True):
            words = streams.raw(seed, streams.MASK, frame, 0, rows * columns)
            place[:] = _smallest(words, kept)
        mask = grid.reshape(frames, rows, columns).repeat(block, 1).repeat(block, 2)
        super().__init__(clip_shape, mask[:, :height, :width])
        self.ratio, self.block, self.seed, self.within = float(ratio), int(block), int(seed), within

    def parameters_spec(self) -> dict[str, Any]:
        return {"ratio": self.ratio, "block": self.block, "seed": self.seed, **within_spec(self.within)}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {}


class MissingFrames(Mask):
    """Whole frames are dropped: at random, exactly round((1 - ratio) T) of T are seen, or all but those named.

    ratio: share of the frames that is dropped, in (0, 1); dropped: their numbers, the first frame is 0, in place of it.
    """

    kind = "frames"
    part_length = None
    may_skip_frames = True
    hides_regions = True
    baselines = ("temporal interpolation",)

    def __init__(self, clip_shape: Shape, ratio: float = 0.5, *, dropped: Iterable[int] | None = None, seed: int = 0):
        frames, _, height, width = checked_clip_shape(clip_shape)
        named = None if dropped is None else _named(dropped, frames)
        mask = np.zeros((frames, height, width), dtype=bool)
        if named is None:
            kept = _kept("missing frames", ratio, frames, "frame")
            mask[np.argsort(streams.raw(seed, streams.MASK, 0, 0, frames), kind="stable")[:kept]] = True
        else:
            mask[:] = True
            mask[named] = False
        super().__init__(clip_shape, mask)
        self.ratio, self.seed, self.dropped = float(ratio), int(seed), named

    @classmethod
    def from_settings(
        cls, settings: FramesSettings, clip_shape: Shape, *, seed: int, memory: int | None
    ) -> MissingFrames:
        """Those named, or a share of them, a half by default."""
        return MissingFrames(clip_shape, settings.ratio or 0.5, dropped=settings.dropped(), seed=seed)

    def parameters_spec(self) -> dict[str, Any]:
        return {"ratio": self.ratio, "seed": self.seed} if self.dropped is None else {"dropped": self.dropped}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {}


def _named(dropped: Iterable[int], frames: int) -> list[int]:
    """The frames to drop, each once and in order; InputError for others than there are, and for none or all."""
    named = dropped if isinstance(dropped, range) and dropped.step == 1 else sorted({int(frame) for frame in dropped})
    if not len(named) or named[0] < 0 or named[-1] >= frames or len(named) == frames:
        got = f"{named[0]} to {named[-1]}" if len(named) else "none"
        raise InputError(
            f"missing frames: expected some of the frames 0 to {frames - 1} to drop, and not all of them, got {got}"
        )
    return list(named)


def _kept(who: str, ratio: float, count: int, what: str) -> int:
    """round((1 - ratio) count); InputError for a ratio that is none, or that keeps nothing."""
    if not 0 < ratio < 1:
        raise InputError(
            f"{who}: expected a ratio (share dropped) between 0 and 1, both excluded, got {ratio:g}; 0.8 drops 80 %"
        )
    kept = round((1 - ratio) * count)
    if kept == 0:
        raise InputError(f"{who}: ratio {ratio:g} keeps no {what} (of {count}); use a smaller ratio")
    return kept
