"""What a scan is, whatever file it came from: readouts, and frames of readouts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

FARTHEST_CYCLES = 0.625
"""Largest coordinate of a trajectory in cycles per pixel; 0.5 is the edge of the spectrum."""

NEAREST_CYCLES = 0.1
"""Least reach of a trajectory, in cycles per pixel: below it pixels are five times finer than what was measured."""


@dataclass(frozen=True)
class Scan:
    """Frames of complex data as a scanner measured them.

    kspace: (T, coils, H, W), unitary, zeros where nothing was measured; with a trajectory (T, coils, readouts,
    samples). mask: booleans, (T, H, W) or (T, readouts, samples), what was measured; None: everything. trajectory:
    (T or 1, readouts, samples, 2) in cycles per pixel, rows first. coil_maps: (coils, H, W). noise_covariance: (coils,
    coils). times: seconds, (T,), where the file tells them. centred: whether frequency zero is in the middle, else in
    the corner. told: what was taken for what, in sentences. is_averaged: whether rows are means of several, so that
    their noise is less than that of others.
    """

    kspace: NDArray[np.complex64]
    frame_shape: tuple[int, int]
    label: str
    mask: NDArray[np.bool_] | None = None
    trajectory: NDArray[np.float32] | None = None
    coil_maps: NDArray[np.complex64] | None = None
    noise_covariance: NDArray[np.complex64] | None = None
    times: NDArray[np.float64] | None = None
    centred: bool = True
    told: tuple[str, ...] = ()
    is_averaged: bool = False

    @property
    def clip_shape(self) -> tuple[int, int, int, int]:
        """(T, 1, H, W) of the clip that was scanned."""
        return len(self.kspace), 1, *self.frame_shape


@dataclass(frozen=True)
class Readouts:
    """Readouts one after the other as they were measured, before they are sorted into frames.

    kspace: (N, coils, samples); rows: the row of the spectrum of each, (N,), or trajectory, (N, samples, 2), as in
    `Scan`. measured: booleans (samples,), False where a readout does not reach; the rest as in `Scan`.
    """

    kspace: NDArray[np.complex64]
    frame_shape: tuple[int, int]
    label: str
    rows: NDArray[np.int64] | None = None
    trajectory: NDArray[np.float32] | None = None
    measured: NDArray[np.bool_] | None = None
    coil_maps: NDArray[np.complex64] | None = None
    noise_covariance: NDArray[np.complex64] | None = None
    told: tuple[str, ...] = ()


def frames_of(readouts: Readouts, numbers: Sequence[int] | NDArray[np.integer]) -> Scan:
    """Readouts sorted into frames by their numbers, (N,), from 0; below 0: left out.

    Rows that a frame has several times are averaged. Frames of fewer spokes than others are filled up with zeros, which
    the mask marks. Raises InputError for another count of numbers, and for a frame without a readout.
    """
    numbers = np.asarray(numbers)
    if numbers.dtype.kind == "f" and bool((numbers == np.rint(numbers)).all()):  # as MATLAB has all numbers
        numbers = numbers.astype(np.int64)
    count = len(readouts.kspace)
    if numbers.shape != (count,) or numbers.dtype.kind not in "iu":
        raise InputError(
            f"{readouts.label}: expected a whole frame number for each of {count} readouts, got {numbers.dtype} "
            f"{numbers.shape}"
        )
    frames = int(numbers.max(initial=-1)) + 1
    sizes = np.bincount(numbers[numbers >= 0], minlength=frames)
    if frames == 0 or not sizes.all():
        missing = "no frame at all" if frames == 0 else f"none of frame {int(np.argmin(sizes))} of {frames}"
        raise InputError(f"{readouts.label}: the frame numbers name {missing}; number frames from 0, without a gap")
    left_out = int((numbers < 0).sum())
    told = (*readouts.told, f"{left_out} readouts are left out by their frame numbers") if left_out else readouts.told
    made = _of_rows(readouts, numbers, frames) if readouts.trajectory is None else _of_spokes(readouts, numbers, sizes)
    return replace(made, told=(*made.told, *told))


def _of_rows(readouts: Readouts, numbers: NDArray[np.integer], frames: int) -> Scan:
    assert readouts.rows is not None
    coils, width = readouts.kspace.shape[1:]
    height = readouts.frame_shape[0]
    kept = numbers >= 0
    places = (numbers[kept], readouts.rows[kept])
    sums = np.zeros((frames, height, coils, width), np.complex64)
    np.add.at(sums, places, readouts.kspace[kept])
    counts = np.zeros((frames, height), np.int64)
    np.add.at(counts, places, 1)
    sums /= np.maximum(counts, 1)[:, :, None, None]
    measured = np.ones(width, bool) if readouts.measured is None else readouts.measured
    mask = (counts > 0)[:, :, None] & measured
    kspace = np.ascontiguousarray(sums.transpose(0, 2, 1, 3)) * mask[:, None]
    several = int((counts > 1).sum())
    told = (f"{several} rows were measured several times in a frame; their mean is taken",) if several else ()
    return replace(_scan(readouts, kspace, mask, None, told), is_averaged=several > 0)


def _of_spokes(readouts: Readouts, numbers: NDArray[np.integer], sizes: NDArray[np.integer]) -> Scan:
    assert readouts.trajectory is not None
    coils, samples = readouts.kspace.shape[1:]
    frames, most = len(sizes), int(sizes.max())
    kspace = np.zeros((frames, coils, most, samples), np.complex64)
    path = np.zeros((frames, most, samples, 2), np.float32)
    mask = np.zeros((frames, most, samples), bool)
    for t in range(frames):
        own = np.flatnonzero(numbers == t)
        kspace[t, :, : len(own)] = readouts.kspace[own].transpose(1, 0, 2)
        path[t, : len(own)] = readouts.trajectory[own]
        mask[t, : len(own)] = True
    if mask.all():
        return _scan(readouts, kspace, None, path, ())
    told = f"frames have {int(sizes.min())} to {most} readouts"
    return _scan(readouts, kspace, mask, path, (told,))


def _scan(
    readouts: Readouts,
    kspace: NDArray[np.complex64],
    mask: NDArray[np.bool_] | None,
    path: NDArray[np.float32] | None,
    told: tuple[str, ...],
) -> Scan:
    return Scan(
        kspace,
        readouts.frame_shape,
        readouts.label,
        mask=mask,
        trajectory=path,
        coil_maps=readouts.coil_maps,
        noise_covariance=readouts.noise_covariance,
        told=told,
    )


def gated(scan: Scan, frame_numbers: Sequence[int] | NDArray[np.integer]) -> Scan:
    """The scan with its frames, or its readouts, sorted into other frames: retrospective gating.

    frame_numbers: the new frame, from 0, of each old frame, (T,), or of each readout that was measured, frame by frame
    in their order; below 0: left out. Readouts are rows where there is no trajectory. Raises InputError as `frames_of`
    does, and for a Cartesian scan whose mask does not keep rows whole.
    """
    numbers = np.asarray(frame_numbers)
    readouts, frame = _readouts_of(scan)
    if numbers.shape == (len(scan.kspace),):
        numbers = numbers[frame]
    return replace(frames_of(readouts, numbers), times=None, centred=scan.centred)


def _readouts_of(scan: Scan) -> tuple[Readouts, NDArray[np.int64]]:
    """The readouts of all frames, and the frame of each."""
    frames, _, count, samples = scan.kspace.shape
    mask = np.ones((frames, count, samples), bool) if scan.mask is None else scan.mask
    there = mask.any(2)
    measured = mask[there][0]
    if (mask[there] != measured).any():
        raise InputError(f"{scan.label}: its mask does not keep rows whole; readouts can only be gated whole")
    frame, place = np.nonzero(there)
    kspace = scan.kspace.transpose(0, 2, 1, 3)[frame, place]
    path = scan.trajectory
    made = Readouts(
        kspace,
        scan.frame_shape,
        scan.label,
        rows=place.astype(np.int64) if path is None else None,
        trajectory=None if path is None else np.broadcast_to(path, (frames, count, samples, 2))[frame, place],
        measured=measured,
        coil_maps=scan.coil_maps,
        noise_covariance=scan.noise_covariance,
        told=scan.told,
    )
    return made, frame


def without_oversampling(kspace: NDArray[np.complex64], kept: int, axis: int = -1) -> NDArray[np.complex64]:
    """Readouts of the middle `kept` pixels alone: cropped in image space along the readout, unitary, zero frequency and
    origin in the middle before and after."""
    count = kspace.shape[axis]
    start = count // 2 - kept // 2
    turned = np.fft.ifftshift(kspace, axes=axis)
    picture = np.fft.fftshift(np.fft.ifft(turned, axis=axis, norm="ortho"), axes=axis)
    kept_picture = np.fft.ifftshift(np.take(picture, range(start, start + kept), axis), axes=axis)
    return np.fft.fftshift(np.fft.fft(kept_picture, axis=axis, norm="ortho"), axes=axis).astype(np.complex64)


def in_cycles(path: NDArray[np.floating], frame_shape: tuple[int, int], label: str) -> tuple[NDArray[np.float32], str]:
    """A trajectory (..., 2), rows first, in cycles per pixel, and a sentence on the unit that it was found to be in.

    By how far it reaches: 0.5 are cycles per pixel, pi radians per pixel, and half the frame cycles per field of view.
    Raises InputError where none of these fits.
    """
    if not np.isfinite(path).all():
        raise InputError(f"{label}: the trajectory holds numbers that are not finite; leave these readouts out")
    reach, size = float(np.abs(path).max()), np.array(frame_shape)
    units: dict[str, float | NDArray[np.int64]] = {"cycles per pixel": 1.0, "radians per pixel": 2 * np.pi}
    units["cycles per field of view"] = size
    for name, factor in units.items():
        found = path / factor
        if NEAREST_CYCLES <= np.abs(found).max() <= FARTHEST_CYCLES:
            return found.astype(np.float32), f"the trajectory reaches {reach:.3g} and is taken for {name}"
    raise InputError(
        f"{label}: the trajectory reaches {reach:.3g}, which is no spectrum of {size[0]}x{size[1]} pixels in cycles "
        "per pixel (0.5), in radians per pixel (3.14) or in cycles per field of view (half the pixels); scale it"
    )
