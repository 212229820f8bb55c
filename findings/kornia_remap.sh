#!/usr/bin/env bash
# kornia's remap, whose maps say in pixels from where each pixel is taken, as those of OpenCV's remap do.
#
# Guess: with the maps of each pixel's own place a picture stays as it is, and by maps moved by one pixel it is moved by one.
# Seen, kornia 0.9.0: by default it is blurred and drawn apart, half a pixel outwards at its borders, which become darker: a
# picture of ones has 0.25 in its corners. With align_corners=True all is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.13.0 kornia==0.9.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import torch
from kornia.geometry import remap

torch.set_num_threads(1)
size = 32
rows, columns = torch.meshgrid(torch.arange(float(size)), torch.arange(float(size)), indexing="ij")
picture = torch.rand(1, 1, size, size, generator=torch.Generator().manual_seed(0))
pictures = {"random": picture, "ramp": columns[None, None], "ones": torch.ones(1, 1, size, size)}
found = {
    (name, corners): (remap(given, columns[None], rows[None], align_corners=corners) - given)[0, 0]
    for name, given in pictures.items()
    for corners in (None, True)
}
by_default = {name: found[name, None] for name in pictures}
ramp = by_default["ramp"][16]
print("ramp, inside:", ramp[[1, 8, 16, 24, 30]], "corner of ones:", by_default["ones"][0, 0])
assert all(found[name, True].abs().max() < 1e-4 for name in pictures), "changed: align_corners=True"
assert by_default["random"].std() > 0.05, "changed: random"
assert torch.allclose(ramp[1:-1], ((columns - 15.5) / 31)[0, 1:-1], atol=1e-4), "changed: ramp"
assert torch.isclose(by_default["ones"][0, 0], torch.tensor(-0.75)), "changed: corners"
PYTHON
