#!/usr/bin/env bash
# Raster formats that lack a type of numbers, written by GDAL through rasterio: ENVI int8, PCIDSK int32 and float64.
#
# Guess: a type that the format lacks is refused, as PNG refuses floats, or at least warned of.
# Seen, rasterio 1.4.4 (GDAL 3.10.3): without a word bytes are written, of which -1 is 255, and 300 is 44. Of two
# bands of uint16 in FIT the second comes back as bytes of both, and ELAS moves the picture half a pixel to the left, and
# down by its own height and half a pixel.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 rasterio==1.4.4
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging
import warnings

import numpy as np
import rasterio
from rasterio.transform import from_origin

logging.basicConfig(level=logging.WARNING)
counts = np.arange(1, 25).reshape(2, 3, 4)
place = from_origin(10, 50, 0.5, 0.25)


def back(driver, values):
    bands, height, width = values.shape
    shape = {"count": bands, "height": height, "width": width, "dtype": values.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with rasterio.open(driver.lower(), "w", driver=driver, crs="EPSG:4326", transform=place, **shape) as file:
            file.write(values)
        with rasterio.open(driver.lower()) as file:
            return file.read(), file.transform


signs, _ = back("ENVI", -counts.astype("i1"))
bytes_ = {kind: back("PCIDSK", (100 * counts).astype(kind))[0] for kind in ("int32", "float64")}
turned, _ = back("FIT", counts.astype("u2"))
_, moved = back("ELAS", counts.astype("f4"))
print("ENVI", signs.ravel()[:3], "PCIDSK", {k: v.ravel()[:3].tolist() for k, v in bytes_.items()}, "FIT", turned[:, 0, 0])
print("ELAS begins at", moved.c, moved.f)
assert signs.dtype == np.uint8 and np.array_equal(signs, 256 - counts), "changed: ENVI"
assert all(v.dtype == np.uint8 and np.array_equal(v, 100 * counts % 256) for v in bytes_.values()), "changed: PCIDSK"
assert np.array_equal(turned, [counts[0], counts[0] + 256 * counts[1]]), "changed: FIT"
assert (moved.c, moved.f) == (9.75, 49.125), "changed: ELAS"
PYTHON
