"""NumPy's files, MATLAB's and HDF5, in the axes and the type of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...system.files import HDF5_FILES, split_member
from ..containers.axes import roles_of, split_choices
from ..containers.base import imported
from ..containers.cf import packing_of
from ..containers.clips import clip_entry
from ..containers.hdf5_axes import sides_of
from ..containers.hdf5_conventions import is_film_of_nwb
from ..containers.reading import entries_of, is_matlab
from .clip import PLAIN, Delivered, packed, portable

MATLAB_MOST = 1 << 31
"""Bytes that a variable of MATLAB's version 7 can have."""


def write_npy(path: Path, clip: Delivered) -> list[str]:
    """One array."""
    with open(path, "wb") as file:
        np.save(file, np.ascontiguousarray(clip.in_axes), allow_pickle=False)
    return []


def write_npz(path: Path, clip: Delivered) -> list[str]:
    """One array under the name that it has in the source."""
    with open(path, "wb") as file:
        np.savez_compressed(file, allow_pickle=False, **{name_of(clip): np.ascontiguousarray(clip.in_axes)})
    return []


def write_mat(path: Path, clip: Delivered) -> list[str]:
    """One variable, in MATLAB's order of axes. Raises InputError where it is more than such a file can hold."""
    from scipy.io import savemat

    values = clip.in_axes
    if clip.source is None or not clip.source.array.matlab or clip.is_grey_coloured:
        turned = clip.numbers.transpose(2, 3, 1, 0)
        values = turned[:, :, 0] if turned.shape[2] == 1 else turned
    if values.nbytes >= MATLAB_MOST:
        raise InputError(f"{path}: takes {values.nbytes / 1e9:.2g} GB, more than MATLAB's version 7 can; export to .h5")
    with open(path, "wb") as file:
        savemat(file, {name_of(clip).rpartition("/")[2]: portable(values)}, do_compression=True)
    return []


def write_hdf5(path: Path, clip: Delivered) -> list[str]:
    """One data set under the name that it has in the source, packed as it is there, with its attributes, and its axes
    labelled, as their names may stand in its group there, which is not copied. Their scales are where the source says
    that frames and pixels are, in its units; of a source of another kind what it tells of times and spacing."""
    h5py = imported("h5py", path, "HDF5")
    attributes: dict[str, Any] = {}
    values, stored = clip.in_axes, clip.in_axes.dtype
    scales = _told_scales(clip)
    source = split_member(clip.like)[0] if clip.source is not None and clip.like is not None else None
    if source is not None and source.suffix.lower() in HDF5_FILES and not is_matlab(source):
        with h5py.File(source, "r") as file:
            data = file[name_of(clip)]
            attributes = {key: value for key, value in data.attrs.items() if not key.isupper()}
            attributes |= {"conversion": 1.0, "offset": 0.0} if is_film_of_nwb(data) else {}  # numbers are in its unit
            stored = data.dtype
            scales |= {side.name: (side.places, side.unit) for side in sides_of(data) if side.places is not None}
        packing = packing_of(attributes, stored)
        wanted = clip.arranged(np.asarray(clip.values, np.float64))
        values = packed(wanted, packing, stored) if packing.is_scaled else values
    with h5py.File(path, "w") as file:
        data = file.create_dataset(name_of(clip), data=np.ascontiguousarray(values), compression="gzip", shuffle=True)
        for key, value in attributes.items():
            if not key.startswith("_Netcdf4"):
                data.attrs[key] = value
        for place, (label, name) in enumerate(zip(_labels(clip), _names_of_scales(clip), strict=True)):
            data.dims[place].label = label
            if name in scales:
                _write_scale(data, place, clip.coordinates(name, scales[name][0], data.shape[place]), scales[name][1])
    return []


def _told_scales(clip: Delivered) -> dict[str, tuple[np.ndarray, str]]:
    """Where the frames and pixels of the source are, and in which unit, by its rate, its times and its spacing."""
    if clip.source is None:
        steps, named = clip.spacing, zip("TCHW", PLAIN, clip.values.shape, strict=True)
        places = {name: (steps[role][0] * np.arange(n), steps[role][1]) for role, name, n in named if role in steps}
        return {"time": (np.array(clip.times), "s"), **places}
    array, found = clip.source.array, {}
    for name, role, length in zip(array.axes, array.roles, array.shape, strict=False):
        if role == "T" and array.rate is not None:
            found[name] = np.array([float(time) for time in clip.source.times(array.rate)]), "s"
        elif role in "HW" and name in array.spacing:
            step, unit = array.spacing[name]
            found[name] = step * np.arange(length), unit
    return found


def _write_scale(data: Any, place: int, places: np.ndarray | None, unit: str) -> None:
    """The scale of an axis, under its label beside the data set, unless what is there has that name."""
    name = data.dims[place].label
    if places is None or name in data.parent:
        return
    scale = data.parent.create_dataset(name, data=places)
    scale.attrs["units"] = unit
    scale.make_scale(name)
    data.dims[place].attach_scale(scale)


def _labels(clip: Delivered) -> tuple[str, ...]:
    """Names of the axes of `in_axes`: those of the source where these say by themselves what each is, which a choice of
    the user's such as T=depth does not; else names that do."""
    if clip.source is None:
        return PLAIN if clip.values.shape[1] > 1 else tuple(name for name in PLAIN if name != "c")
    array, order = clip.source.array, clip.source.order
    if clip.is_grey_coloured:
        return PLAIN
    roles = {place: role for role, place in zip("TCHW", order, strict=True) if place is not None}
    wanted = "".join(roles.get(place, "-") for place in range(len(array.shape)))
    if len(set(array.axes)) == len(wanted) and roles_of(array.axes) == wanted:
        return array.axes
    plain = dict(zip("TCHW", PLAIN, strict=True))
    return tuple(plain.get(role, f"axis{place}") for place, role in enumerate(wanted))


def _names_of_scales(clip: Delivered) -> tuple[str, ...]:
    """What the axes of `in_axes` are called by the source, empty where it has none; their labels but for colour of a
    grey source."""
    if clip.source is None or not clip.is_grey_coloured:
        return _labels(clip)
    names = dict(enumerate(clip.source.array.axes))
    return tuple("" if place is None else names.get(place, "") for place in clip.source.order)


def name_of(clip: Delivered) -> str:
    """The name of the array in the source; clip where it has none."""
    if clip.like is None or clip.source is None:
        return "clip"
    file, name = split_member(clip.like)
    if name is None:
        entry = clip_entry(entries_of(file), is_matlab(file))
        name = entry.name if entry else ""
    return split_choices(name)[0] or "clip"
