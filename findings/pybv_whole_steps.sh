#!/usr/bin/env bash
# pybv, which writes BrainVision files (MNE writes them with it), in 16 bits at a step of its own, read by MNE.
#
# Guess: each number comes back as the nearest step, half a step off at most, and NaN is an error, as what is out of
# range is one.
# Seen, pybv 0.8.1, mne 1.13.2: numbers are cut off towards zero, up to a whole step off, and noise loses half a step of
# its size on the average. NaN becomes 0 without a word, and one NaN anywhere turns the check of the range off: 0.1 V at
# 0.1 uV, a million steps, comes back as 0.0017 V. In 32 bits all are kept.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 pybv==0.8.1 mne==1.13.2
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import mne
import numpy as np
import pybv

mne.set_log_level("ERROR")
STEP = 1e-7
volts = 2e-6 * np.random.default_rng(0).standard_normal((1, 20_000))
volts[0, 3] = np.nan
found = {}
for kind in ("binary_int16", "binary_float32"):
    pybv.write_brainvision(
        data=volts, sfreq=250, ch_names=["a"], fname_base=kind, folder_out=".", fmt=kind, resolution=STEP * 1e6, unit="µV"
    )
    seen = mne.io.read_raw_brainvision(f"{kind}.vhdr").get_data()
    off = (np.abs(volts) - np.abs(seen))[0] / STEP
    found[kind] = float(np.nanmax(np.abs(off))), float(np.nanmean(off)), float(seen[0, 3])
large = np.full((1, 100), 0.1)
for case, wanted in ((large, "ValueError"), (np.where(np.arange(100) == 3, np.nan, large), "written")):
    try:
        pybv.write_brainvision(
            data=case, sfreq=250, ch_names=["a"], fname_base="large", folder_out=".", fmt="binary_int16", overwrite=True
        )
        outcome = "written"
    except ValueError:
        outcome = "ValueError"
    assert outcome == wanted, f"changed: {outcome} in place of {wanted}"
wrapped = float(mne.io.read_raw_brainvision("large.vhdr").get_data()[0, 0])
print("0.1 V beside a NaN:", wrapped)
assert np.isclose(wrapped, 0.1 - 15 * 65536 * STEP), f"changed: {wrapped}"
print("largest error and loss of size in steps, and what NaN became:", found)
assert 0.99 < found["binary_int16"][0] < 1 and 0.45 < found["binary_int16"][1] < 0.55, f"changed: {found}"
assert found["binary_int16"][2] == 0, f"changed: {found}"
assert found["binary_float32"][0] < 1e-3 and np.isnan(found["binary_float32"][2]), f"changed: {found}"
PYTHON
