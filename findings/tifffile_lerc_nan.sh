#!/usr/bin/env bash
# tifffile (imagecodecs) on floats that GDAL, through rasterio, writes as TIFF in LERC, of which some are NaN.
#
# Guess: NaN comes back as NaN, and all other numbers as they are, since LERC is lossless unless an error is allowed.
# Seen, tifffile 2026.3.3, imagecodecs 2026.3.6, rasterio 1.4.4: NaN, which LERC keeps as a mask, comes back as 0. Of 3
# bands in GDAL's usual layout, by pixels, of which one alone has a NaN, all numbers are at other places: the bands lie
# one behind the other in LERC then, and are taken for pixels. rasterio reads what was written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 tifffile==2026.3.3 \
    imagecodecs==2026.3.6 rasterio==1.4.4
"$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import sys

import numpy as np
import rasterio
import tifffile

found = {}
for bands in (1, 3):
    values = np.arange(bands * 16 * 24, dtype="f4").reshape(bands, 16, 24)
    values[0, 5, 7] = np.nan
    path = f"{sys.argv[1]}/{bands}.tif"
    layout = {"height": 16, "width": 24, "count": bands, "dtype": "float32"}
    with rasterio.open(path, "w", driver="GTiff", compress="LERC", **layout) as file:
        file.write(values)
    with rasterio.open(path) as file:
        assert np.array_equal(file.read(), values, equal_nan=True)
    seen = np.moveaxis(np.atleast_3d(tifffile.imread(path)), -1, 0)
    found[bands] = (float(seen[0, 5, 7]), float((seen == values).mean()))
print("at the NaN, and the share that is right, by the count of bands:", found)
assert found[1] == (0, 1 - 1 / (16 * 24)), "changed: one band"
assert found[3][1] < 0.01, "changed: three bands"
PYTHON
