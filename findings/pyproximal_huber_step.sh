#!/usr/bin/env bash
# The proximal step of pyproximal's Huber function, H(x) = x^2 / (2 alpha) up to alpha and |x| - alpha / 2 beyond.
#
# Guess: prox(x, tau) is the u with the least (u - x)^2 / 2 + tau H(u), and grows with x.
# Seen, pyproximal 0.13.0: it asks whether x, in place of u, is above alpha. With alpha = 1 and tau = 2 the step of 1 is
# 0.33, that of 1.01 is 0, that of 2.5 is 0.5 where 0.83 has the least sum. Above alpha +
# tau, and up to alpha, it is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pylops==2.8.0 pyproximal==0.13.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import pyproximal

TAU, x = 2.0, np.array([0.5, 1.0, 1.01, 1.5, 2.5, 2.99, 3.0, 5.0])
huber = pyproximal.Huber(alpha=1.0)
grid = np.linspace(-1, 6, 70_001)
values = np.array([huber(np.array([u])) for u in grid])
least = np.array([grid[np.argmin((grid - one) ** 2 / 2 + TAU * values)] for one in x])
seen = huber.prox(x.copy(), TAU)
print("x    ", x.tolist())
print("step ", seen.round(3).tolist())
print("least", least.round(3).tolist())
assert np.allclose(least, (1 - TAU / np.maximum(x, TAU + 1)) * x, atol=1e-4)
assert np.allclose(seen, np.where(x > 1, np.maximum(x - TAU, 0), x / (1 + TAU))), f"changed: {seen}"
PYTHON
