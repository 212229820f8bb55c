#!/usr/bin/env bash
# PIMS on films whose frames come at uneven times, as of phones and screens, and what it exports as a film.
#
# Guess: video[k] for each k gives each frame of the film once, or, as its reader's description says, an empty frame where
# there is none at that time; 60 frames exported at 25 a second are 60; 16 bits that fade keep fading.
# Seen, pims 0.7, av 13.1.0: the reader that pims.open takes for mp4 has as many frames as the film, counted off at its
# mean rate: of a film whose frames are 20 and 60 ms apart in turns of five, 21 of 100 are never given and others are
# given twice, the one before in place of an empty one. PyAVReaderIndexed gives each once. Of 60 frames exported at 25 a
# second frame 28 stands for 29 and 57 for 58, as frame numbers are cut off after k / 25 * 25; at 24 each is there. More
# than 8 bits are stretched from black to white frame by frame, so that a fade to a tenth is as bright at its end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 av==13.1.0 pims==0.7
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
from fractions import Fraction

import av
import numpy as np
import pims

BITS, WIDE = 7, 8


def numbered(count):
    bits = np.arange(count)[:, None] >> np.arange(BITS + 1) & 1
    return np.repeat(np.repeat((255 * bits).astype("u1")[:, None], WIDE * 4, 1), WIDE, 2)


def number(picture):
    return int(sum((picture[..., bit * WIDE : (bit + 1) * WIDE, 0].mean() > 127) << bit for bit in range(BITS)))


def written(name):
    with av.open(name) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


times = np.cumsum(np.r_[0, np.where(np.arange(99) % 10 < 5, 20, 60)])
with av.open("uneven.mp4", "w") as film:
    stream = film.add_stream("libx264", rate=25)
    stream.width, stream.height, stream.pix_fmt = (BITS + 1) * WIDE, WIDE * 4, "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    for time, picture in zip(times, numbered(100)):
        frame = av.VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, -1), format="rgb24")
        frame.pts, frame.time_base = int(time), Fraction(1, 1000)
        film.mux(stream.encode(frame))
    film.mux(stream.encode())
assert [number(picture) for picture in written("uneven.mp4")] == list(range(100)), "the film is not as it should be"
readers = {reader.__class__.__name__: reader for reader in (pims.open("uneven.mp4"), pims.PyAVReaderIndexed("uneven.mp4"))}
given = {name: [number(np.asarray(reader[place])) for place in range(len(reader))] for name, reader in readers.items()}
print("frames, and how many of them differ:", {name: (len(seen), len(set(seen))) for name, seen in given.items()})
assert len(given["PyAVReaderTimed"]) == 100 and len(set(given["PyAVReaderTimed"])) == 79, "changed: uneven times"
assert given["PyAVReaderIndexed"] == list(range(100)), "changed: PyAVReaderIndexed"

for rate, wanted in ((24, []), (25, [29, 58])):
    pims.export(numbered(60), "even.mp4", rate=rate, codec="libx264", quality=1)
    seen = [number(picture) for picture in written("even.mp4")]
    print("exported at", rate, "a second:", len(seen), "frames, without", sorted({*range(60)} - {*seen}))
    assert len(seen) == 60 and sorted({*range(60)} - {*seen}) == wanted, f"changed: {rate}"

fade = (np.linspace(40_000, 4000, 20)[:, None, None] * np.linspace(0, 1, 64)[None, None]).repeat(32, 1).astype("u2")
pims.export(fade, "fade.mp4", rate=24, codec="libx264", quality=1)
white = [int(picture[..., -4:, :].mean()) for picture in written("fade.mp4")]
print("the brightest of a fade:", white)
assert min(white) > 230, f"changed: {white}"
PYTHON
