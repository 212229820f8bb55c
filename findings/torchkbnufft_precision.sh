#!/usr/bin/env bash
# torchkbnufft's NUFFT in double precision (complex128), and its norm="ortho".
#
# Guess: more neighbours (numpoints) make the sum more precise, to 1e-6 and below, and norm="ortho" gives the unitary sum,
# 1 / sqrt(pixels) times it, as with torch.fft.
# Seen, torchkbnufft 1.5.2: 8e-4 off with 6 neighbours, the default, and with 8: the nearest entry of a table of the kernel
# is taken, and its length (table_oversamp, 1024) says how precise the sum is; 8192 and 6 neighbours give 1e-4. "ortho" is
# half of the unitary sum for pictures and 1 / sqrt(8) for volumes: it is unitary on the grid, twice as large, as the
# documentation hints at by "with the FFT operation". The adjoint is the adjoint to 1e-12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 torch==2.13.0 torchkbnufft==1.5.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import torch
import torchkbnufft

rng, found = np.random.default_rng(0), {}
kinds = {"6": {"numpoints": 6}, "8": {"numpoints": 8}, "6, 8192": {"numpoints": 6, "table_oversamp": 8192}}
for shape in ((12, 10), (6, 8, 10)):
    picture = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    points = rng.uniform(-np.pi, np.pi, (len(shape), 50))
    places = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1).reshape(-1, len(shape))
    own = np.exp(-1j * points.T @ places.T) @ picture.ravel()
    given = torch.tensor(picture)[None, None], torch.tensor(points)
    for name, told in kinds.items():
        seen = torchkbnufft.KbNufft(im_size=shape, dtype=torch.complex128, **told)(*given)[0, 0].numpy()
        found[len(shape), name] = float(np.linalg.norm(seen - own) / np.linalg.norm(own))
    transform = torchkbnufft.KbNufft(im_size=shape, dtype=torch.complex128)
    unitary = own / np.sqrt(picture.size)
    seen = transform(*given, norm="ortho")[0, 0]
    found[len(shape), "ortho"] = float(np.vdot(unitary, seen.numpy()).real / np.vdot(unitary, unitary).real)
    back = torchkbnufft.KbNufftAdjoint(im_size=shape, dtype=torch.complex128)(seen[None, None], given[1], norm="ortho")
    assert np.isclose(np.vdot(picture, back.numpy()).real, np.vdot(seen, seen).real, rtol=1e-10), "changed: the adjoint"
print("relative errors, and the share of the unitary sum:", {key: f"{value:.2g}" for key, value in found.items()})
for axes in (2, 3):
    assert 1e-4 < found[axes, "8"] < 3e-3 and found[axes, "8"] > 0.7 * found[axes, "6"], "changed: neighbours"
    assert found[axes, "6, 8192"] < found[axes, "6"] / 4, "changed: the table"
    assert abs(found[axes, "ortho"] - 2 ** (-axes / 2)) < 1e-3, "changed: ortho"
PYTHON
