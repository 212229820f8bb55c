"""DICOM: a multi-frame secondary capture with the patient, study, spacing, rescaling and times of the source."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...system.files import split_member
from ..containers import dicom, is_series
from ..containers.base import imported
from ..containers.dicom_series import first_header
from .clip import Delivered, as_bytes, in_type, portable

SIXTEEN = 65535
CLASS_OF_BYTES, CLASS_OF_WORDS, CLASS_OF_COLOURS = (f"1.2.840.10008.5.1.4.1.1.7.{kind}" for kind in (2, 3, 4))
"""Multi-frame secondary captures: of grey bytes, of grey words, of true colour."""

KEPT = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate", "StudyTime"),
    *("StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "Modality", "SeriesDescription"),
    *("Units", "RescaleType", "WindowCenter", "WindowWidth", "HeartRate", "SequenceOfUltrasoundRegions"),
)
"""What a derived picture has in common with the one that it was made of."""


def write_dicom(path: Path, clip: Delivered) -> list[str]:
    """One file of many frames; larger is brighter. Numbers that are no whole ones of 16 bits are rescaled to these."""
    imported("pydicom", path, "DICOM")
    source = _header(clip)
    stored, scaling, notes = _stored(clip, source)
    out = _new(stored)
    if source is not None:
        notes += _like(out, clip, source)
    elif (pixel := clip.pixel_in("mm")) is not None:
        out.PixelSpacing = [_decimal(side) for side in pixel]
    else:
        notes += clip.size_is_lost("DICOM")
    if stored.shape[1] == 1 and (scaling != (1.0, 0.0) or (source is not None and dicom.is_rescaled(source))):
        out.RescaleSlope, out.RescaleIntercept = map(_decimal, scaling)
        out.RescaleType = out.get("RescaleType", "US")
    bits = 8 * stored.dtype.itemsize
    if source is not None and scaling == _scaling(source):
        bits = min(bits, int(source.BitsStored))
    out.BitsStored, out.HighBit = bits, bits - 1
    _set_times(out, clip, source)
    out.save_as(path, enforce_file_format=True)
    return notes


def _header(clip: Delivered) -> Any:
    """The header of a DICOM that the clip is like; None where there is none."""
    if clip.source is None or clip.like is None:
        return None
    file, _ = split_member(clip.like)
    if is_series(file):
        return first_header(file)
    return dicom.opened(file) if file.suffix.lower() == ".dcm" else None


def _scaling(source: Any) -> tuple[float, float]:
    """Slope and intercept of the source where all of its frames have the same."""
    return dicom.scaling_of(source, 0) if dicom.is_rescaled(source) else (1.0, 0.0)


def _stored(clip: Delivered, source: Any) -> tuple[np.ndarray, tuple[float, float], list[str]]:
    """(T, C, H, W) of 8 or 16 bits, slope and intercept of its values, and what could not be kept."""
    if clip.values.shape[1] == 3:
        numbers, notes = as_bytes(clip.numbers, "DICOM")
        return numbers, (1.0, 0.0), notes
    if source is not None and not dicom.is_coloured(source) and int(source.BitsAllocated) <= 16:
        slope, intercept = scaling = _scaling(source)
        low, high = dicom.stored_range(source)
        wanted = np.rint((np.asarray(clip.values, np.float64) - intercept) / slope)
        return np.clip(wanted, low, high).astype(dicom.stored_dtype(source)), scaling, []
    numbers = portable(clip.numbers)
    for dtype in ("u1", "i1", "u2", "i2"):
        if numbers.dtype == dtype or (numbers.dtype.itemsize > 2 and _fits(numbers, np.dtype(dtype))):
            return numbers.astype(dtype), (1.0, 0.0), []
    values = np.asarray(numbers, np.float64)
    least, most = float(values.min()), float(values.max())
    slope = (most - least) / SIXTEEN or 1.0
    counts = in_type((values - least) / slope, np.dtype(np.uint16))
    return counts, (slope, least), [f"DICOM has whole numbers: the values are in steps of {slope:.3g}."]


def _fits(numbers: np.ndarray, dtype: np.dtype) -> bool:
    """Whether these are whole numbers that a type holds; small ones stay in 16 bits."""
    limits = np.iinfo(dtype)
    whole = dtype.itemsize == 2 and bool((numbers == np.rint(numbers)).all())
    return whole and limits.min <= float(numbers.min()) and float(numbers.max()) <= limits.max


def _new(stored: np.ndarray) -> Any:
    """A header that says what these pixels are, with names of its own."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    out, coloured = Dataset(), stored.shape[1] == 3
    out.file_meta = FileMetaDataset()
    out.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    kind = CLASS_OF_COLOURS if coloured else CLASS_OF_BYTES if stored.dtype.itemsize == 1 else CLASS_OF_WORDS
    out.SOPClassUID = out.file_meta.MediaStorageSOPClassUID = UID(kind)
    out.SOPInstanceUID = out.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    out.SeriesInstanceUID, out.StudyInstanceUID = generate_uid(), generate_uid()
    out.PatientName = out.PatientID = out.StudyID = out.StudyDate = out.StudyTime = ""
    out.Modality, out.ConversionType, out.ImageType = "OT", "WSD", ["DERIVED", "SECONDARY"]
    out.InstanceNumber, out.BurnedInAnnotation = 1, "NO"
    out.NumberOfFrames, out.SamplesPerPixel, out.Rows, out.Columns = stored.shape
    out.PhotometricInterpretation = "RGB" if coloured else "MONOCHROME2"
    if coloured:
        out.PlanarConfiguration = 0
    else:
        out.PresentationLUTShape = "IDENTITY"
    out.BitsAllocated, out.PixelRepresentation = 8 * stored.dtype.itemsize, int(stored.dtype.kind == "i")
    content = np.ascontiguousarray(stored.transpose(0, 2, 3, 1)).astype(stored.dtype.newbyteorder("<")).tobytes()
    out.PixelData = content + b"\0" * (len(content) % 2)
    return out


def _like(out: Any, clip: Delivered, source: Any) -> list[str]:
    """Patient, study and spacing of the source; what could not be kept, in words."""
    for name in KEPT:
        if name in source:
            setattr(out, name, source[name].value)
    rows, columns = clip.resized()
    for name, spacing in dicom.pixel_spacings(source):
        setattr(out, name, [_decimal(float(spacing[0]) * rows), _decimal(float(spacing[1]) * columns)])
    if "SequenceOfUltrasoundRegions" in out and (clip.is_cropped or (rows, columns) != (1, 1)):
        del out.SequenceOfUltrasoundRegions
        return ["The calibrated regions of the ultrasound are left out: they do not fit the frames as resized."]
    return []


def _set_times(out: Any, clip: Delivered, source: Any) -> None:
    """Milliseconds from frame to frame, as the source says them, else those that are shown."""
    own = dicom.frame_seconds(source) if source is not None else None
    kept = own is not None and clip.frames is not None and max(clip.frames) < len(own)
    seconds = [own[k] for k in clip.frames or []] if own is not None and kept else list(clip.times)
    steps = [1000 * (b - a) for a, b in pairwise(seconds)] or [1000 / float(clip.rate)]
    if max(steps) - min(steps) < 1e-6 * max(steps):
        out.FrameTime, out.FrameIncrementPointer = _decimal(sum(steps) / len(steps)), 0x00181063
    else:
        out.FrameTimeVector, out.FrameIncrementPointer = [0, *map(_decimal, steps)], 0x00181065


def _decimal(number: float) -> str:
    """A number as DICOM writes it, in at most 16 characters."""
    return f"{number:.10g}"
