#!/usr/bin/env bash
# The smaller levels of an OME-Zarr pyramid of a ramp, whose value at each pixel is its place, written by ome-zarr-py.
#
# Guess: a pixel of each level lies where its scale and translation say, to a fraction of it.
# Seen, ome-zarr 0.18.0: with sides that are no multiples of 2 and dask's chunks it lies up to 4.6 pixels of the original away at
# a quarter of the size, as chunks are made smaller one by one and their ends do not add up to the scale that is written (1 pixel
# by local_mean, which drops the rest). In one piece it is right. By Methods.ZOOM black columns and rows stand inside the
# picture, at the end of each chunk, and even of 64x64 in one piece at the end of the second level.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4 ome-zarr==0.18.0 zarr==3.1.5 \
    scikit-image==0.26.0 dask==2026.8.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import dask.array as da
import numpy as np
import zarr
from ome_zarr.scale import Methods
from ome_zarr.writer import write_image

found, black = {}, {}
for size, chunk, method in (
    (99, 99, "resize"), (99, 32, "resize"), (96, 32, "resize"), (65, 65, "local_mean"), (99, 32, "zoom"), (64, 64, "zoom"),
):  # fmt: skip
    ramp = np.broadcast_to(np.arange(1, size + 1, dtype="f4"), (size, size))
    group = zarr.open_group(f"{size}_{chunk}_{method}.zarr", mode="w")
    whole = da.from_array(ramp, chunks=chunk)
    write_image(whole, group, axes="yx", method=Methods(method), scale_factors=[2, 4])
    for level in group.attrs["ome"]["multiscales"][0]["datasets"][1:]:
        row = group[level["path"]][5]
        (scale, _), (begin, _) = (list(t.values())[1][::-1] for t in level["coordinateTransformations"])
        error = row - (1 + begin + scale * np.arange(row.size))
        found[size, chunk, method, level["path"]] = round(float(np.abs(error).max()), 2)
        black[size, chunk, method, level["path"]] = np.flatnonzero(row == 0).tolist()
for case, error in found.items():
    print(*case, "pixels away", error, "black columns", black[case])
assert max(found[99, 99, "resize", level] for level in ("s1", "s2")) < 0.3, "changed: in one piece"
assert max(found[96, 32, "resize", level] for level in ("s1", "s2")) < 0.3, "changed: even"
assert found[99, 32, "resize", "s1"] > 1.2 and found[99, 32, "resize", "s2"] > 4.5, "changed: chunks"
assert 0.9 < found[65, 65, "local_mean", "s1"] < 1, "changed: local_mean"
assert black[99, 32, "zoom", "s1"] == [15, 31, 47] and black[64, 64, "zoom", "s2"] == [15], f"changed: {black}"
PYTHON
