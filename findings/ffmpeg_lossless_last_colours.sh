#!/usr/bin/env bash
# Lossless video by FFmpeg, through PyAV, whose colours have fewer columns or rows than its luma, of sizes that leave a rest.
#
# Guess: FFV1 and FFVHUFF keep every plane to the last bit, or refuse a size, as FFVHUFF refuses 4:2:0 of 8 bits with an odd
# width.
# Seen, PyAV 18.1.0: FFV1 of 4:1:1 with 702 columns (704 without 2) loses the last column of both colours, of 4:1:0 with 30
# rows the last row. FFVHUFF of 4:2:0 with 10 bits and 33x25 pixels loses the last column and row of both. Nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import io

import av
import numpy as np

generator = np.random.default_rng(0)
CASES = (
    ("ffv1", "yuv420p", 33, 25),
    ("ffv1", "yuv411p", 704, 24),
    ("ffv1", "yuv411p", 702, 24),
    ("ffv1", "yuv410p", 32, 32),
    ("ffv1", "yuv410p", 32, 30),
    ("ffvhuff", "yuv420p10le", 32, 24),
    ("ffvhuff", "yuv420p10le", 33, 25),
)
found = {}
for codec, form, width, height in CASES:
    frame = av.VideoFrame(width, height, form)
    bits = frame.format.components[0].bits
    kind = np.dtype("u1" if bits == 8 else "<u2")
    planes = []
    for plane in frame.planes:
        numbers = generator.integers(0, 1 << bits, (plane.height, plane.line_size // kind.itemsize)).astype(kind)
        plane.update(numbers.tobytes())
        planes.append(numbers[:, : plane.width])
    content = io.BytesIO()
    with av.open(content, "w", format="nut") as file:
        stream = file.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, form
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    content.seek(0)
    with av.open(content) as file:
        read = next(file.decode(video=0))
    lost = []
    for plane, numbers in zip(read.planes, planes, strict=True):
        same = np.frombuffer(bytes(plane), kind).reshape(plane.height, -1)[:, : plane.width] == numbers
        row, column = (bool(line.mean() < 0.5) for line in (same[-1], same[:, -1]))
        lost.append([] if same.all() else [bool(same[:-1, :-1].all()), "row" * row, "column" * column])
    found[codec, form, width, height] = lost
    print(codec, form, f"{width}x{height}:", lost)
wanted = [[[], [], []]] * len(CASES)
wanted[2] = [[], [True, "", "column"], [True, "", "column"]]
wanted[4] = [[], [True, "row", ""], [True, "row", ""]]
wanted[6] = [[], [True, "row", "column"], [True, "row", "column"]]
assert list(found.values()) == wanted, "changed"
PYTHON
