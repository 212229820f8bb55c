#!/usr/bin/env bash
# dcmstack on a series whose slices have slopes of their own, as PET and some MR have them, one file a slice.
#
# Guess: NIfTI holds the values, slope times stored, of each slice, whatever slope comes first.
# Seen, dcmstack 0.9.0, nibabel 5.4.2, pydicom 3.0.2: the type of the slice that it puts first, here the topmost, is that
# of all. Is its slope 1, that is the stored int16, in which the fractions of the others are cut off, and what is above
# 32767 wraps round: 39910 is -25626. With another slope there all are right. Nothing is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4 nibabel==5.4.2 pydicom==3.0.2 dcmstack==0.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import dcmstack
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid

stored = 3 + 997 * (np.arange(20) % 5).reshape(4, 5)
study, series = generate_uid(), generate_uid()


def one(place, slope):
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    values = {
        "SOPClassUID": PositronEmissionTomographyImageStorage, "SOPInstanceUID": generate_uid(), "StudyInstanceUID": study,
        "SeriesInstanceUID": series, "Modality": "PT", "InstanceNumber": place + 1, "SeriesNumber": 1,
        "Rows": stored.shape[0], "Columns": stored.shape[1], "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1, "PixelSpacing": [1, 1],
        "SliceThickness": 2, "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [0, 0, 2 * place],
        "RescaleSlope": slope, "RescaleIntercept": 0, "PixelData": stored.astype("<i2").tobytes(),
    }  # fmt: skip
    for name, value in values.items():
        setattr(made, name, value)
    return made


found = {}
for slopes in ((1, 0.25, 10), (0.25, 1, 10), (10, 0.25, 1)):
    stack = dcmstack.DicomStack()
    for place, slope in enumerate(slopes):
        stack.add_dcm(one(place, slope))
    image = stack.to_nifti(voxel_order="")
    values = np.asarray(image.dataobj)
    at_zero = np.linalg.solve(image.affine, [0, 0, 0, 1])[2]  # which slice lies at the first place
    values = values[..., ::-1] if round(float(at_zero)) == 2 else values
    wanted = [np.sort(slope * stored.ravel()) for slope in slopes]
    off = [float(np.abs(np.sort(values[..., k].ravel()) - wanted[k]).max()) for k in range(3)]
    found[slopes] = str(values.dtype), off
print("slopes, the type of the volume, and the largest error of each slice:", found)
whole = {slopes: line for slopes, line in found.items() if line[0] == "int16"}
right = {slopes: line for slopes, line in found.items() if line[0] != "int16"}
assert len(whole) == 1 and max(max(off) for _, off in right.values()) == 0, f"changed: {found}"
(((first, *_, last), (_, off)),) = whole.items()
assert 1 in (first, last) and 0 < off[1] < 1 and max(off) > 20_000, f"changed: {found}"
PYTHON
