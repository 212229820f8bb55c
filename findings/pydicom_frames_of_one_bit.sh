#!/usr/bin/env bash
# pydicom's pixel_array with an index, and frames of one bit whose pixels are no multiple of 8.
#
# Guess: of 3 frames of 5x7 pixels of one bit, packed one frame right behind the other (PS3.5, section 8.1.1), index=N
# gives frame N, as it gives it where all frames are read.
# Seen, pydicom 3.0.2: all frames together are right, and so are index=0 and index=1; index=2 raises ValueError, "cannot
# reshape array of size 34 into shape (5,7)". Its bits 70 to 104 lie in six bytes, and five are taken.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pydicom==3.0.2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

frames = np.random.default_rng(0).integers(0, 2, (3, 5, 7)).astype("u1")
header = Dataset()
header.file_meta = FileMetaDataset()
header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
header.NumberOfFrames, header.Rows, header.Columns, header.SamplesPerPixel = 3, 5, 7, 1
header.PhotometricInterpretation, header.PixelRepresentation = "MONOCHROME2", 0
header.BitsAllocated, header.BitsStored, header.HighBit = 1, 1, 0
header.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
path = f"{sys.argv[1]}/a.dcm"
header.save_as(path, enforce_file_format=True)
found = {"all": bool((pixel_array(path) == frames).all())}
for number in range(3):
    try:
        found[number] = bool((pixel_array(path, index=number) == frames[number]).all())
    except ValueError as error:
        found[number] = str(error)
print(found)
wanted = {"all": True, 0: True, 1: True, 2: "cannot reshape array of size 34 into shape (5,7)"}
assert found == wanted, f"changed: {found}"
PYTHON
