"""A recovery, or the representation of one, packed into a small file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Unpack

import torch
from torch import Tensor

from ..errors import InputError
from ..model.representation import Representation
from ..packing.pack import PackedResult
from ..packing.pack import pack as pack_representation
from ..settings import PackKeywords, PackSettings
from ..system.as_tensor import tensor_of
from ..system.complex_clips import to_real
from .recovery import Recovery, in_grey_levels


def pack(
    found: Recovery[Any] | Representation,
    settings: PackSettings | None = None,
    *,
    error: float | None = None,
    target: Any = None,
    toward: Any = None,
    levels: Sequence[float] | None = None,
    rate: Fraction = Fraction(25),
    show: Callable[[int, int], None] | None = None,
    **choices: Unpack[PackKeywords],
) -> PackedResult:
    """Pack a recovery, or a representation: quantised numbers, fitted once more, as few as what is asked for allows.

    choices: fields of `lowreel.settings.PackSettings` by name, such as `bytes=40_000` or `psnr=40`, in place of those
    of `settings`; without any the clip is at most 0.3 dB worse. `packed.save(path)` of the result writes the file.

    error: mean squared error per pixel of what is drawn, against the clip that is not known, for a loss: a packed frame
    that is off by some more, at random, adds that to it. target: (T, C, H, W) in [0, 1], what packed frames are fitted
    to and judged by, in the place of what is drawn: a clip that is known; loss is then against its own error. toward:
    what they are fitted to in place of it where bytes are asked for, such as the clip that was delivered, which agrees
    with the data. Both have real and imaginary parts as channels where the clip is complex. levels: scale and offset
    that turn grey levels into the units of the clip, (1, 0) if None. rate: frames a second of its source. show: told of
    updates made and planned. Of a recovery error, toward and levels are known where they are not given.

    Raises InputError for what is neither, settings that are none, targets of another shape, a loss where no error is
    known, bytes that are too few, and clips of other channels than those of grey, colour or complex ones.
    """
    own = _checked(settings, choices)
    if isinstance(found, Recovery):
        representation = found.representation
        drawn = found.found.drawn_db
        error = 10 ** (-drawn / 10) if error is None and math.isfinite(drawn) else error
        levels = tuple(found.levels) if levels is None else levels
        if toward is None and found.delivered == "generator":
            toward = _as_drawn(in_grey_levels(found.found).clip)
    elif isinstance(found, Representation):
        representation = found
    else:
        got = type(found).__name__
        raise InputError(f"pack: expected what recover or load returns, or its representation, got {got}")
    shape = (len(representation.times), *representation.generator.frame_shape)
    known = {"target": _of_shape(target, "target", shape), "toward": _of_shape(toward, "toward", shape)}
    scale, offset = _numbers(levels)
    return pack_representation(representation, own, error=error, levels=(scale, offset), rate=rate, show=show, **known)


def _checked(settings: PackSettings | None, choices: PackKeywords) -> PackSettings:
    if not isinstance(settings, PackSettings | None):
        got = type(settings).__name__
        raise InputError(f"pack: expected lowreel.settings.PackSettings(psnr=40, ...) or None as settings, got {got}")
    settings = settings or PackSettings()
    changes: dict[str, Any] = dict(choices)
    return type(settings)(**(settings.model_dump() | changes))


def _as_drawn(clip: Tensor) -> Tensor:
    """A clip in grey levels as the generator draws it: of a complex one both parts, in [0, 1]."""
    return (to_real(clip) + 1) / 2 if clip.is_complex() else clip


def _of_shape(clip: Any, who: str, shape: tuple[int, ...]) -> Tensor | None:
    if clip is None:
        return None
    tensor = tensor_of(clip, who).to("cpu", torch.float32)
    if tuple(tensor.shape) != shape:
        raise InputError(f"{who}: expected a clip of shape {shape}, got {tuple(tensor.shape)}")
    return tensor


def _numbers(levels: Sequence[float] | None) -> tuple[float, float]:
    try:
        scale, offset = (1.0, 0.0) if levels is None else map(float, levels)
    except (TypeError, ValueError):
        raise InputError(f"levels: expected (scale, offset), got {levels!r}") from None
    if not (math.isfinite(scale) and math.isfinite(offset)) or scale == 0:
        raise InputError(f"levels: expected finite numbers, the first not 0, got {levels!r}")
    return scale, offset
