#!/usr/bin/env bash
# Py-ART's Universal Format files of radar, write_uf, whose numbers are hundredths in int16: up to 327.67.
#
# Guess: differential phases, which Py-ART gives from 0 to 360 degrees, are scaled to fit, or refused.
# Seen, arm_pyart 2.3.0: those above 327.67 come back 655.36 lower, 350 as -305.36; reflectivities are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 arm_pyart==2.3.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import contextlib
import io

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):
    import pyart

radar = pyart.testing.make_empty_ppi_radar(8, 36, 1)
radar.range |= {"meters_between_gates": 250.0, "meters_to_center_of_first_gate": 125.0, "data": 125 + 250.0 * np.arange(8)}
phase = np.broadcast_to([0.0, 90, 180, 270, 327, 328, 350, 359], (36, 8))
radar.fields = {name: {"data": np.ma.array(phase), "units": "degrees"} for name in ("differential_phase", "reflectivity")}
radar.fields["reflectivity"]["data"] = np.ma.array(phase / 5)
pyart.io.write_uf("radar.uf", radar)
read = pyart.io.read_uf("radar.uf").fields
seen = read["differential_phase"]["data"]
print(dict(zip(phase[0].tolist(), seen[0].tolist(), strict=True)))
assert np.allclose(read["reflectivity"]["data"], phase / 5, atol=0.01), "changed: reflectivity"
assert np.allclose(seen, phase - 655.36 * (phase > 327.67), atol=0.01), "changed: phase"
PYTHON
