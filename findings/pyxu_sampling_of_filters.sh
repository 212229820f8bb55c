#!/usr/bin/env bash
# pyxu's edge filters and Laplacians where pixels are half a unit apart, which their argument sampling says.
#
# Guess: of a ramp of 3 a unit the edge filters give the same at each sampling, and of x^2 + y^2 Laplacians give 4, as does
# Laplacian; a Hessian by Gaussian derivatives of a constant is 0.
# Seen, pyxu 2.0.3: from 1 to 0.5 Sobel, Prewitt and Scharr double in pictures and grow fourfold in volumes, as the smoothing
# across is divided by the sampling too. Laplace divides by the sampling, not by its square: 2 of x^2 + y^2 in place of 4.
# The Hessian by Gaussian derivatives, sigma 2, of a constant 1000 is -3.0, as the cut filters do not sum to 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.0.2 pyxu==2.0.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import pyxu.operator as operators


def middle(values):
    return float(np.squeeze(values)[tuple(length // 2 for length in np.squeeze(values).shape)])


found = {}
for step in (1.0, 0.5):
    for shape in ((15, 17), (11, 11, 11)):
        places = np.mgrid[tuple(slice(length) for length in shape)] * step
        for name in ("Sobel", "Prewitt", "Scharr"):
            edges = getattr(operators, name)(shape, axis=0, sampling=step)
            found[name, len(shape), step] = middle(edges.apply(3 * places[0]))
    places = np.mgrid[:15, :17] * step
    for name in ("Laplace", "Laplacian"):
        found[name, step] = middle(getattr(operators, name)((15, 17), sampling=step).apply((places**2).sum(0)))
print(found)
for name in ("Sobel", "Prewitt", "Scharr"):
    ratios = [found[name, axes, 0.5] / found[name, axes, 1.0] for axes in (2, 3)]
    assert np.allclose(ratios, [2, 4]), f"changed: {name} {ratios}"
assert np.allclose([found["Laplace", 1.0], found["Laplace", 0.5]], [4, 2]), "changed: Laplace"
assert np.allclose([found["Laplacian", 1.0], found["Laplacian", 0.5]], 4), "changed: Laplacian"

of_constant = {kind: operators.Hessian((41, 43), diff_method=kind, **told).apply(np.full((41, 43), 1000.0))[0, 20, 21]
               for kind, told in (("fd", {}), ("gd", {"sigma": 2.0}))}
print("second derivative of a constant of 1000:", of_constant)
assert abs(of_constant["fd"]) < 1e-9 and of_constant["gd"] < -1, "changed: Hessian"
PYTHON
