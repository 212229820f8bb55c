#!/usr/bin/env bash
# MetaImage whose header says ElementToIntensityFunctionSlope and ElementToIntensityFunctionOffset, by which stored numbers
# become intensities, read by SimpleITK.
#
# Guess: the values are stored * slope + offset, as of NIfTI with scl_slope, which SimpleITK 2.5.7 reads so.
# Seen, SimpleITK 2.5.7: the numbers as they are stored, in their type of 16 bits; slope and offset are not even among the
# keys of its metadata.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 SimpleITK==2.5.7 nibabel==5.4.2
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK

SLOPE, OFFSET = 0.5, 10.0
stored = np.arange(3 * 4 * 5, dtype="<i2").reshape(3, 4, 5)
lines = {
    "ObjectType": "Image",
    "NDims": 3,
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "DimSize": "5 4 3",
    "ElementToIntensityFunctionSlope": SLOPE,
    "ElementToIntensityFunctionOffset": OFFSET,
    "ElementType": "MET_SHORT",
    "ElementDataFile": "a.raw",
}
Path("a.mhd").write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
stored.tofile("a.raw")
image = nibabel.Nifti1Image(stored.T, np.eye(4))
image.header.set_slope_inter(SLOPE, OFFSET)
nibabel.save(image, "a.nii")
found = {}
for name in ("a.nii", "a.mhd"):
    picture = SimpleITK.ReadImage(name)
    values = SimpleITK.GetArrayFromImage(picture)
    kinds = {"as stored": stored, "intensities": stored * SLOPE + OFFSET}
    found[name] = str(values.dtype), [kind for kind, wanted in kinds.items() if np.allclose(values, wanted)]
keys = [key for key in picture.GetMetaDataKeys() if "Intensity" in key]
print(found, "keys of the slope:", keys)
wanted = {"a.nii": ("float32", ["intensities"]), "a.mhd": ("int16", ["as stored"])}
assert found == wanted and keys == [], f"changed: {found}, {keys}"
PYTHON
