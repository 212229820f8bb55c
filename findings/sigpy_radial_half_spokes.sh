#!/usr/bin/env bash
# sigpy.mri.radial, a radial trajectory.
#
# Guess: each spoke goes right through the centre of the spectrum, its middle sample at zero, and golden-angle spokes are
# 111.25 degrees apart, as in Winkelmann et al., IEEE TMI 26:68 (2007), which its documentation names.
# Seen, sigpy 0.1.27: a spoke begins at the centre and goes outwards, half a sample of the grid at a time, and the next
# one is 137.51 degrees on: as many spokes see half of the directions, and none is seen on both sides.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 sigpy==0.1.27
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sigpy.mri import radial

points = radial((21, 64, 2), (64, 64))
reach = np.linalg.norm(points, axis=-1)
ends = points[:, -1] @ [1j, 1]
steps = np.degrees(np.angle(ends[1:] / ends[:-1])) % 360
print("first and last radius:", reach[0, [0, -1]].tolist(), "degrees between spokes:", np.unique(steps.round(2)).tolist())
assert not reach[:, 0].any(), "changed: spokes do not begin at the centre"
assert np.allclose(np.diff(reach), 0.5), "changed: steps along a spoke"
assert np.allclose(np.minimum(steps, 360 - steps), 180 * (3 - 5**0.5), atol=1e-6), "changed: angles"
PYTHON
