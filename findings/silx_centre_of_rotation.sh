#!/usr/bin/env bash
# silx.image.tomography.calc_center_corr, which finds the axis of rotation of a sinogram from its first and last line.
#
# Guess: a body that turns about the place c of 64 has the centre c, give or take half a pixel, wherever c is.
# Seen, silx 3.1.3: right of the middle it does; left of it half of the detector's width is added, 61 to 64 for 29 to 32,
# as lines are padded to twice their length and a shift to the left is taken back by once that length. Shifts by more than
# half of the width, c of 48 and more, come out half of the width too small. With props, "number of propositions", the
# places of the least correlation are given: of three none is within a pixel of the centre for 11 of 16.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 silx==3.1.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from silx.image.tomography import calc_center_corr

WIDTH = 64
angles, places = np.linspace(0, np.pi, 91), np.arange(WIDTH)
centres, off, propositions = range(18, 56), {}, {}
for centre in centres:
    track = centre + 6 * np.cos(angles)[:, None]
    sinogram = np.exp(-(((places - track) / 3) ** 2) / 2) + 0.5 * np.exp(-(((places - centre) / 2) ** 2) / 2)
    off[centre] = float(calc_center_corr(sinogram)) - centre
    propositions[centre] = calc_center_corr(sinogram, props=3)
print("found less the centre:", off)
right, left, far = range(32, 48), range(18, 32), range(48, 56)
assert all(abs(off[centre]) <= 1 for centre in right), "changed: right of the middle"
assert all(abs(off[centre] - WIDTH / 2) <= 1 for centre in left), "changed: left of the middle"
assert all(abs(off[centre] + WIDTH / 2) <= 1 for centre in far), "changed: far to the right"
near = [centre for centre in right if np.abs(propositions[centre] - centre).min() <= 1]
print("centres among the three propositions:", near, "such as", propositions[40])
assert len(near) < 8, "changed: propositions"
PYTHON
