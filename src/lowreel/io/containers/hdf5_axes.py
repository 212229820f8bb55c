"""The axes of a data set of HDF5 as its dimension scales, EMD, Velox, NeXus or HyperSpy tell them: names and places."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from .axes import roles_of
from .places import Side

OF_VELOX = re.compile(r"/Data/Image/[^/]+/Data")
"""Where Velox, the software of Thermo Fisher's electron microscopes, keeps the frames of a detector."""


def text_of(attribute: Any) -> str:
    """An attribute as text, whatever kind of text it is."""
    attribute = attribute.ravel()[0] if isinstance(attribute, np.ndarray) and attribute.size else attribute
    return attribute.decode(errors="replace") if isinstance(attribute, bytes) else str(attribute)


def sides_of(data: Any) -> tuple[Side, ...]:
    """Its axes in their order, by the first of the kinds that names each of them by a name of its own; else none. Where
    a group names them, only if all of the names say what they are: it may mean another array by them."""
    for kind in (_of_scales, _of_emd, _of_velox, _of_nexus, _of_hyperspy):
        found = kind(data)
        names = [side.name for side in found]
        is_each = len(set(names)) == len(data.shape) and all(names)
        if is_each and (kind is _of_scales or "-" not in roles_of(names)):
            return tuple(found)
    return ()


def _numbers(stored: Any, length: int) -> np.ndarray | None:
    """The numbers of a data set along an axis: one a place, or the first two where the steps are even."""
    shape, kind = getattr(stored, "shape", None), getattr(getattr(stored, "dtype", None), "kind", "")
    if kind not in ("i", "u", "f") or shape not in ((length,), (2,)):
        return None
    found = np.asarray(stored[()])
    return found if shape == (length,) else _from_two(found.astype(np.float64), length)


def _from_two(first: np.ndarray, length: int) -> np.ndarray:
    return np.asarray(first[0] + (first[1] - first[0]) * np.arange(length))


def _unit(attributes: Any) -> str:
    """The unit as it is said, without the brackets and underlines of EMD."""
    return text_of(attributes.get("units", "")).strip("[] ").replace("_", "")


def _of_scales(data: Any) -> list[Side]:
    """HDF5 itself: labels of the axes, and data sets that are their scales."""
    found = []
    for axis, length in zip(data.dims, data.shape, strict=True):
        scale = axis[0] if len(axis) else None
        name = axis.label or (axis.keys()[0] if len(axis) else "")
        found.append(Side(name) if scale is None else Side(name, _unit(scale.attrs), _numbers(scale, length)))
    return found


def _of_emd(data: Any) -> list[Side]:
    """Electron microscopy datasets (EMD 0.2): dim1, dim2, ... beside the array are its axes."""
    group = data.parent
    if "emd_group_type" not in group.attrs:
        return []
    scales = [group.get(f"dim{k + 1}") for k in range(len(data.shape))]
    return [
        Side("")
        if scale is None
        else Side(text_of(scale.attrs.get("name", "")).strip("[]"), _unit(scale.attrs), _numbers(scale, length))
        for scale, length in zip(scales, data.shape, strict=True)
    ]


def _of_velox(data: Any) -> list[Side]:
    """Velox, a kind of EMD of its own: (y, x, frame), and a text in JSON for each frame, as long as the longest."""
    texts = data.parent.get("Metadata")
    if not OF_VELOX.fullmatch(data.name) or len(data.shape) != 3 or getattr(texts, "shape", (0,))[1:] != data.shape[2:]:
        return []
    told = _json_of(texts[:, 0].tobytes())
    size = _part(told, "BinaryResult", "PixelSize")
    is_metric = _part(told, "BinaryResult").get("PixelUnitX", "m") == "m"
    steps = {"y": size.get("height"), "x": size.get("width")} if is_metric else {"y": None, "x": None}
    steps["frame"] = _part(told, "Scan").get("FrameTime")
    units = {"y": ("nm", 1e9), "x": ("nm", 1e9), "frame": ("s", 1.0)}
    return [
        Side(name, units[name][0], _by_step(step, units[name][1], length))
        for (name, step), length in zip(steps.items(), data.shape, strict=True)
    ]


def _json_of(stored: bytes) -> dict[str, Any]:
    """The object of a text that zeros follow; empty where it is none."""
    try:
        found = json.loads(stored.rstrip(b"\0\n"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _part(told: dict[str, Any], *names: str) -> dict[str, Any]:
    """An object in objects; empty where it is none."""
    for name in names:
        inner = told.get(name)
        told = inner if isinstance(inner, dict) else {}
    return told


def _by_step(step: Any, scale: float, length: int) -> np.ndarray | None:
    """Places so far apart, a number as text, too."""
    try:
        return np.asarray(float(step) * scale * np.arange(length))
    except (TypeError, ValueError):
        return None


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
    scales = [group.get(name) for name in names]
    return [
        Side(name) if scale is None else Side(name, _unit(scale.attrs), _numbers(scale, length))
        for name, scale, length in zip(names, scales, data.shape, strict=True)
    ]


def _of_hyperspy(data: Any) -> list[Side]:
    """HyperSpy: groups axis-0, axis-1, ... beside the array, each with offset and scale, or with its places."""
    found = []
    for k, length in enumerate(data.shape):
        group = data.parent.get(f"axis-{k}")
        if group is None or not hasattr(group, "attrs") or "name" not in group.attrs:
            return []
        places = _numbers(group.get("axis"), length) if hasattr(group, "get") else None
        if places is None and {"offset", "scale"} <= set(group.attrs):
            offset, scale = (np.asarray(group.attrs[key]) for key in ("offset", "scale"))
            if offset.dtype.kind in "iuf" and scale.dtype.kind in "iuf" and offset.size == scale.size == 1:
                places = float(offset.item()) + float(scale.item()) * np.arange(length)
        found.append(Side(text_of(group.attrs["name"]), _unit(group.attrs), places))
    return found
