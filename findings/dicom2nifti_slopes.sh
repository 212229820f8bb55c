#!/usr/bin/env bash
# dicom2nifti on enhanced MR, one file of many frames, whose slope and intercept are those of all frames (in the shared
# functional groups) or of each.
#
# Guess: NIfTI holds the values, slope times stored plus intercept; its authors say that the rescaling is applied to the
# numbers (its issue 87), and it is for slope and intercept of each frame's own.
# Seen, dicom2nifti 2.6.2, numpy 2.4.6, pydicom 3.0.2: shared ones are never looked at; the stored numbers are written
# with the slope 1. Of each frame's own a whole slope that takes uint16 above 65535 wraps round, 40000 times 2 is 14464,
# and a negative intercept is an OverflowError; slopes that are no whole numbers are right. pydicom's stored numbers are
# the same in each file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 nibabel==5.4.2 \
    pydicom==3.0.2 dicom2nifti==2.6.2
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON' 2>/dev/null
import logging
from pathlib import Path

import nibabel
import numpy as np
from dicom2nifti import convert_dicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, generate_uid

logging.disable()
stored = (2000 * (1 + np.arange(4 * 5 * 6) % 20)).reshape(4, 5, 6)


def item(**values):
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return [made]


def written(place, slope, intercept):
    plane = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    rescale = item(RescaleIntercept=intercept, RescaleSlope=slope, RescaleType="US")
    groups = {"PixelMeasuresSequence": item(PixelSpacing=[1, 1], SliceThickness=2), "PlaneOrientationSequence": plane}
    (shared,) = item(**groups)
    frames = []
    for number in range(len(stored)):
        content = item(StackID="1", InStackPositionNumber=number + 1, DimensionIndexValues=[1, number + 1])
        position = item(ImagePositionPatient=[0, 0, 2 * number])
        frames += item(**groups, PlanePositionSequence=position, FrameContentSequence=content)
    for group in frames if place == "each frame" else [shared]:
        group.PixelValueTransformationSequence = rescale
    (image,) = item(
        SOPClassUID=EnhancedMRImageStorage, SOPInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid(),
        Modality="MR", Manufacturer="Philips", ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], InstanceNumber=1,
        NumberOfFrames=len(stored), Rows=stored.shape[1], Columns=stored.shape[2], SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2", BitsAllocated=16, BitsStored=16, HighBit=15, PixelRepresentation=0,
        SharedFunctionalGroupsSequence=[shared], PerFrameFunctionalGroupsSequence=frames,
        PixelData=stored.astype("<u2").tobytes(),
    )  # fmt: skip
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    source = Path(f"{place} {slope} {intercept}")
    source.mkdir()
    image.save_as(source / "a.dcm", enforce_file_format=True)
    convert_dicom.dicom_series_to_nifti(str(source), "a.nii", reorient_nifti=False)
    return np.asarray(nibabel.load("a.nii").dataobj).transpose(2, 1, 0)


def outcome(place, slope, intercept):
    try:
        values = written(place, slope, intercept)
    except OverflowError:
        return "OverflowError"
    wanted = slope * stored + intercept
    kinds = {"values": wanted, "stored numbers": stored, "wrapped round": wanted % 65536}
    return next((name for name, numbers in kinds.items() if np.allclose(values, numbers)), "others")


kinds = [(place, *line) for place in ("shared", "each frame") for line in ((2.5, 1), (2, 0), (1, -1024))]
found = {kind: outcome(*kind) for kind in kinds}
print("slope, intercept:", found)
wanted = ["stored numbers"] * 3 + ["values", "wrapped round", "OverflowError"]
assert list(found.values()) == wanted, "changed"
PYTHON
