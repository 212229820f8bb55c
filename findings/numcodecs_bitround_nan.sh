#!/usr/bin/env bash
# numcodecs' BitRound, by which Zarr rounds floats to fewer bits, and missing numbers.
#
# Guess: NaN stays NaN, whichever NaN it is.
# Seen, numcodecs 0.16.6: numpy's own does. 0x7fffffff, the NaN that CUDA's arithmetic gives in float32 (CUDA
# Programming Guide 1.1, appendix A.2), becomes -0, and 0xffffffff becomes 0: pixels that were missing are black, without
# a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 numcodecs==0.16.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from numcodecs import BitRound

KINDS = {"numpy": np.array(np.nan, "f4").view("u4"), "CUDA": 0x7FFFFFFF, "all bits": 0xFFFFFFFF}
found = {}
for name, bits in KINDS.items():
    picture = np.array([1.5, bits, 2.5], "f4")
    picture.view("u4")[1] = bits
    assert np.isnan(picture[1])
    codec = BitRound(keepbits=12)
    found[name] = np.asarray(codec.decode(codec.encode(picture))).view("f4").tolist()
print(found)
assert np.isnan(found.pop("numpy")[1]), "changed: numpy's NaN"
assert all(seen == [1.5, 0, 2.5] for seen in found.values()), f"changed: {found}"
PYTHON
