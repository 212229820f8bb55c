#!/usr/bin/env bash
# netCDF4: ends of what is valid, set as attributes of a variable that packs temperatures into integers of 0.01 degrees.
#
# Guess: valid_min = -2.0 and valid_max = 45.0 are stored as they are given, floats in the unit in which numbers are
# given and read; all of -1, 0.3, 20 and 44 degrees are there.
# Seen, netCDF4 1.7.5.1.post1: whole numbers become integers without a word, -2 and 45 of what is packed, so that all but
# 0.3 degrees are missing. -2.5 and 45.5 stay floats, with a warning, and then nothing is missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 netCDF4==1.7.5.1.post1
cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import netCDF4
import numpy as np

found = {}
for name, ends in (("whole", (-2.0, 45.0)), ("halves", (-2.5, 45.5))):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with netCDF4.Dataset("a.nc", "w") as file:
            file.createDimension("x", 4)
            variable = file.createVariable("t", "i2", ("x",), fill_value=-32768)
            variable.scale_factor = 0.01
            variable.valid_min, variable.valid_max = ends
            variable[:] = [-1, 0.3, 20, 44]
        with netCDF4.Dataset("a.nc") as file:
            missing = np.ma.getmaskarray(file["t"][:]).tolist()
            found[name] = file["t"].valid_max.dtype.name, missing, bool(told)
print(found)
wanted = {"whole": ("int16", [True, False, True, True], False), "halves": ("float64", [False] * 4, True)}
assert found == wanted, f"changed: {found}"
PYTHON
