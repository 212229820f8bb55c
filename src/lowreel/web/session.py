"""A process of the page's that carries out one request, and ends with the server.

`python -m lowreel.web.session run FILE` makes the run that a file of a RunRequest asks for, or goes on with it;
`interpolate FILE` draws the video that a file of an InterpolateRequest asks for.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ..jobs.callbacks import Callbacks
from ..jobs.display import Screen, show_result
from ..jobs.errors import exit_codes
from ..jobs.request import InterpolateRequest, RunRequest
from ..jobs.run import RunResult, go_on, run
from ..system.processes import die_with_parent


def carry_out(request: RunRequest, callbacks: Callbacks) -> RunResult:
    """Make a run, or go on with it where it was begun: a page's folder may have moved since."""
    folder = Path(request.output or "")
    if (folder / "config.json").is_file():
        return go_on(folder, request.settings, callbacks)
    return run(request, callbacks=callbacks)


def draw(request: InterpolateRequest) -> None:
    """Draw a video and print what there is to tell of it."""
    from ..jobs.interpolate import interpolate

    for line in interpolate(request):
        print(line)


if __name__ == "__main__":
    die_with_parent()
    with exit_codes():
        what, file = sys.argv[1:]
        if what == "run":
            asked = RunRequest.load(file)
            with Screen() as screen:
                result = carry_out(asked, screen)
            show_result(result)
        else:
            draw(InterpolateRequest.load(file))
