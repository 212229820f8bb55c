#!/usr/bin/env bash
# deepinv's snapshot spectral camera (CASSI), CompressiveSpectralImaging, with an open mask: all pixels let light through.
#
# Guess: what it documents: y is the sum over the bands, with band 0 at its own place; A_adjoint is the adjoint, whatever
# the size of the pictures.
# Seen, deepinv 0.5.0: it is the mean over the bands. Where a side is even, as in its own example of 32x32, each shear
# moves pictures by a pixel, so that a point at (3, 3) is seen at (1, 1) and a border stays dark; the inverse shear moves
# them the same way once more, and <A x, y> is not <x, A_adjoint y>. With three bands of 9x9 all is right but the mean.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.14.1 torchvision==0.29.1 \
    deepinv==0.5.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from deepinv.physics import CompressiveSpectralImaging

torch.set_num_threads(1)
torch.manual_seed(0)
found = {}
for size in ((7, 32, 32), (3, 9, 9)):
    camera = CompressiveSpectralImaging(img_size=size, mask=torch.ones(1, *size), mode="ss")
    x, point = torch.randn(1, *size), torch.zeros(1, *size)
    y = torch.randn_like(camera.A(x))
    point[0, 0, 3, 3] = 1
    seen = camera.A(point)[0, 0]
    ahead, back = float((camera.A(x) * y).sum()), float((x * camera.A_adjoint(y)).sum())
    light = round(float(seen.max()) * size[0], 3)
    dark = int((camera.A(torch.ones(1, *size)) == 0).sum())
    print(size, "<A x, y>", round(ahead, 3), "<x, A_adjoint y>", round(back, 3))
    found[size] = (seen.nonzero().tolist(), light, dark, abs(ahead - back) < 1e-3)
print("place, light times bands, dark pixels of a white picture, is the adjoint:", found)
wanted = {(7, 32, 32): ([[1, 1]], 1, 124, False), (3, 9, 9): ([[3, 3]], 1, 0, True)}
assert found == wanted, f"changed: {found}"
PYTHON
