#!/usr/bin/env bash
# pydicom's pixel_array and DICOM whose bits do not begin at the lowest one.
#
# Guess: with 12 bits stored in 16 and HighBit 15, the numbers lie in the upper bits (PS3.5, section 8.1.1), and pixel_array
# gives them shifted down, or refuses.
# Seen, pydicom 3.0.2: the lower 12 bits are given as they are, so that 1, 2 and 4095, stored as 16, 32 and 65520, come
# out as 16, 32 and 4080.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pydicom==3.0.2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

header = Dataset()
header.file_meta = FileMetaDataset()
header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
header.Rows, header.Columns, header.SamplesPerPixel = 1, 4, 1
header.PhotometricInterpretation, header.PixelRepresentation = "MONOCHROME2", 0
header.BitsAllocated, header.BitsStored, header.HighBit = 16, 12, 15
header.PixelData = (np.array([0, 1, 2, 4095], "<u2") << 4).tobytes()
header.save_as(f"{sys.argv[1]}/a.dcm", enforce_file_format=True)
found = pydicom.dcmread(f"{sys.argv[1]}/a.dcm").pixel_array.ravel().tolist()
print(found)
assert found == [0, 16, 32, 4080], f"changed: {found}"
PYTHON
