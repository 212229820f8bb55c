"""`lowreel serve`: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from ..catalogue import OPERATORS, IdentitySettings
from ..errors import InputError
from ..jobs.errors import in_one_line
from ..settings import ClipSettings, NoiseSettings, ServeSettings

Serving = Annotated[ServeSettings, Parameter(name="*")]
Output = Annotated[Path, Parameter(name=["--output", "-o"])]


def add_serve(app: App) -> None:
    """Give the command line its `serve`."""
    app.command(serve, name="serve")


def serve(*runs: Path, output: Output = Path("lowreel-page"), serving: Serving = ServeSettings()) -> None:
    """Open a page on which clips are recovered, and watched while they are; needs `pip install 'lowreel[web]'`.

    The page asks no other host for anything. It is for this machine alone unless --host says otherwise. Recoveries are
    command lines of their own: they survive a closed tab, and a stop of the server, with which they go on again.

    Parameters
    ----------
    runs
        run folders, or folders of such, that all visitors may look at
    output
        folder in which the page keeps its own runs
    """
    from ..web import serve as serve_page

    def tell(address: str) -> None:
        print(f"Lowreel is at {address}  (Ctrl-C ends it)", flush=True)

    serve_page(output, runs, serving, tell, check_line)


def check_line(words: list[str]) -> None:
    """Say what can be said against a command line without running it. Raises InputError."""
    from ..jobs.request import check_measuring
    from .commands import app

    try:
        _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise InputError(in_one_line(error)) from None
    given = bound.arguments
    kind = next((kind for kind in OPERATORS if kind.name == words[1]), IdentitySettings)
    check_measuring(
        given.get("operator", kind()), given.get("reading", ClipSettings()), given.get("noise", NoiseSettings())
    )
