#!/usr/bin/env bash
# A detector's picture of floats, such as counts with the dark ones taken off, written as CBF, Esperanto, Bruker 100 and
# Oxford Diffraction by fabio, which convert("cbf") and its like do too, and read again by it.
#
# Guess: formats of whole numbers refuse floats, or round them, all in one way.
# Seen, fabio 2026.6.0: none refuses or warns. CBF and Bruker 100 cut off towards zero (-0.9 becomes 0, 0.9 too), Esperanto
# rounds, Oxford Diffraction cuts off differences, which add up along a row, and of float64 Bruker 100 makes 12336188 of 1.6.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 fabio==2026.6.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import fabio
import numpy as np
from fabio.bruker100image import Bruker100Image
from fabio.cbfimage import CbfImage
from fabio.esperantoimage import EsperantoImage
from fabio.OXDimage import OxdImage

picture = np.full((256, 256), -0.9)
picture[0, :5] = 0.4, 0.9, 1.6, 2.5, 1.9
kinds = {"cbf": CbfImage, "esp": EsperantoImage, "sfrm": Bruker100Image, "img": OxdImage}
found = {}
for number in ("float32", "float64"):
    for ending, kind in kinds.items():
        kind(data=picture.astype(number)).write(f"a.{ending}")
        found[number, ending] = fabio.open(f"a.{ending}").data[0, :6].tolist()
for case, numbers in found.items():
    print(*case, numbers, "of", picture[0, :6].tolist())
cut, rounded, added = [0, 0, 1, 2, 1, 0], [0, 1, 2, 2, 2, -1], [0, 0, 0, 0, -1, -4]
wanted = {("float32", ending): cut for ending in ("cbf", "sfrm")} | {("float32", "esp"): rounded, ("float32", "img"): added}
wanted |= {("float64", ending): found["float32", ending] for ending in ("cbf", "esp", "img")}
assert found.pop(("float64", "sfrm"))[2] == 12336188, "changed: Bruker 100 of float64"
assert found == wanted, f"changed: {found}"
PYTHON
