#!/usr/bin/env bash
# Tables of particles in STAR, as RELION has them, written and read again by starfile.
#
# Guess: numbers come back to their last digits, and names as they were.
# Seen, starfile 0.5.13: in tables six decimals are written, so that 2e-7 becomes 0 and 0.0000126 becomes 0.000013; the same
# numbers in a block of one row keep all digits. A name with a # is written as it is, and on reading is cut off there, and
# what stands right of it in its row is missing. Of a column of names such as 01, 02 numbers are made. Nothing is said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 pandas==3.0.3 starfile==0.5.13
cd "$folder"
venv/bin/python - <<'PYTHON'
import pandas
import starfile

table = pandas.DataFrame({"rlnA": [2e-7, 1.26e-5], "rlnMicrographName": ["a.mrc", "a#1.mrc"], "rlnB": [1, 2], "rlnC": ["01", "02"]})
starfile.write({"one": {"rlnA": 2e-7}, "table": table}, "a.star")
read = starfile.read("a.star")
found = read["table"].astype(object).where(read["table"].notna(), None).to_dict("list")
print("one row:", read["one"], "table:", found)
assert read["one"] == {"rlnA": 2e-7}, "changed: one row"
wanted = {"rlnA": [0, 1.3e-5], "rlnMicrographName": ["a.mrc", "a"], "rlnB": [1, None], "rlnC": [1, None]}
assert found == wanted, f"changed: {found}"
PYTHON
