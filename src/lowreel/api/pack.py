"""A recovery, the representation of one, or a clip, packed into a small file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Unpack, cast

import torch
from torch import Tensor

from ..errors import InputError
from ..model.representation import Representation
from ..packing.container import MOST_RATE, even_times
from ..packing.direct import pack_clip
from ..packing.pack import PackedResult
from ..packing.pack import pack as pack_representation
from ..packing.recovered import RecoveredPixels, error_of_level, pack_recovered
from ..recovery.preparation import times_of
from ..settings import PackKeywords, PackSettings
from ..system.as_tensor import tensor_of
from ..system.complex_clips import to_real
from .recovery import Recovery, in_grey, in_grey_levels

MOST_DENOMINATOR = 10**6
"""Of frames a second that are given as a float."""


def pack(
    found: Any,
    settings: PackSettings | None = None,
    *,
    error: float | None = None,
    target: Any = None,
    toward: Any = None,
    levels: Sequence[float] | None = None,
    rate: Fraction | float | str = Fraction(25),
    times: Any = None,
    show: Callable[[int, int], None] | None = None,
    **choices: Unpack[PackKeywords],
) -> PackedResult:
    """Pack a recovery, a representation or a clip: quantised numbers, as few as what is asked for allows.

    found: what `recover` or `load` returns, its representation, or a clip. The numbers of the first two are fitted once
    more as they will be read; of a recovery from exact pixels the recommended clip may be fitted anew, as clips are,
    where held-out data says that this loses less. A clip, an array or tensor, (T, C, H, W) in
    [0, 1], is fitted by a generator of its own kind, and needs bytes or psnr; times: seconds of its frames, of `rate`
    if None.

    choices: fields of `lowreel.settings.PackSettings` by name, such as `bytes=40_000` or `psnr=40`, in place of those
    of `settings`; without any the clip is at most 0.3 dB worse. `packed.save(path)` of the result writes the file.

    error: mean squared error per pixel of what is drawn, against the clip that is not known, for a loss: a packed frame
    that is off by some more, at random, adds that to it. target: (T, C, H, W) in [0, 1], what packed frames are fitted
    to and judged by, in the place of what is drawn: a clip that is known; loss is then against its own error. toward:
    what they are fitted to in place of it where bytes are asked for, such as the clip that was delivered, which agrees
    with the data. Both have real and imaginary parts as channels where the clip is complex. levels: scale and offset
    that turn grey levels into the units of the clip, (1, 0) if None. rate: frames a second of its source. show: told of
    updates made and planned. Of a recovery error, toward and levels are known where they are not given.

    Raises InputError for what is none of these, settings that are none, targets of another shape, a loss where no error
    is known, what cannot be met, and clips of other channels than those of grey, colour or complex ones.
    """
    own, frame_rate = _checked(settings, choices), _rate(rate)
    if not isinstance(found, Recovery | Representation):
        if not (error is target is toward is None):
            raise InputError("pack: a clip is fitted to itself; leave out error, target and toward")
        clip, (scale, offset) = _clip(found), _numbers(levels)
        seconds = even_times(0.0, len(clip), frame_rate) if times is None else times_of(times, len(clip))
        return pack_clip(clip, seconds, own, levels=(scale, offset), rate=frame_rate, show=show)
    if times is not None:
        raise InputError("pack: a recovery knows the times of its frames; leave out times")
    if own.precision != "auto" and (target is not None or isinstance(found, Representation)):
        raise InputError("pack: numbers of a representation are fitted in float32; leave out precision")
    known: dict[str, Any] = {"error": error, "target": target, "toward": toward, "levels": levels}
    return _of_recovery(found, own, known, {"rate": frame_rate, "show": show})


def _of_recovery(
    found: Recovery | Representation, settings: PackSettings, known: dict[str, Any], how: dict[str, Any]
) -> PackedResult:
    """A recovery or a representation packed. known: error, target, toward and levels as they were given."""
    error, target, toward, levels = known["error"], known["target"], known["toward"], known["levels"]
    recovered: Callable[[], RecoveredPixels | None] | None = None
    if isinstance(found, Recovery):
        representation = found.representation
        drawn = found.found.drawn_db if error is None else None  # what is given is of all pixels
        error = error_of_level(drawn) if drawn is not None and math.isfinite(drawn) else error
        levels = tuple(found.levels) if levels is None else levels
        recovered = partial(_recovered, found, drawn) if target is toward is None else None
        if toward is None and found.delivered == "generator":
            toward = _as_drawn(in_grey_levels(found.found).clip)
    else:
        representation = found
    shape = (len(representation.times), *representation.generator.frame_shape)
    target, toward = _of_shape(target, "target", shape), _of_shape(toward, "toward", shape)
    scale, offset = _numbers(levels)
    how = {**how, "error": error, "levels": (scale, offset)}
    if target is not None:
        return pack_representation(representation, settings, target=target, toward=toward, **how)
    return pack_recovered(representation, settings, recovered=recovered, toward=toward, **how)


def _recovered(found: Recovery, drawn_db: float | None) -> RecoveredPixels | None:
    """The best clip by held-out data and its pixels, where the data is exact pixels. drawn_db: level of what the
    generator draws, where the error of it is not given."""
    if found.source.measured is None:
        return None
    level = found.found.recommended.heldout_db
    return RecoveredPixels.of(found.source.measured, found.found.settings, partial(_best, found), level, drawn_db)


def _best(found: Recovery) -> Tensor:
    """The best clip by held-out data, in grey levels."""
    clip = found.recommended_tensor
    grey = in_grey_levels(found.found).recommended_clip if clip is None else in_grey(clip, found.found.levels)
    return cast("Tensor", grey)


def _clip(found: Any) -> Tensor:
    """A clip, (T, C, H, W) in [0, 1], in single precision."""
    try:
        clip = tensor_of(found, "pack")
    except InputError:
        got = type(found).__name__
        raise InputError(
            f"pack: expected what recover or load returns, its representation, or a clip as an array, got {got}"
        ) from None
    if clip.ndim != 4 or min(clip.shape) < 1 or len(clip) < 2 or not clip.is_floating_point():
        got = f"{tuple(clip.shape)} of {str(clip.dtype).removeprefix('torch.')}"
        raise InputError(f"pack: expected a clip of shape (T, C, H, W), two frames or more, in [0, 1], got {got}")
    least, most = (float(end) for end in clip.aminmax())
    if math.isnan(least):
        raise InputError(
            "pack: expected a clip of numbers, got some that are NaN; fill them in first (lowreel.recover)"
        )
    if not (least >= 0 and most <= 1):
        raise InputError(f"pack: expected a clip with values in [0, 1], got {least:.4g} to {most:.4g}; scale it first")
    return clip.to("cpu", torch.float32)


def _rate(rate: Fraction | float | str) -> Fraction:
    """Frames a second as a fraction."""
    try:
        found = Fraction(rate).limit_denominator(MOST_DENOMINATOR)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found < MOST_RATE:
        raise InputError(f"rate: expected frames a second, such as 25 or Fraction(30000, 1001), got {rate!r:.60}")
    return found


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
