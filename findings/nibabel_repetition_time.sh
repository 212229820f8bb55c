#!/usr/bin/env bash
# nibabel: the time between the volumes of a series, once it goes from one kind of file to another, and once it is taken
# apart and put together.
#
# Guess: 2 s between volumes stay 2 s: from MGH, which holds milliseconds, to NIfTI, from NIfTI to MGH, and through
# four_to_three and concat_images.
# Seen, nibabel 5.4.2: from MGH to NIfTI they are 2000 without a unit, from NIfTI to MGH 0, and together again 1, beside
# the unit that it had.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import nibabel
import numpy as np

series = np.zeros((2, 3, 4, 5), "f4")
mgh = nibabel.MGHImage(series, np.eye(4))
mgh.header.set_zooms((1, 1, 1, 2000))
nibabel.save(mgh, "a.mgz")
nibabel.save(nibabel.load("a.mgz"), "a.nii")
nifti = nibabel.Nifti1Image(series, np.eye(4))
nifti.header.set_zooms((1, 1, 1, 2))
nifti.header.set_xyzt_units("mm", "sec")
nibabel.save(nifti, "b.nii")
nibabel.save(nibabel.load("b.nii"), "b.mgz")
again = nibabel.concat_images(nibabel.four_to_three(nibabel.load("b.nii")))


def time_of(image):
    return float(image.header.get_zooms()[3])


found = {
    "MGH to NIfTI": (time_of(nibabel.load("a.nii")), nibabel.load("a.nii").header.get_xyzt_units()[1]),
    "NIfTI to MGH": (time_of(nibabel.load("b.mgz")), "msec"),
    "together again": (time_of(again), again.header.get_xyzt_units()[1]),
}
print("from", time_of(nibabel.load("a.mgz")), "msec and", time_of(nibabel.load("b.nii")), "sec:", found)
wanted = {"MGH to NIfTI": (2000, "unknown"), "NIfTI to MGH": (0, "msec"), "together again": (1, "sec")}
assert found == wanted, f"changed: {found}"
PYTHON
