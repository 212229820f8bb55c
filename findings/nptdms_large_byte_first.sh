#!/usr/bin/env bash
# Arrays with the large byte first, as those of FITS files and of many instruments are, in LabVIEW's TDMS by npTDMS.
#
# Guess: they are written as the numbers that they are, in the order of bytes that the file says.
# Seen, npTDMS 1.13.0: without a word the bytes are written as they lie and read as the other order: 1, 2, 300 as int16 come
# back as 256, 512, 11265; floats become next to nothing. The same numbers with the small byte first are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 npTDMS==1.13.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
from nptdms import ChannelObject, TdmsFile, TdmsWriter

found = {}
for kind in ("i2", "i4", "f4", "f8"):
    for order in "<>":
        values = np.array([1, 2, 300], order + kind)
        with TdmsWriter("film.tdms") as file:
            file.write_segment([ChannelObject("group", "channel", values)])
        read = TdmsFile.read("film.tdms")["group"]["channel"][:]
        found[order + kind] = read, values
        print(order + kind, read)
for kind, (read, values) in found.items():
    wanted = values if kind[0] == "<" else values.astype(kind).view("<" + kind[1:])
    assert np.array_equal(read, wanted) and read.dtype == np.dtype("<" + kind[1:]), f"changed: {kind}"
PYTHON
