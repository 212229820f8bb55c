"""The axes of a data set of HDF5 as its dimension scales, EMD, Velox, NeXus or HyperSpy tell them: names and places."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .axes import roles_of
from .base import DEFLATE_FACTOR
from .cf import packing_of
from .places import MOST_PLACES, NO_COORDINATES, Side

OF_VELOX = re.compile(r"/Data/Image/[^/]+/Data")
"""Where Velox, the software of Thermo Fisher's electron microscopes, keeps the frames of a detector."""


HYPERSPY_NONE = "_None_"
"""What HyperSpy writes for a name or a unit that an axis has not."""


def text_of(attribute: Any) -> str:
    """An attribute as text, whatever kind of text it is."""
    attribute = attribute.ravel()[0] if isinstance(attribute, np.ndarray) and attribute.size else attribute
    return attribute.decode(errors="replace") if isinstance(attribute, bytes) else str(attribute)


def sides_of(data: Any) -> tuple[Side, ...]:
    """Its axes in their order, by the first of the kinds that names each of them by a name of its own; else none. Where
    a group names the axes of a clip, only if all of the names say what they are: it may mean another array by them."""
    for kind in (_of_scales, _of_emd, _of_velox, _of_nexus, _of_hyperspy):
        found = kind(data)
        names = [side.name for side in found]
        is_each = len(set(names)) == len(data.shape) and all(names)
        if is_each and (kind is _of_scales or len(names) > 3 or "-" not in roles_of(names)):
            return tuple(found)
    return ()


def beside(group: Any, name: str) -> Any:
    """What stands in a group under a name, in the same file; None where nothing does."""
    import h5py

    if not name or name == "." or "/" in name:
        return None
    with contextlib.suppress(*NO_COORDINATES):
        if not isinstance(group.get(name, getlink=True), h5py.ExternalLink):
            return group.get(name)
    return None


def _numbers(stored: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """A data set of so many numbers, unpacked; None for another, and for numbers that stand in another file, or are
    more than the file can hold."""
    kind = getattr(getattr(stored, "dtype", None), "kind", "")
    if kind not in ("i", "u", "f") or stored.shape != shape or stored.external or stored.is_virtual:
        return None
    if shape[0] > MOST_PLACES or stored.nbytes > DEFLATE_FACTOR * stored.id.get_storage_size():
        return None
    return packing_of(stored.attrs, stored.dtype).values(np.asarray(stored[()]))


def _from_two(stored: Any, length: int) -> np.ndarray | None:
    """The places of an axis of EMD: each, or the first two where the steps are even."""
    first = _numbers(stored, (2,)) if length != 2 else None
    if first is None:
        return _numbers(stored, (length,))
    first = first.astype(np.float64)
    return np.asarray(first[0] + (first[1] - first[0]) * np.arange(length))


def _unit(stored: Any) -> str:
    with contextlib.suppress(*NO_COORDINATES):
        return text_of(stored.attrs.get("units", "")).strip()
    return ""


def _side(name: str, stored: Any, length: int) -> Side:
    """An axis by its name and the data set of its places, if it has one."""
    if not hasattr(stored, "attrs"):
        return Side(name)
    return Side(name, _unit(stored), partial(_numbers, stored, (length,)))


def _of_scales(data: Any) -> list[Side]:
    """HDF5 itself: labels of the axes, and data sets that are their scales."""
    found = []
    for axis, length in zip(data.dims, data.shape, strict=True):
        name = axis.label or (axis.keys()[0] if len(axis) else "")
        found.append(_side(name, axis[0] if len(axis) else None, length))
    return found


def _of_emd(data: Any) -> list[Side]:
    """Electron microscopy datasets: beside the array its axes, dim1, dim2, ... (EMD 0.2) or dim0, dim1, ... (1.0)."""
    group = data.parent
    if "emd_group_type" not in group.attrs or not data.name.endswith("/data"):
        return []
    first = 0 if "dim0" in group else 1
    found = []
    for k, length in enumerate(data.shape):
        stored = beside(group, f"dim{k + first}")
        if not hasattr(stored, "attrs"):
            return []
        unit = _unit(stored).strip("[]").replace("_", "")
        name = text_of(stored.attrs.get("name", "")).strip("[]")
        found.append(Side(name, unit, partial(_from_two, stored, length)))
    return found


def _of_velox(data: Any) -> list[Side]:
    """Velox, a kind of EMD of its own: (y, x, frame), and a text in JSON for each frame, as long as the longest."""
    if not OF_VELOX.fullmatch(data.name) or len(data.shape) != 3:
        return []
    texts = beside(data.parent, "Metadata")
    if getattr(texts, "shape", (0,))[1:] != data.shape[2:] or not 0 < texts.shape[0] <= MOST_PLACES:
        return []
    told = _json_of(texts)
    size = _part(told, "BinaryResult", "PixelSize")
    is_metric = _part(told, "BinaryResult").get("PixelUnitX", "m") == "m"
    steps = {"y": size.get("height"), "x": size.get("width")} if is_metric else {"y": None, "x": None}
    steps["frame"] = _part(told, "Scan").get("FrameTime")
    units = {"y": ("nm", 1e9), "x": ("nm", 1e9), "frame": ("s", 1.0)}
    return [
        Side(name, units[name][0], _by_step(step, units[name][1], length))
        for (name, step), length in zip(steps.items(), data.shape, strict=True)
    ]


def _json_of(texts: Any) -> dict[str, Any]:
    """The object of the first of these texts, which zeros follow; empty where it is none, or cannot be read."""
    with contextlib.suppress(*NO_COORDINATES):
        found = json.loads(texts[:, 0].tobytes().partition(b"\0")[0])
        return found if isinstance(found, dict) else {}
    return {}


def _part(told: dict[str, Any], *names: str) -> dict[str, Any]:
    """An object in objects; empty where it is none."""
    for name in names:
        inner = told.get(name)
        told = inner if isinstance(inner, dict) else {}
    return told


def _by_step(step: Any, scale: float, length: int, first: Any = 0.0) -> Callable[[], np.ndarray]:
    """Places so far apart, from numbers or from such as text."""
    return lambda: np.asarray(float(first) + float(step) * scale * np.arange(length))


def _of_nexus(data: Any) -> list[Side]:
    """NeXus: the group whose signal the array is names its axes (NXdata, axes), and holds them. Before 2014, and in
    CXI, the array names them itself, in one text with colons or commas."""
    group = data.parent
    is_signal = text_of(group.attrs.get("signal", "")) == data.name.rpartition("/")[2]
    named = group.attrs.get("axes", ()) if is_signal else data.attrs.get("axes", ())
    names = [text_of(name) for name in np.atleast_1d(named)]
    names = re.split("[:,]", names[0].strip("[] ")) if len(names) == 1 else names
    if len(names) != len(data.shape):
        return []
    names = [name.strip() for name in names]
    return [_side(name, beside(group, name), length) for name, length in zip(names, data.shape, strict=True)]


def _of_hyperspy(data: Any) -> list[Side]:
    """HyperSpy: groups axis-0, axis-1, ... beside the array, each with offset and scale, or with its places."""
    found = []
    for k, length in enumerate(data.shape):
        group = beside(data.parent, f"axis-{k}")
        if not hasattr(group, "get") or "name" not in group.attrs:
            return []
        read: Callable[[], np.ndarray | None] = partial(_numbers, beside(group, "axis"), (length,))
        if {"offset", "scale"} <= set(group.attrs):
            read = _by_step(group.attrs["scale"], 1.0, length, group.attrs["offset"])
        unit = _unit(group).replace(HYPERSPY_NONE, "")
        found.append(Side(_name_in_hyperspy(group, k, len(data.shape)), unit, read))
    return found


def _name_in_hyperspy(group: Any, axis: int, count: int) -> str:
    """The name of an axis; one without is named by what it is, as each picture's rows come before its columns and the
    axis along which one goes from picture to picture (navigate) before both. Empty where that is not a film's."""
    name = text_of(group.attrs["name"])
    if name != HYPERSPY_NONE:
        return name
    if count != 3 or "navigate" not in group.attrs or bool(group.attrs["navigate"]) != (axis == 0):
        return ""
    return ("frame", "y", "x")[axis]
