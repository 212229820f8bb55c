#!/usr/bin/env bash
# A grey TIFF of 16 bits with the large byte first, as ImageJ writes it, opened by Pillow and saved as JPEG 2000.
#
# Guess: the numbers are kept, JPEG 2000 being without loss here, as they are from a TIFF with the small byte first, and as
# PNG keeps them from both.
# Seen, Pillow 12.3.0: the two bytes of each number change places, 600 is 22530 and 65535 stays, without a word; imagecodecs
# sees the same in the file. PNG is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 Pillow==12.3.0 tifffile==2026.3.3 \
    imagecodecs==2026.3.6
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

picture = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16) * 300
kinds = {"the same": picture, "bytes swapped": picture.byteswap()}
found = {}
for name, order in {"small first": "<", "large first": ">"}.items():
    tifffile.imwrite("a.tif", picture, byteorder=order, photometric="minisblack")
    with Image.open("a.tif") as image:
        for end in ("png", "jp2"):
            image.save(f"a.{end}")
    read = {end: np.asarray(Image.open(f"a.{end}")).astype(np.uint16) for end in ("png", "jp2")}
    read["jp2 by imagecodecs"] = imagecodecs.jpeg2k_decode(Path("a.jp2").read_bytes())
    found[name] = {end: [k for k, v in kinds.items() if np.array_equal(values, v)] for end, values in read.items()}
print(found)
same, swapped = ["the same"], ["bytes swapped"]
wanted = {"small first": {"png": same, "jp2": same, "jp2 by imagecodecs": same}}
wanted["large first"] = {"png": same, "jp2": swapped, "jp2 by imagecodecs": swapped}
assert found == wanted, f"changed: {found}"
PYTHON
