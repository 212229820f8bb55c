#!/usr/bin/env bash
# Derivatives of a compressed array by tntorch: partial, gradient, divergence, laplacian, and partialset.
#
# Guess: of 3 y at 11 places from 0 to 1 (bounds=[0, 1]) the derivative is 3, and without bounds, where "step 1 will be
# assumed", it is the difference of neighbours, 0.3.
# Seen, tntorch 1.1.2: 3.6 and 0.327, as the range is divided by the number of places and one more; partialset, which divides
# it by the number of places less one, gives 3 and 0.3. Second derivatives and the Laplacian are off by the square, 2.88 of
# x^2 in place of 2. With 5 places it is 50 %, and the same along an axis that is said to be periodic.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 torch==2.13.0 tntorch==1.1.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import tntorch
import torch

found = {}
for count in (5, 11):
    places = torch.linspace(0, 1, count, dtype=torch.float64)
    ramp = tntorch.Tensor(places[:, None] ** 2 + 3 * places, ranks_tt=3)
    middle, whole = count // 2, [[0, 1], [0, 1]]
    first = tntorch.partialset(ramp, 1, tntorch.only(tntorch.symbols(2)[1]), bounds=whole).torch()
    found[count] = {
        "partial": float(tntorch.partial(ramp, 1, bounds=[0, 1]).torch()[0, middle]),
        "gradient": float(tntorch.gradient(ramp, bounds=whole)[1].torch()[0, middle]),
        "steps of 1": float(tntorch.partial(ramp, 1).torch()[0, middle]) * (count - 1),
        "second": float(tntorch.partial(ramp, 0, order=2, bounds=[0, 1]).torch()[middle, 0]),
        "Laplacian": float(tntorch.laplacian(ramp, bounds=whole).torch()[middle, middle]),
        "partialset": float(first.max()),
    }
    print(count, "places:", {name: round(value, 4) for name, value in found[count].items()})
for count, values in found.items():
    ratio = (count + 1) / (count - 1)
    wanted = {"partial": 3 * ratio, "gradient": 3 * ratio, "steps of 1": 3 * (count + 1) / count, "partialset": 3}
    assert all(abs(values[name] - value) < 1e-9 for name, value in wanted.items()), f"changed: {values}"
assert abs(found[11]["second"] - 2.88) < 1e-9 and abs(found[11]["Laplacian"] - 2.88) < 1e-9, "changed: second derivatives"
PYTHON
