#!/usr/bin/env bash
# A spectrum whose places are not evenly apart, as those of Raman spectrometers and masses are, and one of small numbers,
# written as JCAMP-DX and read again by jcamp.
#
# Guess: places and values come back to the digits that the file has.
# Seen, jcamp 1.3.2: places are kept at the ends of the spectrum alone and evenly spread between, so that a line at 50 stands at
# 60.4; of more than a line of text reading prints "X-Check failed", and goes on. Values have four decimals, so that an
# absorbance of 1e-5 becomes 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 jcamp==1.3.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import contextlib
import io

import jcamp
import numpy as np


def again(x, y):
    """A spectrum, written and read; the writer prints each number of it."""
    with contextlib.redirect_stdout(io.StringIO()):
        jcamp.writefile("a.jdx", {"x": x, "y": y, "title": "a", "xunits": "1/CM", "yunits": "ABSORBANCE"})
    read = jcamp.readfile("a.jdx")
    return np.asarray(read["x"]), np.asarray(read["y"])


uneven, even = np.array([1.0, 2.0, 3.0, 50.0, 51.0, 100.0]), np.linspace(400, 4000, 6)
places, values = again(uneven, uneven)
small = again(even, np.full(6, 1e-5))[1]
print(uneven.tolist(), "becomes", places.round(1).tolist(), "with the values", values.tolist(), "and 1e-5", small.tolist())
assert np.array_equal(again(even, even / 1000)[0], even), "changed: even"
assert np.allclose(places, np.linspace(1, 100, 6)) and np.array_equal(values, uneven), "changed: uneven"
assert not small.any(), "changed: small"
PYTHON
