#!/usr/bin/env bash
# OpenEXR with a channel of whole numbers of 32 bits, such as photon counts or labels, read by FFmpeg, through PyAV.
#
# Guess: they come out as they are, as floats, or are refused.
# Seen, PyAV 18.1.0, OpenEXR 3.5.3: they become 16 bits of grey, each number over 65536: all counts below that are
# black. Nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 av==18.1.0 OpenEXR==3.5.3
cd "$folder"
venv/bin/python - <<'PYTHON'
import av
import numpy as np
import OpenEXR

counts = np.arange(16 * 16, dtype=np.uint32).reshape(16, 16) * 1000
with OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}, {"Y": counts}) as file:
    file.write("a.exr")
with OpenEXR.File("a.exr") as file:
    assert (file.channels()["Y"].pixels == counts).all()
with av.open("a.exr") as file:
    frame = next(file.decode(video=0))
seen = frame.to_ndarray()
print(frame.format.name, counts[1, :3].tolist(), "become", seen[1, :3].tolist(), "largest", counts.max(), seen.max())
assert frame.format.name == "gray16le" and (seen == counts >> 16).all(), "changed"
PYTHON
