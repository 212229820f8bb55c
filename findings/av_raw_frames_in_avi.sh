#!/usr/bin/env bash
# Uncompressed frames of 16 bits of grey, and of RGB, written into AVI by PyAV, as recordings of cameras are kept.
#
# Guess: what AVI cannot say is refused when it is written, or comes back as it was.
# Seen, PyAV 18.1.0: no error and, as PyAV does not pass on what FFmpeg logs, no word. Grey of 16 bits comes back as
# colours of 5 bits (rgb555le), RGB as BGR; in NUT both are right, and AVI has bgr24 right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 av==18.1.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import av
import numpy as np

counts = (256 * np.arange(16 * 16).reshape(16, 16)).astype(np.uint16)
bytes_ = (counts >> 8).astype(np.uint8)
colours = np.stack([bytes_, bytes_[::-1], bytes_.T], -1)
found = {}
for kind in ("avi", "nut"):
    for name, frame in (("gray16le", counts), ("rgb24", colours), ("bgr24", colours)):
        with av.open(f"a.{kind}", "w") as file:
            stream = file.add_stream("rawvideo", rate=25)
            stream.height, stream.width, stream.pix_fmt = 16, 16, name
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format=name)))
            file.mux(stream.encode(None))
        with av.open(f"a.{kind}") as file:
            seen = next(file.decode(video=0))
        same = seen.format.name == name and bool((seen.to_ndarray() == frame).all())
        found[kind, name] = "as it was" if same else seen.format.name
print(found)
wanted = dict.fromkeys(found, "as it was") | {("avi", "gray16le"): "rgb555le", ("avi", "rgb24"): "bgr24"}
assert found == wanted, f"changed: {found}"
PYTHON
