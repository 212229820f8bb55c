#!/usr/bin/env bash
# colour-demosaicing of a picture of one colour, behind a Bayer pattern.
#
# Guess: the colour comes back at each pixel, and what was measured at a pixel stays as it was.
# Seen, colour-demosaicing 0.2.7: by Menon2007 so. By bilinear and Malvar2004 colours at the borders are mixed up, as the
# pattern is continued with its last row twice: of red 0.2, green 0.5 and blue 0.8 a corner becomes 0.45, 0.25 and 0.2, the
# opposite one 0.05, 0.25 and 1.8, and bilinear changes the measured numbers too. One pixel deep by bilinear, two by
# Malvar2004: 22 % and 42 % of a picture of 16 x 18. Its issue 8 says so since 2018, the documentation does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 scipy==1.17.1 colour-science==0.4.7 colour-demosaicing==0.2.7
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import colour_demosaicing as of
import numpy as np

flat = np.broadcast_to([0.2, 0.5, 0.8], (16, 18, 3))
mosaic = of.mosaicing_CFA_Bayer(flat)
measured = np.stack(of.masks_CFA_Bayer(mosaic.shape), -1).astype(bool)
found = {}
for name in ("bilinear", "Malvar2004", "Menon2007"):
    colours = getattr(of, f"demosaicing_CFA_Bayer_{name}")(mosaic)
    off = abs(colours - flat) > 1e-9
    depth = 1 + max(min(y, x, 15 - y, 17 - x) for y, x in np.argwhere(off.any(2))) if off.any() else 0
    found[name] = int(depth), bool((off & measured).any()), colours[0, 0].round(3).tolist()
    print(name, f"{off.any(2).mean():.0%} of the pixels are off, {depth} deep; corners", colours[0, 0], colours[-1, -1])
wanted = {"bilinear": (1, True, [0.45, 0.25, 0.2]), "Malvar2004": (2, False, [0.2, 0.275, 0.388])}
wanted["Menon2007"] = 0, False, [0.2, 0.5, 0.8]
assert found == wanted, f"changed: {found}"
PYTHON
