#!/usr/bin/env bash
# cfgrib on GRIB whose points go down the columns (jPointsAreConsecutive), or in rows that alternate in direction
# (alternativeRowScanning), both of the scanning mode of the WMO, flag table 3.4.
#
# Guess: each value comes back at its own latitude and longitude, as ecCodes' own list of points has it.
# Seen, cfgrib 0.9.15.1, eccodes 2.50.0: both are taken for rows of one direction: of 12 values 10 and 4 are at other
# places, and nothing is said. pygrib 2.1.8 puts the columns right and not the alternating rows.
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

found = {}
for flag in ("jPointsAreConsecutive", "alternativeRowScanning"):
    message = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
    for key, value in (GRID | {flag: 1}).items():
        eccodes.codes_set(message, key, value)
    eccodes.codes_set_values(message, np.arange(12.0))
    with open(f"{flag}.grib", "wb") as file:
        eccodes.codes_write(message, file)
    truth = np.full((3, 4), np.nan)
    for point in eccodes.codes_grib_get_data(message):
        truth[round(50 - point["lat"]), round(point["lon"])] = point["value"]
    np.save(f"{flag}.npy", truth)
    opened = xarray.open_dataset(f"{flag}.grib", engine="cfgrib", backend_kwargs={"indexpath": ""})
    assert opened.latitude.values.tolist() == [50, 49, 48] and opened.longitude.values.tolist() == [0, 1, 2, 3]
    found[flag] = int((next(iter(opened.data_vars.values())).values != truth).sum())
print("values at other places, of 12, by cfgrib:", found)
assert found == {"jPointsAreConsecutive": 10, "alternativeRowScanning": 4}, f"changed: {found}"
PYTHON
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
import pygrib

found = {}
for flag in ("jPointsAreConsecutive", "alternativeRowScanning"):
    with pygrib.open(f"{flag}.grib") as file:
        found[flag] = int((np.ma.getdata(file[1].values) != np.load(f"{flag}.npy")).sum())
print("by pygrib:", found)
assert found == {"jPointsAreConsecutive": 0, "alternativeRowScanning": 4}, f"changed: {found}"
PYTHON
