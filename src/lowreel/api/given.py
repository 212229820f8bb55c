"""Data and operator as people give them to `recover`: which form clips have, which operator is meant, what is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from ..data import Measured
from ..errors import InputError
from ..operators import LinearOperator, Mask, RealForm, clip_shape_of_data, map_data, tensors_of
from ..operators.shapes import without_channel
from ..recovery.preparation import Given
from ..system.as_tensor import tensor_and_missing
from ..system.form import Form

CHANNELS = (1, 3)
"""How many channels a clip has that comes without an operator."""


def operator_of(y: Any, A: Any, clip_shape: Sequence[int] | None) -> tuple[Any, Sequence[int] | None]:
    """The operator and the shape of its clips: as given, or, without an operator, the mask of what is known of a clip;
    without a shape, that of what the adjoint makes of the data.

    Raises InputError for a clip with holes that is none, such as one with channels last, and for several clips.
    """
    if A is not None:
        return A, clip_shape_of_data(A, y) if clip_shape is None else clip_shape
    _check_one_clip(y)
    values, missing = tensor_and_missing(y, "data")
    shape = tuple(values.shape)
    if values.ndim not in (3, 4):
        raise InputError(f"data: without an operator it is a clip, (T, C, H, W) or (T, H, W), got {shape}; give A")
    if values.ndim == 4 and shape[1] not in CHANNELS:
        last = " with channels last" if shape[3] in CHANNELS else ""
        advice = "y.transpose(0, 3, 1, 2) of an array, y.permute(0, 3, 1, 2) of a tensor, " if last else ""
        raise InputError(
            f"data: without an operator it is a clip, (T, C, H, W) of 1 or 3 channels, got {shape}{last}; give it in "
            f"that order, {advice}or A"
        )
    known = ~torch.isnan(values)
    return Mask(values.shape, known if missing is None else known & ~torch.from_numpy(missing)), clip_shape


def own_copy(y: Any) -> Any:
    """The user's data, tensors copied: clips of a recovery are made of it when they are asked for, and by then the user
    may have written into it. Arrays are copied as they become tensors."""
    if isinstance(y, list | tuple):
        return type(y)(map(own_copy, y)) if type(y) in (list, tuple) else y
    return y.clone() if isinstance(y, Tensor) else y


def _check_one_clip(y: Any) -> None:
    """Raise InputError for a list of clips; one of frames, all (H, W) or (C, H, W), is a clip."""
    shapes = [tuple(getattr(one, "shape", ())) for one in y] if isinstance(y, list | tuple) else []
    are_frames = len(set(shapes)) <= 1 and all(len(s) < 3 or (len(s) == 3 and s[0] in CHANNELS) for s in shapes)
    if not are_frames and all(len(shape) >= 3 for shape in shapes):
        raise InputError(
            f"data: expected one clip, got a list of {len(shapes)} arrays {shapes[0]}; recover them one by one, or "
            "with an operator for each by recover_together([y1, y2], [A1, A2])"
        )


def form_of(y: Any, A: Any) -> tuple[Form, Any]:
    """The form of the clips of a recovery, and the data with its axis of channels."""
    form = Form.of(y)
    if hasattr(y, "shape") and tuple(y.shape) == tuple(getattr(A, "dimsd", ())):  # of PyLops, which calls y by its axes
        return form, y.reshape(-1)
    if not isinstance(A, LinearOperator) or tuple(A.data_shape) != A.clip_shape:
        return form, y
    shape = tuple(getattr(y, "shape", ()) or tensor_and_missing(y, "data")[0].shape)
    if not without_channel(shape, A.clip_shape):
        return form, y
    values, missing = tensor_and_missing(y, "data")
    whole = values[:, None]
    if missing is not None:
        import numpy as np

        return replace(form, squeezed=shape), np.ma.MaskedArray(whole.numpy(), missing[:, None])
    return replace(form, squeezed=shape), whole


def exact_pixels(data: Any, measured: Measured) -> tuple[Tensor, Tensor] | None:
    """Data of pixels that are delivered as they came, and which they are; None where the fit has all of their digits,
    or they are no exact pixels. data: as it was given."""
    operator, noise = measured.operator, measured.noise
    if not (operator.is_pixel_mask and noise.is_exact) or isinstance(data, tuple) or not Form.of(data).is_double:
        return None
    values = tensor_and_missing(data, "data")[0].cpu()
    (known,) = tensors_of(operator.observed_mask())
    alive = noise.alive(measured.data)
    return values, known if alive is None else known & cast("Tensor", alive)


def measured_of(given: Given, times: Tensor) -> Measured:
    """The data in grey levels; of complex clips over white, with the operator of these. times: seconds of the frames,
    (T,)."""
    levels = {"scale": given.levels.scale, "offset": given.levels.offset}
    if not given.is_complex:
        return Measured(given.data, given.operator, times, given.noise, levels)
    white = given.levels.scale
    assert isinstance(given.operator, RealForm)
    data, noise = map_data(lambda t: t / white, given.stored), given.noise.scaled(2.0)
    return Measured(data, given.operator.inner, times, noise, levels)
