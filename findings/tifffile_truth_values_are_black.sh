#!/usr/bin/env bash
# A mask, an array of truth values, written as TIFF by tifffile (and by scikit-image and imageio, which write with it).
#
# Guess: what is True is white wherever the mask is opened.
# Seen, tifffile 2026.3.3, Pillow 12.3.0, OpenCV 5.0.0.93: pixels of one bit are written with PhotometricInterpretation 0, white
# is zero, so that True is black: Pillow and OpenCV give the mask turned round. tifffile itself gives what was written.
# The same mask as uint8 is the same to all.
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

mask = np.zeros((16, 24), bool)
mask[2:5, 3:9] = True
found = {}
for kind in ("bool", "uint8"):
    tifffile.imwrite("a.tif", mask.astype(kind) * np.array(255 if kind == "uint8" else 1, kind))
    read = {"tifffile": tifffile.imread("a.tif"), "Pillow": np.asarray(Image.open("a.tif")), "OpenCV": cv2.imread("a.tif", -1)}
    found[kind] = {name: bool(np.array_equal(pixels > 0, mask)) for name, pixels in read.items()}
    found[kind] |= {f"{name} turned": bool(np.array_equal(pixels == 0, mask)) for name, pixels in read.items()}
print(found)
right = {"tifffile": True, "Pillow": True, "OpenCV": True, "tifffile turned": False, "Pillow turned": False, "OpenCV turned": False}
assert found["uint8"] == right, "changed: uint8"
wanted = {name: name in ("tifffile", "Pillow turned", "OpenCV turned") for name in right}
assert found["bool"] == wanted, f"changed: {found['bool']}"
PYTHON
