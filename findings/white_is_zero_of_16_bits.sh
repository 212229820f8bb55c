#!/usr/bin/env bash
# TIFF in which white is zero (PhotometricInterpretation 0), as scanners of films and gels write, by Pillow and OpenCV.
#
# Guess: grey levels are turned round, or all left as they are stored, whatever the depth.
# Seen, Pillow 12.3.0, OpenCV 5.0.0.93: both turn 8 bits round, and leave 16 bits as they are stored, so that the same
# film is a positive in 8 bits and a negative in 16.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 tifffile==2026.3.3 pillow==12.3.0 \
    opencv-python-headless==5.0.0.93
cd "$folder"
venv/bin/python - <<'PYTHON'
import cv2
import numpy as np
import tifffile
from PIL import Image

found = {}
for bits in (8, 16):
    stored = (np.arange(256).reshape(16, 16) * (1 if bits == 8 else 257)).astype(f"u{bits // 8}")
    tifffile.imwrite("a.tif", stored, photometric="miniswhite")
    readers = {"Pillow": np.asarray(Image.open("a.tif")), "OpenCV": cv2.imread("a.tif", cv2.IMREAD_UNCHANGED)}
    for name, seen in readers.items():
        kinds = {"as stored": stored, "turned round": 2**bits - 1 - stored}
        found[name, bits] = next((kind for kind, values in kinds.items() if np.array_equal(seen, values)), "neither")
print(found)
wanted = {8: "turned round", 16: "as stored"}
assert all(kind == wanted[bits] for (_, bits), kind in found.items()), f"changed: {found}"
PYTHON
