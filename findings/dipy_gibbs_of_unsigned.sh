#!/usr/bin/env bash
# dipy's gibbs_removal (ringing of a spectrum that was cut off) of unsigned whole numbers, as magnitudes of a scanner are.
#
# Guess: the values are those of floats, rounded or cut to whole numbers, as they are of int16.
# Seen, dipy 1.12.1: of 24x24 pixels with numbers of 0 to 572, uint16 gives 505 numbers above 1000, up to 63468: differences
# of neighbours wrap round inside, though no value of the floats is below 0. int16 is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 dipy==1.12.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from dipy.denoise.gibbs import gibbs_removal

object_ = np.zeros((48, 48))
object_[12:36, 12:36], object_[20:28, 20:28] = 500, 300
spectrum = np.fft.fftshift(np.fft.fft2(object_))[12:36, 12:36]
picture = np.rint(abs(np.fft.ifft2(np.fft.ifftshift(spectrum))) / 4)
found = {}
for kind in ("float64", "int16", "uint16"):
    values = gibbs_removal(picture.astype(kind), inplace=False, num_processes=1)
    found[kind] = str(values.dtype), float(values.min()), float(values.max()), int((values > 1000).sum())
print("type, least, largest, how many above 1000:", found)
assert found["float64"][1] >= 0 and found["float64"][3] == 0, "changed: floats"
assert found["int16"][0] == "int16" and found["int16"][3] == 0, "changed: signed numbers"
assert found["uint16"][0] == "uint16" and found["uint16"][3] > 400, "changed: unsigned numbers"
PYTHON
