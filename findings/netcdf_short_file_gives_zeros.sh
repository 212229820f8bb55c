#!/usr/bin/env bash
# A classic NetCDF file whose last part is lacking.
#
# Guess: reading numbers that lie behind the end of the file is an error.
# Seen, netCDF4 1.7.5.1.post1: the file opens, and those numbers are 0, without a word; a download that broke off ends in
# black frames. SciPy's reader refuses the same file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 netCDF4==1.7.5.1.post1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import netCDF4
import numpy as np

path = Path(sys.argv[1], "a.nc")
with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
    file.createDimension("x", 1000)
    file.createVariable("v", "f8", ("x",))[:] = np.arange(1, 1001)
path.write_bytes(path.read_bytes()[:-4000])
with netCDF4.Dataset(path) as file:
    values = np.ma.getdata(file["v"][:])
print(int((values == 0).sum()), "of 1000 numbers are 0")
assert (values[:500] == np.arange(1, 501)).all()
assert (values[500:] == 0).all(), "changed"
PYTHON
