#!/usr/bin/env bash
# FFmpeg's conversion of limited-range YUV of 10 and 12 bits to RGB of 16 bits (PyAV, rgb48le, accurate rounding).
#
# Guess: white, luma 940 of 10 bits and 3760 of 12 with neutral chroma, becomes 65535.
# Seen, PyAV 18.1.0: it becomes 65283, next to 255 * 256, which is 0.4 % too dark: the numbers are those of 8 bits moved up.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import av
import numpy as np

found = {}
for bits in (10, 12):
    frame = av.VideoFrame(16, 16, f"yuv444p{bits}le")
    for plane, level in zip(frame.planes, (235, 128, 128)):
        plane.update(np.full(plane.buffer_size // 2, level << (bits - 8), "<u2").tobytes())
    frame.color_range = 1  # limited
    found[bits] = int(frame.to_ndarray(format="rgb48le", interpolation=4 | 0x2000 | 0x40000).max())
print(found)
assert all(65200 < white < 65400 for white in found.values()), f"changed: {found}"
PYTHON
