#!/usr/bin/env bash
# deepinv's Poisson likelihood and its prior of wavelets: value, gradient and proximal step, each of the same function.
#
# Guess: grad is the gradient of fn, prox is where fn(z) + |z - x|^2 / (2 gamma) is least, and a batch gives what its
# pictures give one by one.
# Seen, deepinv 0.5.0: the Poisson step of 3 towards a count of 4 is -0.74, and 1 + sqrt(5) = 3.24 would be right; with
# a gain of 0.5 the gradient is a quarter of the value's; each picture of a batch has the logarithms of all in its value.
# WaveletPrior's step is that of a tenth of its value, as prox has a weight of its own, ths=0.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 torch==2.14.1 torchvision==0.29.1 \
    PyWavelets==1.9.0 ptwt==1.0.1 deepinv==0.5.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import math

import torch
from deepinv.optim.distance import PoissonLikelihoodDistance
from deepinv.optim.prior import WaveletPrior

torch.set_num_threads(1)
torch.manual_seed(0)
x, y = torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 2, 2), 4.0)
step = PoissonLikelihoodDistance().prox(x, y, gamma=1.0)[0, 0, 0, 0].item()
ratios = {}
for gain in (1.0, 0.5):
    distance, moved = PoissonLikelihoodDistance(gain=gain), x.clone().requires_grad_()
    (wanted,) = torch.autograd.grad(distance.fn(moved, y).sum(), moved)
    ratios[gain] = round((distance.grad(x, y) / wanted).mean().item(), 3)
both, counts = torch.cat([x, 2 * x]), torch.cat([y, y])
together = PoissonLikelihoodDistance().fn(both, counts)
alone = torch.cat([PoissonLikelihoodDistance().fn(both[i : i + 1], counts[i : i + 1]) for i in range(2)])
logarithms = -(counts * both.log()).sum((1, 2, 3))

noisy, prior = 2 * torch.randn(1, 1, 16, 16), WaveletPrior(level=2, wv="haar")
steps = [prior.prox(noisy, gamma=1.0), *(prior.prox(noisy, gamma=1.0, ths=weight) for weight in (0.1, 0.2, 0.5, 1.0))]
costs = {w: [(w * prior.fn(z) + (z - noisy).square().sum() / 2).item() for z in steps] for w in (0.1, 1.0)}
print("step", step, "gradient over that of the value", ratios, "batch", together, "alone", alone, "wavelets", costs)
assert abs(step - (3 - math.sqrt(20)) / 2) < 1e-5, "changed: step"
assert ratios == {1.0: 1.0, 0.5: 0.25}, "changed: gradient"
assert torch.allclose(together, alone - logarithms + logarithms.sum()), "changed: batch"
assert costs[0.1][0] == min(costs[0.1]) and costs[1.0][0] > min(costs[1.0]) + 10, "changed: wavelets"
PYTHON
