#!/usr/bin/env bash
# nibabel on a .nii.gz with one bit changed among its compressed numbers.
#
# Guess: gzip's checksum (RFC 1952, section 2.3.1), which stands behind the numbers, is compared, and the file is refused.
# Seen, nibabel 5.4.2: most such files are read, with other numbers and without a word; gzip.open(...).read() refuses them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 nibabel==5.4.2
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import gzip
import sys
from pathlib import Path

import nibabel
import numpy as np

path = Path(sys.argv[1]) / "a.nii.gz"
stored = np.random.default_rng(0).integers(0, 4096, (30, 24, 1, 4)).astype(np.int16)
nibabel.save(nibabel.Nifti1Image(stored, np.eye(4)), path)
whole, silent, refused = path.read_bytes(), 0, 0
for place in range(len(whole) // 3, 2 * len(whole) // 3, 50):
    damaged = bytearray(whole)
    damaged[place] ^= 4
    path.write_bytes(damaged)
    try:
        silent += not np.array_equal(np.asarray(nibabel.load(path).dataobj), stored)
    except Exception:
        continue
    try:
        gzip.open(path).read()
    except OSError:
        refused += 1
print(f"{silent} read with other numbers, {refused} of them refused by gzip")
assert silent > 0 and refused == silent, "changed"
PYTHON
