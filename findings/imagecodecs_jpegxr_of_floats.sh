#!/usr/bin/env bash
# float32 in JPEG XR by imagecodecs, at its default level, which is lossless, and in TIFF compressed so by tifffile.
#
# Guess: floats come back as they are, as uint16 and float16 do, or with the relative error of a float's rounding.
# Seen, imagecodecs 2026.3.6: 13 bits of the mantissa are left, 12345.678 is 12346 and a third 0.33334; what is small is
# another number: 1e-6 is 0, and 1e-30 is 0.079. Level 1.0 is the same, and in TIFF it is the same, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 imagecodecs==2026.3.6 tifffile==2026.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import io

import imagecodecs
import numpy as np
import tifffile

NUMBERS = [0, 1e-30, 1e-6, 1 / 3, 1, 100.123, 12345.678]
picture = np.tile(np.array(NUMBERS, np.float32), (16, 4))
content = io.BytesIO()
tifffile.imwrite(content, picture, compression="jpegxr")
content.seek(0)
found = {
    "default": imagecodecs.jpegxr_decode(imagecodecs.jpegxr_encode(picture)),
    "1.0": imagecodecs.jpegxr_decode(imagecodecs.jpegxr_encode(picture, level=1.0)),
    "TIFF": tifffile.imread(content),
}
for name, values in found.items():
    print(name, [float(f"{value:.7g}") for value in values[0, : len(NUMBERS)]])
for kind in ("uint16", "float16"):
    exact = (picture * (1 if kind == "float16" else 5)).astype(kind)
    assert np.array_equal(imagecodecs.jpegxr_decode(imagecodecs.jpegxr_encode(exact)), exact), f"changed: {kind}"
wanted = [0, 0.07922363, 0, 0.3333435, 1, 100.125, 12346]
assert all(np.allclose(values[:, : len(NUMBERS)], wanted, rtol=1e-6) for values in found.values()), "changed"
PYTHON
