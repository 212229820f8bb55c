#!/usr/bin/env bash
# Spectral Python on an ENVI picture whose header has a "reflectance scale factor", as imaging spectrometers write.
#
# Guess: each way to read gives reflectances, counts over the factor; saved with its own metadata, a picture reads as it
# did.
# Seen, spectral 0.25: load(), read_band() and indexing divide by the factor, open_memmap() does not: 10000 times as
# large. A picture that was loaded and is saved with its metadata keeps the factor beside numbers that were divided, and
# is divided twice when it is read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 spectral==0.25
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
from spectral.io import envi

FACTOR = 10_000.0
counts = np.random.default_rng(0).integers(1, 10_000, (5, 7, 3)).astype(np.uint16)
envi.save_image("a.hdr", counts, metadata={"reflectance scale factor": FACTOR})
picture = envi.open("a.hdr")
ways = {"load": picture.load(), "index": picture[:, :, :], "memmap": picture.open_memmap()}
envi.save_image("b.hdr", picture.load(), metadata=picture.metadata)
ways["saved again"] = envi.open("b.hdr").load()
found = {name: float(np.median(np.asarray(values, float) / (counts / FACTOR))) for name, values in ways.items()}
print("times the reflectance:", {name: f"{ratio:.6g}" for name, ratio in found.items()})
wanted = {"load": 1, "index": 1, "memmap": FACTOR, "saved again": 1 / FACTOR}
assert all(np.isclose(found[name], ratio) for name, ratio in wanted.items()), f"changed: {found}"
PYTHON
