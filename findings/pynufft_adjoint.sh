#!/usr/bin/env bash
# pynufft's NUFFT: its adjoint beside its forward transform.
#
# Guess: <A x, y> = <x, A.adjoint(y)>, as its documentation calls the two, whatever the oversampled grid.
# Seen, pynufft 2025.2.1: forward is the plain sum, and adjoint is the adjoint over the number of points of the oversampled
# grid, so that the sides differ by 768 for 16x12 pixels oversampled by 2, and by 1728 by 3. A step of a gradient method,
# or a weight, that was right for one grid is wrong for the other.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pynufft==2025.2.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from pynufft import NUFFT

rng, shape, found = np.random.default_rng(0), (16, 12), {}
x, y = (rng.standard_normal((2, *size)) for size in (shape, (60,)))
x, y = x[0] + 1j * x[1], y[0] + 1j * y[1]
points = rng.uniform(-np.pi, np.pi, (60, 2))  # radians per pixel
rows, columns = (np.arange(n) - n // 2 for n in shape)
turns = points[:, 0, None, None] * rows[:, None] + points[:, 1, None, None] * columns
exact = (x * np.exp(-1j * turns)).sum((1, 2))
for factor in (2, 3):
    A = NUFFT()
    A.plan(points, shape, tuple(factor * n for n in shape), (6, 6))
    seen = A.forward(x)
    assert np.linalg.norm(seen - exact) < 1e-3 * np.linalg.norm(exact), "changed: forward is no plain sum"
    found[factor] = float((np.vdot(seen, y) / np.vdot(x, A.adjoint(y))).real)
print("<A x, y> / <x, A.adjoint(y)>, by the oversampling:", found)
assert all(np.isclose(ratio, 16 * 12 * factor**2, rtol=1e-3) for factor, ratio in found.items()), f"changed: {found}"
PYTHON
