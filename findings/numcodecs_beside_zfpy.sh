#!/usr/bin/env bash
# zarr, and numcodecs on which it stands, where zfpy is installed, as numcodecs' extra of that name asks for.
#
# Guess: arrays can be compressed by ZFP, and all others are read as before.
# Seen, numcodecs 0.16.6, zarr 3.1.6, zfpy 1.0.1.post0, the newest: neither can be imported any more, by a ValueError that
# names neither of them: the version of zfpy is taken for numbers between dots.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 numcodecs==0.16.6 zarr==3.1.6
"$folder/venv/bin/python" -c "import numcodecs, zarr"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check zfpy==1.0.1.post0
for name in numcodecs zarr; do
    told=$("$folder/venv/bin/python" -c "import $name" 2>&1 | tail -1) || true
    echo "$name: $told"
    [ "$told" = "ValueError: invalid literal for int() with base 10: 'post0'" ] || { echo "changed"; exit 1; }
done
