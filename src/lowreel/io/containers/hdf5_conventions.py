"""What EMD, NeXus, NWB, BigDataViewer and PyTables, kinds of HDF5, say of the axes, numbers and times of a data set."""

from __future__ import annotations

import contextlib
import math
import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from .axes import roles_of
from .base import can_be_watched
from .cf import Packing

IMAGE_SERIES = ("ImageSeries", "OpticalSeries", "OnePhotonSeries", "TwoPhotonSeries", "ImageMaskSeries")
"""Films in NWB, whose axes are (frame, x, y) and what follows, the width before the height: NWB format, core schema,
nwb.image and nwb.ophys."""

CELLS = re.compile(r"t\d{5}/(s\d{2})/\d+/cells")
"""Where BigDataViewer keeps the pictures of a view at a time; 16 bits there are unsigned, and stored as signed ones, as
Java has no others."""


def text_of(attribute: Any) -> str:
    """An attribute as text, whatever kind of text it is."""
    attribute = attribute.ravel()[0] if isinstance(attribute, np.ndarray) and attribute.size else attribute
    return attribute.decode(errors="replace") if isinstance(attribute, bytes) else str(attribute)


def named_axes(data: Any) -> tuple[tuple[str, ...], str]:
    """Names of the axes and their roles, as the group of a data set says them; none unless each has a role."""
    if is_film_of_nwb(data):
        last = {3: (), 4: ("c" if data.shape[-1] == 3 else "z",)}.get(len(data.shape))
        names = () if last is None else ("frame", "x", "y", *last)
        return names, "TWHC"[: len(names)].replace("C", "C" if names[3:] == ("c",) else "-")
    names = _names_of_emd(data) or _names_of_nexus(data)
    roles = roles_of(names)
    return (names, roles) if len(names) == len(data.shape) and "-" not in roles else ((), "")


def _names_of_emd(data: Any) -> tuple[str, ...]:
    """Electron microscopy datasets (EMD 0.2): dim1, dim2, ... beside the array name its axes."""
    group = data.parent
    if "emd_group_type" not in group.attrs:
        return ()
    sides = [group.get(f"dim{k + 1}") for k in range(len(data.shape))]
    return tuple("" if side is None else text_of(side.attrs.get("name", "")).strip("[]") for side in sides)


def _names_of_nexus(data: Any) -> tuple[str, ...]:
    """NeXus: the group whose signal the array is names its axes (NXdata, axes)."""
    group = data.parent
    if text_of(group.attrs.get("signal", "")) != data.name.rpartition("/")[2]:
        return ()
    return tuple(text_of(name) for name in np.atleast_1d(group.attrs.get("axes", ())))


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


def with_own_packing(data: Any, packing: Packing) -> Packing:
    """How its numbers are packed, where BigDataViewer or NWB say it in their own way; else as it was found."""
    packing = replace(packing, is_unsigned=True) if is_unsigned(data) else packing
    if is_film_of_nwb(data):
        scale, offset = (float(data.attrs.get(key, usual)) for key, usual in (("conversion", 1), ("offset", 0)))
        return replace(packing, scale=scale, offset=offset)
    return packing


def rate_of(data: Any) -> Fraction | None:
    """Frames a second of a film of NWB, by its rate or the mean of its time stamps, where they are fast enough to be
    watched."""
    if not is_film_of_nwb(data):
        return None
    start, stamps = data.parent.get("starting_time"), data.parent.get("timestamps")
    with contextlib.suppress(TypeError, ValueError, ZeroDivisionError, KeyError):
        rate = float(start.attrs["rate"]) if start is not None else (len(stamps) - 1) / float(stamps[-1] - stamps[0])
        if math.isfinite(rate) and rate > 0 and can_be_watched(1 / Fraction(rate)):
            return Fraction(rate).limit_denominator(1_000_000)
    return None
