"""The project's own generator: a small decoder for frames of any size, fitted to one clip from random weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from itertools import pairwise
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError
from .base import CODES, WEIGHTS, Generator, seeded, to_grey_levels
from .layers import draw_weights, without_values

WIDTHS = (96, 64, 48, 32, 24)
"""Feature maps from the coarsest scale to the finest; larger frames repeat the last."""

PROBE_FRAMES, PROBE_PIXELS = 16, 2**20
"""Frames by which first weights are scaled, at most, and their pixels together: fewer of large ones."""

LEAST_FRAME_OF_SUBPIXELS = 320 * 180
"""Pixels from which on the last doubling of a frame is a sub-pixel convolution (docs/choices.md), in recoveries only
where the data tells pixels apart (`subpixel_stages`)."""

SUBPIXEL_EPOCHS_FACTOR, SUBPIXEL_DECAY_SHARE = 1.5, 1 / 3
"""So many times as many epochs are made with it, each of which takes a third of the time; and the share of the weight
decay, as so many updates of large frames tell enough of the weights (docs/choices.md)."""

LEAK_SLOPE = 0.05
"""Slope that the gradient keeps where the output is flat; without it large early steps can leave frames stuck at
black."""

HEADROOM = 1.1
"""By what tanh is multiplied before it is cut off at black and white (docs/choices.md)."""


class Decoder(Generator):
    """Projection of the code to a coarse feature map, then convolution and bilinear doubling up to the frame size.

    Each scale is a 3x3 convolution, bilinear doubling, GELU, and a residual 3x3 convolution on the finer grid.
    Bilinear doubling makes smooth frames the easy ones; the residual convolution lets detail through. Frames are
    generated on a grid of 2^L times the coarse one and cropped, so any H, W fits. There is no normalisation over
    frames: each depends on its own code alone.

    The last `subpixel_stages` of the L doublings are one sub-pixel convolution (Shi et al., 2016): the layer that makes
    the frame gives 4^S numbers a channel for each place of its features, one for each pixel there. Without features of
    full size an update of large frames takes a third of the time.
    """

    kind = "decoder"
    subpixel_decay_share = SUBPIXEL_DECAY_SHARE
    reduced_precision = True
    step_shares: ClassVar[Mapping[str, float]] = {"project": 0.7, "grow": 1.5, "refine": 1.5}
    widths: ClassVar[Sequence[int]] = WIDTHS
    usual_code_dim: ClassVar[int] = 64

    def __init__(
        self,
        frame_shape: tuple[int, int, int],
        *,
        code_dim: int | None = None,
        upsampling_stages: int | None = None,
        subpixel_stages: int | None = None,
        headroom: float = HEADROOM,
        seed: int = 0,
    ):
        super().__init__()
        channels, height, width = frame_shape
        if min(frame_shape) < 1:
            raise InputError(f"decoder: expected a frame shape (C, H, W) of ones or more, got {tuple(frame_shape)}")
        self.frame_shape, self.headroom = (channels, height, width), headroom
        self.code_dim = code_dim = self.usual_code_dim if code_dim is None else code_dim
        self.upsampling_stages = upsampling_stages = (
            upsampling_stages_of(frame_shape) if upsampling_stages is None else upsampling_stages
        )
        self.coarse = (math.ceil(height / 2**upsampling_stages), math.ceil(width / 2**upsampling_stages))
        if subpixel_stages is None:
            subpixel_stages = int(height * width >= LEAST_FRAME_OF_SUBPIXELS)
        if not 0 <= subpixel_stages <= upsampling_stages:
            raise InputError(
                f"{self.kind}: expected 0 to {upsampling_stages} subpixel_stages, no more than upsampling_stages, "
                f"got {subpixel_stages}"
            )
        self.subpixel_stages = subpixel_stages
        if subpixel_stages:
            self.epochs_factor, self.decay_share = SUBPIXEL_EPOCHS_FACTOR, self.subpixel_decay_share
        widths = [self.widths[min(k, len(self.widths) - 1)] for k in range(upsampling_stages - subpixel_stages + 1)]
        self._make_coarse_layers(widths[0])
        self.grow = nn.ModuleList(without_values(nn.Conv2d, a, b, 3, padding=1) for a, b in pairwise(widths))
        self.refine = nn.ModuleList(without_values(nn.Conv2d, b, b, 3, padding=1) for b in widths[1:])
        self.to_frame = without_values(nn.Conv2d, widths[-1], channels * 4**subpixel_stages, 3, padding=1)
        self._initialise(seed)

    def _make_coarse_layers(self, width: int) -> None:
        """The layers that make the coarse feature map of a code, of so many channels."""
        self.project = without_values(nn.Linear, self.code_dim, width * math.prod(self.coarse))

    def _coarse_layers(self) -> dict[nn.Module, float]:
        """Those that are drawn at random, with the spread that they are scaled to give."""
        return {self.project: 1.0}

    def coarse_features(self, codes: Tensor) -> Tensor:
        """The coarse feature map before its first nonlinearity: codes (N, K) to (N, W, h, w).

        Never in reduced precision: to round millions of weights and their gradient takes longer than the few products.
        """
        device = codes.device.type
        is_reduced = device != "meta" and torch.is_autocast_enabled(device)
        with torch.autocast(device, enabled=False) if is_reduced else nullcontext():
            return torch.unflatten(self.project(codes), 1, (-1, *self.coarse))

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        """Random weights, layer by layer scaled so that a random code gives outputs of unit spread; biases zero.

        Plain fan-in rules lose the signal in the bilinear upsampling, and the fit then stays at one grey level. On
        torch's device without memory nothing is done.
        """
        if self.to_frame.weight.is_meta:
            return
        source = seeded(seed, WEIGHTS)
        probed = max(2, min(PROBE_FRAMES, PROBE_PIXELS // math.prod(self.frame_shape[1:])))
        probe = torch.randn(probed, self.code_dim, generator=source)

        spreads = {**self._coarse_layers(), **dict.fromkeys([*self.grow, *self.refine], 1.0), self.to_frame: 0.5}
        draw_weights(self._drawn, spreads, lambda: probe, source)

    def forward(self, codes: Tensor) -> Tensor:
        """Frames of codes: (N, K) to (N, C, H, W)."""
        _, height, width = self.frame_shape
        return to_grey_levels(self._drawn(codes)[..., :height, :width], LEAK_SLOPE, self.headroom)

    def _drawn(self, codes: Tensor) -> Tensor:
        """What `to_grey_levels` makes frames of, on the whole grid, which may be larger than they are."""
        features = F.gelu(self.coarse_features(codes))
        for grow, refine in zip(self.grow, self.refine, strict=True):
            features = F.gelu(F.interpolate(grow(features), scale_factor=2, mode="bilinear", align_corners=False))
            features = features + F.gelu(refine(features))
        frames: Tensor = self.to_frame(features)
        return F.pixel_shuffle(frames, 2**self.subpixel_stages) if self.subpixel_stages else frames

    def with_extra_stages(self, more: int, *, seed: int) -> Decoder:
        """A new decoder of the same frames with more stages of upsampling: its coarse grid is coarser by 2^more."""
        sizes = {"subpixel_stages": self.subpixel_stages} | self._own_sizes()
        sizes["upsampling_stages"] += more
        return type(self)(self.frame_shape, **sizes, seed=seed)

    def spec(self) -> dict[str, Any]:
        """Kind, frame shape, code dimension, stages of upsampling, sub-pixel ones where there are any, headroom."""
        return {"kind": self.kind, "frame_shape": list(self.frame_shape), **self._own_sizes()}

    def _own_sizes(self) -> dict[str, Any]:
        """By what it is built, its frame shape and seed apart."""
        sizes: dict[str, Any] = {"code_dim": self.code_dim, "upsampling_stages": self.upsampling_stages}
        if self.subpixel_stages:  # files of decoders without any do not name it
            sizes["subpixel_stages"] = self.subpixel_stages
        return sizes | {"headroom": self.headroom}


def upsampling_stages_of(frame_shape: tuple[int, int, int]) -> int:
    """From a coarse grid of 8 to 16 pixels a side: deeper networks learn large frames more slowly (docs/choices.md)."""
    scale = math.log2(max(min(frame_shape[1:]), 16))
    return max(2, min(round(scale - 3), max(4, round(scale - 4))))


def first_stages(frame_shape: tuple[int, ...]) -> int:
    """Stages of upsampling of decoders whose spec does not say them: the first files of version 1."""
    return max(2, round(math.log2(max(8, min(frame_shape[1:])) / 4)))


def smooth_start(times: Tensor, code_dim: int, seed: int, spread: float = 0.3) -> Tensor:
    """One random code plus a smooth random path around it, (T, K): sinusoids in time, slow and fast ones.

    The shared part lets the generator learn first what all frames have in common; the path tells frames apart by
    their distance in time from the start.
    """
    frames, half = len(times), (code_dim + 1) // 2
    span = float(times[-1] - times[0]) or 1.0
    position = ((times - times[0]) / span).float()[:, None]
    frequency = torch.linspace(0.25, max(frames / 8, 0.5), half)[None]
    source = seeded(seed, CODES)
    phase = 2 * math.pi * (frequency * position + torch.rand(1, half, generator=source))
    path = torch.cat([phase.sin(), phase.cos()], 1)[:, :code_dim]
    return torch.randn(1, code_dim, generator=source) + spread * path


def line_start(times: Tensor, code_dim: int, seed: int, sequences: Sequence[int] = (), spread: float = 0.3) -> Tensor:
    """Codes on a line that move evenly in time, (T, K); of several sequences each on a line of its own in one plane.

    sequences: their lengths. Each line begins and ends a `spread` away from its middle. Codes on a line keep the order
    that they start with: one that differs from that of the frames would have to be undone by the weights.
    """
    source = seeded(seed, CODES)
    first, second = torch.linalg.qr(torch.randn(code_dim, 2, generator=source))[0].T * math.sqrt(code_dim)
    parts = torch.split(times, list(sequences)) if sequences else [times]
    codes = []
    for k, part in enumerate(parts):
        angle = 2 * math.pi * k / len(parts)
        middle, along = math.cos(angle) * first + math.sin(angle) * second, math.cos(angle) * second
        along = along - math.sin(angle) * first
        span = float(part[-1] - part[0]) or 1.0
        codes.append(middle + spread * (2 * (part - part[0]) / span - 1).float()[:, None] * along)
    return torch.cat(codes)
