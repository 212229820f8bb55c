#!/usr/bin/env bash
# tonic's pictures of events: voxel grids, which its documentation takes from Zhu et al. (2019), and frames of counts.
#
# Guess: 1000 events of polarity +1, evenly spread over time, sum up to 1000 in a voxel grid, since each is shared out
# between the two bins beside it; frames count what there is.
# Seen, tonic 1.7.0: times are stretched to the number of bins in place of that less 1, and what lies behind the last bin
# is dropped: the sum is 900 in 5 bins, of which the first has half of each other one. Frames count in int16, so that
# 40000 events of a hot pixel are -25536.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 tonic==1.7.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from tonic import transforms

SENSOR = (8, 6, 2)


def events(count):
    made = np.zeros(count, [("x", "i2"), ("y", "i2"), ("t", "i8"), ("p", "i1")])
    made["t"], made["p"] = 10 * np.arange(count), 1
    return made


voxels = transforms.ToVoxelGrid(sensor_size=SENSOR, n_time_bins=5)
frames = transforms.ToFrame(sensor_size=SENSOR, event_count=40_000)
bins = voxels(events(1000)).sum((1, 2, 3))
hot = int(frames(events(40_000)).sum())
print("bins", bins.round(1).tolist(), "sum", float(bins.sum().round(1)), "hot pixel", hot)
assert np.allclose(bins, [100, 200, 200, 200, 200], atol=2), f"changed: {bins}"
assert hot == 40_000 - 2**16, f"changed: {hot}"
PYTHON
