#!/usr/bin/env bash
# A detector's counts in the compressed format of Oxford Diffraction (.img, "TY1"), written and read again by fabio.
#
# Guess: counts come back, whatever whole numbers they were.
# Seen, fabio 2026.6.0: of uint8 and uint16 each fall from a pixel to the next adds 256 or 65536 to the rest of the row, so that
# hardly a number is right, by convert("oxd") from EDF too. The same counts as int16, int32 and uint32 are right. Nothing is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 fabio==2026.6.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging

import fabio
import numpy as np
from fabio.edfimage import EdfImage
from fabio.OXDimage import OxdImage

logging.disable(logging.WARNING)  # that it compresses
counts = np.arange(256 * 256).reshape(256, 256) * 7 % 200
found = {}
for kind in ("uint8", "uint16", "uint32", "int16", "int32"):
    OxdImage(data=counts.astype(kind)).write("a.img")
    read = fabio.open("a.img").data
    found[kind] = float((read == counts).mean())
    if kind == "uint16":
        offsets = np.unique((read - counts)[0] % 65536).tolist()
        print("uint16", counts[0, 27:31].tolist(), "is read as", read[0, 27:31].tolist())
EdfImage(data=counts.astype("uint16")).write("a.edf")
fabio.open("a.edf").convert("oxd").write("b.img")
found["converted"] = float((fabio.open("b.img").data == counts).mean())
print("share of the numbers that come back:", found)
for kind in ("uint32", "int16", "int32"):
    assert found[kind] == 1, f"changed: {kind}"
for kind in ("uint8", "uint16", "converted"):
    assert found[kind] < 0.01, f"changed: {kind}"
assert offsets == [0], f"changed: {offsets}"
PYTHON
