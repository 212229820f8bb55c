#!/usr/bin/env bash
# One frame of a film by its number, imageio's plugin "pyav": H.264 of 50 frames, 25 a second, with frames that are predicted
# from later ones (B frames), as x264 makes them by itself.
#
# Guess: index n is the nth of the frames that are read in order, or an error, wherever the film's times begin.
# Seen, imageio 2.38.1 with PyAV 18.1.0: the last but one is the last, and the last is StopIteration. Where times begin at
# one second, from frame 2 on it is another frame, 25 before, or the first. Without B frames and from 0 all are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5 imageio==2.38.1 av==18.1.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
from fractions import Fraction

import av
import imageio.v3 as iio
import numpy as np

COUNT = 50


def film(name, begin, frames_between):
    with av.open(name, "w") as file:
        stream = file.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"bf": str(frames_between), "g": "12", "crf": "5"}
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 + 4 * number, "u1"), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.time_base, frame.pts = Fraction(1, 25), begin + number
            file.mux(stream.encode(frame))
        file.mux(stream.encode())


def number_of(frame):
    return round((frame.mean() - 20) / 4)


def asked(name, index):
    try:
        return number_of(iio.imread(name, index=index, plugin="pyav"))
    except StopIteration:
        return "StopIteration"


found = {}
for name, begin, frames_between in (("plain.mp4", 0, 0), ("between.mp4", 0, 3), ("late.mp4", 25, 3)):
    film(name, begin, frames_between)
    assert [number_of(frame) for frame in iio.imiter(name, plugin="pyav")] == list(range(COUNT))
    found[name] = [asked(name, index) for index in range(COUNT)]
    print(name, found[name])
assert found["plain.mp4"] == list(range(COUNT)), "changed: plain"
assert found["between.mp4"] == [*range(COUNT - 2), COUNT - 1, "StopIteration"], "changed: between"
assert found["late.mp4"] == [0, 1] + [max(0, index - 25) for index in range(2, COUNT)], "changed: late"
PYTHON
