#!/usr/bin/env bash
# netCDF4's three ways to keep fewer digits, on radar backscatter in dB, which is -inf where nothing came back.
#
# Guess: infinity stays infinity, as NaN stays NaN.
# Seen, netCDF4 1.7.5.1.post1: by BitRound it does. By GranularBitRound it becomes 0 dB, a strong echo where there was
# none; by BitGroom, the default, -inf and inf become NaN at each second place. Nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 netCDF4==1.7.5.1.post1
cd "$folder"
venv/bin/python - <<'PYTHON'
import netCDF4
import numpy as np

values = np.array([-np.inf, -np.inf, -12.34, np.inf, np.nan, np.inf], "f4")
found = {}
for mode in ("BitRound", "GranularBitRound", "BitGroom"):
    with netCDF4.Dataset("a.nc", "w") as file:
        file.createDimension("x", values.size)
        kept = {"significant_digits": 3, "quantize_mode": mode, "compression": "zlib"}
        file.createVariable("backscatter", "f4", ("x",), **kept)[:] = values
    with netCDF4.Dataset("a.nc") as file:
        file.set_auto_mask(False)
        seen = file["backscatter"][:]
    assert abs(seen[2] - values[2]) < 1 and np.isnan(seen[4]), "changed: numbers or NaN"
    found[mode] = seen[[0, 1, 3, 5]].tolist()
print(found)
inf, nan = np.inf, np.nan
wanted = {"BitRound": [-inf, -inf, inf, inf], "GranularBitRound": [0] * 4, "BitGroom": [-inf, nan, nan, nan]}
for mode, ends in wanted.items():
    assert np.array_equal(found[mode], ends, equal_nan=True), f"changed: {mode} {found[mode]}"
PYTHON
