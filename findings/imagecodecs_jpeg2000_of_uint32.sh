#!/usr/bin/env bash
# JPEG 2000 without loss of whole numbers of 32 bits without a sign, by imagecodecs and so by tifffile.
#
# Guess: what is asked to be reversible comes back as it was; or there is an error, as for floats.
# Seen, imagecodecs 2026.3.6, tifffile 2026.3.3: 0 comes back as 1, and what is above 67108863, 2^26 - 1, as other
# numbers, without a word. With a sign, or in 16 bits, all is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 tifffile==2026.3.3 imagecodecs==2026.3.6
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
import tifffile


def again(values):
    tifffile.imwrite("a.tif", values, compression="jpeg2000", compressionargs={"reversible": True})
    return tifffile.imread("a.tif")


ramp = np.tile(np.arange(64), (64, 1)) * 1000
large = np.random.default_rng(0).integers(2**26, 2**32, (64, 64), dtype="u4")
of_ramp = {kind: int((again(ramp.astype(kind)) != ramp).sum()) for kind in ("u2", "i4", "u4")}
zero, right = int(again(ramp.astype("u4"))[0, 0]), int((again(large) == large).sum())
print("wrong numbers of a ramp:", of_ramp, "0 becomes", zero, "right ones above 2^26:", right, "of", large.size)
assert of_ramp == {"u2": 0, "i4": 0, "u4": 64} and zero == 1, "changed: small numbers"
assert right < 64, "changed: large numbers"
PYTHON
