#!/usr/bin/env bash
# pycine's "raw" frames of high-speed films of Phantom cameras (.cine), beside FFmpeg's, through PyAV.
#
# Guess: raw frames are the counts that are stored, in FFmpeg as well, there moved up to 16 bits; of a camera that says
# that black is 64 and white 4064, too.
# Seen, pycine 0.3.2, av 18.1.0: pycine stretches counts so that black is 0 and white 4095, rounds down and cuts off what
# lies below black, half of the noise of a dark frame: its mean is 1.5 in place of -0.1, and FFmpeg keeps all. Packed
# counts of 10 bits pycine turns into amounts of light by the camera's curve, and FFmpeg does not: a quarter of white is
# 231 of 4095 beside 16400 of 65535. Films of 8 bits pycine cannot read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pycine==0.3.2 av==18.1.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import ctypes
import struct

import av
import numpy as np
from pycine import cine
from pycine.raw import read_frames

H, W = 16, 32


def packed(counts):
    """Four counts of 10 bits in five bytes, the highest bits first."""
    bits = np.unpackbits(counts.astype(">u2").view("u1").reshape(-1, 2), axis=1)[:, 6:]
    return np.packbits(bits).tobytes()


def write(name, counts, bits, is_packed=False, black=0, white=None):
    """A film of one frame by the published layout: rows from the bottom upwards, but for packed ones."""
    stored = packed(counts) if is_packed else counts[::-1].astype("u1" if bits == 8 else "<u2").tobytes()
    start, picture, setup = cine.CINEFILEHEADER(), cine.BITMAPINFOHEADER(), cine.SETUP()
    first = ctypes.sizeof(start) + ctypes.sizeof(picture)
    offsets = first + ctypes.sizeof(setup)
    head = {"Type": 0x4943, "Headersize": 44, "Version": 1, "TotalImageCount": 1, "ImageCount": 1}
    head |= {"OffImageHeader": 44, "OffSetup": first, "OffImageOffsets": offsets}
    of_picture = {"biSize": 40, "biWidth": W, "biHeight": H, "biPlanes": 1, "biBitCount": 8 if bits == 8 else 16}
    of_picture |= {"biCompression": 256 if is_packed else 0, "biSizeImage": len(stored)}
    of_camera = {"Mark": 0x5453, "Length": ctypes.sizeof(setup), "FrameRate16": 1000, "FrameRate": 1000}
    of_camera |= {"RealBPP": bits, "BlackLevel": black, "WhiteLevel": white or 2**bits - 1}
    for part, values in ((start, head), (picture, of_picture), (setup, of_camera)):
        for key, value in values.items():
            setattr(part, key, value)
    frame = struct.pack("<q", offsets + 8) + struct.pack("<II", 8, len(stored)) + stored
    with open(name, "wb") as file:
        file.write(bytes(start) + bytes(picture) + bytes(setup) + frame)


def of_both(name):
    with av.open(name) as film:
        stored = next(film.decode(video=0)).to_ndarray()
    try:
        return next(read_frames(name)[0]), stored
    except ValueError:
        return None, stored


rng = np.random.default_rng(0)
write("8.cine", rng.integers(0, 256, (H, W)), 8)
write("12.cine", ramp := np.arange(H * W).reshape(H, W) * 8, 12)
write("dark.cine", dark := np.rint(rng.normal(64, 4, (H, W))).astype(int), 12, black=64, white=4064)
write("packed.cine", quarter := np.full((H, W), 256), 10, is_packed=True)
eight, _ = of_both("8.cine")
raw, moved = of_both("12.cine")
assert np.array_equal(raw, ramp) and np.array_equal(moved >> 4, ramp), "changed: 12 bits"
raw, moved = of_both("dark.cine")
found = {"8 bits": eight, "mean of dark": float(raw.mean().round(1)), "stored": float((dark - 64).mean().round(1))}
assert np.array_equal(moved >> 4, dark), "changed: FFmpeg"
raw, moved = of_both("packed.cine")
found["packed"] = (int(raw[0, 0]), int(moved[0, 0]))
print(found)
assert found == {"8 bits": None, "mean of dark": 1.5, "stored": -0.1, "packed": (231, 16400)}, f"changed: {found}"
PYTHON
