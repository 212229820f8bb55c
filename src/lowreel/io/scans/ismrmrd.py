"""Raw acquisitions of ISMRMRD (Inati et al., Magn. Reson. Med. 77:411, 2017), sorted into frames by their counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..containers.base import imported, reading
from ..containers.hdf5 import ACQUISITIONS, KIND, REMEDY
from .arrays import points_of
from .header import Encoding, encodings_of, noise_bandwidth_of
from .scan import Readouts, in_cycles, without_oversampling

NOISE_FLAG, REVERSE_FLAG = 19, 22
"""Numbers of the flags, counted from 1, of readouts without a signal, and of those taken backwards."""

OTHER_FLAGS = {
    20: "parallel calibration",
    23: "navigators",
    24: "phase correction",
    26: "feedback",
    27: "dummy scans",
    28: "feedback",
    29: "surface coil correction",
    30: "phase stabilisation",
    31: "phase stabilisation",
}
"""Numbers of the flags of readouts that are no part of the frames."""

TIME_COUNTERS = ("phase", "repetition")
"""Counters that count frames: phases of the heart, and repetitions."""

SINGLE_COUNTERS = ("slice", "contrast", "set")
"""Counters of which a clip has one value."""

READ_AT_ONCE = 512
"""Readouts that are read together."""

Heads = NDArray[np.void]


def groups_of(path: Path) -> list[str]:
    """Names of the groups of a file that hold acquisitions."""
    found: list[str] = []

    def note(name: str, item: Any) -> None:
        if getattr(getattr(item, "dtype", None), "names", None) == ACQUISITIONS:
            found.append(name.rpartition("/")[0])

    h5py = imported("h5py", path, "ISMRMRD")
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        file.visititems(note)
    return found


def load(
    path: Path, group: str, choices: Mapping[str, str], trajectory: str | Path | None = None
) -> tuple[Readouts, NDArray[np.int64]]:
    """The readouts of the clip, and the frame of each by the counters; all 0 where none of these counts frames.

    choices: slice, contrast, set, encoding, phase, repetition = number; T = the counter of frames. trajectory:
    FILE:NAME, (N, samples, 2), where readouts have none of their own. Raises InputError where something that a clip
    has one of is not chosen, for volumes, for echo-planar readouts, and for damage.
    """
    label = f"{path}:{group}"
    h5py = imported("h5py", path, "ISMRMRD")
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        if f"{group}/xml" not in file:
            raise InputError(f"{label}: has no header ({group}/xml), so that frames have no size; convert it again")
        xml, heads = file[f"{group}/xml"][()], file[f"{group}/data"].fields("head")[()]
    xml = xml.flat[0] if isinstance(xml, np.ndarray) else xml
    encodings = encodings_of(xml, label)
    is_noise = has_flag(heads, NOISE_FLAG)
    kept, told = _of_frames(heads, is_noise)
    if not kept.any():
        raise InputError(f"{label}: holds {len(heads)} readouts, none of which is of a frame; {_in_words(told)}")
    kept &= _encoding_chosen(heads, kept, choices, label)
    kept, counter = _counters_chosen(heads, kept, choices, label)
    acquisitions = _these(path, group, kept | is_noise)
    is_kept = kept[kept | is_noise]
    encoding = encodings[min(int(heads["encoding_space_ref"][kept][0]), len(encodings) - 1)]
    readouts = _readouts(acquisitions[is_kept], encoding, label, trajectory)
    covariance = _covariance(acquisitions[~is_kept], readouts.kspace.shape[1])
    if covariance is not None:
        covariance *= _bandwidths(heads[is_noise], heads[kept]) / np.float32(noise_bandwidth_of(xml))
    if is_noise.any():
        is_used = "is in" if covariance is not None else "is not used: other coils, or too few samples, are in"
        told = [*told, f"the noise of the coils {is_used} its noise scan, readouts: {int(is_noise.sum())}"]
    numbers = np.zeros(int(kept.sum()), np.int64)
    if counter:
        values, numbers = np.unique(heads["idx"][counter][kept], return_inverse=True)
        told = [*told, f"{len(values)} frames by the counter {counter}"]
    return replace(readouts, noise_covariance=covariance, told=(*told, *readouts.told)), numbers.astype(np.int64)


def _these(path: Path, group: str, wanted: NDArray[np.bool_]) -> NDArray[np.void]:
    """Some of the acquisitions, (N,); the others, such as those of other slices, are never in memory all at once."""
    h5py = imported("h5py", path, "ISMRMRD")
    with reading(path, KIND, REMEDY), h5py.File(path, "r") as file:
        data = file[f"{group}/data"]
        starts = [at for at in range(0, len(wanted), READ_AT_ONCE) if wanted[at : at + READ_AT_ONCE].any()]
        pieces = [data[at : at + READ_AT_ONCE][wanted[at : at + READ_AT_ONCE]] for at in starts]
    return np.concatenate(pieces)


def has_flag(heads: Heads, number: int) -> NDArray[np.bool_]:
    """Which readouts, (N,), have the flag of this number, counted from 1."""
    return np.asarray((heads["flags"] >> np.uint64(number - 1)) & np.uint64(1) != 0)


def _of_frames(heads: Heads, is_noise: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[str]]:
    """Which readouts are of frames, and what the others are."""
    kept, told = ~is_noise, []
    for number, what in OTHER_FLAGS.items():
        those = has_flag(heads, number) & kept
        if those.any():
            told.append(f"{int(those.sum())} readouts are {what} and are left out")
            kept &= ~those
    return kept, told


def _encoding_chosen(
    heads: Heads, kept: NDArray[np.bool_], choices: Mapping[str, str], label: str
) -> NDArray[np.bool_]:
    return _chosen("encoding", heads["encoding_space_ref"], kept, choices, label)


def _chosen(
    name: str, values: NDArray[np.integer], kept: NDArray[np.bool_], choices: Mapping[str, str], label: str
) -> NDArray[np.bool_]:
    """The readouts whose counter has the value chosen; all where they have the same one."""
    there = np.unique(values[kept]).tolist()
    if name in choices:
        if not choices[name].isdigit() or int(choices[name]) not in there:
            raise InputError(f"{label}: its {name} is one of {_listed(there)}; got {name}={choices[name]}")
        return np.asarray(values == int(choices[name]))
    if len(there) > 1:
        raise InputError(
            f"{label}: has {len(there)} values of {name}, {_listed(there)}; a clip has one: say which, such as "
            f"{_typed(label, f'{name}={there[0]}')}"
        )
    return np.ones(len(values), bool)


def _counters_chosen(
    heads: Heads, kept: NDArray[np.bool_], choices: Mapping[str, str], label: str
) -> tuple[NDArray[np.bool_], str]:
    """The readouts of the clip, and the counter of its frames, empty where none counts."""
    index, known = heads["idx"], {*SINGLE_COUNTERS, *TIME_COUNTERS, "average"}
    strange = [name for name in choices if name not in {*known, "encoding", "T"}]
    time = choices.get("T", "")
    if strange or (time and time not in known):
        raise InputError(
            f"{label}: has no counter {(strange or [time])[0]}; its counters are {', '.join(sorted(known))}, encoding"
        )
    for name in (
        n for n in (*SINGLE_COUNTERS, *TIME_COUNTERS, "average") if n != time and (n in SINGLE_COUNTERS or n in choices)
    ):
        kept = kept & _chosen(name, index[name], kept, choices, label)
    partitions = np.unique(index["kspace_encode_step_2"][kept])
    if len(partitions) > 1:
        raise InputError(
            f"{label}: is a volume of {len(partitions)} partitions; transform it along the second phase direction, and "
            "save one slice as (T, coils, H, W) in .npy"
        )
    counting = [name for name in TIME_COUNTERS if len(np.unique(index[name][kept])) > 1]
    if not time and len(counting) > 1:
        raise InputError(
            f"{label}: both {' and '.join(counting)} count; say which counts frames and take one of the other, such as "
            f"{_typed(label, f'T={counting[0]},{counting[1]}=0')}"
        )
    return kept, time or (counting[0] if counting else "")


def _readouts(
    acquisitions: NDArray[np.void], encoding: Encoding, label: str, trajectory: str | Path | None
) -> Readouts:
    heads = acquisitions["head"]
    backwards = int(has_flag(heads, REVERSE_FLAG).sum())
    if backwards:
        raise InputError(
            f"{label}: {backwards} readouts were taken backwards (echo-planar imaging); turn them and correct their "
            "phase first, and save (T, coils, H, W) in .npy"
        )
    for name, what in (("number_of_samples", "samples"), ("active_channels", "coils"), ("center_sample", "center")):
        values = np.unique(heads[name])
        if len(values) > 1:
            raise InputError(
                f"{label}: its readouts have {_listed(values.tolist())} {what}; a clip is made of alike ones: choose "
                f"them by a counter, such as {_typed(label, 'set=0')}"
            )
    first = heads[0]
    coils, samples = int(first["active_channels"]), int(first["number_of_samples"])
    with reading(Path(label), "ISMRMRD", REMEDY):
        kspace = np.stack(
            [np.ascontiguousarray(d).view(np.complex64).reshape(coils, samples) for d in acquisitions["data"]]
        )
    ends = slice(int(first["discard_pre"]), samples - int(first["discard_post"]))
    dimensions = np.unique(heads["trajectory_dimensions"])
    if len(dimensions) == 1 and dimensions[0] >= 2:
        return _on_a_path(acquisitions["traj"], kspace, ends, int(dimensions[0]), encoding, label)
    if trajectory is not None:
        points, told = points_of(trajectory, (1, coils, len(kspace), samples))
        shape = encoding.recon.matrix[1::-1]
        path, sentence = in_cycles(points[0], shape, str(trajectory))
        return Readouts(kspace[..., ends], shape, label, trajectory=path[:, ends], told=(*told, sentence))
    if encoding.trajectory not in ("cartesian", "epi"):
        raise InputError(
            f"{label}: says that it is {encoding.trajectory}, but its readouts have no trajectory; give one beside it, "
            f"an array ({len(kspace)}, {samples}, 2), rows first"
        )
    center = int(first["center_sample"]) - ends.start
    return _on_rows(heads["idx"]["kspace_encode_step_1"].astype(np.int64), kspace[..., ends], center, encoding, label)


def _on_rows(
    steps: NDArray[np.int64], kspace: NDArray[np.complex64], center: int, encoding: Encoding, label: str
) -> Readouts:
    """Readouts of a Cartesian scan: at their rows, without oversampling."""
    (width, height, _), count = encoding.encoded.matrix, kspace.shape[-1]
    rows = steps - (height // 2 if encoding.center is None else encoding.center) + height // 2
    if rows.min() < 0 or rows.max() >= height:
        raise InputError(
            f"{label}: its rows go from {rows.min()} to {rows.max()}, its matrix has {height}; the limits in its "
            "header do not fit its readouts; convert it again"
        )
    before = 0 if count == width else width // 2 - center  # many writers leave the center of whole readouts at 0
    if before < 0 or before + count > width:
        raise InputError(
            f"{label}: {count} samples with number {center} in the middle do not fit a readout of {width}; convert it "
            "again with the encoded matrix of its header as long as its readouts"
        )
    kept = encoding.kept_samples
    if count == width:
        told = () if kept == width else (f"readout oversampling is cut off, {width} to {kept} samples",)
        cut = kspace if kept == width else without_oversampling(kspace, kept)
        return Readouts(cut, (height, kept), label, rows=rows, told=told)
    full = np.zeros((*kspace.shape[:-1], width), np.complex64)
    full[..., before : before + count] = kspace
    measured = np.zeros(width, bool)
    measured[before : before + count] = True
    told = (f"readouts are asymmetric, {count} of {width} samples; their oversampling stays",)
    return Readouts(full, (height, width), label, rows=rows, measured=measured, told=told)


def _on_a_path(
    paths: NDArray[np.object_],
    kspace: NDArray[np.complex64],
    ends: slice,
    dimensions: int,
    encoding: Encoding,
    label: str,
) -> Readouts:
    """Readouts along a trajectory, whose first coordinate in the file is x, along the columns."""
    samples = kspace.shape[-1]
    with reading(Path(label), "ISMRMRD", REMEDY):
        path = np.stack([np.asarray(p, np.float32).reshape(samples, dimensions) for p in paths])
    told = []
    if dimensions > 2 and path[..., 2:].any():
        if encoding.encoded.matrix[2] > 1:
            raise InputError(f"{label}: its trajectory is three-dimensional; give the data of one slice")
        told.append("the trajectory has a third number, taken for a density weight and not used")
    width, height, _ = encoding.recon.matrix
    pixel = [encoding.encoded.field_of_view[k] / encoding.encoded.matrix[k] for k in (1, 0)]
    wanted = [encoding.recon.field_of_view[k] / encoding.recon.matrix[k] for k in (1, 0)]
    found, sentence = in_cycles(path[..., 1::-1], (height, width), label)
    if "per pixel" in sentence and all(pixel) and all(wanted):
        found = (found * (np.array(wanted) / pixel)).astype(np.float32)
    return Readouts(kspace[..., ends], (height, width), label, trajectory=found[:, ends], told=(*told, sentence))


def _bandwidths(noise: Heads, measured: Heads) -> np.float32:
    """Variance of the noise of readouts over that of the noise scan: as the bandwidths, one over the times of a sample;
    1 where these are not told."""
    before, after = float(noise["sample_time_us"][0]), float(measured["sample_time_us"][0])
    return np.float32(before / after if before > 0 and after > 0 else 1.0)


def _covariance(acquisitions: NDArray[np.void], coils: int) -> NDArray[np.complex64] | None:
    """Of the coils in readouts of noise; None where these have other coils or too few samples."""
    lines = [
        np.ascontiguousarray(a["data"]).view(np.complex64).reshape(coils, -1)
        for a in acquisitions
        if a["head"]["active_channels"] == coils
    ]
    noise = np.concatenate(lines, 1) if lines else np.zeros((coils, 0), np.complex64)
    return np.cov(noise).reshape(coils, coils).astype(np.complex64) if noise.shape[1] >= 2 * coils else None


def _listed(values: list[int]) -> str:
    return ", ".join(str(v) for v in values[:8]) + (", ..." if len(values) > 8 else "")


def _in_words(told: list[str]) -> str:
    return "; ".join(told) or "all are noise"


def _typed(label: str, choice: str) -> str:
    return f"{label},{choice}"
