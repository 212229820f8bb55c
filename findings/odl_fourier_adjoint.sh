#!/usr/bin/env bash
# The adjoints of ODL's Fourier transforms, of pictures of 16x16 pixels on the square from -1 to 1.
#
# Guess: <F x, F x> = <x, F.adjoint(F x)>, in the inner products of the operators' own spaces, as for each other operator
# of it.
# Seen, odl 1.0.0: each adjoint is the inverse, and the transforms are not unitary. Of white noise the sides are 0.6 to 1
# for FourierTransform, which damps high frequencies, and 16384 to 1, pixels over the area of one, for
# DiscreteFourierTransform. odl.Gradient's are equal.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 odl==1.0.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import odl
from odl import trafos

rng, found = np.random.default_rng(0), {}
space = odl.uniform_discr([-1, -1], [1, 1], (16, 16), dtype="complex128")
noise = space.element(rng.standard_normal((16, 16)) + 1j * rng.standard_normal((16, 16)))
kinds = {"FourierTransform": trafos.FourierTransform, "DiscreteFourierTransform": trafos.DiscreteFourierTransform}
for name, kind in (kinds | {"Gradient": odl.Gradient}).items():
    operator = kind(space)
    seen = operator(noise)
    found[name] = complex(seen.inner(seen) / noise.inner(operator.adjoint(seen))).real
    if name in kinds:
        assert (operator.adjoint(seen) - noise).norm() < 1e-9 * noise.norm(), "changed: no inverse"
print("<F x, F x> / <x, F.adjoint(F x)>:", found)
assert 0.5 < found["FourierTransform"] < 0.7, f"changed: {found}"
assert np.isclose(found["DiscreteFourierTransform"], 16 * 16 / (2 / 16) ** 2), f"changed: {found}"
assert np.isclose(found["Gradient"], 1), f"changed: {found}"
PYTHON
