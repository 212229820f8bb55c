#!/usr/bin/env bash
# PyDMD on a film of 60 frames of two oscillations without noise, of rank 4, which linear dynamics describe to the last bit.
#
# Guess: DMD, DMD(opt=True), whose amplitudes are documented as those of least error over all frames, and FbDMD, forward
# and backward dynamics, give the film back to 1e-10, and oscillations that do not decay.
# Seen, PyDMD 2025.8.1: DMD to 1e-14. opt=True is 2 % off: the amplitudes' right-hand side leaves out the last frame, and
# their matrix does not; with exact=True it is to 1e-14. FbDMD is 110 % off, as forward and backward dynamics are
# multiplied in two different bases: oscillations that neither grow nor decay get 0.987 and 1.013 a frame. In one basis,
# as the paper has it that it names, both are 1 to 1e-15.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pydmd==2025.8.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from pydmd import DMD, FbDMD
from scipy.linalg import sqrtm

times = 0.25 * np.arange(60)
shapes = np.random.default_rng(0).standard_normal((40, 4))
film = shapes @ np.array([wave(rate * times) for rate in (0.8, 2.1) for wave in (np.cos, np.sin)])
kinds = {
    "DMD": DMD(svd_rank=4),
    "opt=True": DMD(svd_rank=4, opt=True),
    "opt=True, exact=True": DMD(svd_rank=4, opt=True, exact=True),
    "FbDMD": FbDMD(svd_rank=4),
}
found = {}
for name, kind in kinds.items():
    kind.fit(film)
    error = np.linalg.norm(kind.reconstructed_data - film) / np.linalg.norm(film)
    found[name] = float(error), float(abs(abs(kind.eigs) - 1).max())
print("relative error, and growth a frame that there is not:", found)
basis = np.linalg.svd(film, full_matrices=False)[0][:, :4]
parts = basis.T @ film
forward, backward = parts[:, 1:] @ np.linalg.pinv(parts[:, :-1]), parts[:, :-1] @ np.linalg.pinv(parts[:, 1:])
own = float(abs(abs(np.linalg.eigvals(sqrtm(forward @ np.linalg.inv(backward)))) - 1).max())
print("the same growth by forward and backward dynamics in one basis:", own)
assert own < 1e-10 and max(*found["DMD"], *found["opt=True, exact=True"]) < 1e-10, "changed: exact"
assert found["opt=True"][0] > 0.01 and found["FbDMD"][0] > 0.5 and found["FbDMD"][1] > 0.005, f"changed: {found}"
PYTHON
