#!/usr/bin/env bash
# pyresample's bilinear resampling of a regular grid, here of the longitudes and latitudes of its own pixels, 0.37 degrees
# apart.
#
# Guess: as both are straight lines across the grid, each point of the area gets its own longitude and latitude back.
# Seen, pyresample 1.35.0: latitudes are right; of the longitudes 7 % are wrong, and about half where the grid lies turned by
# one degree, by up to a whole pixel: nearly parallel sides of a cell are taken for a quadratic equation with next to no
# square in it. Where pixels are moved by a thousandth of a degree at random, all are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 pyresample==1.35.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np

from pyresample import bilinear, create_area_def, geometry

STEP = 0.37
area = create_area_def("area", "EPSG:4326", area_extent=(0, 0, 10, 10), shape=(50, 50), units="degrees")
across, along = np.meshgrid(np.arange(-9, 9, STEP), np.arange(-9, 9, STEP))
moved = 1e-3 * np.random.default_rng(0).standard_normal((2, *across.shape))
found = {}
for name, degrees, jitter in (("straight", 0, 0), ("turned", 1, 0), ("turned, moved", 1, moved)):
    turn = np.exp(1j * np.deg2rad(degrees)) * (across + 1j * along)
    longitudes, latitudes = np.array([5.013 + turn.real, 5.027 + turn.imag]) + jitter
    swath = geometry.SwathDefinition(longitudes, latitudes)
    resampler = bilinear.NumpyBilinearResampler(swath, area, 200_000)
    wanted = area.get_lonlats()
    off = [np.abs(resampler.resample(kind) - place) for kind, place in zip((longitudes, latitudes), wanted, strict=True)]
    found[name] = [(round(float((e > STEP / 100).mean()), 2), round(float(e.max() / STEP), 2)) for e in off]
print("share that is wrong and largest error in pixels, of longitudes, of latitudes:", found)
assert found["straight"][0][0] > 0.05 and found["straight"][0][1] > 0.9, "changed: straight"
assert found["turned"][0][0] > 0.3 and found["turned"][0][1] > 0.9, "changed: turned"
assert found["turned, moved"][0][0] == 0 and all(latitudes[0] == 0 for _, latitudes in found.values()), "changed: others"
PYTHON
