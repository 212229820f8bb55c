#!/usr/bin/env bash
# imreg_dft.transform_img, by which imreg_dft draws the picture that it has registered.
#
# Guess: mode is that of scipy.ndimage, as its description says, so that "wrap" makes a shift one round the edge; zooming
# keeps the middle of the picture where it is, or another fixed point.
# Seen, imreg_dft 2.0.0: what comes in from outside is the background for each mode. A disc in the middle moves when it is
# zoomed, by nothing up to 0.9 pixels and by another amount for each size and factor, as the picture is zoomed to a whole
# number of pixels and cut to the middle by whole ones: of 65 pixels 0.9 at 0.8, 0.1 at 1.25. Shifts and turns are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 imreg_dft==2.0.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import imreg_dft
import numpy as np
from scipy import ndimage

picture = ndimage.gaussian_filter(np.random.default_rng(0).random((64, 64)), 2)
modes = ("constant", "nearest", "wrap", "reflect")
drawn = {mode: imreg_dft.transform_img(picture, tvec=(3, 4), mode=mode, bgval=7.0) for mode in modes}
edges = {mode: float(values[:3].mean()) for mode, values in drawn.items()}
inside = max(np.abs(values[4:, 5:] - np.roll(picture, (3, 4), (0, 1))[4:, 5:]).max() for values in drawn.values())
print("what comes in, by mode:", edges, "largest error inside:", float(inside))
assert set(edges.values()) == {7.0} and inside < 1e-12, f"changed: {edges}"

moved = {}
for size in (63, 64, 65, 101):
    places = np.arange(size) - (size - 1) / 2
    disc = np.exp(-(places[:, None] ** 2 + places**2) / 50)
    for scale in (0.8, 1.25, 2.0):
        zoomed = imreg_dft.transform_img(disc, scale=scale, bgval=0.0)
        centre = ndimage.center_of_mass(np.where(zoomed > 1e-3, zoomed, 0))[0]
        moved[size, scale] = round(float(centre - (size - 1) / 2), 2)
print("a disc in the middle moves by:", moved)
turned = ndimage.center_of_mass(imreg_dft.transform_img(disc, angle=30, bgval=0.0))
assert np.allclose(turned, (size - 1) / 2, atol=0.01), f"changed: {turned}"
assert moved[101, 1.25] == 0 and abs(moved[65, 0.8] + 0.9) < 0.05 and abs(moved[65, 1.25] + 0.13) < 0.05, f"changed: {moved}"
PYTHON
