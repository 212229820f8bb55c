#!/usr/bin/env bash
# sigpy.mri.get_cov and sigpy.mri.whiten, by which the noise of coils is made white before a reconstruction.
#
# Guess: get_cov gives what numpy.cov gives of the noise scan and leaves that alone; noise made white by it has the
# variance 1, as weights, thresholds and SNR maps take it.
# Seen, sigpy 0.1.27: the covariance is the sum over the samples, not divided by their number, so that noise made white
# by a scan of N samples has the variance 1 / N and depends on how long the scan was. The means are taken off the
# caller's own array.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 sigpy==0.1.27
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sigpy.mri import get_cov, whiten

rng, coils = np.random.default_rng(0), 4


def noise(samples):
    parts = rng.standard_normal((2, coils, samples))
    return np.linalg.cholesky(np.eye(coils) + 0.5) @ (parts[0] + 1j * parts[1]) + 0.25


found = {}
for samples in (1000, 10_000):
    scan, other = noise(samples), noise(50_000)
    before = scan.copy()
    white = whiten(other, get_cov(scan))
    found[samples] = float(white.var()), bool((scan == before).all())
    assert np.allclose(get_cov(before.copy()) / (samples - 1), np.cov(before)), "changed: no multiple of numpy.cov"
print("variance of noise made white, and whether the scan is as it was:", found)
for samples, (variance, same) in found.items():
    assert abs(variance * samples - 1) < 0.1, f"changed: {variance}"
    assert not same, "changed: the scan is left alone"
PYTHON
