"""`lowreel interpolate` and `lowreel embed`: frames that were never measured, and the path of a clip's codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ..errors import InputError
from ..jobs.request import InterpolateRequest
from ..settings import InterpolateSettings
from ..system.files import check_free_file

if TYPE_CHECKING:
    from ..analysis.embedding import CodePath

Choosing = Annotated[InterpolateSettings, Parameter(name="*")]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]


def add_between(app: App) -> None:
    """Give the command line its `interpolate` and `embed`."""
    app.command(interpolate, name="interpolate")
    app.command(embed, name="embed")


def interpolate(run: Path, *, output: Output = None, choosing: Choosing = InterpolateSettings()) -> None:
    """Draw frames between those of a recovery from its codes, and write them as a video.

    Parameters
    ----------
    run
        folder of a finished run, or a representation.safetensors
    output
        file to write (.mp4, .mov, .mkv, .gif, .npy); default: interpolated.mp4, with --missing filled.mp4, beside the
        representation
    """
    request = InterpolateRequest(recovery=run, settings=choosing, output=output)
    request.check()
    from ..jobs.interpolate import interpolate as interpolated

    for line in interpolated(request):
        print(line)


def embed(*runs: Path, output: Output = None) -> None:
    """Draw the path of the codes of one or more recoveries: embedding.png, and embedding.html to turn by hand.

    Shown are the codes in their first principal directions, coloured by time, frames along the path, and the singular
    values with the rank. The page needs no network.

    Parameters
    ----------
    runs
        folders of finished runs, or representation.safetensors files
    output
        folder to write into; default: that of the run, where there is one
    """
    if not runs:
        raise InputError("embed: expected at least one run")
    if output is None and len(runs) > 1:
        raise InputError("embed: several runs; say with -o FOLDER where the picture is to be written")
    folder = output or (runs[0] if runs[0].is_dir() else runs[0].parent)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder with -o")
    picture, page = folder / "embedding.png", folder / "embedding.html"
    for file in (picture, page):
        check_free_file(file)
    from ..analysis.embedding import draw_paths, write_page

    paths = [_path(run) for run in runs]
    folder.mkdir(parents=True, exist_ok=True)
    draw_paths(picture, paths)
    write_page(page, paths)
    print(f"wrote {picture} and {page.name}")
    for path in paths:
        print(f"{path.name}: {path.sentence}")


def _path(run: Path) -> CodePath:
    from ..analysis.embedding import path_of
    from ..jobs.interpolate import opened_recovery

    recovery = opened_recovery(run)
    named = run.resolve()
    return path_of(named.name if named.is_dir() else named.stem, recovery.seen, recovery.kept)
