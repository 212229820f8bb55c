"""`lowreel serve`: the page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ..settings import ServeSettings

Serving = Annotated[ServeSettings, Parameter(name="*")]
Output = Annotated[Path, Parameter(name=["--output", "-o"])]


def add_serve(app: App) -> None:
    """Give the command line its `serve`."""
    app.command(serve, name="serve")


def serve(*runs: Path, output: Output = Path("lowreel-page"), serving: Serving = ServeSettings()) -> None:
    """Open a page on which clips are recovered, and watched while they are; needs `pip install 'lowreel[web]'`.

    The page asks no other host for anything. It is for this machine alone unless --host says otherwise. Recoveries are
    processes of their own: they survive a closed tab, and a stop of the server, with which they go on again.

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

    serve_page(output, runs, serving, tell)
