"""The true clip of a run: read in the same way as the measured clip, and checked against the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ..data import Measured, NoNoise, PoissonNoise, WhiteNoise
from ..errors import InputError
from ..io.video import MOSAICS, Clip, open_clip
from ..operators import tensors_of, with_phase
from ..system.files import is_array_file

COLOUR_MISFIT_SHARE = 0.1
"""How far, as a share of the data, a true clip of colours may be from explaining data of one channel."""


def load_truth(reading: dict[str, Any], clip_shape: Sequence[int]) -> Tensor:
    """Read the true clip of a run again, with the phase that was simulated. Raises InputError when it has another
    shape."""
    clip = open_truth(reading, clip_shape).read()
    return clip if reading.get("phase") is None else with_phase(clip, reading["phase"])


def open_truth(reading: dict[str, Any], clip_shape: Sequence[int] | None) -> Clip:
    """Open the true clip, reading no frame yet; of a complex one its magnitudes.

    Raises InputError if it has not `clip_shape`; None takes any shape.
    """
    arguments = dict(reading)
    path = arguments.pop("path")
    arguments.pop("phase", None)
    if arguments.get("frames") is not None:
        arguments["frames"] = slice(*arguments["frames"])
    for name in ("size", "levels"):
        if arguments.get(name) is not None:
            arguments[name] = tuple(arguments[name])
    truth = open_clip(path, **arguments)
    if clip_shape is not None and tuple(truth.shape) != tuple(clip_shape):
        raise InputError(
            f"{path}: the true clip is {tuple(truth.shape)} (T, C, H, W), the measured one {tuple(clip_shape)}; "
            "give the clip that was measured"
        )
    return truth


def in_levels_of(measured: Measured, reading: dict[str, Any]) -> dict[str, Any]:
    """How to read a true clip for data of others: with the data's scale and offset where it then fits better.

    A true clip may be in the units of the data, or have levels of its own (a video; floats in [0, 1]). One of colours
    may be that of data of one channel by its luma, or by what a colour filter array (Bayer) leaves of it. Raises
    InputError where neither explains such data.
    """
    levels = [measured.clip.get("scale", 1.0), measured.clip.get("offset", 0.0)]
    if "path" in measured.clip.get("reading", {"path": None}) or measured.operator.takes_complex_clips:
        return reading
    choices = [reading, reading | {"levels": levels}] if is_array_file(reading["path"]) else [reading]
    shape = measured.operator.clip_shape
    is_colour = shape[1] == 1 and open_truth(reading | {"channels": None}, None).shape[1] == 3
    if is_colour:
        choices += [how | {"mosaic": pattern} for how in choices for pattern in MOSAICS]
    best = min(choices, key=lambda how: _misfit(load_truth(how, shape), measured)[0])
    error, power = _misfit(load_truth(best, shape), measured)
    if is_colour and error > COLOUR_MISFIT_SHARE**2 * power:
        raise InputError(
            f"{reading['path']}: the true clip has colours, the data one channel, and neither its luma nor a Bayer "
            f"mosaic of it explains the data ({math.sqrt(error / power):.0%} off); give the true clip in one channel"
        )
    return best


def _misfit(truth: Tensor, measured: Measured) -> tuple[float, float]:
    """The squared difference of the data and what the true clip would have given, and the squared norm of the data."""
    pairs = list(zip(tensors_of(measured.operator(truth)), tensors_of(measured.data), strict=True))
    error = sum(float((found - y).abs().square().sum()) for found, y in pairs)
    return error, sum(float(y.abs().square().sum()) for _, y in pairs)


def truth_warnings(truth: Tensor, measured: Measured) -> list[str]:
    """A sentence for the user where the true clip, (T, C, H, W), would not have given the data: it may be another clip.

    That is where the error exceeds a tenth of the data and three times the noise. Nothing is said where the noise has
    outliers or is not known.
    """
    if measured.operator.takes_complex_clips and not truth.is_complex():
        return []  # its phase is not known
    if not isinstance(measured.noise, NoNoise | WhiteNoise | PoissonNoise):
        return []
    error, power = _misfit(truth, measured)
    noise = numbers_of(measured) * (measured.noise.rms or 0.0) ** 2
    if error <= 0.01 * power + 9 * noise:
        return []
    share = math.sqrt(error / power) if power else math.inf
    return [f"Is this the true clip? What it would have given differs from the data by {share:.0%}."]


def numbers_of(measured: Measured) -> int:
    """Real numbers measured: the informative entries, complex ones counted twice."""
    pairs = zip(tensors_of(measured.data), tensors_of(measured.operator.observed_mask()), strict=True)
    return sum(int(known.count_nonzero()) * (2 if y.is_complex() else 1) for y, known in pairs)
