#!/usr/bin/env bash
# h5py's scaleoffset, HDF5's filter that keeps a number of decimals, on temperatures of which one is NaN.
#
# Guess: NaN stays NaN, and the others are within half of the last decimal.
# Seen, h5py 3.16.0: the others are, and NaN becomes the least temperature of its chunk, without a word. Where it is the
# first number of a chunk, float32 is written without an error and cannot be read: "filter returned failure during read"
# (x86-64).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 h5py==3.16.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import h5py
import numpy as np

temperatures = np.random.default_rng(0).uniform(270, 300, 100).astype("f4")
found = {}
for place in (3, 0):
    values = temperatures.copy()
    values[place] = np.nan
    with h5py.File("a.h5", "w") as file:
        file.create_dataset("x", data=values, scaleoffset=2, chunks=(100,))
    with h5py.File("a.h5") as file:
        try:
            seen = file["x"][:]
            rest = float(np.nanmax(abs(seen - values)))
            found[place] = f"{seen[place]:.2f} of least {np.nanmin(values):.2f}, the rest within {rest:.3f}"
            assert rest < 0.006 and abs(seen[place] - np.nanmin(values)) < 0.006, f"changed: {seen[place]}"
        except OSError as error:
            found[place] = str(error)
print("by the place of the NaN:", found)
assert "filter returned failure" not in found[3] and "filter returned failure" in found[0], "changed"
PYTHON
