#!/usr/bin/env bash
# bm3d, the noise filter's own package: pictures in other units, deblurring, and greys as colours.
#
# Guess: a picture and its noise in counts of 0 to 255 come out as 255 times what they come out as in 0 to 1, denoised and
# deblurred; a grey picture as three equal colours comes out as one.
# Seen, bm3d 4.0.3, numpy 2.0.2 (deblurring needs numpy.trapz): denoising does not mind the unit. Deblurring divides by
# |F h|^2 plus 4e-4 times the power of the noise in the picture's unit, squared, so that in counts the picture stays nearly
# as blurred as it was, 0.5 dB better in place of 4, and in units of 1/255 noise is blown up to 5 dB worse than nothing
# done. Of three equal colours each number is NaN, without an error, by the default colour space. No docstring speaks of
# either.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.0.2 scipy==1.17.1 bm3d==4.0.3 bm4d==4.2.5
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import bm3d
import numpy as np

SIDE, UNITS = 96, (1, 255, 1 / 255)
rows, columns = np.mgrid[:SIDE, :SIDE]
clean = 0.5 + 0.3 * np.sin(columns / 7) * np.cos(rows / 11) + 0.15 * ((columns // 16 + rows // 16) % 2)
noise = np.random.default_rng(0).standard_normal((SIDE, SIDE))
kernel = bm3d.gaussian_kernel((9, 9), 2.0)
whole = np.roll(np.pad(kernel, ((0, SIDE - 9), (0, SIDE - 9))), (-4, -4), (0, 1))
blurred = np.fft.ifft2(np.fft.fft2(clean) * np.fft.fft2(whole)).real + 0.01 * noise
noisy = clean + 0.08 * noise


def decibels(picture):
    return round(float(-10 * np.log10(np.mean((np.squeeze(picture) - clean) ** 2))), 2)


denoised = [decibels(bm3d.bm3d(noisy * unit, 0.08 * unit) / unit) for unit in UNITS]
deblurred = [decibels(bm3d.bm3d_deblurring(blurred[..., None] * unit, 0.01 * unit, kernel) / unit) for unit in UNITS]
colours = {space: bm3d.bm3d_rgb(np.stack([noisy] * 3, -1), 0.08, colorspace=space) for space in ("opp", "YCbCr")}
nans = {space: float(np.isnan(values).mean()) for space, values in colours.items()}
print("dB in units of 1, 255 and 1/255: denoised", denoised, "blurred", decibels(blurred), "deblurred", deblurred, "NaN", nans)
assert np.ptp(denoised) < 0.01, "changed: denoising minds the unit"
gains = [value - decibels(blurred) for value in deblurred]
assert gains[0] > 3.5 and 0 < gains[1] < 1 and gains[2] < -4, f"changed: {gains}"
assert nans == {"opp": 1.0, "YCbCr": 0.0}, f"changed: {nans}"
PYTHON
