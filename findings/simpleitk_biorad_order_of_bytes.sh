#!/usr/bin/env bash
# A stack of 16 bits in the format of Bio-Rad's confocal microscopes (.pic), written and read again by SimpleITK.
#
# Guess: numbers come back, as those of 8 bits do; the format has the small byte first.
# Seen, SimpleITK 2.5.7: the header has the small byte first and the numbers the large one, so that SimpleITK itself reads 300
# as 11265.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 SimpleITK==2.5.7
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path

import numpy as np
import SimpleITK

HEADER = 76
stack = np.arange(3 * 8 * 10, dtype=np.uint16).reshape(3, 8, 10) * 200 + 100
found = {}
for kind in ("uint8", "uint16"):
    given = (stack % 251).astype(kind) if kind == "uint8" else stack
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(given), "a.pic")
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("a.pic"))
    kinds = {"the same": given, "bytes swapped": given.byteswap()}
    found[kind] = str(read.dtype), next(name for name, wanted in kinds.items() if np.array_equal(read, wanted))
content = Path("a.pic").read_bytes()
size = np.frombuffer(content, "<i2", 3).tolist()
large = np.array_equal(np.frombuffer(content, ">u2", stack.size, HEADER), stack.ravel())
print(found, "size in the header, small byte first:", size, "numbers with the large byte first:", large)
wanted = {"uint8": ("uint8", "the same"), "uint16": ("uint16", "bytes swapped")}
assert found == wanted and size == [10, 8, 3] and large, f"changed: {found}, {size}, {large}"
PYTHON
