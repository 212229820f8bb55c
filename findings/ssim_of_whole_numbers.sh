#!/usr/bin/env bash
# SSIM and total variation of pictures of uint8 and int16, as films are read, by pytorch-msssim and torchmetrics.
#
# Guess: the same as of the same numbers in float32, or an error.
# Seen, pytorch-msssim 1.0.0: ssim of uint8, int16 and int32 is 1.0, whatever the two pictures are, black and white too
# (0.0001 in float32): the window becomes whole numbers, all 0. torchmetrics 1.9.0 refuses them for SSIM; its total variation
# of uint8 takes differences modulo 256, 512 in place of 800.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 torch==2.13.0 pytorch-msssim==1.0.0 torchmetrics==1.9.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from pytorch_msssim import ssim
from torchmetrics.functional.image import total_variation

kinds = torch.uint8, torch.int16, torch.int32, torch.float32
black = torch.zeros(1, 3, 64, 64)
white = torch.full_like(black, 255)
noise = torch.randint(0, 256, black.shape, generator=torch.Generator().manual_seed(0)).float()
for one, other in ((black, white), (noise, white)):
    found = [float(ssim(one.to(kind), other.to(kind), data_range=255)) for kind in kinds]
    print("pytorch-msssim:", found)
    assert found[:3] == [1, 1, 1] and found[3] < 0.02, "changed: pytorch-msssim"

checks = torch.tensor([[[[0, 200], [200, 0]]]])
found = [float(total_variation(checks.to(kind))) for kind in (torch.uint8, torch.float32)]
print("torchmetrics' total variation of uint8 and of float32:", found)
assert found == [512, 800], f"changed: {found}"
PYTHON
