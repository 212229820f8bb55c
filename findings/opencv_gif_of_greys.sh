#!/usr/bin/env bash
# A grey film written as GIF by OpenCV (imwriteanimation, imwrite).
#
# Guess: GIF has 256 colours a frame, so that 256 greys are kept as they are, as Pillow keeps them.
# Seen, OpenCV 5.0.0.93: of the 256 greys 19 colours are left, which are no greys, and numbers are off by up to 82 of 255;
# IMWRITE_GIF_COLORTABLE_SIZE_256 in place of the default quality leaves 4 colours, IMWRITE_GIF_COLORTABLE_SIZE_8 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 opencv-python-headless==5.0.0.93 \
    Pillow==12.3.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import cv2
import numpy as np
from PIL import Image

picture = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
colours = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
animation = cv2.Animation()
animation.frames, animation.durations = [colours, colours[:, ::-1].copy()], np.array([40, 40], np.int32)
Image.fromarray(picture).save("Pillow.gif")
cv2.imwrite("OpenCV.gif", colours)
cv2.imwriteanimation("animation.gif", animation)
for size in (8, 256):
    quality = getattr(cv2, f"IMWRITE_GIF_COLORTABLE_SIZE_{size}")
    cv2.imwrite(f"size {size}.gif", colours, [cv2.IMWRITE_GIF_QUALITY, quality])
found = {}
for name in ("Pillow", "OpenCV", "animation", "size 8", "size 256"):
    read = np.asarray(Image.open(f"{name}.gif").convert("RGB")).astype(int)
    found[name] = len(np.unique(read.reshape(-1, 3), axis=0)), int(abs(read - picture[..., None]).max())
print("colours, largest error:", found)
wanted = {"Pillow": (256, 0), "OpenCV": (19, 82), "animation": (19, 82), "size 8": (2, 247), "size 256": (4, 82)}
assert found == wanted, f"changed: {found}"
PYTHON
