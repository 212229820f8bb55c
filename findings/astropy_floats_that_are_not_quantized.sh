#!/usr/bin/env bash
# Floats in a FITS image that astropy compresses (CompImageHDU), with quantize_level=0, by which they are not quantized.
#
# Guess: with its default, RICE_1, as with GZIP_1, they come back as they are, or the pair is refused, as RICE is for whole
# numbers.
# Seen, astropy 8.0.2: with RICE_1, HCOMPRESS_1 and PLIO_1 their fractions are cut off, 9.9 is 9, without a word, and the type
# is still float32; with RICE_1 NaN becomes -2147483648, and NumPy warns of a cast. With GZIP_1 and GZIP_2 they come back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 astropy==8.0.2
cd "$folder"
venv/bin/python -W error - <<'PYTHON'
import warnings

import numpy as np
from astropy.io import fits

picture = (np.random.default_rng(0).random((64, 64)) * 10).astype(np.float32)
gap = picture.copy()
gap[0, 0] = np.nan


def read_back(values, kind):
    fits.CompImageHDU(values, compression_type=kind, quantize_level=0).writeto("a.fits", overwrite=True)
    return fits.getdata("a.fits", 1)


found = {}
for kind in ("RICE_1", "HCOMPRESS_1", "PLIO_1", "GZIP_1", "GZIP_2"):
    read = read_back(picture, kind)
    kinds = {"the same": picture, "cut off": np.floor(picture)}
    found[kind] = str(read.dtype), [name for name, wanted in kinds.items() if np.array_equal(read, wanted)]
with warnings.catch_warnings(action="ignore"):
    missing = {kind: float(read_back(gap, kind)[0, 0]) for kind in ("RICE_1", "GZIP_1")}
print(found, "NaN:", missing)
assert all(found[kind] == ("float32", ["cut off"]) for kind in ("RICE_1", "HCOMPRESS_1", "PLIO_1")), "changed"
assert all(found[kind] == ("float32", ["the same"]) for kind in ("GZIP_1", "GZIP_2")), "changed: GZIP"
assert missing["RICE_1"] == -(2**31) and np.isnan(missing["GZIP_1"]), "changed: NaN"
PYTHON
