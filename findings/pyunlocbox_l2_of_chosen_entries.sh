#!/usr/bin/env bash
# The proximal step of pyunlocbox's norm_l2(A=..., tight=True), the default, where A takes some entries of a picture.
#
# Guess: as its documentation calls tight what is semi-orthogonal, A A^T = nu I, the step leaves alone the entries that A
# does not take, as with norm_l1 and proj_b2.
# Seen, pyunlocbox 0.6.1: with T = 0.5 they are halved, drawn to 0 at each step; with tight=False, and by norm_l1 and
# proj_b2, they stay. The formula is that of A^T A = nu I, so that only A with no fewer rows than columns can be right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pyunlocbox==0.6.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from pyunlocbox import functions

rng = np.random.default_rng(0)
picture, taken = rng.standard_normal(8), np.eye(8)[::2]
measured = rng.standard_normal(4)
kinds = {
    "norm_l2": functions.norm_l2(A=taken, y=measured),
    "norm_l2, tight=False": functions.norm_l2(A=taken, y=measured, tight=False),
    "norm_l1": functions.norm_l1(A=taken, y=measured),
    "proj_b2": functions.proj_b2(A=taken, y=measured, epsilon=0.1),
}
steps = {name: kind.prox(picture.copy(), 0.5) for name, kind in kinds.items()}
found = {name: (step[1::2] / picture[1::2]).round(6).tolist() for name, step in steps.items()}
print("entries that A does not take, after the step over before:", found)
assert np.allclose(steps["norm_l2"][::2], steps["norm_l2, tight=False"][::2], atol=1e-5), "changed: the entries that A takes"
assert np.allclose(found.pop("norm_l2"), 0.5), "changed: norm_l2"
assert all(np.allclose(ratios, 1, atol=1e-5) for ratios in found.values()), f"changed: {found}"
PYTHON
