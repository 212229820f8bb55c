#!/usr/bin/env bash
# phantominator's kspace_shepp_logan, the spectrum of ellipses at any points, with coils and without.
#
# Guess: one ellipse, 0.2 wide and 0.4 high (half axes), at x = 0.3, y = 0.5, has the same place and form in both, as in
# the picture by shepp_logan, at points in the units of BART's traj, cycles per field of view, which are asked for.
# Seen, phantominator 0.7.0: with coils the units are those, and the ellipse lies on its side, a quarter turn on. Without,
# points must be half as large: in BART's units the field of view is half of the picture, which is folded.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 phantominator==0.7.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io

import numpy as np
from phantominator import kspace_shepp_logan, shepp_logan

N = 96
ellipse = np.array([[1, 0.2, 0.4, 0.3, 0.5, 0.0]])  # grey level, half axes along x and y, centre, angle
k = np.arange(-N // 2, N // 2).astype(float)
kx, ky = (plane.ravel() for plane in np.meshgrid(k, k))


def box(picture):
    rows, columns = np.nonzero(picture > 0.5 * picture.max())
    return [int(end) for at in (rows, columns) for end in (at.min(), at.max())]


def picture_of(spectrum):
    planes = spectrum.reshape(N, N, -1)
    coils = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(planes, (0, 1)), axes=(0, 1)), (0, 1))
    return np.sqrt((abs(coils) ** 2).sum(-1))


with contextlib.redirect_stdout(io.StringIO()):
    coils = picture_of(kspace_shepp_logan(kx, ky, E=ellipse, ncoil=8))
found = {
    "picture": box(shepp_logan(N, E=ellipse)),
    "no coils": box(picture_of(kspace_shepp_logan(kx, ky, E=ellipse))),
    "no coils, k / 2": box(picture_of(kspace_shepp_logan(kx / 2, ky / 2, E=ellipse))),
    "coils": box(coils),
}
print("first and last row, first and last column:", found)
sizes = {name: (rows[1] - rows[0], rows[3] - rows[2]) for name, rows in found.items()}
assert np.abs(np.subtract(found["picture"], found["no coils, k / 2"])).max() <= 1, "changed: half the points"
assert found["no coils"][:2] == [0, N - 1], "changed: BART's units"
assert sizes["coils"][0] < 20 < sizes["coils"][1] and sizes["picture"][1] < 20 < sizes["picture"][0], "changed: coils"
PYTHON
