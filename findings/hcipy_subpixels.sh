#!/usr/bin/env bash
# HCIPy's detectors on light that was computed on a finer grid than that of their pixels, subsampling=2.
#
# Guess: both detectors give pictures on the grid they were made with, "the grid on which the detector returns its
# images", each pixel the sum of its four.
# Seen, hcipy 0.7.1: NoiselessDetector takes subsampling and never uses it: its picture lies on the fine grid, four times
# as many numbers of a quarter of the light each. NoisyDetector, all noise off, gives the pixels. So the noise that one
# finds as the difference of the two cannot be computed, and a flux per pixel is a quarter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 hcipy==0.7.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import hcipy
import numpy as np

grid = hcipy.make_pupil_grid(16)
fine = hcipy.make_supersampled_grid(grid, 2)
light = hcipy.Field(np.random.default_rng(0).random(fine.size), fine)
pixels = light.shaped.reshape(16, 2, 16, 2).sum((1, 3)).ravel()
detectors = {
    "noiseless": hcipy.NoiselessDetector(grid, subsampling=2),
    "noisy": hcipy.NoisyDetector(grid, include_photon_noise=False, subsampling=2),
}
found = {}
for name, detector in detectors.items():
    detector.integrate(light, 1.0)
    picture = detector.read_out()
    found[name] = picture.size, float(picture.mean() / pixels.mean())
    assert np.allclose(picture, {"noiseless": light, "noisy": pixels}[name]), f"changed: {name}"
print("numbers, and their mean over that of the pixels:", found)
assert found["noiseless"][0] == fine.size and found["noisy"][0] == grid.size, f"changed: {found}"
assert np.allclose([found["noiseless"][1], found["noisy"][1]], [0.25, 1]), f"changed: {found}"
PYTHON
