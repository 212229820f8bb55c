"""What a raw file of ISMRMRD or fastMRI holds, in words, by its heads and header: no sample is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..containers.base import imported, reading
from ..containers.hdf5 import KIND, REMEDY
from . import fastmri
from .header import Encoding, encodings_of
from .ismrmrd import NOISE_FLAG, OTHER_FLAGS, TIME_COUNTERS, Heads, groups_of, has_flag

COUNTERS = ("slice", "contrast", "set", "phase", "repetition", "average", "segment")
"""Counters of ISMRMRD that are told of where they count anything."""


RECOVER = "recover it"
"""Name of the fact that is a command to type."""


def facts_of(path: Path) -> dict[str, str]:
    """Facts about the scans in a file by what they are about, and what to type; empty where it holds none.

    Raises InputError for a file that is damaged.
    """
    h5py = imported("h5py", path, "ISMRMRD")
    groups = groups_of(path)
    facts: dict[str, str] = {}
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        for group in groups:
            before = f"{group}: " if len(groups) > 1 else ""
            found = _of_acquisitions(file, group, f"{path}:{group}", is_one_of_several=len(groups) > 1)
            facts |= {before + name: fact for name, fact in found.items()}
    return facts if facts or not fastmri.is_fastmri(path) else _of_fastmri(path)


def _of_acquisitions(file: Any, group: str, label: str, *, is_one_of_several: bool) -> dict[str, str]:
    heads = file[f"{group}/data"].fields("head")[()]
    if f"{group}/xml" not in file:
        told = f"{len(heads)} in {group}/data"
        return {"kind": "ISMRMRD, raw", "readouts": told, "no header": f"{group}/xml is missing; convert it again"}
    xml = file[f"{group}/xml"][()]
    encodings = encodings_of(xml.flat[0] if isinstance(xml, np.ndarray) else xml, label)
    others = {NOISE_FLAG: "noise", **OTHER_FLAGS}
    is_other = np.zeros(len(heads), bool)
    counts: dict[str, int] = {}
    for number, what in others.items():
        those = has_flag(heads, number) & ~is_other
        is_other |= those
        if those.any():
            counts[what] = counts.get(what, 0) + int(those.sum())
    signal = heads[~is_other]
    facts = {"kind": "ISMRMRD, raw", **_of_encodings(encodings)}
    facts["readouts"] = ", ".join([f"{len(signal)} of frames", *(f"{n} {what}" for what, n in counts.items())])
    if len(signal):
        facts |= {
            "coils": _span(signal["active_channels"]),
            "samples": _span(signal["number_of_samples"]),
            **_places(signal, encodings),
            **(counted := _counted(signal)),
        }
        streams = "rows" not in facts or int(np.bincount(signal["idx"]["kspace_encode_step_1"]).max()) > 1
        flag = " --readouts-per-frame N" if streams and not {*counted} & {*TIME_COUNTERS} else ""
        facts[RECOVER] = f"lowreel recover {label if is_one_of_several else label.rpartition(':')[0]}{flag} -o RUN"
    return facts


def _of_encodings(encodings: list[Encoding]) -> dict[str, str]:
    """Pixels and millimetres of what was encoded and of what is asked for, (x, y, z) as the header has them."""
    facts = {}
    for k, encoding in enumerate(encodings):
        name = "matrix" if len(encodings) == 1 else f"matrix of encoding {k}"
        spaces = [
            f"{' x '.join(map(str, space.matrix))} in {' x '.join(f'{v:g}' for v in space.field_of_view)} mm"
            for space in (encoding.encoded, encoding.recon)
        ]
        facts[name] = spaces[0] if spaces[0] == spaces[1] else f"{spaces[0]}, of which {spaces[1]}"
    return facts


def _places(heads: Heads, encodings: list[Encoding]) -> dict[str, str]:
    """Where readouts lie in the spectrum: on rows, or along a trajectory."""
    told = encodings[min(int(heads["encoding_space_ref"][0]), len(encodings) - 1)].trajectory
    if heads["trajectory_dimensions"].any():
        return {"trajectory": f"{told}, beside each readout"}
    return {"trajectory": told, "rows": _span(heads["idx"]["kspace_encode_step_1"])}


def _counted(heads: Heads) -> dict[str, str]:
    """Counters that have more than one value, and partitions of a volume."""
    index = heads["idx"]
    found = {name: index[name] for name in COUNTERS} | {"partition": index["kspace_encode_step_2"]}
    return {name: f"{_span(v)}, {len(np.unique(v))} values" for name, v in found.items() if len(np.unique(v)) > 1}


def _span(values: NDArray[np.integer]) -> str:
    least, most = int(values.min()), int(values.max())
    return f"{least}" if least == most else f"{least} to {most}"


def _of_fastmri(path: Path) -> dict[str, str]:
    h5py = imported("h5py", path, "HDF5")
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        shape, header = file["kspace"].shape, file["ismrmrd_header"][()]
        columns = int((np.asarray(file["mask"][()]) != 0).sum()) if "mask" in file else None
    if len(shape) not in (3, 4):
        return {}
    facts = {"kind": "fastMRI", **_of_encodings(encodings_of(header, str(path)))}
    facts[RECOVER] = f"lowreel recover {path}:slice=N -o RUN"
    names = ("slices", "coils", "rows", "columns") if len(shape) == 4 else ("slices", "rows", "columns")
    facts |= {name: str(n) for name, n in zip(names, shape, strict=False)}
    return facts if columns is None else facts | {"columns measured": str(columns)}
