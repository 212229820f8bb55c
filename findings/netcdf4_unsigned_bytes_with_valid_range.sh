#!/usr/bin/env bash
# netCDF4 and unsigned bytes of the classic kind (NC_BYTE with _Unsigned) that have a valid_range and no _FillValue.
#
# Guess: the bytes 0, 200 and 255 with _Unsigned = "true" and valid_range = 1, -2, which is 1 to 254 by the same rule
# (NetCDF Users Guide, appendix "Attribute Conventions"), are read as missing, 200, missing.
# Seen, netCDF4 1.7.5.1.post1: reading them raises TypeError, "Cannot convert fill_value -127 to dtype uint8"; without
# the valid_range, or with a _FillValue, they are read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 netCDF4==1.7.5.1.post1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import netCDF4
import numpy as np

CASES = {"plain": (False, False), "range": (False, True), "range and fill": (-3, True)}
path = f"{sys.argv[1]}/a.nc"
with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as file:
    file.createDimension("x", 3)
    for name, (fill, has_range) in CASES.items():
        variable = file.createVariable(name, "i1", ("x",), fill_value=fill)
        variable.set_auto_maskandscale(False)
        variable.setncattr("_Unsigned", "true")
        if has_range:
            variable.setncattr("valid_range", np.array([1, -2], "i1"))
        variable[:] = np.array([0, -56, -1], "i1")
found = {}
with netCDF4.Dataset(path) as file:
    for name in CASES:
        try:
            found[name] = file[name][:].tolist()
        except TypeError as error:
            found[name] = str(error)
print(found)
wanted = {
    "plain": [0, 200, 255],
    "range": "Cannot convert fill_value -127 to dtype uint8",
    "range and fill": [None, 200, None],
}
assert found == wanted, f"changed: {found}"
PYTHON
