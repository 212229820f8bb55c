"""`lowreel info`: what a file or folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter


def add_info(app: App) -> None:
    """Give the command line its `info`."""
    app.command(info, name="info")


def info(file: Path, *, as_json: Annotated[bool, Parameter(name="--json")] = False) -> None:
    """Say what a file or folder holds: a clip, measured data, a representation, weights or a run.

    Parameters
    ----------
    file
        a clip, measured data, a representation, weights, a checkpoint, or the folder of a run
    as_json
        print it as JSON
    """
    from .describe import describe

    found = describe(file)
    if as_json:
        print(json.dumps(found, indent=2, default=str))
        return
    width = max(14, *(len(name) for name in found))
    for name, value in found.items():
        print(f"{name:<{width}} {value}")
