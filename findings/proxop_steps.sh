#!/usr/bin/env bash
# proxop's proximal steps, beside the values of the same objects.
#
# Guess: prox(x, gamma) is where 1/2 |p - x|^2 + gamma f(p) is least, f being the value that the object gives when called.
# Seen, proxop 1.0.6: so for Power(2), Power(2.5) and AbsValue. Of x = 3.3 with gamma 0.4 Power(1.5) makes -1.32 in place
# of 2.38, Power(3) 3.10 in place of 1.29, the logistic loss 7.87 in place of 2.92 (with gamma 1 it is right), CapL1 6.2 in
# place of 3.3, 1 / x 222 in place of 3.34; of 0.15 CapL1, a sparsity penalty, makes 1 in place of 0, and the squared hinge
# of 0.7 makes 1 in place of 0.83.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 proxop==1.0.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import proxop

GAMMA = 0.4


def least(f, x):
    """Where the sum of both terms is least, on a grid that has x and 0."""
    places = np.append(np.arange(-5, 5, 1e-3), [0.0, x])
    with np.errstate(all="ignore"):
        return float(places[np.nanargmin([0.5 * (p - x) ** 2 + GAMMA * float(f(np.array([p]))) for p in places])])


def of(f, x):
    return float(f.prox(np.array([x]), GAMMA)[0]), least(f, x)


right = {"Power(2)": proxop.Power(2), "Power(2.5)": proxop.Power(2.5), "AbsValue": proxop.AbsValue()}
for name, f in right.items():
    assert all(abs(np.subtract(*of(f, x))) < 2e-3 for x in (-1.2, 0.15, 0.7, 3.3)), f"changed: {name}"
cases = {
    "Power(1.5)": (proxop.Power(1.5), 3.3, -1.3236),
    "Power(3)": (proxop.Power(3), 3.3, 3.1037),
    "LogisticLoss": (proxop.LogisticLoss(), 3.3, 7.8705),
    "CapL1": (proxop.CapL1(1.0), 3.3, 6.2),
    "CapL1, small": (proxop.CapL1(1.0), 0.15, 1.0),
    "Inverse": (proxop.Inverse(1), 3.3, 222.4733),
    "SquaredHinge": (proxop.SquaredHinge(), 0.7, 1.0),
}
for name, (f, x, wanted) in cases.items():
    step, best = of(f, x)
    print(f"{name} of {x}: {step:.4f}, least at {best:.3f}")
    assert np.isclose(step, wanted, atol=1e-3) and abs(step - best) > 0.1, f"changed: {name}"
PYTHON
