#!/usr/bin/env bash
# Temperatures of a thermal camera's counts by flirpy's raw2temp, with what ExifTool says, and a frame's own record (FFF).
#
# Guess: a relative humidity of "50.0 %", as ExifTool prints it and flirpy reads it, is 0.5, as the camera stores it; "Datetime
# (UTC)" is that of the stored seconds, and 293.15 K are 20 degrees Celsius.
# Seen, flirpy 0.6.2: 50 is taken for fifty times saturation, as only what is above 100 is divided by 100: counts of 16000
# are 5.9 degrees Celsius in place of 7.0 at 1 m, -9.1 in place of 6.6 at 20 m, and counts of 12000 not a number there. The
# time called UTC is the machine's local one, nine hours later in Japan, and 293.15 K become 20.01.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 flirpy==0.6.2
TZ=JST-9 "$folder/venv/bin/python" -W ignore - "$folder" <<'PYTHON'
import struct
import sys

import numpy as np
from flirpy.io.fff import Fff
from flirpy.util.exiftool import Exiftool
from flirpy.util.raw import raw2temp

PRINTED = """Emissivity : 0.95
Atmospheric Temperature : 20.0 C
Reflected Apparent Temperature : 20.0 C
IR Window Temperature : 20.0 C
IR Window Transmission : 1.00
Relative Humidity : 50.0 %
Planck R1 : 14906.216
Planck R2 : 0.010956882
Planck B : 1396.5
Planck F : 1
Planck O : -6490
Atmospheric Trans Alpha 1 : 0.006569
Atmospheric Trans Alpha 2 : 0.012620
Atmospheric Trans Beta 1 : -0.002276
Atmospheric Trans Beta 2 : -0.006670
Atmospheric Trans X : 1.900000
"""
with open(f"{sys.argv[1]}/meta.txt", "w") as file:
    file.write(PRINTED)
printed = Exiftool(path="true").meta_from_file(file.name)
found = {}
for metres in (1, 20):
    for name, humidity in (("printed", printed["Relative Humidity"]), ("stored", 0.5)):
        told = printed | {"Object Distance": f"{metres} m", "Relative Humidity": humidity}
        found[metres, name] = raw2temp(np.array([12000.0, 16000.0]), told).round(1).tolist()
print("degrees Celsius of counts of 12000 and 16000:", found)
assert found[1, "stored"] == [-23.1, 7.0] and found[20, "stored"] == [-24.9, 6.6], f"changed: {found}"
assert found[1, "printed"] == [-27.8, 5.9], f"changed: {found}"
assert np.isnan(found[20, "printed"][0]) and found[20, "printed"][1] == -9.1, f"changed: {found}"

record = bytearray(0x480)  # a camera's record by the layout that ExifTool documents, and a directory of one entry before it
struct.pack_into("<H", record, 0, 2)
struct.pack_into("<fff", record, 0x28, 293.15, 293.15, 293.15)
struct.pack_into("<I", record, 0x384, 1_700_000_000)  # 2023-11-14 22:13:20 UTC
head = struct.pack("<4s16sIIIIH7HIII", b"FFF\0", b"FLIR", 100, 64, 1, 2, 0, *[0] * 7, 0, 0, 0)
entry = struct.pack("<HHIIIIIII", 0x20, 1, 100, 1, 96, len(record), 0, 0, 0)
meta = Fff(head + entry + bytes(record)).meta
print(meta["Timestamp"], meta["Datetime (UTC)"], meta["Reflected Apparent Temperature"])
assert meta["Datetime (UTC)"] == "2023-11-15 07:13:20", "changed: UTC"
assert round(meta["Reflected Apparent Temperature"], 3) == 20.01, "changed: kelvin"
PYTHON
