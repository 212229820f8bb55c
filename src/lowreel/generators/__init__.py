"""Generators: codes in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from .base import Generator
from .dcgan import Dcgan, shared_start
from .decoder import Decoder, smooth_start

__all__ = ["Dcgan", "Decoder", "Generator", "from_spec", "make", "shared_start", "smooth_start"]


def from_spec(spec: Mapping[str, Any]) -> Generator:
    """Build the network of a `spec`, with weights yet to be loaded. Raises InputError for an unknown kind."""
    match spec.get("kind"):
        case "dcgan":
            return Dcgan(spec["channels"])
        case "decoder":
            return Decoder(tuple(spec["frame_shape"]), code_dim=spec["code_dim"])
        case other:
            raise InputError(f"generator: unknown kind {other!r}; is the file of a newer lowreel?")


def make(kind: str, frame_shape: tuple[int, int, int], *, seed: int = 0) -> Generator:
    """A generator with random weights: `decoder` (any size) or `paper` (DCGAN, 64x64). frame_shape: (C, H, W)."""
    match kind:
        case "decoder":
            return Decoder(frame_shape, seed=seed)
        case "paper":
            if frame_shape[1:] != (64, 64):
                raise InputError(
                    f"generator paper: it makes 64x64 frames, this clip is {frame_shape[1]}x{frame_shape[2]}; "
                    "add --size 64, or use --generator decoder"
                )
            return Dcgan(frame_shape[0], seed=seed)
        case other:
            raise InputError(f"generator: expected decoder or paper, got {other!r}")
