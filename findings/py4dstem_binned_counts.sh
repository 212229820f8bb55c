#!/usr/bin/env bash
# py4DSTEM's DataCube.bin_Q and bin_R, which add up the pixels of the detector, or places of the beam, two by two, of the
# counts that detectors give.
#
# Guess: sums of 4 counts, in a type that holds them.
# Seen, py4DSTEM 0.14.18: by bin_R they are, in uint64. By bin_Q they are in the type of the counts and wrap round: four
# times 60000 of uint16 is 43392, of 200 of uint8 32, and of 30000 of int16 -11072. Its description says that the type "is
# left unchanged" unless one is given, not what comes of that.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4 scipy==1.17.1 py4DSTEM==0.14.18
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import py4DSTEM

found = {}
for kind, count in (("uint8", 200), ("uint16", 60_000), ("int16", 30_000), ("uint32", 60_000), ("float32", 60_000)):
    made = [py4DSTEM.DataCube(data=np.full((4, 4, 6, 6), count, kind)) for _ in range(2)]
    made[0].bin_Q(2)
    made[1].bin_R(2)
    found[kind] = [float(cube.data[0, 0, 0, 0]) for cube in made]
    assert found[kind][1] == 4 * count, f"changed: bin_R {found}"
print("sums of 4, by bin_Q and by bin_R:", found)
assert [found[kind][0] for kind in ("uint8", "uint16", "int16")] == [32, 43_392, -11_072], f"changed: {found}"
assert found["uint32"][0] == found["float32"][0] == 240_000, f"changed: {found}"
PYTHON
