#!/usr/bin/env bash
# AOtools's real Fourier transforms, rft and rft2, "properly scaled", and their inverses.
#
# Guess: as ft and ift, ft2 and ift2 do, the inverse gives the array back, with the spacing 1 / (N delta) of frequencies.
# Seen, aotools 1.0.8: irft gives (N / 2 + 1) / N of it, 0.5625 for 16 numbers; of 16x16 numbers irft2 makes 30x9 others, as
# the half that is kept is the last axis to rft2 and the first to irft2. Frequency zero stands in the middle of the half.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 aotools==1.0.8
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
from aotools import fouriertransform as ft

N, DELTA = 16, 0.1
picture = np.random.default_rng(0).standard_normal((N, N))
step = 1 / (N * DELTA)
whole = ft.ift(ft.ft(picture[0], DELTA), step), ft.ift2(ft.ft2(picture + 0j, DELTA), step)
line, square = ft.irft(ft.rft(picture[0], DELTA), step), ft.irft2(ft.rft2(picture, DELTA), step)
zero = int(np.abs(ft.rft(np.ones(N), DELTA)).argmax())
ones = ft.irft2(ft.rft2(np.ones((N, N)), DELTA), step)
print("ratio", (line / picture[0])[:3], "shape", square.shape, "of ones", ones[0, 0])
print("frequency zero at", zero)
assert np.allclose(whole[0], picture[0]) and np.allclose(whole[1], picture), "changed: complex transforms"
assert np.allclose(line, picture[0] * (N / 2 + 1) / N), "changed: irft"
assert square.shape == (30, 9) and zero == 4, "changed: irft2"
PYTHON
