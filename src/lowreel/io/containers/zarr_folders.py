"""Zarr 2 and 3, and OME-Zarr, read by zarr."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .axes import roles_of
from .base import Entry, Index, Lazy, check_size, imported, reading
from .cf import Packing, packing_of

KIND, REMEDY = "Zarr", "copy the whole folder again"
OME = {"time": "T", "channel": "C"}
"""Types of axes that OME-Zarr knows; those of space go by their names."""


def entries(path: Path) -> list[Entry]:
    """The arrays of a folder with their groups, GROUP/NAME; the finest level of an OME-Zarr image is the main one."""
    with reading(path, KIND, REMEDY):
        root = opened(path)
        if not hasattr(root, "members"):
            return [_entry("", root, {})]
        members = dict(root.members(max_depth=8))
        groups = {"": root} | {name: item for name, item in members.items() if hasattr(item, "members")}
        images = [image for name, group in groups.items() for image in _images(name, group)]
        main = {levels[0]: axes for levels, axes in images}
        named = {level: axes for levels, axes in images for level in levels}
        arrays = {name: item for name, item in members.items() if name not in groups}
        return [_entry(name, item, named, name in main) for name, item in sorted(arrays.items())]


def load(path: Path, entry: Entry) -> Lazy:
    """An array; chunks are read as they are asked for, and those that were never written hold the fill value."""
    with reading(path, KIND, REMEDY):
        root = opened(path)
        array = root[entry.name] if entry.name else root
        packing = _packing(array)

    def read(index: Index) -> np.ndarray:
        check_size(path, entry, 8) if all(isinstance(part, slice) for part in index) else None
        with reading(path, KIND, REMEDY):
            return packing.values(np.asarray(array[index]))

    return Lazy(entry.shape, packing.dtype(array.dtype), read)


def opened(path: Path) -> Any:
    """The root of a store, an array or a group."""
    return imported("zarr", path, "Zarr").open(str(path), mode="r")


def _images(name: str, group: Any) -> list[tuple[list[str], list[tuple[str, str]]]]:
    """The images of an OME-Zarr group: the arrays of their levels, finest first, and names and roles of the axes."""
    attributes = dict(group.attrs)
    prefix = f"{name}/" if name else ""
    found = []
    for image in attributes.get("ome", attributes).get("multiscales", []):
        levels = [prefix + level["path"] for level in image["datasets"]]
        axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in image.get("axes", [])]
        names = [(str(axis["name"]), OME.get(axis.get("type", ""), "")) for axis in axes]
        found.append((levels, names or [(letter, "") for letter in "tczyx"]))  # versions before 0.3 fixed the axes
    return found


def _entry(name: str, array: Any, images: Mapping[str, list[tuple[str, str]]], is_main: bool = False) -> Entry:
    shape, dtype = tuple(int(n) for n in array.shape), array.dtype
    if dtype.kind not in "biufc":
        return Entry(name, shape, "", "no array of numbers")
    problem = "" if all(shape) and shape else "empty"
    packing = _packing(array)
    told = f"{packing.dtype(dtype)} packed in {dtype}" if packing.is_scaled else str(packing.dtype(dtype))
    if name in images and len(images[name]) == len(shape):
        roles = [role or roles_of([axis]) for axis, role in images[name]]
        return Entry(name, shape, told, problem, tuple(axis for axis, _ in images[name]), "".join(roles), is_main)
    names = array.metadata.attributes.get("_ARRAY_DIMENSIONS") or getattr(array.metadata, "dimension_names", None) or ()
    if len(names) != len(shape) or not all(names):
        return Entry(name, shape, told, problem)
    return Entry(name, shape, told, problem, tuple(names), roles_of(names))


def _packing(array: Any) -> Packing:
    """As NetCDF packs; xarray keeps the number for missing ones in the fill value of version 2, or as base64."""
    attributes = dict(array.attrs)
    fill = attributes.get("_FillValue")
    if isinstance(fill, str):
        attributes["_FillValue"] = np.frombuffer(base64.b64decode(fill), np.float64)[0]
    elif fill is None and array.metadata.zarr_format == 2 and "_ARRAY_DIMENSIONS" in attributes:
        attributes["_FillValue"] = array.fill_value
    return packing_of(attributes, array.dtype)
