#!/usr/bin/env bash
# A cube that Iris saves with packing="int8", "uint8", "int16" or "uint16", by a scale and an offset of its own choice.
#
# Guess: every value comes back to half a step, and what is masked stays masked, the packed numbers being chosen so.
# Seen, scitools-iris 3.14.1: of 0 to 100 unsigned types lose the largest, packed in the number that stands for missing where
# no _FillValue is said, 255 or 65535; with values below 20 masked signed ones lose 20, packed in -127 or -32767.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scitools-iris==3.14.1 \
    netCDF4==1.7.5.1.post1
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import iris
import numpy as np
from iris.cube import Cube

values = np.arange(101, dtype=np.float32)
found = {}
for kind in ("int8", "uint8", "int16", "uint16"):
    for masked in (False, True):
        given = np.ma.masked_less(values, 20) if masked else np.ma.asarray(values)
        iris.save(Cube(given, long_name="film"), "a.nc", packing=kind)
        read = np.ma.asarray(iris.load_cube("a.nc").data)
        lost = values[np.ma.getmaskarray(read) & ~np.ma.getmaskarray(given)]
        found[kind, masked] = lost.tolist()
        assert abs(read - given).max() < 0.25, f"changed: {kind}"
print("lost of each type, without and with masked ones:", found)
wanted = {(kind, masked): [] for kind in ("int8", "uint8", "int16", "uint16") for masked in (False, True)}
wanted |= {(kind, False): [100.0] for kind in ("uint8", "uint16")} | {(kind, True): [20.0] for kind in ("int8", "int16")}
assert found == wanted, f"changed: {found}"
PYTHON
