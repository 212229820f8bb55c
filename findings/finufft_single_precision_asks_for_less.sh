#!/usr/bin/env bash
# finufft, pictures of complex64: what precision comes of a tolerance, and what an upsampling factor of 1.25 does to it.
#
# Guess: eps = 1e-6 gives an error of about 1e-6, with either upsampling factor; a warning where it does not.
# Seen, finufft 2.5.1, 192x192, points at random in the whole spectrum: eps = 1e-5 and 1e-6 give the same error without a
# warning, 1.4e-5 of the norm with the factor 2 and 3.3e-5 with 1.25, of which the rounding of the points is 4e-6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 finufft==2.5.1
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import finufft
import numpy as np

rng = np.random.default_rng(0)
picture = rng.standard_normal((192, 192)) + 1j * rng.standard_normal((192, 192))
points = rng.uniform(-np.pi, np.pi, (2, 4000))
exact = finufft.nufft2d2(*points, picture, eps=1e-13)
found = {}
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for factor in (2.0, 1.25):
        for eps in (1e-5, 1e-6):
            y = finufft.nufft2d2(*points.astype("f4"), picture.astype("c8"), eps=eps, upsampfac=factor, showwarn=0)
            found[factor, eps] = float(np.linalg.norm(y - exact) / np.linalg.norm(exact))
print({key: f"{error:.1e}" for key, error in found.items()}, len(warned), "warnings")
assert not warned, f"changed: {warned[0].message}"
assert all(error > 1e-5 for error in found.values()), "changed: single precision meets 1e-5"
for factor in (2.0, 1.25):
    assert abs(found[factor, 1e-6] / found[factor, 1e-5] - 1) < 0.1, "changed: a smaller tolerance gives a smaller error"
PYTHON
