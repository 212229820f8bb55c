#!/usr/bin/env bash
# ismrmrd's images of whole numbers of 32 bits, type 4 of the format (ISMRMRD_INT, int32_t), as reconstructions send them.
#
# Guess: an int32 array becomes an image of that type, and a stream of two such images is read.
# Seen, ismrmrd 1.15.0 on 64-bit Linux: int32 is refused and int64 becomes type 4, which an HDF5 file then cannot take.
# Of a stream each number is made of two: [1, -2, 3] begins with -8589934591, and the reader ends within the next image.
# From HDF5 they come back right, as int64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 ismrmrd==1.15.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import io

import h5py
import ismrmrd
import numpy as np
from ismrmrd.constants import DATATYPE_INT

values = np.array([[1, -2, 3], [4, 5, 6]], "i4")


def outcome(make, *given):
    try:
        return make(*given)
    except TypeError as error:
        return str(error)


refused = outcome(ismrmrd.Image.from_array, values)
image = ismrmrd.Image.from_array(values.astype("i8"))
unwritten = outcome(ismrmrd.Dataset("a.h5").append_image, "images", image)

floats = ismrmrd.Image.from_array(values.view("f4").copy())  # the same bytes, under a type of the same size
stream = io.BytesIO()
floats.serialize_into(stream.write)
message = bytearray(stream.getvalue())
place = type(floats.getHead()).data_type.offset
message[place : place + 2] = DATATYPE_INT.to_bytes(2, "little")
stream = io.BytesIO(bytes(message) * 2)
first = ismrmrd.Image.deserialize_from(stream.read).data
left = len(stream.read())

file = ismrmrd.Dataset("b.h5")
file.append_image("images", floats)
file.close()
with h5py.File("b.h5", "r+") as file:
    heads = file["dataset/images/header"][:]
    heads["data_type"] = DATATYPE_INT
    file["dataset/images/header"][:] = heads
    del file["dataset/images/data"]
    file["dataset/images/data"] = values[None, None, None]
stored = ismrmrd.Dataset("b.h5").read_image("images", 0).data
print(refused, "|", unwritten, "|", first.ravel()[0], "left", left, "of", len(message), "|", stored.dtype)
assert refused == "Datatype not supported: int32" and unwritten.startswith("Can't broadcast"), "changed: int64"
assert first.ravel()[0] == -8589934591 and left == len(message) - values.nbytes, "changed: stream"
assert stored.dtype == np.int64 and np.array_equal(stored.squeeze(), values), "changed: HDF5"
PYTHON
