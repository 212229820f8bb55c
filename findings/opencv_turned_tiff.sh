#!/usr/bin/env bash
# OpenCV's imread and TIFF whose Orientation says that pictures are to be turned.
#
# Guess: they are turned, but with IMREAD_UNCHANGED and IMREAD_IGNORE_ORIENTATION, whose documentation says that they
# are then not.
# Seen, OpenCV 5.0.0.93: half a turn is made with each of the flags. A quarter turn fails with each of them, and imread
# gives None, unless the picture is square.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 tifffile==2026.3.3 \
    opencv-python-headless==5.0.0.93
cd "$folder"
OPENCV_LOG_LEVEL=SILENT venv/bin/python - <<'PYTHON'
import cv2
import numpy as np
import tifffile

ORIENTATION, HALF, QUARTER = 274, 3, 6
FLAGS = ("IMREAD_GRAYSCALE", "IMREAD_UNCHANGED", "IMREAD_IGNORE_ORIENTATION")
found = {}
for shape in ((4, 5), (4, 4)):
    stored = np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape)
    for turn, upright in ((HALF, stored[::-1, ::-1]), (QUARTER, np.rot90(stored, -1))):
        tifffile.imwrite("a.tif", stored, photometric="minisblack", extratags=[(ORIENTATION, "H", 1, turn, True)])
        for flag in FLAGS:
            seen = cv2.imread("a.tif", getattr(cv2, flag))
            kinds = {"turned": upright, "as stored": stored}
            same = (kind for kind, values in kinds.items() if seen is not None and np.array_equal(seen, values))
            found[shape, turn, flag] = "None" if seen is None else next(same, "another picture")
print(found)
wanted = {key: "None" if key[:2] == ((4, 5), QUARTER) else "turned" for key in found}
assert found == wanted, f"changed: {found}"
PYTHON
