#!/usr/bin/env bash
# A solar map whose hot pixel is masked, by sunpy.
#
# Guess: resample, rotate, reproject_to, times 2 and a saved FITS file leave the pixel out or hand the mask on, as submap and
# superpixel do.
# Seen, sunpy 7.0.5: without a word they mix the masked number in, or hand it on, and the map has no mask any more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 sunpy[map]==7.0.5 reproject==0.21.0 \
    astropy==8.0.2
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging
import warnings

import astropy.units as u
import numpy as np
import sunpy.map
from astropy.coordinates import SkyCoord
from sunpy.coordinates import frames
from sunpy.map.header_helper import make_fitswcs_header

logging.disable(logging.INFO)
numbers = np.ones((12, 18))
numbers[5, 5] = 1e6
centre = SkyCoord(30 * u.arcsec, -20 * u.arcsec, obstime="2020-01-01", observer="earth", frame=frames.Helioprojective)
header = make_fitswcs_header(numbers, centre, scale=[2, 3] * u.arcsec / u.pix)
sun = sunpy.map.Map(numbers, header, mask=numbers > 10)
heeded = {"submap": sun.submap([2, 2] * u.pix, top_right=[9, 9] * u.pix), "superpixel": sun.superpixel([2, 2] * u.pix)}
with warnings.catch_warnings():
    warnings.simplefilter("error", UserWarning)
    lost = {
        "resample": sun.resample([9, 6] * u.pix),
        "rotate": sun.rotate(10 * u.deg),
        "reproject_to": sun.reproject_to(sun.wcs),
        "times 2": sun * 2,
    }
    sun.save("sun.fits")
    lost["save"] = sunpy.map.Map("sun.fits")
largest = {name: float(np.nanmax(made.data)) for name, made in lost.items()}
print("largest number:", largest, "masks:", {name: made.mask is not None for name, made in (heeded | lost).items()})
assert all(np.ma.max(np.ma.array(made.data, mask=made.mask)) <= 4 for made in heeded.values()), "changed: submap, superpixel"
assert all(made.mask is None for made in lost.values()) and min(largest.values()) > 1e5, "changed: mask"
PYTHON
