#!/usr/bin/env bash
# netCDF4 writes small variables, such as coordinates, with Blosc beside zlib and Zstandard.
#
# Guess: what Blosc cannot make smaller is stored as it is, as zlib's filter and Zstandard's do.
# Seen, netCDF4 1.7.4: a variable of 16 floats cannot be written with blosc_lz4: the filter says that the buffer is
# uncompressible, and closing the file raises "NetCDF: HDF error"; 4096 floats, and 16 with zlib or zstd, are fine.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 netCDF4==1.7.4
cd "$folder"
venv/bin/python - <<'PYTHON'
import netCDF4
import numpy as np


def written(count, compression):
    name = f"{compression}{count}.nc"
    file = netCDF4.Dataset(name, "w")
    file.createDimension("x", count)
    file.createVariable("x", "f4", ("x",), compression=compression)[:] = np.arange(count)
    try:
        file.close()
    except RuntimeError as error:
        return str(error)
    with netCDF4.Dataset(name) as again:
        return bool((again["x"][:] == np.arange(count)).all())


found = {(count, kind): written(count, kind) for count in (16, 4096) for kind in ("zlib", "zstd", "blosc_lz4")}
print(netCDF4.__version__, found)
assert found.pop((16, "blosc_lz4")) == "NetCDF: HDF error", "changed"
assert all(outcome is True for outcome in found.values()), f"changed: {found}"
PYTHON
