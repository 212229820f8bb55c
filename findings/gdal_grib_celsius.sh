#!/usr/bin/env bash
# Temperatures of GRIB read by GDAL, here through rasterio.
#
# Guess: the numbers of the file, in kelvin as its parameter says, as cfgrib and eccodes give them; scales and offsets,
# which are 1 and 0, say whether they were changed.
# Seen, rasterio 1.4.4 (GDAL 3.10.3): of edition 2 temperatures come out in degrees Celsius, 280 as 6.85; only the band's
# tag GRIB_UNIT says so, scale, offset and units do not. Of edition 1 the tag says [C] as well, and the numbers are kelvin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 eccodes==2.50.0 eccodeslib==2.50.0.33 \
    rasterio==1.4.4
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import eccodes
import numpy as np
import rasterio

KELVIN = 280 + np.arange(24.0)
found = {}
for edition in (1, 2):
    message = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
    grid = {"Ni": 6, "Nj": 4, "latitudeOfFirstGridPointInDegrees": 30, "latitudeOfLastGridPointInDegrees": 0}
    grid |= {"longitudeOfFirstGridPointInDegrees": 0, "longitudeOfLastGridPointInDegrees": 50}
    grid |= {"iDirectionIncrementInDegrees": 10, "jDirectionIncrementInDegrees": 10, "bitsPerValue": 16, "shortName": "2t"}
    for key, value in grid.items():
        eccodes.codes_set(message, key, value)
    eccodes.codes_set_values(message, KELVIN)
    with open(f"{edition}.grib", "wb") as file:
        eccodes.codes_write(message, file)
    units = eccodes.codes_get(message, "units")
    with rasterio.open(f"{edition}.grib") as read:
        said = read.tags(1)["GRIB_UNIT"], read.scales, read.offsets, read.units
        found[edition] = round(float((read.read(1).ravel() - KELVIN).mean()), 2), *said, units
print("difference to the file, GRIB_UNIT, scale, offset, units, eccodes' units:", found)
assert found[2] == (-273.15, "[C]", (1.0,), (0.0,), (None,), "K"), "changed: edition 2"
assert found[1] == (0, "[C]", (1.0,), (0.0,), (None,), "K"), "changed: edition 1"
PYTHON
