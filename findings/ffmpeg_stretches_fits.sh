#!/usr/bin/env bash
# FITS read by FFmpeg, through PyAV.
#
# Guess: 16 bits of FITS (FITS Standard 4.0, section 5.2) come out as they are, or shifted to be unsigned, in its rows' order.
# Seen, PyAV 18.1.0: the least number of the picture becomes 0 and the largest 65535, whatever they are, so that 0 to 191
# come out 343.1 times as large, the rows are turned upside down, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 av==18.1.0
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import av
import numpy as np

stored = np.arange(12 * 16).reshape(12, 16)
cards = {"SIMPLE": "T", "BITPIX": 16, "NAXIS": 2, "NAXIS1": 16, "NAXIS2": 12}
header = "".join(f"{key:<8}= {value:>20}".ljust(80) for key, value in cards.items()) + "END".ljust(80)
content = header.ljust(2880).encode() + stored.astype(">i2").tobytes().ljust(2880, b"\0")
path = Path(sys.argv[1]) / "a.fits"
path.write_bytes(content)
with av.open(str(path)) as file:
    found = next(file.decode(video=0)).to_ndarray()
print(found[-1, :3].tolist(), found.min(), found.max())
wanted = (stored[::-1] * (65535 / 191)).astype(int)
assert abs(found.astype(int) - wanted).max() <= 1, f"changed: {found[-1, :3]}"
PYTHON
