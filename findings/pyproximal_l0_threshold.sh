#!/usr/bin/env bash
# The proximal steps of pyproximal's L0, Log1 and RelaxedMumfordShah beside their values.
#
# Guess: prox(x, tau) is where tau f(z) + |z - x|^2 / 2 is least, as of L1, SCAD and ETP: L0's threshold is
# sqrt(2 tau sigma).
# Seen, pyproximal 0.13.0: L0 has the threshold tau sigma, and its value is without sigma; with tau = 0.1 numbers of 0.1 to
# 0.44 stay that cost more than they bring. Log1's value is without its sigma, and the bound of RelaxedMumfordShah is one for
# the whole array in the value and one for each number in the step. L1 is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pylops==2.8.0 \
    pyproximal==0.13.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import pyproximal

x = np.arange(1, 81) / 80
grid = np.linspace(-2, 2, 40_001)
kept = {}
for name, function in {"L1": pyproximal.L1(), "L0": pyproximal.L0()}.items():
    step = function.prox(x.copy(), 0.1)
    cost = [0.1 * function(np.array([z])) + (z - given) ** 2 / 2 for given, z in zip(x, step, strict=True)]
    best = [(0.1 * (abs(grid) if name == "L1" else grid != 0) + (grid - given) ** 2 / 2).min() for given in x]
    kept[name] = float(x[step != 0].min()), int((np.subtract(cost, best) > 1e-6).sum())
print("least number that is kept, how many of 80 are not best:", kept)
point = np.array([0.5, 2.0])
values = {
    "L0": [float(pyproximal.L0(sigma=sigma)(point)) for sigma in (1.0, 3.0)],
    "Log1": [float(pyproximal.Log1(sigma=sigma, delta=1.0)(point)) for sigma in (1.0, 3.0)],
    "L1": [float(pyproximal.L1(sigma=sigma)(point)) for sigma in (1.0, 3.0)],
}
print("value with sigma 1 and 3:", values)
bounded = pyproximal.RelaxedMumfordShah(sigma=1.0, kappa=1.0)
alone, both = sum(bounded(point[k : k + 1]) for k in range(2)), bounded(point)
steps = np.concatenate([bounded.prox(point[k : k + 1].copy(), 0.1) for k in range(2)]) - bounded.prox(point.copy(), 0.1)
print("RelaxedMumfordShah, sum of the values of each number, of both, difference of the steps:", alone, both, steps.tolist())
assert kept["L1"][1] == 0 and kept["L0"] == (0.1125, 27), f"changed: {kept}"
assert values["L0"][0] == values["L0"][1] and values["Log1"][0] == values["Log1"][1], "changed: sigma"
assert values["L1"] == [2.5, 7.5] and (alone, both) == (1.25, 1.0) and not steps.any(), "changed"
PYTHON
