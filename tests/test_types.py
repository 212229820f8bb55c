"""The types of the package reach the scripts of its users, through `py.typed`."""

import os
import subprocess
import sys
from pathlib import Path

import lowreel

WRONG = """\
import lowreel

clip = lowreel.open_clip("rotating-mnist:7").read()
camera = lowreel.MissingPixels((8, 1, 64, 64), 0.8, seed=0)
settings = lowreel.RecoverSettings(rnk=4)
recovery = lowreel.recover(camera(clip), camera, settings)
lowreel.recover(camera(clip), camera, "fast")
print(recovery.trust, recovery.cilp)
"""
CONFIG = """\
[mypy]
[mypy-torch.*,numpy.*,scipy.*,PIL.*,av.*]
follow_imports = skip
"""  # to read the types of torch takes half a minute, and none of the three depends on them
FOUND = {5: '"rnk" for "RecoverSettings"', 7: 'type "str"; expected "RecoverSettings', 8: 'no attribute "cilp"'}


def test_a_wrong_script_is_caught_by_mypy(tmp_path):
    """A field of the settings, the type of an argument and an attribute of the result: each on its line, no other."""
    (tmp_path / "script.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text(CONFIG)
    home = Path(lowreel.__file__).parents[1]
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, "script.py"]
    told = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(home)}, capture_output=True, text=True
    )
    errors = [line.split(":", 2) for line in told.stdout.splitlines() if ": error:" in line]
    assert [int(line) for _, line, _ in errors] == list(FOUND), told.stdout + told.stderr
    assert all(text in sentence for text, (_, _, sentence) in zip(FOUND.values(), errors, strict=True))
