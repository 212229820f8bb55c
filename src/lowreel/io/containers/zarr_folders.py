"""Zarr 2 and 3, and OME-Zarr, read by zarr."""

from __future__ import annotations

import base64
import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .axes import roles_of
from .base import (
    DEEPEST,
    Entry,
    Index,
    Lazy,
    Spacing,
    can_be_watched,
    check_size,
    imported,
    reading,
    spacing_of,
)
from .cf import Packing, packing_of
from .places import MOST_PLACES, NO_COORDINATES, SECONDS_OF_UNIT, Side, spacing_by, times_by

KIND, REMEDY = "Zarr", "copy the whole folder again"
OME = {"time": "T", "channel": "C"}
"""Types of axes that OME-Zarr knows; those of space go by their names."""


def entries(path: Path) -> list[Entry]:
    """The arrays of a folder with their groups, GROUP/NAME; the finest level of an OME-Zarr image is the main one."""
    with reading(path, KIND, REMEDY):
        root = opened(path)
        if not hasattr(root, "members"):
            return [_entry("", root, {})]
        members = _members(path, "", root, DEEPEST)
        groups = {"": root} | {name: item for name, item in members.items() if hasattr(item, "members")}
        images = [image for name, group in groups.items() for image in images_of(name, group)]
        main = {image.levels[0] for image in images}
        named = {level: image.named for image in images for level in image.levels}
        arrays = {name: item for name, item in members.items() if name not in groups}
        return [_entry(name, item, named, name in main) for name, item in sorted(arrays.items())]


def _members(path: Path, above: str, group: Any, depth: int) -> dict[str, Any]:
    """The arrays and groups in a group by their names from the root on, with those in its groups, so many below each
    other. Each group is opened by itself, as `opened` does: groups in groups keep copies of headers too."""
    found: dict[str, Any] = {}
    for name, item in group.members():
        full = f"{above}{name}"
        found[full] = item
        if hasattr(item, "members") and depth:
            found[full] = _group(path, full)
            found |= _members(path, f"{full}/", found[full], depth - 1)
    return found


def load(path: Path, entry: Entry) -> Lazy:
    """An array; chunks are read as they are asked for, and those that were never written hold the fill value."""
    with reading(path, KIND, REMEDY):
        root = opened(path)
        array = root[entry.name] if entry.name else root
        packing = packing_in(array)
        image = image_with(root, entry.name) if entry.name else None
        sides = [_side(root, entry, name) for name in entry.axes if entry.name and image is None]
        rate, times = times_by(sides, entry.roles) if sides else (None, None)
        step = image.step if image else None
        rate = 1 / step if step and can_be_watched(step) else rate

    def read(index: Index) -> np.ndarray:
        check_size(path, entry, 8) if all(part == slice(None) for part in index) else None
        with reading(path, KIND, REMEDY):
            return packing.values(np.asarray(array[index]))

    spacing = image.spacing if image else spacing_by(sides, entry.roles) if sides else None
    return Lazy(entry.shape, packing.dtype(array.dtype), read, rate=rate, times=times, spacing=spacing)


def _side(root: Any, entry: Entry, name: str) -> Side:
    """A named axis with its coordinates, which xarray keeps beside the array under its name."""
    group, length = entry.name.rpartition("/")[0], entry.shape[entry.axes.index(name)]
    with contextlib.suppress(*NO_COORDINATES):
        axis = root[f"{group}/{name}" if group else name]
        if axis.shape == (length,) and axis.dtype.kind in "iuf" and length <= MOST_PLACES:
            unit = str(dict(axis.attrs).get("units", ""))
            return Side(name, unit, lambda: packing_in(axis).values(np.asarray(axis[:])))
    return Side(name)


def opened(path: Path) -> Any:
    """The root of a store, an array or a group. Each array tells its own shape: the copy that a group keeps of the
    headers below it (consolidated metadata) is of when it was made, without frames that were appended since."""
    library = imported("zarr", path, "Zarr")
    root = library.open(str(path), mode="r")
    return _group(path, "") if hasattr(root, "members") else root


def _group(path: Path, name: str) -> Any:
    library = imported("zarr", path, "Zarr")
    return library.open_group(str(path), path=name, mode="r", use_consolidated=False)


@dataclass(frozen=True)
class Image:
    """An image of an OME-Zarr group. levels: its arrays, finest first; axes: what OME says of each; multiscale: all
    that it says; version: of OME-Zarr."""

    levels: tuple[str, ...]
    axes: tuple[Mapping[str, Any], ...]
    multiscale: Mapping[str, Any]
    version: str

    @property
    def named(self) -> list[tuple[str, str]]:
        """Names of the axes and their roles, where their types say these."""
        return [(str(axis["name"]), OME.get(axis.get("type", ""), "")) for axis in self.axes]

    @property
    def scale(self) -> list[float] | None:
        """Spacing of the finest level along every axis, in the units of these."""
        of_all = self.multiscale.get("coordinateTransformations") or []
        of_level = self.multiscale["datasets"][0].get("coordinateTransformations") or []
        scales = [t["scale"] for t in (*of_level, *of_all) if t.get("type") == "scale" and "scale" in t]
        if not scales or any(len(scale) != len(self.axes) for scale in scales):
            return None
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            return [float(np.prod(values)) for values in zip(*scales, strict=True)]
        return None

    @property
    def spacing(self) -> dict[str, Spacing]:
        """From pixel to pixel along the axes, of the finest level."""
        sizes = zip(self.axes, self.scale or (), strict=False)
        found = {str(axis["name"]): spacing_of(size, axis.get("unit")) for axis, size in sizes}
        return {axis: spacing for axis, spacing in found.items() if spacing is not None}

    @property
    def step(self) -> Fraction | None:
        """Seconds from frame to frame."""
        for axis, size in zip(self.axes, self.scale or (), strict=False):
            unit = SECONDS_OF_UNIT.get(axis.get("unit", ""))
            if axis.get("type") == "time" and unit and math.isfinite(size) and size > 0:
                return Fraction(size).limit_denominator(1_000_000) * unit or None
        return None


def images_of(name: str, group: Any) -> list[Image]:
    """The images of an OME-Zarr group of this name."""
    attributes = dict(group.attrs)
    prefix, ome = f"{name}/" if name else "", attributes.get("ome", attributes)
    found = []
    for image in ome.get("multiscales", []):
        levels = tuple(prefix + level["path"] for level in image["datasets"])
        axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in image.get("axes", [])]
        axes = axes or [{"name": letter} for letter in "tczyx"]  # versions before 0.3 fixed the axes
        found.append(Image(levels, tuple(axes), image, str(image.get("version") or ome.get("version") or "0.4")))
    return found


def image_with(root: Any, name: str) -> Image | None:
    """The OME-Zarr image of which the array of this name is a level; the group that says so is any of those above."""
    parts = name.split("/")
    for count in range(len(parts) - 1, -1, -1):
        above = "/".join(parts[:count])
        group = root[above] if above else root
        images = images_of(above, group) if hasattr(group, "members") else []
        if found := next((image for image in images if name in image.levels), None):
            return found
    return None


def _entry(name: str, array: Any, images: Mapping[str, list[tuple[str, str]]], is_main: bool = False) -> Entry:
    shape, dtype = tuple(int(n) for n in array.shape), array.dtype
    if dtype.kind not in "biufc":
        return Entry(name, shape, "", "no array of numbers")
    problem = "" if all(shape) and shape else "empty"
    packing = packing_in(array)
    told = f"{packing.dtype(dtype)} packed in {dtype}" if packing.is_scaled else str(packing.dtype(dtype))
    if name in images and len(images[name]) == len(shape):
        roles = [role or roles_of([axis]) for axis, role in images[name]]
        return Entry(name, shape, told, problem, tuple(axis for axis, _ in images[name]), "".join(roles), is_main)
    names = dimensions_of(array)
    if len(names) != len(shape) or not all(names):
        return Entry(name, shape, told, problem)
    return Entry(name, shape, told, problem, names, roles_of(names))


def dimensions_of(array: Any) -> tuple[str, ...]:
    """The names of the dimensions, as xarray writes them in version 2 and Zarr 3 has them."""
    named = array.metadata.attributes.get("_ARRAY_DIMENSIONS") or getattr(array.metadata, "dimension_names", None)
    return tuple(named or ())


def packing_in(array: Any) -> Packing:
    """As NetCDF packs; xarray keeps the number for missing ones in the fill value of version 2, or as base64."""
    attributes = dict(array.attrs)
    fill = attributes.get("_FillValue")
    if isinstance(fill, str):
        attributes["_FillValue"] = np.frombuffer(base64.b64decode(fill), np.float64)[0]
    elif fill is None and array.metadata.zarr_format == 2 and "_ARRAY_DIMENSIONS" in attributes:
        attributes["_FillValue"] = array.fill_value
    return packing_of(attributes, array.dtype)
