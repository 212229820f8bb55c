#!/usr/bin/env bash
# ccdproc, which takes pictures of a telescope together: weights, masks and unsigned counts.
#
# Guess: a weighted mean of 100 stays 100 where one of the pictures is masked, and its uncertainty is the spread that it
# has; the sum of 2x2 pixels of which one is masked is masked or leaves it out; 300 less a bias of 305, as uint16, is -5.
# Seen, ccdproc 2.5.1, astropy 8.0.2: a masked picture counts as 0 with its full weight, 50 for 100 (its issue 893); the
# uncertainty is the one without weights, 4 where the spread is 6; block_reduce adds what is masked and gives a picture
# without a mask, as does block_average; and -5 is 65531, as FITS with BZERO = 32768 is read as uint16.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 astropy==8.0.2 ccdproc==2.5.1
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import logging

import ccdproc
import numpy as np
from astropy.nddata import CCDData

logging.disable()
WEIGHTS = np.array([1.0, 1, 2, 4])
noise = 10 * np.random.default_rng(0).standard_normal((4, 200, 200))
pictures = [CCDData(100 + one, unit="adu", mask=np.zeros(one.shape, bool)) for one in noise]
pictures[3].mask[:100] = True
combined = ccdproc.combine(pictures, method="average", weights=WEIGHTS)
plain = ccdproc.combine(pictures, method="average")
free = ccdproc.Combiner([CCDData(100 + one, unit="adu") for one in noise])
free.weights = WEIGHTS
mean = free.average_combine()
found = {
    "masked, weighted": float(combined.data[:100].mean()),
    "masked": float(plain.data[:100].mean()),
    "spread": float(mean.data.std()),
    "uncertainty": float(mean.uncertainty.array.mean()),
}
print("mean of 100:", found)
assert np.allclose([found["masked, weighted"], found["masked"]], [50, 100], atol=1), f"changed: {found}"
assert 5.5 < found["spread"] < 6.3 and 3.5 < found["uncertainty"] < 4.5, f"changed: {found}"

hole = CCDData(np.array([[1.0, 1], [1, 1e6]]), unit="adu", mask=np.array([[False, False], [False, True]]))
blocks = {kind.__name__: kind(hole, 2) for kind in (ccdproc.block_reduce, ccdproc.block_average)}
print("of 1, 1, 1 and a masked 1e6:", {name: (block.data.tolist(), block.mask) for name, block in blocks.items()})
assert all(block.mask is None for block in blocks.values()), "changed: a mask"
assert blocks["block_reduce"].data[0, 0] == 1_000_003, "changed: the sum"

for name, level in (("frame", 300), ("bias", 305)):
    CCDData(np.full((4, 4), level, np.uint16), unit="adu").write(f"{name}.fits")
frame, bias = (CCDData.read(f"{name}.fits") for name in ("frame", "bias"))
less = ccdproc.subtract_bias(frame, bias)
print("300 less 305:", less.data[0, 0], less.data.dtype, "read as", frame.data.dtype)
assert frame.data.dtype.kind == "u" and less.data[0, 0] == 65531, "changed: unsigned"
PYTHON
