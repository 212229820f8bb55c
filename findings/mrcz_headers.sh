#!/usr/bin/env bash
# MRC, the films of electron microscopes, written by mrcz, which RosettaSciIO and HyperSpy write it with, and read by
# mrcfile of its own people (CCP-EM).
#
# Guess: pixels of 0.2 nm are 2 angstroms apart, and the header's mean, largest number and deviation are those of the film.
# Seen, mrcz 0.6.0, mrcfile 1.5.4: pixels are infinitely far apart, as the size of the cell is there and the sampling, mx,
# my and mz, by which it is to be divided, is 0. Mean and largest number are those of the first frame alone, and the
# deviation is 0. The numbers themselves are right. mrcz reads its own 0.2 nm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 mrcz==0.6.0 mrcfile==1.5.4
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import mrcfile
import mrcz
import numpy as np

film = np.arange(3 * 6 * 8, dtype="f4").reshape(3, 6, 8)
mrcz.writeMRC(film, "a.mrc", pixelsize=[0.2, 0.2, 0.2], pixelunits="nm")
own = mrcz.readMRC("a.mrc", pixelunits="nm")[1]["pixelsize"]
with mrcfile.open("a.mrc", permissive=True) as file:
    head, size = file.header, file.voxel_size
    assert np.array_equal(file.data, film), "changed: numbers"
    found = [float(value) for value in (size.x, head.cella.x, head.mx, head.dmean, head.dmax, head.rms)]
print("pixel, cell, sampling, mean, largest, deviation:", found, "of", film.mean(), film.max(), film.std(), "own", own)
assert np.allclose(own, 0.2), "changed: mrcz's own"
assert np.allclose(found, [np.inf, 16, 0, film[0].mean(), film[0].max(), 0]), f"changed: {found}"
PYTHON
