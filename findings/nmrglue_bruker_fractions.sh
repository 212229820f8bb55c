#!/usr/bin/env bash
# nmrglue's converter, from a spectrometer's signal in floats to Bruker's files, and what is read of these.
#
# Guess: the signal comes back to single precision, as through NMRPipe's files, or is refused.
# Seen, nmrglue 0.12: fractions are cut off towards 0, without a word, as numbers become int32 and are not scaled. Of a
# simulated signal of size 0.1 nothing is left, of one of size 1 half of the energy, and of 1000 each number is up to one
# off. write() has isfloat, "False for int32"; neither it nor the converter looks at the numbers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 nmrglue==0.12
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import nmrglue
import numpy as np

POINTS = 256
noise = np.random.default_rng(0).standard_normal((2, POINTS))
signal = (noise[0] + 1j * noise[1]).astype("c8")
axis = nmrglue.fileiobase.create_blank_udic(1)
axis[0].update(size=POINTS, complex=True, sw=5000.0, obs=500.0, car=2000.0, label="H", time=True, freq=False, encoding="direct")
found = {}
for size in (0.1, 1.0, 1000.0):
    converter = nmrglue.convert.converter()
    converter.from_universal(axis, signal * np.float32(size))
    nmrglue.pipe.write("a.fid", *converter.to_pipe(), overwrite=True)
    nmrglue.bruker.write("bruker", *converter.to_bruker(), overwrite=True)
    read = {"pipe": nmrglue.pipe.read("a.fid")[1], "bruker": nmrglue.bruker.read("bruker", shape=(POINTS,), cplex=True)[1]}
    made = size * signal
    errors = {name: float(np.abs((values - made).real).max()) for name, values in read.items()}
    shares = {name: float((np.abs(values) ** 2).sum() / (np.abs(made) ** 2).sum()) for name, values in read.items()}
    found[size] = {name: (errors[name], shares[name]) for name in read}
    print("size", size, "largest error and share of the energy:", found[size])
    assert found[size]["pipe"][0] < 1e-6 * size * 10, f"changed: {found}"
assert found[0.1]["bruker"][1] == 0, f"changed: {found}"
assert found[1.0]["bruker"][1] < 0.6 and 0.9 < found[1000.0]["bruker"][0] < 1, f"changed: {found}"
PYTHON
