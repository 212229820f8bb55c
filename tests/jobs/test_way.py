"""The way of a clip, from a request on the command line to the files of its run: few rooms, and none twice."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import moving
from package_layout import rows

import lowreel
from lowreel.io.video.clip import Clip
from lowreel.operators import MissingPixels
from lowreel.runs import outputs
from lowreel.solver.variables import Variables

PACKAGE = Path(lowreel.__file__).parent
ENDS = {
    "read": (Clip, "read"),
    "measured": (MissingPixels, "forward"),
    "fitted": (Variables, "descend"),
    "written": (outputs, "write_npy"),
}
"""What is done with a clip: whatever stands on the stack then has handed it there."""
AT_FIRST = {"read", "measured"}
"""Done before the fit; later the operator is used in many places, which is not the way of the clip."""
TRIAL = "recovery/cost.py"
"""Where an update is tried before the fit, to say how long it will take: it is of no result."""
MOST_ROOMS = 12


def on_the_stack():
    """Files of the package, and functions in them, from the outermost in."""
    frame, found = sys._getframe(2), []
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if file.is_relative_to(PACKAGE):
            found.insert(0, (str(file.relative_to(PACKAGE)), frame.f_code.co_qualname))
        frame = frame.f_back
    return found


@pytest.fixture
def ways(monkeypatch):
    """The stacks of each of ENDS."""
    found = {}

    def noting(what, function):
        def noted(*arguments, **options):
            way = on_the_stack()
            if not (what in AT_FIRST and what in found) and TRIAL not in dict(way):
                found.setdefault(what, []).append(way)
            return function(*arguments, **options)

        return noted

    for what, (owner, name) in ENDS.items():
        monkeypatch.setattr(owner, name, noting(what, getattr(owner, name)))
    return found


def test_a_clip_passes_few_rooms(tmp_path, command, ways):
    """The list of CONTRIBUTING.md: at most twelve files, each calls one below it there, of no higher row."""
    np.save(tmp_path / "clip.npy", moving())
    words = f"simulate missing {tmp_path / 'clip.npy'} --steps 4 --baselines none -o {tmp_path / 'run'}"
    assert command(words).code == 0
    assert ways.keys() == ENDS.keys()
    every = [way for several in ways.values() for way in several]
    rooms = {file for way in every for file, _ in way}
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)
    told = (PACKAGE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^\| `(\w+/\w+\.py)` \|", told)
    assert rooms == set(listed), rooms ^ set(listed)
    row_of = rows()
    for way in every:
        passed = [row_of[file.split("/")[0]] for file, _ in way]
        assert passed == sorted(passed, reverse=True)
        places = [listed.index(file) for file, _ in way]
        assert places == sorted(places), way
