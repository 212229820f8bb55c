#!/usr/bin/env bash
# sigpy's NUFFT with its defaults beside the sum that it stands for, and the type of what it gives for a real picture.
#
# Guess: within 1e-3 of the sum; a real picture of float64 gives complex128.
# Seen, sigpy 0.1.27: 4e-3 to 7e-3 of the norm; complex64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 sigpy==0.1.27
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import sigpy

rng = np.random.default_rng(0)
shape = (32, 24)
picture = rng.standard_normal(shape)
points = rng.uniform(-0.5, 0.5, (300, 2)) * shape  # cycles per field of view
rows, columns = (np.arange(n) - n // 2 for n in shape)
turns = points[:, 0, None, None] * rows[:, None] / shape[0] + points[:, 1, None, None] * columns / shape[1]
exact = (picture * np.exp(-2j * np.pi * turns)).sum((1, 2)) / np.sqrt(picture.size)
found = sigpy.nufft(picture, points)
error = float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
print(found.dtype, f"{error:.1e}")
assert found.dtype == np.complex64, f"changed: {found.dtype}"
assert 2e-3 < error < 2e-2, f"changed: {error}"
PYTHON
