#!/usr/bin/env bash
# RosettaSciIO (HyperSpy's files) writes heights measured by a microscope as .sur of Digital Surf's MountainsMap.
#
# Guess: floats come back to within the 32 bits that a file holds, and NaN, where nothing was measured, as NaN, or it is
# refused.
# Seen, rosettasciio 0.15.0, x86-64: of float32 the largest height comes back as the smallest, in each file; float64 has it
# right. NaN becomes the smallest height, too, unless is_special=True is given. Nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 rosettasciio==0.15.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
from rsciio.digitalsurf import file_reader, file_writer

rng, found = np.random.default_rng(0), {"largest": [], "NaN": []}
axis = {"scale": 0.5, "offset": 0.0, "units": "um", "navigate": False, "_type": "UniformDataAxis"}


def read_again(heights):
    axes = [axis | {"size": size, "name": "yx"[i], "index_in_array": i} for i, size in enumerate(heights.shape)]
    metadata = {"General": {"title": ""}, "Signal": {"signal_type": "", "quantity": "Height (um)"}}
    file_writer("a.sur", {"data": heights, "axes": axes, "metadata": metadata, "original_metadata": {}})
    return file_reader("a.sur")[0]["data"]


for kind in ("f4", "f8"):
    for _ in range(10):
        heights = rng.standard_normal((16, 16)).astype(kind)
        seen, top = read_again(heights), heights.argmax()
        assert np.allclose(np.delete(seen, top), np.delete(heights, top), atol=1e-5), "changed: the others"
        found["largest"].append((kind, bool(abs(seen.flat[top] - heights.min()) < 1e-5)))
        heights[3, 4] = np.nan
        found["NaN"].append((kind, bool(abs(read_again(heights)[3, 4] - np.nanmin(heights)) < 1e-5)))
found = {name: {kind: sum(low for of, low in seen if of == kind) for kind in ("f4", "f8")} for name, seen in found.items()}
print("of 10 files, become the smallest:", found)
assert found == {"largest": {"f4": 10, "f8": 0}, "NaN": {"f4": 10, "f8": 10}}, f"changed: {found}"
PYTHON
