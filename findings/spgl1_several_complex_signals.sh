#!/usr/bin/env bash
# SPGL1's spg_mmv, several sparse signals with their numbers at the same places, where the data is complex.
#
# Guess: what spg_bpdn finds of one complex signal, spg_mmv finds of two, as it does of real ones.
# Seen, spgl1 0.0.3: its answer is real and nothing of the signals, 100 % off, as imaginary parts are lost on the way through
# the matrix; it is a line search that says it failed, and info["stat"] is 6. spg_bpdn is 2e-4 off. The documentation does not
# say that numbers have to be real.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 spgl1==0.0.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import logging

import numpy as np
import spgl1

logging.disable(logging.WARNING)  # of the line search

rng = np.random.default_rng(0)
matrix = (rng.standard_normal((30, 60)) + 1j * rng.standard_normal((30, 60))) / np.sqrt(60)
signals = np.zeros((60, 2), complex)
signals[rng.permutation(60)[:4]] = rng.standard_normal((4, 2)) + 1j * rng.standard_normal((4, 2))
told = {"verbosity": 0, "iter_lim": 1000}
cases = {"real": (matrix.real, signals.real), "complex": (matrix, signals), "complex data": (matrix.real, signals)}
found = {}
for name, (A, x) in cases.items():
    together, _, _, info = spgl1.spg_mmv(A, A @ x, 1e-4, **told)
    alone = spgl1.spg_bpdn(A, A @ x[:, 0], 1e-4, **told)[0]
    off = [float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted)) for got, wanted in ((together, x), (alone, x[:, 0]))]
    found[name] = *off, info["stat"]
    print(name, together.dtype, "relative error of both together, of one alone, and stat:", found[name], flush=True)
    assert off[1] < 1e-3 and not np.iscomplexobj(together), f"changed: {name}"
assert found["real"][0] < 1e-3 and min(found["complex"][0], found["complex data"][0]) > 0.9, f"changed: {found}"
PYTHON
