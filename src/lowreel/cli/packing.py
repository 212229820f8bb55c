"""`lowreel pack` and `lowreel unpack`: a recovered clip as one small file, and the frames in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from ..settings import ClipSettings, PackSettings, UnpackSettings
from ..system.files import check_free_file
from ..system.values import parse_frames, parse_size

Output = Annotated[Path, Parameter(name=["--output", "-o"])]


def add_packing(app: App) -> None:
    """Give the command line its `pack` and `unpack`."""
    app.command(pack, name="pack")
    app.command(unpack, name="unpack")


def pack(
    source: Path,
    *,
    output: Output,
    choosing: Annotated[PackSettings, Parameter(name="*")] = PackSettings(),
    reading: Annotated[ClipSettings, Parameter(name="*")] = ClipSettings(),
) -> None:
    """Pack a recovered clip into one small file, from which frames at any time can be drawn.

    Its weights and codes are rounded, fitted once more as they will be read, and coded (docs/pack.md). Give one of
    --bytes, --psnr and --loss. A clip is fitted as it will be read for --bytes or --psnr, else first as a recovery is.
    Of a run from exact pixels the best clip may be fitted so, too: where held-out data says that this loses less.

    Parameters
    ----------
    source
        folder of a finished run, a representation.safetensors, or a clip
    output
        file to write, such as clip.lowreel
    """
    parse_size(reading.size)
    parse_frames(reading.frames)
    check_free_file(output)
    from ..jobs.packing import pack_file

    def show(made: int, planned: int) -> None:
        if sys.stderr.isatty():
            print(f"\rfitting: {made} of {planned}", end="\n" if made == planned else "", file=sys.stderr, flush=True)

    for line in pack_file(source, output, choosing, reading, show):
        print(line)


def unpack(
    source: Path,
    *,
    output: Output,
    drawing: Annotated[UnpackSettings, Parameter(name="*", consume_multiple=True)] = UnpackSettings(),
) -> None:
    """Draw the frames of a packed clip, all of them or those at any times.

    Parameters
    ----------
    source
        file that `lowreel pack` wrote
    output
        file to write: .mp4, .mov, .mkv, .gif, or .npy in the units of the clip
    """
    parse_frames(drawing.frames)
    check_free_file(output)
    from ..jobs.packing import unpack_file

    for line in unpack_file(source, output, drawing):
        print(line)
