#!/usr/bin/env bash
# The weight of pyunlocbox's total variation, norm_tv(lambda_=...), which its base class has for all norms.
#
# Guess: lambda_ = 3 gives three times the value, and the proximal step of 3 T, as with norm_l1.
# Seen, pyunlocbox 0.6.1: it is taken and never used, so that a recovery with any lambda_ is the one with 1. norm_l1
# heeds it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pyunlocbox==0.6.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from pyunlocbox import functions

picture = np.random.default_rng(0).standard_normal((16, 16)) + 2 * (np.arange(16) > 7)
kinds = {"norm_l1": {}, "norm_tv": {"dim": 2, "maxit": 2000, "tol": 1e-12, "verbosity": "NONE"}}
found = {}
for name, settings in kinds.items():
    one, three = (getattr(functions, name)(lambda_=weight, **settings) for weight in (1.0, 3.0))
    steps = {"step of T": one.prox(picture.copy(), 0.5), "of 3 T": one.prox(picture.copy(), 1.5)}
    seen = three.prox(picture.copy(), 0.5)
    found[name] = float(three.eval(picture) / one.eval(picture)), [kind for kind in steps if np.allclose(seen, steps[kind])]
print("with lambda_ 3, times the value, and the step:", found)
wanted = {"norm_l1": (3, ["of 3 T"]), "norm_tv": (1, ["step of T"])}
assert all(np.isclose(found[name][0], ratio) and found[name][1] == step for name, (ratio, step) in wanted.items()), "changed"
PYTHON
