#!/usr/bin/env bash
# expelliarmus on event cameras' EVT 3.0, in which a word holds the upper 12 bits of the time and another the lower 12.
#
# Guess: 3000 events, one each 10 us, written by it have these times to another reader, evt3, and to itself; and a stream
# written by the published format, the upper bits whenever they change, has its times.
# Seen, expelliarmus 1.1.12, evt3 0.4.1: the upper bits are written once, so that to evt3 no time is above 4095 us. It
# reads its own file right, as it counts how often the lower bits fall back, and does so beside the upper bits too: of
# the stream by the format, which evt3 reads right, the last time is 58662 us in place of 29990. Events of its own that
# are 5000 us apart come back 904 us apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 expelliarmus==1.1.12 evt3==0.4.1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import evt3
import numpy as np
from expelliarmus import Wizard

HEADER = b"% evt 3.0\n% format EVT3;height=480;width=640\n% end\n"
TIME_LOW, TIME_HIGH, ROW, COLUMN = 6 << 12, 8 << 12, 0, 2 << 12


def events(times):
    made = np.zeros(len(times), [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")])
    made["t"], made["x"], made["y"] = times, np.arange(len(times)) % 640, np.arange(len(times)) % 480
    return made


def by_the_format(made):
    words, upper = [], -1
    for event in made:
        if event["t"] >> 12 != upper:
            upper = int(event["t"]) >> 12
            words.append(TIME_HIGH | upper)
        words += [TIME_LOW | int(event["t"]) & 4095, ROW | int(event["y"]), COLUMN | int(event["x"])]
    return HEADER + np.array(words, "<u2").tobytes()


def times_of(name):
    return Wizard(encoding="evt3").read(name)["t"], np.asarray(evt3.decode_file(name).t)


own, published = f"{sys.argv[1]}/own.raw", f"{sys.argv[1]}/published.raw"
made = events(10 * np.arange(3000))
Wizard(encoding="evt3").save(fpath=own, arr=made.copy())
with open(published, "wb") as file:
    file.write(by_the_format(made))
found = {name: [int(times.max()) for times in times_of(path)] for name, path in (("own", own), ("published", published))}
Wizard(encoding="evt3").save(fpath=own, arr=events(5000 * np.arange(4)))
found["5000 us apart"] = times_of(own)[0].tolist()
print("last times to expelliarmus and to evt3:", found)
wanted = {"own": [29990, 4094], "published": [58662, 29990], "5000 us apart": [0, 904, 1808, 2712]}
assert found == wanted, f"changed: {found}"
PYTHON
