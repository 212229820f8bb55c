"""The representation: codes and generator, which together are the clip."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ..errors import InputError
from ..system.complex_clips import to_complex
from ..system.files import read_tensors, write_tensors
from ..system.threads import shared_out
from .generators import Decoder, Generator, from_spec
from .latents import Codes, Curve

FRAMES_AT_ONCE, PIXELS_AT_ONCE = 16, 2**18
"""Frames that a thread generates together, at most, and their pixels: bounds the memory of a long clip and of a large
one, whose frames are also drawn sooner one by one (docs/choices.md)."""

LARGE_AT_ONCE = 2
"""So many of these parts are drawn side by side of large frames: with more, the memory would grow with the cores."""


def frames_at_once(frame_shape: Sequence[int]) -> int:
    """How many frames of this shape, (C, H, W), a thread draws together."""
    return max(1, min(FRAMES_AT_ONCE, PIXELS_AT_ONCE // math.prod(frame_shape[1:])))


def parts_at_once(generator: Generator, device: torch.device) -> int:
    """How many such parts of a clip are drawn at a time, by a thread each: several of large frames, whose parts are
    many, and by our own generator, of which it is known that it can be called side by side."""
    is_shared = (
        device.type == "cpu"
        and frames_at_once(generator.frame_shape) < FRAMES_AT_ONCE
        and isinstance(generator, Decoder)
    )
    return min(LARGE_AT_ONCE, torch.get_num_threads()) if is_shared else 1


@dataclass(frozen=True, repr=False)
class Representation:
    """A clip as a generator and the codes of its frames: x_t = G(z_t).

    Frames can be drawn at any time, between the measured ones too. is_complex: the channels of the generator are real
    and imaginary parts, from -1 at level 0 to 1 at level 1.
    """

    generator: Generator
    codes: Codes
    is_complex: bool = False

    def __repr__(self) -> str:
        """Frames, rank, numbers and network in one line."""
        channels, height, width = self.frame_shape
        frames, weights, codes = len(self.times), self.parameters["weights"], self.parameters["codes"]
        return (
            f"Representation({frames} frames of {height}x{width}, {channels} channel{'s' if channels > 1 else ''}: "
            f"codes of rank {self.codes.rank} in {codes:,} numbers, {type(self.generator).__name__} of {weights:,} "
            f"weights; {float(self.times[0]):g} to {float(self.times[-1]):g} s)"
        )

    @property
    def times(self) -> Tensor:
        """Seconds of the measured frames, (T,)."""
        return self.codes.times

    def on(self, device: torch.device) -> Representation:
        """The same on a device; itself where it is there."""
        if self.codes.coefficients.device.type == device.type:
            return self
        return replace(self, generator=copy.deepcopy(self.generator).to(device), codes=self.codes.on(device))

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the frames that are drawn."""
        channels, height, width = self.generator.frame_shape
        return channels // 2 if self.is_complex else channels, height, width

    @torch.no_grad()
    def frames(self, at: float | Sequence[float] | Tensor | None = None, curve: Curve = "linear") -> Tensor:
        """Frames (N, C, H, W) at these times in seconds (one time is one frame); the clip's if None.

        In [0, 1]; complex with parts in [-1, 1] where `is_complex`. Times before the first or after the last frame give
        that frame. curve: how codes go from frame to frame, linear or cubic. Raises InputError for times that are not
        finite.
        """
        if at is None:
            codes = self.codes.matrix()
        else:
            seconds = torch.as_tensor(at, dtype=torch.float64).view(-1)
            if not torch.isfinite(seconds).all():
                raise InputError("frames: expected times in seconds, got some that are not finite")
            codes = self.codes.at(seconds, curve)
        return self.drawn(codes)

    @torch.no_grad()
    def drawn(self, codes: Tensor) -> Tensor:
        """The frames of these codes, (N, K), as `frames` gives them."""
        frames = torch.empty(len(codes), *self.generator.frame_shape, dtype=codes.dtype, device=codes.device)

        def draw(pair: tuple[Tensor, Tensor]) -> None:
            with torch.no_grad():  # which a thread does not know of another
                pair[1].copy_(self.generator(pair[0]))

        parts = list(zip(self._few(codes), self._few(frames), strict=True))
        shared_out(draw, parts, at_once=parts_at_once(self.generator, codes.device))
        return to_complex(2 * frames - 1) if self.is_complex else frames

    def path(self) -> Tensor:
        """The codes without the motion of a camera, where they have one: (T, K)."""
        codes = self.codes.matrix()
        return codes[:, : codes.shape[1] - self.generator.motion_numbers]

    def stretches(self, which: Sequence[int] | None = None) -> Iterator[Tensor]:
        """The clip's frames, or those with these numbers, as `frames` gives them, few at a time, for whoever need not
        hold them all."""
        codes = self.codes.matrix() if which is None else self.codes.matrix()[list(which)]
        parts = parts_at_once(self.generator, codes.device)
        return map(self.drawn, torch.split(codes, parts * frames_at_once(self.generator.frame_shape)))

    def _few(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """A tensor of all frames cut into those that are drawn together."""
        return torch.split(tensor, frames_at_once(self.generator.frame_shape))

    @property
    def parameters(self) -> dict[str, int]:
        """Numbers stored: `weights` of the generator, `codes` (on r basis vectors where the rank is constrained)."""
        return {"weights": self.generator.weights_count, "codes": self.codes.parameters}

    def bits(self) -> int:
        """Bits of all that is stored of it: 32 a weight or a number of the codes, 64 a frame time."""
        return sum(8 * t.numel() * t.element_size() for t in self.tensors().values())

    def tensors(self) -> dict[str, Tensor]:
        """Codes, weights and frame times by name."""
        codes = {f"codes.{name}": tensor for name, tensor in self.codes.tensors().items()}
        return codes | {f"generator.{name}": tensor for name, tensor in self.generator.state_dict().items()}

    @staticmethod
    def of(tensors: Mapping[str, Tensor], made: Generator) -> Representation:
        """The representation that `tensors` came from; made: a generator like its own, whose weights are replaced.

        tensors: with the names and shapes of `tensors()`: codes.coefficients (T, K) or (T, r), codes.times (T,). Raises
        RuntimeError or TypeError when they do not fit.
        """
        made.load_state_dict(
            {n.removeprefix("generator."): t for n, t in tensors.items() if n.startswith("generator.")}
        )
        codes = Codes(**{n.removeprefix("codes."): t for n, t in tensors.items() if n.startswith("codes.")})
        if codes.matrix().shape != (len(codes.times), made.code_dim):
            raise TypeError(f"{len(codes.times)} times, codes of shape {tuple(codes.matrix().shape)}")
        return Representation(made.eval().requires_grad_(False), codes)

    def save(self, path: str | Path) -> None:
        """Write codes, weights and frame times to one safetensors file (docs/format.md)."""
        header = {"generator": self.generator.spec()} | ({"complex": True} if self.is_complex else {})
        write_tensors(path, "representation", self.tensors(), header)

    @staticmethod
    def load(path: str | Path) -> Representation:
        """Read what `save` wrote. Raises InputError when it is damaged or of another kind."""
        tensors, header = read_tensors(path, "representation")
        try:
            found = Representation.of(tensors, from_spec(header["generator"]))
            return replace(found, is_complex=bool(header.get("complex", False)))
        except (RuntimeError, TypeError) as error:
            raise InputError(f"{path}: its tensors do not fit its generator: {error}".splitlines()[0]) from None
