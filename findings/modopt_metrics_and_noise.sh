#!/usr/bin/env bash
# ModOpt's Poisson noise, and its PSNR, in modopt.math.metrics and in modopt.math.stats.
#
# Guess: a picture of 8 becomes counts whose mean and variance are 8; a picture of half the contrast has a PSNR of some
# 10 dB; with a mask only what is in it counts; and turning both pictures by a quarter does not change it.
# Seen, ModOpt 1.7.2: counts are added to the picture, so that their mean is 16. In metrics each of the two pictures is
# stretched from 0 to 1 first, so that one of half the contrast, and one that is 3 brighter, have no error: 300 dB and more;
# and masked errors are divided by all pixels, 12 dB too much where the mask is a sixteenth. In stats the default method
# takes the number of rows for the root of the number of pixels: 16 x 64 pixels are 6 dB too low, the same ones turned 6 dB
# too high. The documentation says none of this; it says "adds Poisson noise".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 modopt==1.7.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from modopt.math import metrics, stats
from modopt.signal.noise import add_noise

rng = np.random.default_rng(0)
counts = add_noise(np.full(100_000, 8.0), noise_type="poisson", rng=0)
print("mean and variance of counts of 8:", counts.mean().round(2), counts.var().round(2))
assert abs(counts.mean() - 16) < 0.1 and abs(counts.var() - 8) < 0.2, "changed: add_noise"

picture = rng.random((32, 32))
errors = rng.normal(0, 0.05, picture.shape) * (picture > 0.1) * (picture < 0.9)  # keeps the ends, so that nothing is stretched
picture.flat[:2], errors.flat[:2] = (0, 1), 0
mask = np.zeros_like(picture)
mask[:8, :8] = 1
found = {
    "half contrast": metrics.psnr(0.5 * picture, picture),
    "moved": metrics.psnr(picture + 3, picture),
    "all pixels": metrics.psnr(picture + errors, picture) + 10 * np.log10((errors**2).mean()),
    "masked": metrics.psnr(picture + errors, picture, mask) + 10 * np.log10((errors[:8, :8] ** 2).mean()),
}
print("PSNR, and for the last two what it is above the pixels' own:", {key: float(value) for key, value in found.items()})
assert found["half contrast"] > 250 and found["moved"] > 250, "changed: stretched"
assert abs(found["all pixels"]) < 0.5 and found["masked"] > 10, "changed: masked"

wide = rng.random((16, 64))
noisy = wide + rng.normal(0, 0.05, wide.shape)
own = 20 * np.log10(np.ptp(wide) / np.sqrt(((noisy - wide) ** 2).mean()))
apart = [float(stats.psnr(*pair) - own) for pair in ((wide, noisy), (wide.T, noisy.T))]
print("dB of 16 x 64 and 64 x 16 above 20 log10(range / root mean square error):", apart)
assert np.allclose(apart, [-20 * np.log10(2), 20 * np.log10(2)]), "changed: starck"
PYTHON
