#!/usr/bin/env bash
# Enhanced multi-frame DICOM of dynamic PET, whose frames have rescale slopes of their own, as highdicom makes it of
# single frames.
#
# Guess: SimpleITK and pydicom's apply_modality_lut give values, each frame times its own slope, as highdicom does.
# Seen, SimpleITK 2.5.7: all frames are multiplied by the slope of the first, 0.5 where 1.25 and 3 belong. pydicom 3.0.2:
# none is multiplied at all. Neither says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pydicom==3.0.2 highdicom==0.28.2 \
    SimpleITK==2.5.7
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import highdicom
import numpy as np
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid

SLOPES = (0.5, 1.25, 3.0)
EMPTY = ("PatientBirthDate", "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator", "CorrectedImage")
series = {"StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(), "FrameOfReferenceUID": generate_uid()}
series |= {"Modality": "PT", "PatientName": "A", "PatientID": "1", "PatientSex": "O", "StudyID": "1", "SeriesNumber": 1}
series |= {"Manufacturer": "M", "ImageType": ["ORIGINAL", "PRIMARY"], "BurnedInAnnotation": "NO", "AcquisitionNumber": 1}
series |= {f"{name}Date": "20200101" for name in ("Study", "Series", "Acquisition", "Content")}
series |= {"StudyTime": "000000", "SeriesTime": "000000", "Units": "BQML", "DecayCorrection": "NONE"}
series |= {"SeriesType": ["DYNAMIC", "IMAGE"], "CountsSource": "EMISSION", "CollimatorType": "NONE"}
series |= {"RandomsCorrectionMethod": "NONE", "Rows": 6, "Columns": 8, "SamplesPerPixel": 1, "BitsAllocated": 16}
series |= {"PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15}
series |= {"PixelSpacing": [2, 2], "SliceThickness": 2, "ImagePositionPatient": [0, 0, 0], "RescaleIntercept": "0"}
series |= {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "RescaleType": "BQML"} | dict.fromkeys(EMPTY, "")

stored = np.random.default_rng(0).integers(1, 30_000, (3, 6, 8)).astype(np.int16)
frames = []
for number, (picture, slope) in enumerate(zip(stored, SLOPES, strict=True)):
    frame = Dataset()
    frame.file_meta = FileMetaDataset()
    frame.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    frame.SOPClassUID = frame.file_meta.MediaStorageSOPClassUID = PositronEmissionTomographyImageStorage
    frame.SOPInstanceUID = frame.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    moment = {"AcquisitionTime": f"00000{number}", "ContentTime": f"00000{number}", "FrameReferenceTime": str(number)}
    for name, value in (series | moment).items():
        setattr(frame, name, value)
    frame.InstanceNumber, frame.RescaleSlope, frame.PixelData = number + 1, str(slope), picture.tobytes()
    frame.save_as(f"{number}.dcm", enforce_file_format=True)
    frames.append(pydicom.dcmread(f"{number}.dcm"))
own = {"series_instance_uid": generate_uid(), "sop_instance_uid": generate_uid()}
made = highdicom.legacy.LegacyConvertedEnhancedPETImage(frames, series_number=2, instance_number=1, **own)
made.save_as("a.dcm", enforce_file_format=True)

header = pydicom.dcmread("a.dcm")
readers = {
    "highdicom": np.stack(list(highdicom.imread("a.dcm").get_frames())),
    "SimpleITK": SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("a.dcm")),
    "pydicom": apply_modality_lut(header.pixel_array, header),
}
found = {name: np.median(values / stored, axis=(1, 2)).tolist() for name, values in readers.items()}
print("times what is stored:", found)
wanted = {"highdicom": list(SLOPES), "SimpleITK": [0.5] * 3, "pydicom": [1.0] * 3}
assert found == wanted, f"changed: {found}"
PYTHON
