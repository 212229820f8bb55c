"""A recovery as a dataset of xarray."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ..system.form import Form, is_xarray

DIMS = ("time", "channel", "y", "x")
"""Names of the axes of a clip that came without names."""


def dataset_of(clips: Mapping[str, Any], form: Form, times: Tensor, about: Mapping[str, str]) -> Any:
    """Clips by name, None left out, as variables; about: attributes of the dataset. times: seconds, (T,).

    Raises ImportError, which says what to install, where xarray is not there.
    """
    try:
        import xarray
    except ImportError:
        raise ImportError("to_xarray: xarray is not installed; pip install xarray") from None

    variables = {name: _variable(clip, times) for name, clip in clips.items() if clip is not None}
    found = xarray.Dataset(variables, attrs=dict(about))
    return found if form.library == "xarray" else found.assign_coords(time=_seconds(times))


def _variable(clip: Any, times: Tensor) -> Any:
    import xarray

    if is_xarray(clip):
        return clip
    array = clip.cpu().numpy() if isinstance(clip, Tensor) else np.asarray(clip)
    return xarray.DataArray(array, dims=DIMS if array.ndim == len(DIMS) else None, coords={"time": _seconds(times)})


def _seconds(times: Tensor) -> Any:
    import xarray

    return xarray.Variable("time", times.numpy(), {"units": "s", "long_name": "time of the frame"})
