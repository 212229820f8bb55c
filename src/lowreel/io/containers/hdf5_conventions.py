"""What NWB, BigDataViewer, PyTables and nexusformat, kinds of HDF5, say of axes, numbers and times of a data set."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .axes import roles_of
from .base import can_be_watched
from .cf import Packing, first_number
from .hdf5_axes import beside, sides_of, text_of
from .places import Side, Times, by_stamps, times_by

IMAGE_SERIES = ("ImageSeries", "OpticalSeries", "OnePhotonSeries", "TwoPhotonSeries", "ImageMaskSeries")
"""Films in NWB, whose axes are (frame, x, y) and what follows, the width before the height: NWB format, core schema,
nwb.image and nwb.ophys."""

OF_COLOURS = ("ImageSeries", "OpticalSeries")
"""Those whose fourth axis may be colours. In the schema these are of OpticalSeries alone; films of cameras are kept as
ImageSeries, in colour too. The fourth axis of all others is the depth."""

CELLS = re.compile(r"t\d{5}/(s\d{2})/\d+/cells")
"""Where BigDataViewer keeps the pictures of a view at a time; 16 bits there are unsigned, and stored as signed ones, as
Java has no others."""


def named_axes(data: Any) -> tuple[tuple[str, ...], str]:
    """Names of the axes and their roles, as the kind of the file or its group says them; none where neither does."""
    if is_film_of_nwb(data):
        return _axes_of_nwb(data)
    names = tuple(side.name for side in sides_of(data))
    return names, roles_of(names)


def _axes_of_nwb(data: Any) -> tuple[tuple[str, ...], str]:
    """A film of NWB: frames, each with the width before the height; then colours or depth."""
    if len(data.shape) == 3:
        return ("frame", "x", "y"), "TWH"
    if len(data.shape) != 4:
        return (), ""
    if data.shape[3] == 3 and text_of(data.parent.attrs["neurodata_type"]) in OF_COLOURS:
        return ("frame", "x", "y", "c"), "TWHC"
    return ("frame", "x", "y", "z"), "TWH-"


def is_film_of_nwb(data: Any) -> bool:
    """Whether it is the film of a series of images of NWB."""
    kind = text_of(data.parent.attrs.get("neurodata_type", ""))
    return "nwb_version" in data.file.attrs and kind in IMAGE_SERIES and data.name.endswith("/data")


def is_of_truth(data: Any) -> bool:
    """Whether its bytes are truth values of PyTables, which have the type of bit fields and are not one bit each."""
    import h5py

    is_bits = isinstance(data.id.get_type(), h5py.h5t.TypeBitfieldID) and data.dtype.itemsize == 1
    return is_bits and "PYTABLES_FORMAT_VERSION" in data.file.attrs


def is_unsigned(data: Any) -> bool:
    """Whether its signed numbers stand for unsigned ones, as BigDataViewer's do."""
    view = CELLS.fullmatch(data.name.lstrip("/"))
    return view is not None and data.dtype == np.int16 and f"{view[1]}/resolutions" in data.file


def mask_of(data: Any) -> Any:
    """The data set beside it that says by numbers other than 0 which of its numbers are masked; None where none does.

    So nexusformat writes a masked array, under whose mask the numbers stay: the attribute mask names it.
    """
    mask = beside(data.parent, text_of(data.attrs.get("mask", "")))
    is_mask = getattr(mask, "shape", None) == data.shape and mask.dtype.kind in "biu"
    return mask if is_mask and not mask.external and not mask.is_virtual else None


def with_own_packing(data: Any, packing: Packing) -> Packing:
    """How its numbers are packed, where BigDataViewer or NWB say it in their own way; else as it was found."""
    packing = replace(packing, is_unsigned=True) if is_unsigned(data) else packing
    if is_film_of_nwb(data):
        scale, offset = (first_number(data.attrs.get(key), usual) for key, usual in (("conversion", 1), ("offset", 0)))
        return replace(packing, scale=scale, offset=offset)
    return packing


def times_of(data: Any, sides: tuple[Side, ...], roles: str) -> Times:
    """When the frames are, by the axis of time; of a film of NWB by its rate or its time stamps.

    Times that are too slow to be watched, not as many as the frames or do not rise are passed over.
    """
    if not is_film_of_nwb(data):
        return times_by(sides, roles)
    start, stamps = data.parent.get("starting_time"), data.parent.get("timestamps")
    rate = 0.0 if start is None else first_number(start.attrs.get("rate"), 0.0)
    if math.isfinite(rate) and rate > 0:
        is_shown = can_be_watched(1 / Fraction(rate))
        return Fraction(rate).limit_denominator(1_000_000) if is_shown else None, None
    is_each = getattr(stamps, "shape", None) == data.shape[:1] and stamps.dtype.kind in "iuf"
    return by_stamps(stamps[()].astype(np.float64)) if is_each else (None, None)
