#!/usr/bin/env bash
# A sweep whose first ray was at 205 degrees, written by Py-ART as CfRadial, by xradar as ODIM_H5, and read from there.
#
# Guess: the file has the sweep's date and time, 2020-01-01 23:59:50; the ray at 205 degrees is the first in time, as
# a1gate says, and rays are half a second apart.
# Seen, xradar 0.12.0, arm_pyart 2.3.0: the date is "np.bytes_(" and the time "'2020-01", as times read from CfRadial are
# bytes. With times as text the date is that of the beginning and the time that of the end, 20200101 and 000008: a day off
# at midnight. Py-ART leaves a1gate out, so that the ray at 5 degrees is the first, and gives whole seconds; xradar reads the
# order right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 xarray==2026.9.0 h5py==3.16.0 \
    netCDF4==1.7.5.1.post1 xradar==0.12.0 arm_pyart==2.3.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import contextlib
import io

import h5py
import numpy as np
import xradar

with contextlib.redirect_stdout(io.StringIO()):
    import pyart

radar = pyart.testing.make_empty_ppi_radar(8, 36, 1)
radar.azimuth["data"] = (205.0 + 10 * np.arange(36)) % 360
radar.range["data"] = 125 + 250.0 * np.arange(8)
radar.range |= {"meters_between_gates": 250.0, "meters_to_center_of_first_gate": 125.0}
radar.time |= {"data": 0.5 * np.arange(36), "units": "seconds since 2020-01-01T23:59:50Z"}
radar.fields = {"DBZH": {"data": np.ma.zeros((36, 8)), "units": "dBZ", "_FillValue": -9999.0}}
pyart.io.write_cfradial("radar.nc", radar)
tree = xradar.io.open_cfradial1_datatree("radar.nc")


def written():
    xradar.io.to_odim(tree, "radar.h5", source="NOD:none")
    with h5py.File("radar.h5") as file:
        what = file["what"].attrs
        return what["date"].decode(), what["time"].decode(), int(file["dataset1/where"].attrs["a1gate"])


as_read = written()
for name in ("time_coverage_start", "time_coverage_end"):
    tree[name] = tree[name].astype(str)
as_text = written()
by_pyart = pyart.aux_io.read_odim_h5("radar.h5")
by_xradar = xradar.io.open_odim_datatree("radar.h5")["sweep_0"]
firsts = float(by_pyart.azimuth["data"][by_pyart.time["data"].argmin()]), float(by_xradar.azimuth[by_xradar.time.argmin()])
print(as_read, as_text, "first ray by Py-ART and xradar:", firsts, by_pyart.time["data"][:5])
assert as_read == ("np.bytes_(", "'2020-01", 20), "changed: bytes"
assert as_text[:2] == ("20200101", "000008"), "changed: text"
assert firsts == (5, 205) and np.array_equal(by_pyart.time["data"][:5], [0, 0, 1, 1, 2]), "changed: order"
PYTHON
