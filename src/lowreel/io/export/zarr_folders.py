"""Zarr and OME-Zarr, in the version of the source, with its axes, spacing, units, coordinates and packing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...system.files import split_member
from ..containers import zarr_folders
from ..containers.base import imported
from .array_files import name_of
from .clip import COLOURED, Delivered, packed

PLAIN_AXES = ("t", "c", "y", "x")
OME_LENGTHS = {
    **{"pm": "picometer", "Å": "angstrom", "nm": "nanometer", "µm": "micrometer", "mm": "millimeter"},
    **{"cm": "centimeter", "m": "meter", "km": "kilometer"},
}
"""Units of length by the names of OME-Zarr, where it has another one; what else a source says is kept as it is."""

AXIS_KINDS = {"t": "time", "c": "channel", "y": "space", "x": "space"}


def write_zarr(path: Path, clip: Delivered) -> list[str]:
    """The array as the source has it where that is Zarr; else an OME-Zarr image of one level. path: the folder."""
    library = imported("zarr", path, "Zarr")
    file = None if clip.like is None else split_member(clip.like)[0]
    if clip.source is None or file is None or file.suffix.lower() != ".zarr":
        return _write_plain(library, path, clip)
    if clip.is_grey_coloured:
        return [COLOURED, *_write_plain(library, path, clip)]
    source = zarr_folders.opened(file)
    if not hasattr(source, "members"):
        _write_array(library, path, None, clip, source)
        return []
    name = name_of(clip)
    root = library.open_group(str(path), mode="w", zarr_format=source.metadata.zarr_format)
    image = zarr_folders.image_with(source, name)
    if image is not None:
        _write_array(library, path, "0", clip, source[name])
        _set_multiscales(root, _multiscale(clip, image), image.version)
        return []
    root.attrs.update(dict(source.attrs))
    _write_array(library, path, name, clip, source[name])
    notes = _write_coordinates(library, path, clip, source, name)
    if (file / ".zmetadata").exists():
        library.consolidate_metadata(str(path))
    return notes


def _write_array(library: Any, path: Path, name: str | None, clip: Delivered, source: Any) -> None:
    """The clip with the type, packing, fill value and attributes of an array, a frame a chunk."""
    packing = zarr_folders.packing_in(source)
    values = clip.in_axes
    if packing.is_scaled or packing.is_unsigned:
        values = packed(clip.arranged(np.asarray(clip.values, np.float64)), packing, source.dtype)
    array = clip.source.array if clip.source is not None else None
    names = array.axes if array is not None else ()
    roles = array.roles if array is not None and array.roles else "T" + "-" * (values.ndim - 1)
    chunks = tuple(1 if role == "T" else n for role, n in zip(roles, values.shape, strict=True))
    _create(library, path, name, values, source, names, chunks)


def _create(
    library: Any, path: Path, name: str | None, values: np.ndarray, source: Any, names: Sequence[str], chunks: Any
) -> None:
    """An array with these values, and with fill value, attributes and version of another."""
    version, attributes = source.metadata.zarr_format, dict(source.attrs)
    if "_ARRAY_DIMENSIONS" in attributes:
        attributes["_ARRAY_DIMENSIONS"] = list(names)
    made = library.create_array(
        store=str(path),
        name=name,
        shape=values.shape,
        chunks=chunks,
        dtype=values.dtype,
        fill_value=source.fill_value,
        attributes=attributes,
        zarr_format=version,
        dimension_names=list(names) if names and version == 3 else None,
    )
    made[...] = values


def _multiscale(clip: Delivered, image: zarr_folders.Image) -> dict[str, Any]:
    """What OME says of the image: its axes that are left, their spacing as frames were picked and pixels resized."""
    array = clip.source.array if clip.source is not None else None
    assert array is not None
    roles = dict(zip(array.axes, array.roles, strict=True))
    rows, columns = clip.resized()
    frames = clip.frames or [0, 1]
    every = min(np.diff(frames).tolist(), default=1)
    growth = {"T": float(every), "H": rows, "W": columns}
    kept = [k for k, axis in enumerate(image.axes) if axis["name"] in roles]
    scale = image.scale or [1.0] * len(image.axes)
    sizes = [scale[k] * growth.get(roles[image.axes[k]["name"]], 1.0) for k in kept]
    top, left = (taken.start for taken in clip.taken)
    first = {"T": frames[0] / every, "H": (top + (rows - 1) / 2) / rows, "W": (left + (columns - 1) / 2) / columns}
    starts = [size * first.get(roles[image.axes[k]["name"]], 0.0) for k, size in zip(kept, sizes, strict=True)]
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": sizes}]
    if any(starts):
        transforms.append({"type": "translation", "translation": starts})
    about = {key: image.multiscale[key] for key in ("name", "version") if key in image.multiscale}
    axes = [dict(image.axes[k]) for k in kept]
    return about | {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": transforms}]}


def _set_multiscales(root: Any, multiscale: dict[str, Any], version: str) -> None:
    """Where OME-Zarr has it: in a part of its own from version 0.5 on."""
    if root.metadata.zarr_format == 3:
        root.attrs["ome"] = {"version": version, "multiscales": [multiscale]}
    else:
        root.attrs["multiscales"] = [multiscale]


def _write_coordinates(library: Any, path: Path, clip: Delivered, source: Any, name: str) -> list[str]:
    """The arrays of the same group that are named as the axes are; what could not be kept, in words."""
    array = clip.source.array if clip.source is not None else None
    folder = name.rpartition("/")[0]
    group = source[folder] if folder else source
    notes = []
    for axis, length in zip(array.axes if array else (), clip.in_axes.shape, strict=False):
        found = group.get(axis)
        if found is None or hasattr(found, "members") or found.ndim != 1:
            continue
        values = clip.coordinates(axis, np.asarray(found[:]), length)
        if values is None:
            notes.append(f"The coordinates {axis} are left out: they do not fit the frames that were recovered.")
            continue
        _create(library, path, f"{folder}/{axis}" if folder else axis, values, found, (axis,), values.shape)
    return notes


def _write_plain(library: Any, path: Path, clip: Delivered) -> list[str]:
    """OME-Zarr 0.5 of one level; seconds from frame to frame, on average, and the spacing of the pixels where that is
    known."""
    numbers = clip.numbers
    kept = [k for k in range(4) if k != 1 or numbers.shape[1] > 1]
    values = numbers.reshape([numbers.shape[k] for k in kept])
    root = library.open_group(str(path), mode="w", zarr_format=3)
    made = root.create_array(
        "0",
        shape=values.shape,
        chunks=(1, *values.shape[1:]),
        dtype=values.dtype,
        dimension_names=[PLAIN_AXES[k] for k in kept],
    )
    made[...] = values
    axes = [{"name": PLAIN_AXES[k], "type": AXIS_KINDS[PLAIN_AXES[k]]} for k in kept]
    axes[0]["unit"] = "second"
    times = np.diff(clip.times)
    step = float(times.mean()) if len(times) else float(1 / clip.rate)
    sizes = [step] + [1.0] * (len(kept) - 1)
    for k, role in enumerate("TCHW"[k] for k in kept):
        if role in clip.spacing:
            sizes[k], unit = clip.spacing[role]
            axes[k] |= {"unit": OME_LENGTHS.get(unit, unit)} if unit else {}
    scale = {"type": "scale", "scale": sizes}
    multiscale = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}
    _set_multiscales(root, multiscale, "0.5")
    return (
        [] if clip.is_even else ["The frames are not even in time: OME-Zarr has their mean step alone; .h5 keeps each."]
    )
