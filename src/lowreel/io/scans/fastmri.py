"""HDF5 as fastMRI has it (Zbontar et al., arXiv:1811.08839): `kspace`, `mask`, and the header of ISMRMRD."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import InputError
from ..containers.base import imported, reading
from ..containers.hdf5 import KIND, REMEDY
from .header import encodings_of
from .scan import Scan, without_oversampling


def is_fastmri(path: Path) -> bool:
    """Whether a file holds spectra and a header by fastMRI's names."""
    h5py = imported("h5py", path, "HDF5")
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        return "kspace" in file and "ismrmrd_header" in file


def load(path: Path, choices: Mapping[str, str]) -> Scan:
    """A slice, as a clip of one frame, or, with T=slice, all slices as frames.

    Rows are along the readout, whose oversampling is cut off; columns that are zero in all coils were not measured.
    Raises InputError where there are several slices and none is chosen.
    """
    h5py = imported("h5py", path, "HDF5")
    label = f"{path}:kspace"
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        data, header = file["kspace"], file["ismrmrd_header"][()]
        if data.ndim not in (3, 4):
            raise InputError(
                f"{label}: expected (slices, coils, rows, columns), got {data.shape}; say T, C, H, W of it"
            )
        kspace = data[_slices(choices, len(data), label)]
        columns = np.asarray(file["mask"][()]).ravel() != 0 if "mask" in file else np.ones(data.shape[-1], bool)
    if columns.shape != kspace.shape[-1:]:
        raise InputError(f"{path}: its mask has {len(columns)} numbers, its spectra {kspace.shape[-1]} columns")
    kspace = (kspace[:, None] if kspace.ndim == 3 else kspace).astype(np.complex64)
    encoding = encodings_of(header, str(path))[0]
    kept, rows = encoding.kept_samples, kspace.shape[2]
    told = [f"{len(kspace)} slices are taken for frames"] if choices.get("T") == "slice" else []
    if encoding.encoded.matrix[0] == rows and kept < rows:
        kspace = without_oversampling(kspace, kept, axis=2)
        told.append(f"readout oversampling is cut off, {rows} to {kept} rows")
    observed = columns & (kspace != 0).any((0, 1, 2))
    told.append(f"{int(observed.sum())} of {len(columns)} columns were measured")
    mask = np.broadcast_to(observed, (len(kspace), *kspace.shape[2:]))
    return Scan(
        np.where(observed, kspace, 0), (kspace.shape[2], kspace.shape[3]), label, np.array(mask), told=tuple(told)
    )


def _slices(choices: Mapping[str, str], count: int, label: str) -> slice:
    strange = [name for name in choices if name not in ("slice", "T")]
    if strange or choices.get("T", "slice") != "slice":
        raise InputError(f"{label}: its axes are slice, coil, rows and columns; got {(strange or ['T'])[0]}")
    place = choices.get("slice")
    if place is not None:
        if not place.isdigit() or int(place) >= count:
            raise InputError(f"{label}: has the slices 0 to {count - 1}; got slice={place}")
        return slice(int(place), int(place) + 1)
    if count > 1 and "T" not in choices:
        raise InputError(
            f"{label}: has {count} slices; say which, such as {label},slice={count // 2}, or, where they are frames of "
            f"one slice, {label},T=slice"
        )
    return slice(None)
