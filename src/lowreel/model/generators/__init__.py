"""Generators: codes in, frames out."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from .base import Generator
from .dcgan import Dcgan, shared_start
from .decoder import Decoder, line_start, smooth_start
from .lean import Lean
from .moving import MovingDecoder, margin_of
from .pyramid import Pyramid
from .subpixels import subpixel_stages
from .weights import STATE_DICTS, from_spec, load_weights, save_weights, weights_header
from .zoo import ZOO, pretrained, zoo_file

__all__ = [
    "STATE_DICTS",
    "ZOO",
    "Dcgan",
    "Decoder",
    "Generator",
    "Lean",
    "MovingDecoder",
    "Pyramid",
    "from_spec",
    "line_start",
    "load_weights",
    "make",
    "margin_of",
    "pretrained",
    "save_weights",
    "shared_start",
    "smooth_start",
    "subpixel_stages",
    "weights_header",
    "zoo_file",
]


def make(
    name: str, frame_shape: tuple[int, int, int], *, seed: int = 0, subpixel_stages: int | None = None
) -> Generator:
    """A generator of frames (C, H, W) = `frame_shape`.

    name: `decoder` or `lean` (any size) or `dcgan` (64x64), which start from random weights of the seed; `paper-grey`
    or `paper-rgb`, trained, from the zoo; or a file of weights. subpixel_stages: of `decoder` and `lean`, as in
    `Decoder`. Raises InputError when it makes other frames.
    """
    if name == "decoder":
        return Decoder(frame_shape, subpixel_stages=subpixel_stages, seed=seed)
    if name == "lean":
        return Lean(frame_shape, subpixel_stages=subpixel_stages, seed=seed)
    if name == "dcgan":
        _check_frames(name, (frame_shape[0], 64, 64), frame_shape)
        return Dcgan(frame_shape[0], seed=seed)
    if name not in ZOO and not Path(name).exists():
        raise InputError(
            f"generator: expected decoder, lean, dcgan, {', '.join(ZOO)} or a file of weights, got {name!r}"
        )
    found = pretrained(name) if name in ZOO else load_weights(name)
    _check_frames(name, found.frame_shape, frame_shape)
    return found


def _check_frames(name: str, made: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    if made == wanted:
        return
    size = f"--size {made[1]}" if made[1] == made[2] else f"--size {made[1]}x{made[2]}"
    change = size if made[1:] != wanted[1:] else f"--channels {made[0]}"
    raise InputError(
        f"generator {name}: it makes {made[1]}x{made[2]} frames with {made[0]} channels, wanted are "
        f"{wanted[1]}x{wanted[2]} with {wanted[0]}; add {change}, or use --generator decoder"
    )
