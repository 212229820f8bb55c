"""Operators that see part of a transform of every frame: Fourier, cosine, Hadamard. No matrix is ever formed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from ..catalogue import ChannelCountSettings, FourierSettings
from ..errors import InputError
from ..system import streams
from ..system.as_tensor import tensor_of
from .arrangement import Alone, Arrangement, Lines, Ordered
from .base import LinearOperator
from .fast_transforms import cake_cutting, dct, hadamard, inverse_dct, power_of_two
from .shapes import FrameWindow, Shape, checked_clip_shape, frame_numbers, within_spec
from .spec import Spec, Tensors
from .tensors import by_adjoint

__all__ = ["Cosine", "Fourier", "SinglePixel"]

CENTRE_SHARE = 0.04
"""Share of the rows around frequency zero that Cartesian sampling always keeps, at least one."""

LOW_SHARE = 0.25
"""Of the cosine coefficients in order "random", this share are the lowest ones."""

GOLDEN = (math.sqrt(5) - 1) / 2
"""Share of a half turn between a radial line and the next."""


class Fourier(LinearOperator):
    """Part of the two-dimensional spectrum of every frame, as in dynamic magnetic resonance imaging; complex.

    y = mask * F x, (T, C, H, W) complex with zeros where nothing was measured; F is unitary and has frequency zero in
    the corner. pattern "rows" keeps round(amount H) rows of each frame, some around zero and the rest at random;
    pattern "radial" keeps `amount` lines through zero, turned by the golden angle from line to line and frame to
    frame (Winkelmann et al., 2007); pattern "mask" keeps where `mask`, booleans of shape (H, W), (T, H, W) or
    (T, 1, H, W), is true. within: see `FrameWindow`. Raises InputError for an amount that keeps nothing or everything
    and more, and for a mask of another shape or without a true entry.
    """

    kind = "fourier"
    is_spectrum = True
    part_length = 1
    has_window = True
    tensors_by_frame = ("mask",)
    baselines = ("k-t low rank", "temporal total variation")
    is_complex = True

    def __init__(
        self,
        clip_shape: Shape,
        pattern: Literal["rows", "radial", "mask"],
        amount: float = 0.0,
        *,
        mask: Tensor | np.ndarray | None = None,
        seed: int = 0,
        within: FrameWindow | None = None,
    ):
        _, _, height, width = checked_clip_shape(clip_shape)
        if pattern not in ("rows", "radial", "mask") or (pattern == "mask") != (mask is not None):
            raise InputError(f"fourier: expected the pattern rows or radial, or mask with a mask, got {pattern}")
        if pattern == "rows" and not 0 < amount <= 1:
            raise InputError(f"fourier: expected a share of the rows above 0 and at most 1, got {amount:g}")
        if pattern == "radial" and (amount < 1 or amount != int(amount)):
            raise InputError(f"fourier: expected a whole number of radial lines, got {amount:g}")
        super().__init__(clip_shape, tuple(clip_shape), part_frames=1)
        self.pattern, self.amount, self.seed, self.within = pattern, float(amount), int(seed), within
        self._frames: Sequence[int] = frame_numbers(self.clip_shape[0], within)
        self.mask: Tensor
        self.register_buffer(
            "mask", self._drawn(height, width) if mask is None else self._given(tensor_of(mask, "fourier: mask"))
        )

    @classmethod
    def from_settings(
        cls, settings: FourierSettings, clip_shape: Shape, *, seed: int, memory: int | None
    ) -> LinearOperator:
        if settings.lines is not None:
            return Fourier(clip_shape, "radial", settings.lines, seed=seed)
        return Fourier(clip_shape, "rows", settings.sampling or 0.0, seed=seed)

    def _drawn(self, height: int, width: int) -> Tensor:
        draw = self._rows if self.pattern == "rows" else self._radial
        return torch.from_numpy(np.stack([draw(t, height, width) for t in self._frames]))[:, None]

    def _given(self, mask: Tensor) -> Tensor:
        frames, _, height, width = self.clip_shape
        if tuple(mask.shape) not in {(height, width), (frames, height, width), (frames, 1, height, width)}:
            raise InputError(
                f"fourier: expected a mask {(height, width)} or {(frames, height, width)}, got {tuple(mask.shape)}"
            )
        if not torch.isfinite(mask).all():
            raise InputError("fourier: the mask holds numbers that are not finite; expected True (measured) and False")
        if not mask.any():
            raise InputError("fourier: the mask keeps nothing, so there is nothing to recover from; True = measured")
        return mask.bool().reshape(-1, 1, height, width).expand(frames, 1, height, width).contiguous()

    def _rows(self, frame: int, height: int, width: int) -> np.ndarray:
        kept = max(1, round(self.amount * height))
        centre = min(kept, max(1, round(CENTRE_SHARE * height)))
        frequency = np.abs(np.fft.fftfreq(height))
        words = streams.raw(self.seed, streams.LINES, frame, 0, height).astype(np.float64)
        order = np.argsort(frequency, kind="stable")
        words[order[:centre]] = -1
        mask = np.zeros((height, width), dtype=bool)
        mask[np.argsort(words, kind="stable")[:kept]] = True
        return mask

    def _radial(self, frame: int, height: int, width: int) -> np.ndarray:
        mask = np.zeros((height, width), dtype=bool)
        for rows, columns in self._radial_lines(frame, height, width):
            mask[rows, columns] = True
        return mask

    def _radial_lines(self, frame: int, height: int, width: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows and columns of the entries on each line of a frame."""
        lines, steps = int(self.amount), 2 * max(height, width)
        radius = np.linspace(-0.5, 0.5, steps, endpoint=False)
        for line in range(frame * lines, (frame + 1) * lines):
            angle = math.pi * (line * GOLDEN % 1)
            rows = np.round(radius * height * math.sin(angle)).astype(int) % height
            columns = np.round(radius * width * math.cos(angle)).astype(int) % width
            yield rows, columns

    def _measure(self, x: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.fft2(x, norm="ortho")
        return spectrum * self.mask

    def _adjoint(self, y: Any) -> Tensor:
        frames: Tensor = torch.fft.ifft2(y * self.mask, norm="ortho")
        return frames.real

    def _subset(self, parts: Sequence[int]) -> Fourier:
        other = self._like(len(parts), (len(parts), *self.data_shape[1:]), mask=self.mask[torch.as_tensor(parts)])
        other._frames = [self._frames[k] for k in parts]
        return other

    def arrangements(self) -> tuple[Arrangement, ...]:
        """Lines through zero; or rows, or columns, that are measured whole or not at all; else each number alone."""
        if self.pattern == "radial":
            return (Lines(self._numbers_of_radial()),)
        for axis in (-2, -1):
            whole = self.mask.all(-3 - axis)
            if torch.equal(whole, self.mask.any(-3 - axis)) and not bool(whole.all()):
                numbers = _line_numbers(whole[:, 0]).unsqueeze(1)
                return (Lines(numbers.unsqueeze(-3 - axis).expand(self.mask.shape)),)
        return (Alone(),)

    def _numbers_of_radial(self) -> Tensor:
        _, _, height, width = self.clip_shape
        numbers = np.full(self.mask.shape, -1, np.int64)
        for own, frame in zip(numbers[:, 0], self._frames, strict=True):
            crossings = np.zeros((height, width), np.int64)
            for k, (rows, columns) in enumerate(self._radial_lines(frame, height, width)):
                line = np.zeros((height, width), bool)
                line[rows, columns] = True
                own[line] = k
                crossings += line
            own[crossings > 1] = -1
        return torch.from_numpy(numbers).to(self.mask.device)

    def observed_mask(self) -> Tensor:
        return self.mask.expand(self.clip_shape)

    def with_redundant(self, entries: Any) -> Tensor:
        """The spectrum of a real frame is symmetric: y(-k) is the conjugate of y(k)."""
        negative: Tensor = entries.flip(-2, -1).roll((1, 1), (-2, -1))
        both: Tensor = entries | negative
        return both & self.mask

    def row_norm(self) -> float:
        return 1.0

    def parameters_spec(self) -> dict[str, Any]:
        return {"pattern": self.pattern, "amount": self.amount, "seed": self.seed, **within_spec(self.within)}

    def spec_tensors(self) -> dict[str, Tensor]:
        return {"mask": self.mask} if self.pattern == "mask" else {}


def _line_numbers(whole: Tensor) -> Tensor:
    """Of each line of a spectrum, (T, n), the number of its pair k and -k; -1 of what is not measured and of the
    lines around zero that are there without a gap, as these are never missing."""
    count = whole.shape[1]
    pair = torch.minimum(torch.arange(count), count - torch.arange(count)).to(whole.device)
    there = torch.stack([whole[:, pair == k].any(1) for k in range(count // 2 + 1)], 1)
    centre = there.long().cumprod(1).bool()[:, pair]
    numbers = pair.expand(whole.shape).masked_fill(~whole, -1)
    return numbers if bool(centre.eq(whole).all()) else numbers.masked_fill(centre, -1)


class _Chosen(LinearOperator):
    """m coefficients of a transform of every frame and channel, those at `places`; y: (T, C, m)."""

    part_length = 1
    has_window = True
    has_no_zero_rows = True
    places: Tensor
    """(T, m), or (1, m) where all frames share them: places in the transform of a frame, row by row."""

    def __init__(
        self,
        clip_shape: Shape,
        m: int,
        most: int,
        order: str,
        orders: Sequence[str],
        seed: int,
        within: FrameWindow | None,
    ):
        frames, channels, _, _ = checked_clip_shape(clip_shape)
        if order not in orders:
            raise InputError(f"{self.kind}: expected the order {' or '.join(orders)}, got {order}")
        if not 1 <= m <= most:
            raise InputError(f"{self.kind}: expected m from 1 to H W = {most} numbers per frame and channel, got {m}")
        super().__init__(clip_shape, (frames, channels, m), part_frames=1)
        self.m, self.order, self.seed, self.within = int(m), order, int(seed), within

    @classmethod
    def from_settings(
        cls, settings: ChannelCountSettings, clip_shape: Shape, *, seed: int, memory: int | None
    ) -> LinearOperator:
        known = dict(settings) | {"m": settings.numbers(math.prod(clip_shape[2:]))}
        return cls._called({**known, "clip_shape": clip_shape, "seed": seed})

    def _take(self, coefficients: Tensor) -> Tensor:
        """(T, C, n) to (T, C, m)."""
        return coefficients.gather(2, self.places[:, None].expand(*coefficients.shape[:2], self.m))

    def _put(self, y: Tensor, count: int) -> Tensor:
        """(T, C, m) to (T, C, n), zeros elsewhere."""
        places = self.places[:, None].expand(*y.shape)
        return y.new_zeros(*y.shape[:2], count).scatter(2, places, y)

    def _subset(self, parts: Sequence[int]) -> LinearOperator:
        places = self.places if len(self.places) == 1 else self.places[torch.as_tensor(parts)]
        return self._like(len(parts), (len(parts), *self.data_shape[1:]), places=places)

    def arrangements(self) -> tuple[Arrangement, ...]:
        """From coarse to fine where all frames share the numbers of an order; else each number alone."""
        return (Ordered(),) if len(self.places) == 1 else (Alone(),)

    def parameters_spec(self) -> dict[str, Any]:
        return {"m": self.m, "order": self.order, "seed": self.seed, **within_spec(self.within)}


class SinglePixel(_Chosen):
    """A single-pixel camera: inner products of every frame and channel with m patterns of +1 and -1, over sqrt(m).

    The patterns are rows of a Hadamard matrix, which is applied by additions and subtractions (fast Walsh-Hadamard
    transform); frames are thought of as filled up with black to powers of two. y: (T, C, m). order "cake" shows all
    frames the m patterns of fewest pieces, coarse ones first (cake-cutting, Yu, Sensors 19:4122, 2019): a pattern is
    the product of a row and a column of so many stripes, and its pieces are stripes times stripes. Where a side is no
    power of two, patterns that are combinations of others inside the frame are left out: no number of the data follows
    from the others, and one that is held out says something. order "random"
    flips the signs of the pixels by the seed and shows each frame m patterns of its own (subsampled randomised
    Hadamard transform; Ailon and Chazelle, 2006). within: see `FrameWindow`. Raises InputError unless 1 <= m <= H W.
    """

    kind = "single-pixel"

    def __init__(
        self,
        clip_shape: Shape,
        m: int,
        order: Literal["cake", "random"] = "cake",
        *,
        seed: int = 0,
        within: FrameWindow | None = None,
    ):
        frames, _, height, width = checked_clip_shape(clip_shape)
        super().__init__(clip_shape, m, height * width, order, ("cake", "random"), seed, within)
        self._padded = (power_of_two(height), power_of_two(width))
        if order == "cake":
            places, signs = cake_cutting(height, width)[None, :m], np.ones((height, width), np.float32)
        else:
            count = math.prod(self._padded)
            words = (streams.raw(seed, streams.ROWS, t, 0, count) for t in frame_numbers(frames, within))
            places = np.stack([np.argsort(w, kind="stable")[:m] for w in words])
            last = frames if within is None else within[1]
            bits = streams.raw(seed, streams.ROWS, last, 0, height * width) & np.uint64(1)
            signs = bits.reshape(height, width).astype(np.float32) * 2 - 1
        self.signs: Tensor
        self.register_buffer("places", torch.from_numpy(places.copy()))
        self.register_buffer("signs", torch.from_numpy(signs))

    def _measure(self, x: Tensor) -> Tensor:
        return by_adjoint(self._project, self._back_project, x)

    def _adjoint(self, y: Any) -> Tensor:
        return by_adjoint(self._back_project, self._project, y)

    def _project(self, x: Tensor) -> Tensor:
        _, _, height, width = self.clip_shape
        rows, columns = self._padded
        padded = pad(x * self.signs, (0, columns - width, 0, rows - height))
        return self._take(hadamard(padded).flatten(2)).div_(math.sqrt(self.m))

    def _back_project(self, y: Tensor) -> Tensor:
        _, _, height, width = self.clip_shape
        full = self._put(y, math.prod(self._padded)).unflatten(2, self._padded)
        return (hadamard(full)[..., :height, :width] * self.signs).div_(math.sqrt(self.m))

    @classmethod
    def from_spec(cls, spec: Spec, tensors: Tensors, memory: int | None) -> LinearOperator:
        """As usual; of a size whose patterns were other ones before, the spec has to say that they are of today.

        Raises InputError where it does not.
        """
        camera = super().from_spec(spec, tensors, memory)
        if camera.parameters_spec().keys() - spec.keys():
            raise InputError("operator: some of these single-pixel patterns were combinations of others; measure again")
        return camera

    def row_norm(self) -> float:
        return math.sqrt(math.prod(self.clip_shape[2:]) / self.m)

    def parameters_spec(self) -> dict[str, Any]:
        whole = self._padded == self.clip_shape[2:] or self.order != "cake"
        return super().parameters_spec() | ({} if whole else {"patterns": "independent"})


class Cosine(_Chosen):
    """m coefficients of the orthonormal two-dimensional cosine transform (DCT-II) of every frame and channel.

    y: (T, C, m). order "low" takes those of lowest frequency, the same of all frames; order "random" a quarter of
    them there and the rest at random by the seed, others of each frame. within: see `FrameWindow`. Raises InputError
    unless 1 <= m <= H W.
    """

    kind = "dct"

    def __init__(
        self,
        clip_shape: Shape,
        m: int,
        order: Literal["random", "low"] = "random",
        *,
        seed: int = 0,
        within: FrameWindow | None = None,
    ):
        frames, _, height, width = checked_clip_shape(clip_shape)
        super().__init__(clip_shape, m, height * width, order, ("random", "low"), seed, within)
        frequency = np.hypot(np.arange(height)[:, None] / height, np.arange(width)[None] / width).ravel()
        lowest = np.argsort(frequency, kind="stable")
        if order == "low":
            places = lowest[None, :m]
        else:
            numbers = frame_numbers(frames, within)
            words = [streams.raw(seed, streams.ROWS, t, 0, height * width).astype(np.float64) for t in numbers]
            for row in words:
                row[lowest[: math.ceil(LOW_SHARE * m)]] = -1
            places = np.stack([np.argsort(row, kind="stable")[:m] for row in words])
        self.register_buffer("places", torch.from_numpy(places.copy()))

    def _measure(self, x: Tensor) -> Tensor:
        return self._take(dct(dct(x).mT).mT.flatten(2))

    def _adjoint(self, y: Any) -> Tensor:
        full = self._put(y, math.prod(self.clip_shape[2:])).unflatten(2, self.clip_shape[2:])
        return inverse_dct(inverse_dct(full).mT).mT

    def row_norm(self) -> float:
        return 1.0
