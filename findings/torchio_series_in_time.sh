#!/usr/bin/env bash
# torchio on a NIfTI series of volumes in time, 1.5 s apart, read and saved again.
#
# Guess: it is a series of five volumes 1.5 s apart as before.
# Seen, torchio 1.2.1, nibabel 5.4.2: it is one volume of vectors of five numbers, on a fifth axis, with the intent code of
# vectors; the axis of time has one place and a distance of 0 s. Readers that follow the header see no time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0 torchio==1.2.1 nibabel==5.4.2
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import nibabel
import numpy as np
import torchio

series = nibabel.Nifti1Image(np.arange(6 * 7 * 8 * 5.0, dtype="f4").reshape(6, 7, 8, 5), np.diag([2, 3, 4, 1]))
series.header.set_zooms((2, 3, 4, 1.5))
series.header.set_xyzt_units("mm", "sec")
nibabel.save(series, "a.nii")
torchio.ScalarImage("a.nii").save("b.nii")
again = nibabel.load("b.nii")
found = (again.shape, [float(z) for z in again.header.get_zooms()], again.header.get_intent()[0])
print("from", series.shape, "to", *found)
assert np.array_equal(again.get_fdata().squeeze(), series.get_fdata()), "changed: numbers"
assert found == ((6, 7, 8, 1, 5), [2, 3, 4, 0, 0], "vector"), f"changed: {found}"
PYTHON
