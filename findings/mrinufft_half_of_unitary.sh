#!/usr/bin/env bash
# mri-nufft's operator with its defaults, beside the unitary sum, 1 / sqrt(pixels) times the sum over the pixels.
#
# Guess: the same, as sigpy's NUFFT has it.
# Seen, mri-nufft 1.5.1 with finufft 2.5.1: half of it for pictures, 1 / sqrt(8) of it for volumes, as if the pixels of
# a grid twice as large in each direction were counted. Weights and steps that were chosen with a unitary transform are
# off by 4 and by 8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 finufft==2.5.1 mri-nufft==1.5.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from mrinufft import get_operator

rng, found = np.random.default_rng(0), {}
for shape in ((12, 10), (6, 8, 10)):
    points = rng.uniform(-0.5, 0.5, (40, len(shape))).astype(np.float32)  # cycles per pixel
    picture = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    places = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1).reshape(-1, len(shape))
    unitary = np.exp(-2j * np.pi * points @ places.T) @ picture.ravel() / np.sqrt(picture.size)
    seen = np.ravel(get_operator("finufft")(points.copy(), shape=shape).op(picture))
    ratio = np.vdot(unitary, seen) / np.vdot(unitary, unitary)
    assert np.allclose(seen, ratio * unitary, atol=1e-4), "changed: no multiple of the sum"
    found[len(shape)] = float(abs(ratio))
print("times the unitary sum, by the number of dimensions:", found)
assert all(abs(ratio - 2 ** (-d / 2)) < 1e-4 for d, ratio in found.items()), f"changed: {found}"
PYTHON
