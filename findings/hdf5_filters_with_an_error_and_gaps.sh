#!/usr/bin/env bash
# HDF5 filters that promise an error of at most 0.001 (hdf5plugin), on a smooth record with values from 18 to 22, of which
# a square is missing: NaN, or netCDF's fill value 9.96921e36.
#
# Guess: NaN comes back as NaN, the fill value as itself, and all other numbers within 0.001; or there is an error.
# Seen, hdf5plugin 7.1.0, h5py 3.16.0: Zfp gives 64 and -64 for NaN, and SZ3 -2 million and beyond; beside the fill value Zfp
# loses its neighbours, which become 0, 21 off. SZ keeps NaN and its promise, and SZ3 that for the fill value.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 h5py==3.16.0 hdf5plugin==7.1.0
cd "$folder"
venv/bin/python -W ignore - 2>/dev/null <<'PYTHON'
import h5py
import hdf5plugin
import numpy as np

FILTERS = {"Zfp": hdf5plugin.Zfp(accuracy=1e-3), "SZ": hdf5plugin.SZ(absolute=1e-3), "SZ3": hdf5plugin.SZ3(absolute=1e-3)}
y, x, t = np.mgrid[:32, :32, :8]
record = (20 + np.sin(x / 6) + np.cos(y / 5 + t / 3)).transpose(2, 0, 1).astype("f4")
gone = np.zeros(record.shape, bool)
gone[2, 10:14, 10:14] = True

found = {}
for name, compressed in FILTERS.items():
    for mark in (np.nan, 9.96921e36):
        stored = np.where(gone, np.float32(mark), record)
        with h5py.File("a.h5", "w") as file:
            file.create_dataset("x", data=stored, chunks=record.shape, **compressed)
        with h5py.File("a.h5") as file:
            values = file["x"][:]
        error = float(np.abs(values - record)[~gone].max())
        kept = bool(np.allclose(values[gone], mark, rtol=1e-6, equal_nan=True))
        found[name, mark > 0] = (kept, error < 0.00101)
        print(name, mark, "largest error beside it", round(error, 5), "comes back as", values[gone][:2].tolist())
wanted = {("Zfp", False): (False, True), ("Zfp", True): (True, False), ("SZ", False): (True, True)}
wanted |= {("SZ", True): (True, True), ("SZ3", False): (False, True), ("SZ3", True): (True, True)}
assert found == wanted, f"changed: {found}"
PYTHON
