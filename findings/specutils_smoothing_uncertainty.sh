#!/usr/bin/env bash
# The uncertainty of a spectrum that specutils has smoothed: "propagated using a standard propagation of errors".
#
# Guess: a mean of three values with a standard deviation of 0.25 has 0.25 / sqrt(3) = 0.14, and white noise that is smoothed
# has what is foretold.
# Seen, specutils 2.4.0: it is 0.25 * sqrt(3) = 0.43, and 0.82 in place of 0.08 under a Gaussian of 3 pixels: the kernel's
# squares are summed with inverse variances, so that smoothing makes noise larger. median_smooth leaves it as it was.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 specutils==2.4.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import warnings

import numpy as np
from astropy import units
from astropy.nddata import StdDevUncertainty, VarianceUncertainty

warnings.simplefilter("ignore")
from specutils import Spectrum
from specutils.manipulation import box_smooth, gaussian_smooth, median_smooth

COUNT, NOISE = 2001, 0.25
flux = np.random.default_rng(0).normal(10, NOISE, COUNT) * units.Jy
axis = np.linspace(5000, 6000, COUNT) * units.AA
kinds = {"deviation": StdDevUncertainty(np.full(COUNT, NOISE)), "variance": VarianceUncertainty(np.full(COUNT, NOISE**2))}
found = {}
for kind, uncertainty in kinds.items():
    spectrum = Spectrum(flux=flux, spectral_axis=axis, uncertainty=uncertainty)
    for smooth in (box_smooth, gaussian_smooth, median_smooth):
        made = smooth(spectrum, 3)
        said = made.uncertainty.represent_as(StdDevUncertainty).array[COUNT // 2]
        found[kind, smooth.__name__] = float(said.round(2)), float(made.flux.value[20:-20].std().round(2))
print("foretold and seen:", found)
for kind in kinds:
    assert found[kind, "box_smooth"] == (0.43, 0.14), "changed: box"
    assert found[kind, "gaussian_smooth"][0] == 0.82 and found[kind, "gaussian_smooth"][1] < 0.1, "changed: Gaussian"
    assert found[kind, "median_smooth"] == (0.25, 0.17), "changed: median"
PYTHON
