#!/usr/bin/env bash
# Events of a deformability cytometer (.rtdc): images of 12 bits and the maxima of fluorescence, written and read by dclab.
#
# Guess: images of more than 8 bits are refused or kept, as masks and traces are, and numbers of events come back as given.
# Seen, dclab 0.73.4: images are cut off at 255, so that frames of 12 bits are mostly white, and floats within 0 and 1 become 0.
# fl1_max (fl2_, fl3_) is made a whole number that is not below 0: 0.7 becomes 0 and -3.2 too, beside fl1_width and fl1_pos that
# are kept. Nothing is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4 dclab==0.73.4
cd "$folder"
venv/bin/python - <<'PYTHON'
import dclab
import numpy as np

numbers = np.array([0.7, -3.2, 100.9])
greys = np.tile(np.array([5, 300, 2000, 4095], np.uint16), (3, 4, 1))
facts = {"experiment": {"sample": "a", "run index": 1}, "imaging": {"pixel size": 0.34}}
for name, pictures in (("a.rtdc", greys), ("b.rtdc", greys / 4095)):
    with dclab.RTDCWriter(name, mode="reset") as file:
        file.store_metadata(facts)
        file.store_feature("image", pictures)
        for feature in ("fl1_max", "fl1_width", "fl1_pos"):
            file.store_feature(feature, numbers)
read = {name: dclab.new_dataset(name) for name in ("a.rtdc", "b.rtdc")}
images = {name: data["image"][0][0].tolist() for name, data in read.items()}
found = {feature: read["a.rtdc"][feature][:].tolist() for feature in ("fl1_max", "fl1_width", "fl1_pos")}
print(greys[0, 0].tolist(), "becomes", images["a.rtdc"], "and over 4095", images["b.rtdc"])
print(numbers.tolist(), "becomes", found)
assert images == {"a.rtdc": [5, 255, 255, 255], "b.rtdc": [0, 0, 0, 1]}, "changed: images"
assert found == {"fl1_max": [0, 0, 100], "fl1_width": numbers.tolist(), "fl1_pos": numbers.tolist()}, "changed: numbers"
PYTHON
