#!/usr/bin/env bash
# FITS of unsigned 16 bits (BZERO = 32768, BSCALE = 1) whose header says which stored number is missing (BLANK), by astropy.
#
# Guess: what is BLANK is NaN, as it is in a file without BZERO, or with BSCALE = 0.5.
# Seen, astropy 8.0.2: without BZERO it is NaN; with BZERO = 32768 it is a number like any other, 32767 for BLANK = -1, and
# nothing says so. fits.open(..., uint=False) gives NaN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
cd "$folder"
venv/bin/python -W error - <<'PYTHON'
from pathlib import Path

import numpy as np
from astropy.io import fits

stored = np.arange(-1, 79, dtype=">i2").reshape(8, 10)
cards = {"SIMPLE": "T", "BITPIX": 16, "NAXIS": 2, "NAXIS1": 10, "NAXIS2": 8, "BLANK": -1}
KINDS = {"BLANK": {}, "BSCALE": {"BSCALE": 0.5}, "BZERO": {"BSCALE": 1, "BZERO": 32768}}
found = {}
for name, scaling in KINDS.items():
    header = "".join(f"{key:<8}= {value:>20}".ljust(80) for key, value in (cards | scaling).items()) + "END".ljust(80)
    Path(f"{name}.fits").write_bytes(header.ljust(2880).encode() + stored.tobytes().ljust(2880, b"\0"))
    values = fits.getdata(f"{name}.fits")
    found[name] = str(values.dtype), float(values[0, 0]), float(values[0, 2])
found["BZERO, uint=False"] = (str((values := fits.getdata("BZERO.fits", uint=False)).dtype), *map(float, values[0, [0, 2]]))
print("type, the missing number, the third one:", found)
assert np.isnan([found[name][1] for name in ("BLANK", "BSCALE", "BZERO, uint=False")]).all(), "changed"
assert found["BZERO"] == ("uint16", 32767.0, 32769.0), f"changed: {found['BZERO']}"
PYTHON
