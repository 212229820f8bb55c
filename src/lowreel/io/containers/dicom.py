"""DICOM, one frame or many, read by pydicom with its pixel handlers."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from .base import Entry, Index, Lazy, Spacing, can_be_watched, check_size, imported, reading, spacing_of

KIND, REMEDY = "DICOM", "export it again, uncompressed if that can be chosen"
GREY_PHOTOMETRIES = ("MONOCHROME1", "MONOCHROME2")
UNLIKE_FRAMES = (
    ("MRImageFrameTypeSequence", "FrameType"),
    ("MRImageFrameTypeSequence", "ComplexImageComponent"),
    ("CTImageFrameTypeSequence", "FrameType"),
    ("MREchoSequence", "EffectiveEchoTime"),
)
"""What says of enhanced objects that frames are of several kinds: magnitudes and phases, several echoes."""

IN_THE_PATIENT = "PixelSpacing"
"""The tag of distances in the patient."""

COUNTED_BY = (
    "SliceVector",
    "SliceLocationVector",
    "AngularViewVector",
    "RotationVector",
    "DetectorVector",
    "EnergyWindowVector",
    "PageNumberVector",
)
"""By what frames are counted that is no time, a number for each: slices, views, detectors and energies of nuclear
medicine, slices and pages of secondary captures. PS3.3, sections C.8.4.8 and C.8.6.4."""

APART = (
    ("PlanePositionSequence", "ImagePositionPatient"),
    ("PlanePositionVolumeSequence", "ImagePositionVolume"),
    ("SegmentIdentificationSequence", "ReferencedSegmentNumber"),
    ("MRDiffusionSequence", "DiffusionBValue"),
    ("MRDiffusionSequence", "DiffusionGradientDirectionSequence"),
    ("MRModifierSequence", "InversionTimes"),
    ("CTXRayDetailsSequence", "KVP"),
)
"""What says so of frames of enhanced objects: positions, and segments, weights and directions of diffusion, inversion
times and energies. PS3.3, sections C.7.6.16.2, C.8.20.3, C.8.13.5 and C.8.15.3."""

MILLIMETRES = 1e-3
"""Frames whose positions differ by more are places of a volume, not moments."""


def entries(path: Path) -> list[Entry]:
    """The frames of the file, named by nothing: (frame, row, column), and red, green and blue behind where coloured."""
    with reading(path, KIND, REMEDY):
        header = opened(path)
        if "Rows" not in header:
            return [Entry("", (), "", f"no picture but {header.get('Modality', 'a record')} without pixels")]
        shape = (_count(header), int(header.Rows), int(header.Columns))
        roles = ("-" if _places(header) > 1 else "T") + "HW"
        told = "float64" if is_rescaled(header) else str(stored_dtype(header))
        problem = _problem(header)
        bits = f"{told}, {header.get('BitsStored')} bits, {header.get('PhotometricInterpretation')}"
        if is_coloured(header):
            return [Entry("", (*shape, 3), bits, problem, ("frame", "row", "column", "c"), roles + "C")]
        return [Entry("", shape, bits, problem, ("frame", "row", "column"), roles)]


def load(path: Path, entry: Entry) -> Lazy:
    """The frames as modality values, stored * slope + intercept, larger being brighter; colour as RGB. Padding is
    missing: NaN."""
    with reading(path, KIND, REMEDY):
        header = opened(path)
        decode, spacing = _decoder(header), _spacing(header)
    dtype = np.dtype(np.float64 if is_rescaled(header) else stored_dtype(header))

    def frame(number: int) -> np.ndarray:
        with reading(path, KIND, REMEDY):
            picture = _pixels(path, header, number)
            if picture.shape != entry.shape[1:]:
                raise ValueError(f"frame {number} is {picture.shape}, the header says {entry.shape[1:]}")
            return decode(picture, number)

    def read(index: Index) -> np.ndarray:
        first, rest = index[0], index[1:]
        if isinstance(first, int):
            return frame(first)[rest]
        check_size(path, entry, dtype.itemsize)
        return np.stack([frame(number)[rest] for number in range(entry.shape[0])[first]])

    return Lazy(entry.shape, dtype, read, levels=_levels(header), rate=_rate(header), spacing=spacing)


def opened(path: Path) -> Any:
    """The header, without the pixels."""
    return imported("pydicom", path, "DICOM").dcmread(path, stop_before_pixels=True)


def _pixels(path: Path, header: Any, number: int) -> np.ndarray:
    """A frame as it is stored, but for colour in luma and chroma, which becomes RGB; palettes are looked up."""
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    if not _is_raw(header):
        imported("pylibjpeg", path, "compressed DICOM")
    if int(header.BitsAllocated) == 1:  # a frame that begins within a byte is read right with all others alone
        whole = pixel_array(path)
        return whole[number] if _count(header) > 1 else whole
    picture = pixel_array(path, index=number)
    if header.PhotometricInterpretation != "PALETTE COLOR":
        return picture
    coloured = apply_color_lut(picture, header)
    bits = int(header.RedPaletteColorLookupTableDescriptor[2])
    return (coloured >> 8 if bits > 8 and coloured.dtype == np.uint16 else coloured).astype(np.uint8)[..., :3]


def _decoder(header: Any) -> Callable[[np.ndarray, int], np.ndarray]:
    """What makes values of the stored numbers of a frame."""
    scaling = [scaling_of(header, number) for number in range(_count(header))] if is_rescaled(header) else None
    inverted = header.get("PhotometricInterpretation") == "MONOCHROME1"
    low, high = stored_range(header)
    padding = _padding(header)

    def decode(picture: np.ndarray, number: int) -> np.ndarray:
        gone = None if padding is None else (picture >= padding[0]) & (picture <= padding[1])
        values = scaled(picture, number)
        return values if gone is None or not gone.any() else np.where(gone, np.nan, values.astype(np.float64))

    def scaled(picture: np.ndarray, number: int) -> np.ndarray:
        if scaling is not None:
            slope, intercept = scaling[number]
            ends = (low * slope + intercept, high * slope + intercept)
            picture = picture * np.float64(slope) + intercept
            return sum(ends) - picture if inverted else picture
        return (low + high - picture.astype(np.int64)).astype(picture.dtype) if inverted else picture

    return decode


def _padding(header: Any) -> tuple[int, int] | None:
    """The least and the largest of the stored numbers that fill a picture up to its rectangle, and are none of what was
    seen (PS3.3, section C.7.5.1.1.2); None without them, or where lossy compression has changed a single one."""
    value, limit = header.get("PixelPaddingValue"), header.get("PixelPaddingRangeLimit")
    is_lossy = header.get("LossyImageCompression") == "01" and limit is None
    if is_coloured(header) or is_lossy or value is None:
        return None
    ends = [value, value if limit is None else limit]
    bits, signed = int(header.BitsAllocated), bool(header.get("PixelRepresentation"))
    numbers = [int(end) % (1 << bits) for end in ends]  # some writers say a negative one as an unsigned one
    numbers = [n - (1 << bits) if signed and n >= 1 << (bits - 1) else n for n in numbers]
    return min(numbers), max(numbers)


def _problem(header: Any) -> str:
    """Why the pixels would be read wrong; empty where they are not."""
    bits, high = header.get("BitsStored"), header.get("HighBit")
    if bits is not None and high is not None and int(high) != int(bits) - 1 and _is_raw(header):
        return f"DICOM with its {bits} bits shifted (HighBit {high}); export it again in the usual place"
    if not is_coloured(header) and header.get("PhotometricInterpretation") not in GREY_PHOTOMETRIES:
        return f"DICOM of the photometric interpretation {header.get('PhotometricInterpretation')}; export it as RGB"
    if "ModalityLUTSequence" in header:
        return "DICOM with a table for its values (Modality LUT); export it with rescale slope and intercept"
    if found := _unlike_frames(header):
        return found
    return "" if bits is not None else "DICOM of floats, or without the depth of its pixels; export whole numbers"


def _unlike_frames(header: Any) -> str:
    """Why the frames of an enhanced object are not moments of one thing in their order; empty where they are."""
    numbers = range(_count(header))
    for sequence, name in UNLIKE_FRAMES:
        groups = [functional(header, number, sequence) for number in numbers]
        if len({str(group.get(name)) for group in groups if group is not None}) > 1:
            return f"DICOM whose frames differ in {name}; export those of one kind"
    content = [functional(header, number, "FrameContentSequence") for number in numbers]
    moments = [None if group is None else group.get("TemporalPositionIndex") for group in content]
    orders: dict[Any, list[Any]] = {}  # of the frames of each position
    for place, moment in zip(_positions(header), moments, strict=True):
        orders.setdefault(place, []).append(moment)
    if None not in moments and any(order != sorted(order) for order in orders.values()):
        return "DICOM whose frames are not in the order of time (TemporalPositionIndex); export them in it"
    return ""


def _is_raw(header: Any) -> bool:
    syntax = header.file_meta.get("TransferSyntaxUID") if hasattr(header, "file_meta") else None
    return syntax is None or not syntax.is_compressed


def is_coloured(header: Any) -> bool:
    """Whether its pixels have three colours, by themselves or by a palette."""
    return int(header.get("SamplesPerPixel", 1)) == 3 or header.get("PhotometricInterpretation") == "PALETTE COLOR"


def _count(header: Any) -> int:
    return max(1, int(header.get("NumberOfFrames", 1) or 1))


def stored_dtype(header: Any) -> np.dtype:
    """The type of the numbers that are stored."""
    if header.get("PhotometricInterpretation") == "PALETTE COLOR":
        return np.dtype(np.uint8)
    size = max(1, (int(header.BitsAllocated) + 7) // 8)
    return np.dtype(f"{'i' if header.get('PixelRepresentation') else 'u'}{size}")


def stored_range(header: Any) -> tuple[int, int]:
    """The least and the largest number that the stored bits can hold."""
    bits = 8 if header.get("PhotometricInterpretation") == "PALETTE COLOR" else int(header.BitsStored)
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if header.get("PixelRepresentation") else (0, (1 << bits) - 1)


def functional(header: Any, number: int, name: str) -> Any:
    """A group of an enhanced multi-frame object: the frame's own, else the one that all frames share; or None."""
    for sequence, place in (("PerFrameFunctionalGroupsSequence", number), ("SharedFunctionalGroupsSequence", 0)):
        groups = header.get(sequence)
        if groups and place < len(groups) and groups[place].get(name):
            return groups[place].get(name)[0]
    return None


def scaling_of(header: Any, number: int) -> tuple[float, float]:
    """Slope and intercept of a frame."""
    own = functional(header, number, "PixelValueTransformationSequence")
    source = header if own is None else own
    return float(source.get("RescaleSlope", 1) or 1), float(source.get("RescaleIntercept", 0) or 0)


def is_rescaled(header: Any) -> bool:
    """Whether the values are others than the numbers that are stored."""
    return not is_coloured(header) and any(scaling_of(header, n) != (1, 0) for n in range(_count(header)))


def _levels(header: Any) -> tuple[float, float] | None:
    """Scale and offset of the bits that are stored, in modality values; None where these say no more than bytes do."""
    low, high = stored_range(header)
    if low < 0 or (high > 255 and int(header.BitsStored) == int(header.BitsAllocated)):
        return None
    scaling = {scaling_of(header, n) for n in range(_count(header))} if is_rescaled(header) else {(1.0, 0.0)}
    ends = [end * slope + intercept for slope, intercept in scaling for end in (low, high)]
    return max(ends) - min(ends), min(ends)


def _places(header: Any) -> int:
    """At how many positions in space, or by what else than time they are counted, the frames were taken."""
    return len(set(_positions(header)) - {None}) or 1


def _positions(header: Any) -> list[Any]:
    """Where each frame was taken, or what else than its time makes it another, as something that can be compared; None
    where nothing of this is said."""
    count = _count(header)
    is_tiled = count > 1 and "TotalPixelMatrixColumns" in header
    if "GridFrameOffsetVector" in header or is_tiled:
        return list(range(count))
    vectors = [list(np.atleast_1d(header[name].value)) for name in COUNTED_BY if header.get(name) is not None]
    counted = [[str(n) for n in vector] for vector in vectors if len(vector) == count]
    for sequence, name in APART:
        groups = [functional(header, number, sequence) for number in range(count)]
        counted += [[_place(group, name) for group in groups]] if any(groups) else []
    return [place if any(place) else None for place in zip(*counted, strict=True)] if counted else [None] * count


def _place(group: Any, name: str) -> Any:
    """What a functional group says under a name: a position in steps of `MILLIMETRES`, or whatever else as text."""
    told = None if group is None else group.get(name)
    if told is None or not name.startswith("ImagePosition"):
        return None if told is None else str(told)
    return tuple(round(float(n) / MILLIMETRES) for n in told)


def frame_seconds(header: Any) -> list[float] | None:
    """When the frames were taken, in seconds from the first on; None where the header does not tell it."""
    vector, count = header.get("FrameTimeVector"), _count(header)
    if vector is not None and len(steps := np.atleast_1d(vector)) == count:
        return [float(t) / 1000 for t in np.cumsum([0.0, *map(float, steps[1:])])]
    step = header.get("FrameTime")
    return None if step is None else [k * float(step) / 1000 for k in range(count)]


def _spacing(header: Any) -> dict[str, Spacing]:
    """From pixel to pixel in the patient; where the header tells it elsewhere alone, such as on the detector, which is
    no length of what is seen, the unit says by what tag."""
    for name, told in pixel_spacings(header)[:1]:
        unit = "mm" if name == IN_THE_PATIENT else f"mm by {name}"
        found = {axis: spacing_of(distance, unit) for axis, distance in zip(("row", "column"), told, strict=True)}
        return {axis: spacing for axis, spacing in found.items() if spacing is not None}
    return {}


def pixel_spacings(header: Any) -> list[tuple[str, Sequence[Any]]]:
    """The tags that say how far apart rows and columns are, and both in mm, the most exact tag first; those that do
    not have two numbers are passed over."""
    measures, found = functional(header, 0, "PixelMeasuresSequence"), []
    for name in (IN_THE_PATIENT, "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        with contextlib.suppress(TypeError, ValueError):
            told = header.get(name) or (measures.get(name) if measures is not None else None) or ()
            found += [(name, told)] if len(told) == 2 and all(math.isfinite(float(n)) for n in told) else []
    return found


def _rate(header: Any) -> Fraction | None:
    """Frames a second, as the header tells it."""
    step = header.get("FrameTime")
    if step is None and header.get("FrameTimeVector") is not None:
        steps = [float(n) for n in np.atleast_1d(header.FrameTimeVector)][1:]
        step = sum(steps) / len(steps) if steps else None
    if step is not None and math.isfinite(float(step)) and float(step) > 0:
        seconds = Fraction(float(step)).limit_denominator(1_000_000) / 1000
        return 1 / seconds if seconds and can_be_watched(seconds) else None
    rate = header.get("CineRate") or header.get("RecommendedDisplayFrameRate")
    return Fraction(int(rate)) if rate else None
