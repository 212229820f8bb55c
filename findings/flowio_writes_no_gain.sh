#!/usr/bin/env bash
# Events of flow cytometry (FCS 3.1, floats), with a gain and a step of time in the header, read and written again by flowio.
#
# Guess: what is written holds the same events as what was read.
# Seen, flowio 1.4.0: FlowData.write_fcs leaves out the gain and $TIMESTEP and writes the stored numbers, so that the new
# file is read by flowio itself with twice the light (a gain of 2) and a hundred times the time (steps of 0.01 s). Nothing is
# said. With metadata=data.text they stay. fcsparser gives the stored numbers of either file, without gain and step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==1.26.4 flowio==1.4.0 fcsparser==0.2.8 six==1.17.0
cd "$folder"
venv/bin/python -W ignore - <<'PYTHON'
import fcsparser
import flowio
import numpy as np

events = np.array([[200.0, 0.0], [300.0, 50.0], [250.0, 700.0]])
with open("a.fcs", "wb") as file:
    facts = {"TIMESTEP": "0.01", "P1G": "2.0"}
    flowio.create_fcs(file, events.ravel().tolist(), ["FSC-A", "Time"], metadata_dict=facts)
data = flowio.FlowData("a.fcs")
data.write_fcs("b.fcs")
data.write_fcs("c.fcs", metadata=data.text)
found = {name: flowio.FlowData(name).as_array() for name in ("a.fcs", "b.fcs", "c.fcs")}
others = {name: fcsparser.parse(name)[1].to_numpy() for name in found}
for name, read in found.items():
    print(name, "flowio", read[1], "fcsparser", others[name][1])
assert np.allclose(found["a.fcs"], events * [0.5, 0.01]), "changed: read"
assert np.allclose(found["b.fcs"], events), "changed: written again"
assert np.allclose(found["c.fcs"], found["a.fcs"]), "changed: written with its text"
assert all(np.allclose(read, events) for read in others.values()), "changed: fcsparser"
PYTHON
