#!/usr/bin/env bash
# A picture of colours, red, green, blue, written as CZI by pylibCZIrw of Zeiss' own, and read by it and by czifile.
#
# Guess: colours come back as red, green, blue from both.
# Seen, pylibCZIrw 6.1.0, czifile 2019.7.2.3: pylibCZIrw takes and gives blue, green, red, so that RGB comes back as it was
# given, and red is blue in czifile. Of float32 colours are written without a word, and cannot be read by it ("this pixeltype
# isn't implemented yet").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4 pylibCZIrw==6.1.0 czifile==2019.7.2.3
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import czifile
import numpy as np
from pylibCZIrw import czi

found = {}
for kind in ("uint8", "uint16", "float32"):
    picture = np.zeros((20, 30, 3), kind)
    picture[..., 0] = 200  # red
    with czi.create_czi(f"{kind}.czi") as file:
        file.write(picture, plane={"T": 0, "C": 0, "Z": 0})
    with czi.open_czi(f"{kind}.czi") as file:
        try:
            own = file.read(plane={"T": 0, "C": 0, "Z": 0})[5, 5].tolist()
        except RuntimeError as error:
            own = str(error)
    found[kind] = own, czifile.imread(f"{kind}.czi").reshape(20, 30, 3)[5, 5].tolist()
print("own, czifile:", found)
for kind in ("uint8", "uint16"):
    assert found[kind] == ([200, 0, 0], [0, 0, 200]), f"changed: {kind}"
assert "implemented" in found["float32"][0] and found["float32"][1] == [0, 0, 200], "changed: float32"
PYTHON
