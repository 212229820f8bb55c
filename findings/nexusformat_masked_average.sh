#!/usr/bin/env bash
# nexusformat on masked detector pixels, which it keeps in its files, and on axes whose steps differ.
#
# Guess: the average over an axis is that of what is not masked, as its sum is, and NumPy's mean of the same masked array;
# the first moment of a peak does not depend on where it was sampled more finely.
# Seen, nexusformat 2.1.0: the average is the sum of what is not masked over the number of all, so that of an even 100 of
# which half is masked it is 50, and beside it the average's error is as much too small. Moments, mean(), var() and std()
# weigh each point alike: of a peak at 20 whose one side has four times as many points the mean is 18.6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 nexusformat==2.1.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
from nexusformat.nexus import NXdata, NXentry, NXfield, NXroot, nxload, nxsave

mask = np.arange(8) % 2 == 0
pixels = np.ma.masked_array(np.full((8, 10), 100.0), np.repeat(mask[:, None], 10, 1))
rows, columns = NXfield(np.arange(8.0), name="rows"), NXfield(np.arange(10.0), name="columns")
errors = NXfield(np.full((8, 10), 10.0), name="counts_errors")
data = NXdata(NXfield(pixels, name="counts"), (rows, columns), errors=errors, name="data")
nxsave("a.nxs", NXroot(NXentry(data, name="entry")))
read = nxload("a.nxs")["entry/data"]
found = {}
for axis in (0, 1):
    total, average = read.sum(axis=axis), read.average(axis=axis)
    found[axis] = [float(np.ma.mean(part.nxsignal.nxdata)) for part in (total, average)]
    assert np.ma.allclose(total.nxsignal.nxdata, pixels.sum(axis)), "changed: the sum"
error = float(np.mean(read.average(axis=0).nxerrors.nxdata))
print("sum and average of 100 of which half is masked, by axis:", found, "error", error, "of", 10 / 2)
assert np.allclose(found[0], (400, 50)) and np.allclose(found[1], (1000, 100)), f"changed: {found}"

uneven = np.r_[np.arange(0, 20, 0.25), np.arange(20, 41, 1.0)]
means = {}
for name, places in (("even", np.arange(0, 41, 0.25)), ("uneven", uneven)):
    peak = NXdata(NXfield(np.exp(-(((places - 20) / 3) ** 2) / 2), name="peak"), NXfield(places, name="x"))
    means[name] = float(peak.mean())
print("mean of a peak at 20:", means)
assert np.isclose(means["even"], 20, atol=0.01) and 18.4 < means["uneven"] < 18.7, f"changed: {means}"
PYTHON
