#!/usr/bin/env bash
# netCDF4 and numbers of the type NC_UBYTE that have no _FillValue.
#
# Guess: the NetCDF Users Guide gives bytes no default for what was not written, since all 256 numbers are in use; a
# picture of uint8 without a _FillValue therefore has no missing pixel.
# Seen, netCDF4 1.7.5.1.post1: 255 is masked in uint8, and -127 in int8, so that white pixels are missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 netCDF4==1.7.5.1.post1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import netCDF4
import numpy as np

with netCDF4.Dataset(f"{sys.argv[1]}/a.nc", "w") as file:
    file.createDimension("x", 3)
    for kind, numbers in (("u1", [0, 254, 255]), ("i1", [0, -126, -127])):
        file.createVariable(kind, kind, ("x",))[:] = np.array(numbers, kind)
with netCDF4.Dataset(f"{sys.argv[1]}/a.nc") as file:
    found = {kind: np.ma.getmaskarray(file[kind][:]).tolist() for kind in ("u1", "i1")}
print(found)
assert found == dict.fromkeys(("u1", "i1"), [False, False, True]), f"changed: {found}"
PYTHON
