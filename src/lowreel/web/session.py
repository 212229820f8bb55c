"""The process of one recovery of the page: it carries out a request, and ends with the server.

`python -m lowreel.web.session request.json` makes the run that the file asks for, or goes on with it; with the words
of any other command in place of a file it is the command line.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from ..jobs.callbacks import Callbacks
from ..jobs.display import shown
from ..jobs.errors import exit_codes
from ..jobs.request import RunRequest
from ..jobs.run import RunResult, go_on, run
from ..system.processes import die_with_parent


def carry_out(request: RunRequest, callbacks: Callbacks) -> RunResult:
    """Make a run, or go on with it where it was begun: a page's folder may have moved since."""
    folder = Path(request.output or "")
    if (folder / "config.json").is_file():
        return go_on(folder, request.settings, callbacks)
    return run(request, callbacks=callbacks)


if __name__ == "__main__":
    die_with_parent()
    if sys.argv[1].endswith(".json"):
        with exit_codes():
            asked = RunRequest.load(sys.argv[1])
            shown(lambda screen: carry_out(asked, screen))
    sys.argv[0] = "lowreel"
    runpy.run_module("lowreel", run_name="__main__")
