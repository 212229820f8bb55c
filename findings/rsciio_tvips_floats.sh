#!/usr/bin/env bash
# A film of floats, written as TVIPS by RosettaSciIO (rsciio.tvips) and read again by it.
#
# Guess: TVIPS is of cameras, whose counts are whole numbers, so that float32 is refused, or counts are rounded.
# Seen, RosettaSciIO 0.15.0: written without a word, and read as uint32: the bits of the floats, 0.5 as 1056964608. int16
# comes back as uint16, -1 as 65535. uint8 and uint16 are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 rosettasciio==0.15.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging

import numpy as np

logging.disable(logging.WARNING)  # that numba is not there
from rsciio import tvips

usual = {"_type": "UniformDataAxis", "offset": 0.0, "scale": 1.0, "is_binned": False}
found = {}
for kind in ("uint8", "uint16", "int16", "float32"):
    film = np.arange(5 * 8 * 8).reshape(5, 8, 8).astype(kind)
    film[0, 0, 0] = 0.5 if kind == "float32" else np.array(-1).astype(kind)
    axes = [
        {**usual, "name": name, "size": size, "units": unit, "navigate": k == 0, "index_in_array": k}
        for k, (name, size, unit) in enumerate((("time", 5, "s"), ("y", 8, "1/nm"), ("x", 8, "1/nm")))
    ]
    signal = {"data": film, "axes": axes, "metadata": {"General": {}, "Signal": {"signal_type": ""}}}
    tvips.file_writer(f"{kind}_000.tvips", signal | {"original_metadata": {}, "attributes": {"_lazy": False}})
    read = np.asarray(tvips.file_reader(f"{kind}_000.tvips")[0]["data"])
    found[kind] = str(read.dtype), bool(np.array_equal(read, film)), int(read[0, 0, 0])
print("type, whether the same, first number:", found)
wanted = {"uint8": ("uint8", True, 255), "uint16": ("uint16", True, 65535)}
wanted |= {"int16": ("uint16", False, 65535), "float32": ("uint32", False, 1056964608)}
assert found == wanted, f"changed: {found}"
PYTHON
