#!/usr/bin/env bash
# scipy.sparse.linalg.LaplacianNd with Neumann borders (its default) on a grid with an axis of one point.
#
# Guess: a grid that goes on as its mirror image has no slope at its border, so a constant is in the null space, also
# where an axis has a single point: that axis then has no differences at all.
# Seen, SciPy 1.17.1: on (4,) and (4, 5) a constant gives 0. On (1, 4) and (4, 1) it gives -1 everywhere, so that
# the same row of pixels has another Laplacian as a frame of one row than as a row.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from scipy.sparse.linalg import LaplacianNd

found = {}
for grid in ((4,), (4, 5), (1, 4), (4, 1)):
    matrix = LaplacianNd(grid, boundary_conditions="neumann", dtype=np.float64).tosparse()
    found[grid] = np.unique(matrix @ np.ones(int(np.prod(grid)))).tolist()
print(found)
wanted = {(4,): [0.0], (4, 5): [0.0], (1, 4): [-1.0], (4, 1): [-1.0]}
assert found == wanted, f"changed: {found}"
PYTHON
