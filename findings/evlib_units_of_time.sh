#!/usr/bin/env bash
# evlib, files of event cameras: what it writes as HDF5 and as text, read again by itself.
#
# Guess: 3000 events, one each 10 us, come back with these times and polarities from both, if their times are in seconds
# as in the field's HDF5 files and text files; its documentation names no unit.
# Seen, evlib 0.13.2: HDF5 of seconds comes back with all times 0, as it takes microseconds there; text of microseconds
# comes back a million times as late, as it takes seconds there. Of text in seconds 31 times are 1 us early, by cutting
# off. Polarities come back as -1 and 1 from HDF5, and as 0 and 1 from text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 evlib==0.13.2
cd "$folder"
venv/bin/python -W ignore - 2>/dev/null <<'PYTHON'
import evlib
import numpy as np

times = 10 * np.arange(3000)
x, y, on = times % 640, times % 480, (np.arange(3000) % 3 == 0).astype("i8")
found = {}
for unit, scale in (("seconds", 1e-6), ("microseconds", 1.0)):
    evlib.save_events_to_hdf5(x, y, times * scale, on, f"{unit}.h5")
    evlib.save_events_to_text(x, y, times * scale, on, f"{unit}.txt")
    for end in ("h5", "txt"):
        events = evlib.load_events(f"{unit}.{end}").collect()
        seen = events["t"].dt.total_microseconds().to_numpy()
        off = int((seen != times).sum())
        found[unit, end] = (int(seen[-1]), off, events["polarity"].unique().sort().to_list())
for key, values in found.items():
    print(*key, "last time, times that are off, polarities:", *values)
wanted = {("seconds", "h5"): (0, 2999, [-1, 1]), ("seconds", "txt"): (29990, 31, [0, 1])}
wanted |= {("microseconds", "h5"): (29990, 0, [-1, 1]), ("microseconds", "txt"): (29990000000, 2999, [0, 1])}
assert found == wanted, f"changed: {found}"
PYTHON
