#!/usr/bin/env bash
# SimpleITK on grey TIFF of 16 bits in tiles, as microscopes and satellites write them, and on half-precision floats.
#
# Guess: the same numbers in tiles as in strips; floats of 16 bits are read or refused.
# Seen, SimpleITK 2.5.7, tifffile 2026.3.3: in strips they are right. In tiles they come out as four channels of 8 bits,
# each count over 257 three times and 255, with a line on the error output that no program sees; where the last tile is
# wider than the picture, most of its columns is 0. Half-precision floats come out as the whole numbers that their bits are,
# 15360 for 1.0, without a line.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 tifffile==2026.3.3 SimpleITK==2.5.7
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import SimpleITK
import tifffile

counts = (257 * np.arange(40 * 50) % 65000 + 500).astype(np.uint16).reshape(40, 50)
kinds = {"strips": (counts, None), "tiles": (counts, (16, 16)), "halves": (np.ones((4, 5), np.float16), None)}
found = {}
for name, (values, tile) in kinds.items():
    tifffile.imwrite("a.tif", values, tile=tile, photometric="minisblack")
    found[name] = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("a.tif"))
print({name: (values.dtype.name, values.shape, values[1, 1].tolist()) for name, values in found.items()})
assert (found["strips"] == counts).all(), "changed: strips"
assert found["tiles"].dtype == np.uint8 and found["tiles"].shape == (40, 50, 4), "changed: tiles"
whole, cut = np.split(found["tiles"][..., :3], [48], axis=1)
assert abs(whole - counts[:, :48, None] / 257).max() <= 1, "changed: tiles"
assert (cut == 0).mean() > 0.5 and counts[:, 48:].min() > 257, "changed: tiles at the right border"
assert found["halves"].dtype == np.uint16 and (found["halves"] == 15360).all(), "changed: halves"
PYTHON
