#!/usr/bin/env bash
# ReadImage("a.nii.gz") by SimpleITK, where a file "a.nii" lies beside it.
#
# Guess: the file that was named is read, whatever lies beside it, as nibabel reads it.
# Seen, SimpleITK 2.5.7: a.nii is read in its place, whichever of them was written last, and nothing says so. A volume that
# was unpacked and left there, or came from another step, is taken for the packed one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 SimpleITK==2.5.7 nibabel==5.4.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import nibabel
import numpy as np
import SimpleITK

NUMBERS = {"nii": 1, "nii.gz": 2}
found = {}
for stem, order in {"a": ("nii", "nii.gz"), "b": ("nii.gz", "nii")}.items():
    for end in order:
        volume = SimpleITK.GetImageFromArray(np.full((3, 4, 5), NUMBERS[end], np.int16))
        SimpleITK.WriteImage(volume, f"{stem}.{end}")
        if end == order[0]:
            alone = int(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(f"{stem}.{end}")).max())
            assert alone == NUMBERS[end], f"changed: {end} alone"
    for end in order:
        read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(f"{stem}.{end}"))
        other = nibabel.load(f"{stem}.{end}").get_fdata()
        found[f"{stem}.{end}"] = int(read.max()), int(other.max())
print("by SimpleITK and by nibabel:", found)
wanted = {"a.nii": (1, 1), "a.nii.gz": (1, 2), "b.nii.gz": (1, 2), "b.nii": (1, 1)}
assert found == wanted, f"changed: {found}"
PYTHON
