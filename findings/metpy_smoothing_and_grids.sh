#!/usr/bin/env bash
# MetPy's smoothers on whole numbers and masked arrays, and the step of the grids that it interpolates to.
#
# Guess: whole numbers are smoothed as the same floats, units and all; a masked number "will propagate to any point that
# uses that particular grid point", as the description of smooth_n_point says; and hres is the step of the grid.
# Seen, metpy 1.7.1: of whole numbers fractions are cut off, so that counts lose half of one, and one by smooth_gaussian,
# which does it along each axis: of a mean of 4.5 are left 4 and 3.5. smooth_n_point uses what stands beneath a mask and
# gives an array without one, smooth_gaussian uses it and keeps the mask alone (its issue 2030); NaN spreads as it is
# written. A grid of hres = 1 has steps of 0.95 over stations that span 9.5, and of 0.94 over 9.4.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 xarray==2026.9.0 metpy==1.7.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from metpy.calc import smooth_gaussian, smooth_n_point, smooth_rectangular
from metpy.interpolate import interpolate_to_grid

smoothers = {
    "gaussian": lambda x: smooth_gaussian(x, 4),
    "n_point": lambda x: smooth_n_point(x, 9),
    "rectangular": lambda x: smooth_rectangular(x, (3, 3)),
}
counts = np.random.default_rng(0).integers(0, 10, (60, 80))
means = {}
for name, smooth in smoothers.items():
    means[name] = [float(np.asarray(smooth(kind)).mean()) for kind in (counts, counts.astype(float))]
    means[name] = round(means[name][0] - means[name][1], 2)
print("what whole numbers lose of a mean of 4.5:", means)
assert -1.1 < means["gaussian"] < -0.8, f"changed: {means}"
assert all(-0.6 < means[name] < -0.3 for name in ("n_point", "rectangular")), f"changed: {means}"

hole = np.zeros((9, 9), bool)
hole[4, 4] = True
field = np.ma.masked_array(np.where(hole, 1000.0, 1.0), hole)
seen = {name: smooth(field) for name, smooth in smoothers.items()}
gone = {name: int(np.ma.count_masked(np.ma.asarray(getattr(values, "magnitude", values)))) for name, values in seen.items()}
beside = {name: float(np.ma.getdata(getattr(values, "magnitude", values))[4, 5]) for name, values in seen.items()}
nans = {name: int(np.isnan(np.asarray(smooth(field.filled(np.nan)))).sum()) for name, smooth in smoothers.items()}
print("masked numbers of 1, what stands beside it, and NaN:", gone, beside, nans)
assert (gone["n_point"], gone["gaussian"]) == (0, 1), f"changed: {gone}"
assert beside["n_point"] > 100 and beside["gaussian"] > 100 and min(nans.values()) >= 9, f"changed: {beside} {nans}"

steps = []
for width in (9.5, 9.4):
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, width, 5), np.linspace(0, 9, 5)))
    grid = interpolate_to_grid(x, y, x + y, interp_type="linear", hres=1.0)[0]
    steps.append(float(grid[0, 1] - grid[0, 0]))
print("steps of a grid of 1:", steps)
assert max(abs(step - 1) for step in steps) > 0.04, f"changed: {steps}"
PYTHON
