#!/usr/bin/env bash
# ANTsPy's images made of arrays of whole numbers with a sign, such as int16 of CT in Hounsfield units.
#
# Guess: from_numpy keeps the numbers, as it does for uint8, uint16 and float32, or refuses the type.
# Seen, antspyx 0.6.3: int8, int16, int32 and int64 become uint32: -1000 is 4294966296, in numpy() and in a NIfTI file; of
# int64 the upper 32 bits are lost as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 nibabel==5.4.2 antspyx==0.6.3
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import ants
import nibabel
import numpy as np

values = np.arange(-100, 20).reshape(4, 5, 6)
found = {}
for kind in ("i1", "i2", "i4", "i8", "f4"):
    image = ants.from_numpy(values.astype(kind))
    ants.image_write(image, "image.nii.gz")
    written = np.asanyarray(nibabel.load("image.nii.gz").dataobj)
    assert np.array_equal(written, image.numpy())
    found[kind] = image.pixeltype, written
large = ants.from_numpy(np.full((4, 4), 2**40 + 7)).numpy()
print({kind: (pixels, written.ravel()[:2].tolist()) for kind, (pixels, written) in found.items()}, "2^40 + 7:", large[0, 0])
assert np.array_equal(found.pop("f4")[1], values), "changed: float32"
for kind, (pixels, written) in found.items():
    assert pixels == "unsigned int" and np.array_equal(written, values % 2**32), f"changed: {kind}"
assert (large == 7).all(), "changed: large numbers"
PYTHON
