"""Scans in files of arrays: BART's, whose axes have names; others, whose axes are said, or in NumPy's order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...system.files import split_member
from ..containers.axes import split_choices
from ..containers.base import Array
from ..containers.reading import load_named
from .scan import Scan, in_cycles

BART_AXES = ("read", "phs1", "coil", "time")
"""Axes of BART that a scan has; of all others one place is taken."""

BART_POINTS = ("time", "phs2", "coil", "phs1")
"""Axes of BART of readouts along a trajectory, whose samples are along phs1 and whose readouts are along phs2."""


def from_arrays(
    path: str | Path,
    *,
    trajectory: str | Path | None,
    coil_maps: str | Path | None,
    mask: str | Path | None,
    frame_shape: tuple[int, int] | None,
) -> Scan:
    """A scan from the array that FILE:NAME says, and others beside it."""
    if split_member(path)[0].suffix.lower() == ".cfl":
        array, along = _of_bart(path, trajectory is not None)
        rows_first = True
    else:
        given = load_named(path)
        array, along = _with_axes(given)
        on_grid = trajectory is None and "W" in given.roles  # else H and W are readouts and samples
        rows_first = not on_grid or given.roles.index("H") < given.roles.index("W")
    kspace, label = np.array(array, np.complex64), str(path)
    maps = None if coil_maps is None else _coil_maps(coil_maps, kspace.shape[1], rows_first)
    told = [along]
    if trajectory is None:
        observed, centred, sentence = _observed(kspace, mask, label, rows_first)
        told += sentence
        size = (int(kspace.shape[2]), int(kspace.shape[3]))
        _check_maps(maps, size, label)
        return Scan(
            np.where(observed[:, None], kspace, 0), size, label, observed, None, maps, centred=centred, told=tuple(told)
        )
    points, sentences = points_of(trajectory, kspace.shape)
    size = _size(points, maps, frame_shape, label)
    path_in_cycles, unit = in_cycles(points, size, str(trajectory))
    _check_maps(maps, size, label)
    there, what = _there(kspace, mask)
    told += [f"frames are {size[0]}x{size[1]}", *sentences, unit, *what]
    own = None if there.all() else there.copy()
    return Scan(np.where(there[:, None], kspace, 0), size, label, own, path_in_cycles, maps, told=tuple(told))


def _with_axes(array: Array) -> tuple[NDArray[np.generic], str]:
    """(T, coils, H, W) of an array whose axes are said, T, C, H, W, or are in NumPy's order."""
    values, names = array.values, {role: k for k, role in enumerate(array.roles) if role != "-"}
    if values.dtype.kind != "c":
        raise InputError(f"{array.label}: expected complex numbers, a scan, got {values.dtype}")
    if not names and array.matlab:
        raise InputError(
            f"{array.label}: has the shape {values.shape}; say which axis is what (T time, C coils, H rows or "
            f"readouts, W columns or samples), such as {array.label},H=0,W=1,C=2,T=3"
        )
    if not names:
        if values.ndim not in (3, 4):
            raise InputError(
                f"{array.label}: expected (T, coils, H, W) or (T, H, W) of one coil, got {values.shape}; say which "
                f"axis is what, such as {array.label},T=0,C=1,H=2,W=3, or take a place, such as 0=0"
            )
        names = dict(zip("TCHW" if values.ndim == 4 else "THW", range(values.ndim), strict=True))
    left = [k for k in range(values.ndim) if k not in names.values() and values.shape[k] > 1]
    if not {"H", "W"} <= names.keys() or left:
        at = left[0] if left else 0
        raise InputError(
            f"{array.label}: has the shape {values.shape}, of which axis {at} is nothing of a scan; say H, W and what "
            f"else there is, T and C, or take a place on it, such as {array.label},{at}=0"
        )
    order = [names[role] for role in "TCHW" if role in names]
    values = values.transpose(*order, *(k for k in range(values.ndim) if k not in order))
    shape = [array.shape[names[role]] if role in names else 1 for role in "TCHW"]
    sizes = ", ".join(f"{n} {what}" for n, what in zip(shape, ("frames", "coils", "rows", "columns"), strict=True))
    return values.reshape(shape), f"the axes are taken for {sizes}"


def _said(array: Array, wanted: str, rows_first: bool) -> NDArray[np.generic]:
    """The array with its axes in this order: as they are said, FILE:NAME,H=1,W=0,C=2; else, of MATLAB's, with the last
    of three axes first, and rows and columns in the order of the data's (`rows_first`)."""
    names = {role: k for k, role in enumerate(array.roles) if role in wanted}
    if names:
        left = [k for k in range(array.values.ndim) if k not in names.values()]
        return array.values.transpose([*left, *(names[role] for role in wanted if role in names)])
    if not array.matlab or array.values.ndim < 2:
        return array.values
    values = np.moveaxis(array.values, -1, 0) if array.values.ndim == 3 else array.values
    return values if rows_first else values.swapaxes(-1, -2)


def _of_bart(path: str | Path, on_points: bool) -> tuple[NDArray[np.generic], str]:
    """(T, coils, H, W) of a pair of BART's files, or (T, coils, readouts, samples) along a trajectory."""
    text, array, axes = _bart_axes(path)
    if not on_points and axes.get("read", 1) == 1:
        raise InputError(f"{text}: has one sample along read, as along a trajectory; give that too (a .cfl)")
    if on_points and axes.get("read", 1) > 1:
        raise InputError(f"{text}: has {axes['read']} places along read; data along a trajectory has 1 there")
    wanted = BART_POINTS if on_points else BART_AXES[::-1]
    order = sorted(wanted, key=lambda name: ("time", "coil", "phs2" if on_points else "", "phs1", "read").index(name))
    values = _in_order(array, axes, order, text)
    sizes = ", ".join(f"{name} {n}" for name, n in zip(order, values.shape, strict=True))
    return values, f"BART's axes: {sizes}"


def _bart_axes(path: str | Path) -> tuple[str, Array, dict[str, int]]:
    """The array with the places taken that are chosen, and the lengths of its axes; T=NAME calls that axis time."""
    file, name = split_member(path)
    choices = split_choices(name or "")[1]
    time = choices.pop("T", None)
    chosen = ",".join(f"{axis}={place}" for axis, place in choices.items())
    array = load_named(f"{file}:{chosen}" if chosen else file)
    names = ["time" if axis == time else axis for axis in array.axes]
    if time is not None and (time not in array.axes or names.count("time") > 1):
        raise InputError(f"{file}: has the axes {', '.join(array.axes)}; T={time} is none that can be time")
    return str(file), array, dict(zip(names, array.shape, strict=True))


def _in_order(array: Array, axes: Mapping[str, int], order: list[str], text: str) -> NDArray[np.generic]:
    others = {name: n for name, n in axes.items() if name not in order and n > 1}
    if others:
        name = next(iter(others))
        raise InputError(
            f"{text}: has {others[name]} places along {name}, of which a clip has one; say which, such as "
            f"{text}:{name}=0" + ("" if axes.get("time", 1) > 1 else f", or that it is time: {text}:T={name}")
        )
    names = list(axes)
    values = array.values.reshape([axes[name] for name in names])
    there = [name for name in order if name in names]
    rest = [name for name in names if name not in order]
    values = values.transpose([names.index(name) for name in (*there, *rest)])
    return values.reshape([axes.get(name, 1) for name in order])


def _observed(
    kspace: NDArray[np.complex64], mask: str | Path | None, label: str, rows_first: bool
) -> tuple[NDArray[np.bool_], bool, list[str]]:
    """What was measured, (T, H, W); whether frequency zero is in the middle; and sentences on both."""
    frames, _, height, width = kspace.shape
    if mask is None:
        observed = (kspace != 0).any(1)
        told = [f"what is zero in all coils was not measured: {observed.mean():.1%} was"]
    else:
        given = load_named(mask)
        values = _said(given, "THW", rows_first) != 0
        fitting = {(width,), (height, width), (frames, height, width)}
        if values.shape not in fitting:
            raise InputError(
                f"{given.label}: the mask is {given.shape}; expected one of columns ({width},), of places ({height}, "
                f"{width}) or of all frames ({frames}, {height}, {width})"
            )
        observed, told = np.broadcast_to(values, (frames, height, width)) & (kspace != 0).any(1), []
    if not observed.any():
        raise InputError(f"{label}: holds nothing but zeros; was it saved before the scan was read?")
    size = np.abs(kspace).mean((0, 1))
    centred = bool(size[height // 2, width // 2] >= size[0, 0])
    told.append(f"frequency zero is in the {'middle' if centred else 'corner'}, where the numbers are larger")
    return observed, centred, told


def _there(kspace: NDArray[np.complex64], mask: str | Path | None) -> tuple[NDArray[np.bool_], list[str]]:
    """Which samples along a trajectory there are, (T, readouts, samples); readouts of zeros in all coils are none."""
    frames, _, count, samples = kspace.shape
    there = np.broadcast_to((kspace != 0).any((1, 3))[:, :, None], (frames, count, samples))
    told = [] if there.all() else [f"readouts that are zero in all coils were not measured: {there.mean():.1%} were"]
    if mask is None:
        return there, told
    given = load_named(mask)
    if given.values.shape not in {(count, samples), (frames, count, samples)}:
        raise InputError(
            f"{given.label}: the mask is {given.shape}; expected one of samples, ({count}, {samples}) or ({frames}, "
            f"{count}, {samples})"
        )
    return there & (given.values != 0), told


def points_of(given: str | Path, shape: tuple[int, ...]) -> tuple[NDArray[np.floating], list[str]]:
    """(T or 1, readouts, samples, 2), rows first, in the unit of the file. Raises InputError for other shapes."""
    frames, _, count, samples = shape
    if split_member(given)[0].suffix.lower() == ".cfl":
        text, array, axes = _bart_axes(given)
        points = _in_order(array, axes, ["time", "phs2", "phs1", "read"], text).real
        told = ["the trajectory's first coordinate goes along the columns, as in BART"]
        points = _two_of(points, text)[..., ::-1]
    else:
        array = load_named(given)
        values = array.values.transpose() if array.matlab else array.values
        if values.dtype.kind == "c":
            points, told = (
                np.stack([values.imag, values.real], -1),
                ["the trajectory's real part goes along the columns"],
            )
        elif array.matlab:
            points = _two_of(values, array.label)[..., ::-1]
            told = ["the trajectory's first coordinate goes along the columns"]
        else:
            points, told = _two_of(values, array.label), ["the trajectory's first coordinate goes down the rows"]
        text = array.label
    wanted = {(count, samples), (frames, count, samples), (1, count, samples)}
    if points.shape[:-1] not in wanted:
        raise InputError(
            f"{text}: is a trajectory of {points.shape[:-1]}; the data has {count} readouts of {samples} samples in "
            f"{frames} frames, so expected ({count}, {samples}, 2) or ({frames}, {count}, {samples}, 2)"
        )
    return points.reshape(-1, count, samples, 2), told


def _two_of(points: NDArray[np.generic], label: str) -> NDArray[np.floating]:
    """Two coordinates, of two or of three the last of which is zero."""
    if points.shape[-1] not in (2, 3) or points.dtype.kind not in "fiu":
        raise InputError(
            f"{label}: expected a real trajectory of 2 or 3 coordinates, got {points.dtype} {points.shape}"
        )
    if points.shape[-1] == 3 and points[..., 2].any():
        raise InputError(f"{label}: is a trajectory in three dimensions; give the data and trajectory of one slice")
    return points[..., :2].astype(np.float64)


def _size(
    points: NDArray[np.floating],
    maps: NDArray[np.complex64] | None,
    given: tuple[int, int] | None,
    label: str,
) -> tuple[int, int]:
    """Height and width of frames: given, of the coil maps, or by a trajectory in cycles per field of view."""
    if given is not None:
        return given
    if maps is not None:
        return int(maps.shape[1]), int(maps.shape[2])
    reach = np.abs(points).max((0, 1, 2))
    if reach.max() <= 1.25 * math.pi:
        raise InputError(
            f"{label}: how many pixels do frames have? Its trajectory does not say it; give --frame-shape HxW"
        )
    side = 2 * int((2 * float(reach.max()) + 1.5) / 2)  # the last sample of a readout may be half a cycle short
    return side, side


def _coil_maps(given: str | Path, coils: int, rows_first: bool) -> NDArray[np.complex64]:
    """(coils, H, W)."""
    if split_member(given)[0].suffix.lower() == ".cfl":
        text, array, axes = _bart_axes(given)
        values, label = _in_order(array, axes, ["coil", "phs1", "read"], text), text
    else:
        array = load_named(given)
        label = array.label
        values = _said(array, "CHW", rows_first)
    if values.ndim != 3 or len(values) != coils:
        raise InputError(f"{label}: expected maps of {coils} coils, (coils, H, W), got {values.shape}")
    return np.ascontiguousarray(values, np.complex64)


def _check_maps(maps: NDArray[np.complex64] | None, size: tuple[int, int], label: str) -> None:
    if maps is not None and maps.shape[1:] != size:
        raise InputError(f"{label}: frames are {size[0]}x{size[1]}, the coil maps {maps.shape[1]}x{maps.shape[2]}")
