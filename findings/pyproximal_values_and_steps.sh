#!/usr/bin/env bash
# pyproximal's proximal steps of terms that are not convex, by what a step is: where f(x) + |x - v|^2 / (2 tau) is least.
#
# Guess: no point is better than the step that is given, for any tau.
# Seen, pyproximal 0.13.0: RelaxedMumfordShah steps number by number, but its value is one minimum for the whole array, never
# above kappa. QuadraticEnvelopeCard keeps, for tau > 1, what is above sqrt(2 mu) in place of sqrt(2 mu tau). L10Ball keeps
# the groups of largest L1 norm, where the nearest point has those of largest L2 norm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pylops==2.8.0 \
    pyproximal==0.13.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import numpy as np
import pyproximal

jumps = pyproximal.RelaxedMumfordShah(sigma=1, kappa=1)
values = np.array([0.5, 3, 4])
value = jumps(values), sum(jumps(values[i : i + 1]) for i in range(3))
step = jumps.prox(values, 0.5)

MU, TAU = 0.5, 4.0
envelope = pyproximal.QuadraticEnvelopeCard(MU)
v = np.linspace(0.1, 4, 40)
given = envelope.prox(v.copy(), TAU)
cost = [[envelope(np.array([x])) + (x - point) ** 2 / (2 * TAU) for x in (0.0, point)] for point in v]
best = np.where(np.argmin(cost, axis=1) == 0, 0, v)

groups = np.array([[2, 2, 2, 2], [5, 0, 0, 0]], "f8").T
kept = pyproximal.L10Ball(4, 1).prox(groups.ravel(), 1.0).reshape(groups.shape)
print("value", value, "step", step, "kept from", v[given > 0].min(), "best from", v[best > 0].min(), "group", kept.sum(0))
assert value == (1, 2.25) and np.allclose(step, [0.25, 3, 4]), "changed: Mumford-Shah"
assert np.array_equal(given > 0, v >= np.sqrt(2 * MU)), "changed: envelope"
assert np.array_equal(best > 0, v > np.sqrt(2 * MU * TAU)), "changed: envelope's value"
assert kept.sum(0).tolist() == [8, 0] and groups[:, 0] @ groups[:, 0] < groups[:, 1] @ groups[:, 1], "changed: groups"
PYTHON
