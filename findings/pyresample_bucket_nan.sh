#!/usr/bin/env bash
# pyresample's bucket resampling, with values that are missing (NaN) among those of a bucket.
#
# Guess: skipna=True, the default, leaves NaN out of minimum and maximum as of sum and average, and skipna=False does not.
# Seen, pyresample 1.35.0: the minimum leaves it out whatever skipna says, and the maximum and the largest magnitude are NaN
# whatever it says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 dask==2026.8.0 xarray==2026.9.0 \
    pyresample==1.35.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import warnings

import dask.array
import numpy as np

warnings.simplefilter("ignore")
from pyresample import create_area_def
from pyresample.bucket import BucketResampler

area = create_area_def("area", "EPSG:4326", area_extent=(0, 0, 2, 2), shape=(1, 1), units="degrees")
places = dask.array.from_array(np.array([0.5, 1.0, 1.5]))
values = dask.array.from_array(np.array([1.0, 5.0, np.nan]))
buckets = BucketResampler(area, places, places)
kinds = ("sum", "average", "min", "max", "abs_max")
found = {
    skipna: {kind: float(np.asarray(getattr(buckets, f"get_{kind}")(values, skipna=skipna))[0, 0]) for kind in kinds}
    for skipna in (True, False)
}
print(found)
assert (found[True]["sum"], found[True]["average"]) == (6, 3), "changed: sum, average"
assert np.isnan([found[False]["sum"], found[False]["average"]]).all(), "changed: skipna=False"
assert found[True]["min"] == found[False]["min"] == 1, "changed: min"
assert all(np.isnan(found[skipna][kind]) for skipna in found for kind in ("max", "abs_max")), "changed: max"
PYTHON
