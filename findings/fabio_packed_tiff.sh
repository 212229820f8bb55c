#!/usr/bin/env bash
# TIFF compressed with PackBits, which each reader of TIFF has to know, read by fabio.
#
# Guess: it is read, as LZW, Deflate and plain TIFF are, or refused.
# Seen, fabio 2026.6.0: the compressed bytes are given as pixels, in the right shape and type and with no more than a line in the
# log: 5 as 1407, and 60675 where the largest is 1005. Of Deflate int8 comes as uint8 and uint32 as int32, -10 as 246, without a
# word, where plain TIFF of these is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 fabio==2026.6.0 pillow==12.3.0 \
    tifffile==2026.3.3
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging

import fabio
import numpy as np
import tifffile
from PIL import Image

logging.disable(logging.WARNING)  # that it lets Pillow read
counts = np.full((64, 64), 5, np.uint16)
counts[10:20, 30:40] = 1005
found = {}
for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
    Image.fromarray(counts).save("a.tif", compression=compression)
    assert np.array_equal(np.asarray(Image.open("a.tif")), counts), f"Pillow reads {compression} otherwise"
    read = fabio.open("a.tif").data
    found[compression] = read.shape, str(read.dtype), int(read[0, 0]), int(read.max()), bool(np.array_equal(read, counts))
print("shape, type, first, largest, whether the same:", found)
signs = {}
for kind in ("int8", "uint32"):
    numbers = np.full((64, 64), np.array(-10).astype(kind))
    for compression in (None, "zlib"):
        tifffile.imwrite("b.tif", numbers, compression=compression)
        signs[kind, compression] = int(fabio.open("b.tif").data[0, 0])
print("-10:", signs)
right = ((64, 64), "uint16", 5, 1005, True)
wanted = dict.fromkeys(("raw", "tiff_lzw", "tiff_adobe_deflate"), right) | {"packbits": ((64, 64), "uint16", 1407, 60675, False)}
assert found == wanted, f"changed: {found}"
large = 2**32 - 10
wanted = {("int8", None): -10, ("int8", "zlib"): 246, ("uint32", None): large, ("uint32", "zlib"): -10}
assert signs == wanted, f"changed: {signs}"
PYTHON
