#!/usr/bin/env bash
# A readout made by ismrmrd's Acquisition.from_array: which of its samples the header says is at the centre of the spectrum.
#
# Guess: the middle one, as of every readout that goes right through.
# Seen, ismrmrd 1.15.0: sample 0, with a trajectory that goes right through zero too; a reader that believes it shifts the
# picture's phase by half its width.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 ismrmrd==1.15.0
"$folder/venv/bin/python" - <<'PYTHON'
import ismrmrd
import numpy as np

spoke = np.stack([np.linspace(-0.5, 0.5, 64, endpoint=False), np.zeros(64)], 1).astype("f4")
readout = ismrmrd.Acquisition.from_array(np.ones((2, 64), "c8"), spoke)
head = readout.getHead()
print(head.number_of_samples, head.center_sample)
assert head.number_of_samples == 64 and head.center_sample == 0, "changed"
PYTHON
