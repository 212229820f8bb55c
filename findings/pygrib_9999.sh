#!/usr/bin/env bash
# pygrib on GRIB of which a value is 9999, such as a height in m of the levels from 250 to 300 hPa.
#
# Guess: without a bitmap nothing is missing, and with one the places that it marks are.
# Seen, pygrib 2.1.8, eccodes 2.50.0, cfgrib 0.9.15.1: pygrib hides 9999 in both. It asks ecCodes for the number that
# stands for what is missing, which is 9999 by default whether the message has a bitmap or not, and compares. cfgrib
# gives all values.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pygrib==2.1.8 eccodes==2.50.0 \
    cfgrib==0.9.15.1 xarray==2026.9.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import eccodes
import numpy as np
import xarray

GRID = {"Ni": 4, "Nj": 3, "latitudeOfFirstGridPointInDegrees": 50, "latitudeOfLastGridPointInDegrees": 48}
GRID |= {"longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 3}
GRID |= {"iDirectionIncrementInDegrees": 1, "jDirectionIncrementInDegrees": 1, "bitsPerValue": 24}
GONE = 1e20

heights = 9990.0 + np.arange(12).reshape(3, 4)
for name, gone in (("plain", []), ("bitmap", [0])):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    stored = heights.ravel().copy()
    stored[gone] = GONE
    for key, value in (GRID | ({"missingValue": GONE, "bitmapPresent": 1} if gone else {})).items():
        eccodes.codes_set(message, key, value)
    eccodes.codes_set_values(message, stored)
    with open(f"{name}.grib", "wb") as file:
        eccodes.codes_write(message, file)
    opened = xarray.open_dataset(f"{name}.grib", engine="cfgrib", backend_kwargs={"indexpath": ""})
    values = next(iter(opened.data_vars.values())).values
    print(name, "cfgrib misses", heights[np.isnan(values)].tolist())
    assert np.array_equal(np.isnan(values).ravel().nonzero()[0], gone), "changed: cfgrib"
PYTHON
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
import pygrib

heights = 9990.0 + np.arange(12).reshape(3, 4)
found = {}
for name in ("plain", "bitmap"):
    with pygrib.open(f"{name}.grib") as file:
        found[name] = heights[np.ma.getmaskarray(file[1].values)].tolist()
print("pygrib misses", found)
assert found == {"plain": [9999], "bitmap": [9990, 9999]}, f"changed: {found}"
PYTHON
