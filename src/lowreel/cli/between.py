"""`lowreel interpolate` and `lowreel embed`: frames that were never measured, and the path of a clip's codes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from ..errors import InputError
from ..settings import InterpolateSettings

if TYPE_CHECKING:
    from torch import Tensor

    from ..embedding import Path as CodePath
    from ..representation import Representation

Choosing = Annotated[InterpolateSettings, Parameter(name="*")]
Output = Annotated[Path | None, Parameter(name=["--output", "-o"])]

AT_ONCE = 16
"""Frames drawn together: bounds the memory of a long video."""

FAST, USUAL = 120.0, 25.0
"""Frames a second above which players leave some out, and those of an ordinary video."""


def add_between(app: App) -> None:
    """Give the command line its `interpolate` and `embed`."""
    app.command(interpolate, name="interpolate")
    app.command(embed, name="embed")


def interpolate(run: Path, *, output: Output = None, choosing: Choosing = InterpolateSettings()) -> None:
    """Draw frames between those of a recovery from its codes, and write them as a video.

    It lasts as long as that part of the clip; --slow 10 makes it ten times slower.

    Parameters
    ----------
    run
        folder of a finished run, or a representation.safetensors
    output
        file to write (.mp4, .mov, .mkv, .gif); default: interpolated.mp4 beside the representation
    """
    if choosing.missing and (choosing.frames is not None or choosing.between is not None):
        raise InputError("--missing: fills in the whole clip; leave out --frames and --between")
    file = _free(output or (run if run.is_dir() else run.parent) / "interpolated.mp4")
    from ..manifold import evenly, order_along, order_sentence

    recovery = _recovery(run)
    seen = recovery.seen
    if choosing.missing:
        times, told = _filled(run, recovery)
    else:
        first, last = choosing.between or (0, len(recovery.found.codes) - 1)
        count = choosing.frames or 10 * max(last - first, 1) + 1
        times, told = evenly(recovery.found.times, count, (first, last)), f"from frame {first} to frame {last}"
    _write(file, seen, times, choosing)
    print(f"wrote {file}: {len(times)} frames {told}, {_speed(times, choosing.slow)}")
    for line in _scores(recovery, choosing):
        print(line)
    print(order_sentence(order_along(seen.codes.matrix()), recovery.kept))


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
    picture, page = _free(folder / "embedding.png"), _free(folder / "embedding.html")
    from ..embedding import draw_paths, write_page

    paths = [_path(run) for run in runs]
    folder.mkdir(parents=True, exist_ok=True)
    draw_paths(picture, paths)
    write_page(page, paths)
    print(f"wrote {picture} and {page.name}")
    for path in paths:
        print(f"{path.name}: {path.sentence}")


def _free(file: Path) -> Path:
    if file.exists():
        raise InputError(f"{file}: exists already; give another name with -o")
    return file


@dataclass(frozen=True)
class _Recovery:
    """A representation, the frames of which nothing was measured, and the true clip where it is known."""

    found: Representation
    left_out: list[int]
    truth: Tensor | None = None

    @property
    def kept(self) -> list[int]:
        """The other frames."""
        return [t for t in range(len(self.found.codes)) if t not in set(self.left_out)]

    @property
    def seen(self) -> Representation:
        """The representation with the codes of the other frames alone."""
        if len(self.kept) < 2:
            raise InputError(
                f"codes: expected two measured frames or more to draw others between, got {len(self.kept)}"
            )
        return replace(self.found, codes=self.found.codes.of(self.kept))


def _recovery(run: Path) -> _Recovery:
    from ..manifold import frames_without_data
    from ..representation import Representation
    from ..runs import Run, load_truth

    if not run.exists():
        raise InputError(f"{run}: no such file or folder; expected a finished run, or a representation.safetensors")
    if not run.is_dir():
        return _Recovery(Representation.load(run), [])
    opened = Run.open(run)
    if opened.summary() is None:
        raise InputError(f"{run}: this run is not finished; go on with: lowreel recover {run} --resume")
    found = Representation.load(run / "representation.safetensors")
    try:
        operator = opened.measured().operator
    except InputError:  # of somebody's own, and not here
        return _Recovery(found, [])
    truth = load_truth(opened.truth, operator.clip_shape) if opened.truth and _is_there(opened.truth) else None
    return _Recovery(found, frames_without_data(operator), truth)


def _is_there(truth: dict[str, object]) -> bool:
    from ..files import split_member
    from ..names import is_clip_name

    path = Path(str(truth["path"]))
    return is_clip_name(path) or split_member(path)[0].exists()


def _filled(run: Path, recovery: _Recovery) -> tuple[Tensor, str]:
    """All times of a clip, those of missing frames too, and how many these are."""
    import torch

    from ..manifold import gaps_in

    times = recovery.found.times
    gaps = gaps_in(times)
    count = len(gaps) + len(recovery.left_out)
    if count == 0:
        raise InputError(f"{run}: no frame is missing: each was measured, and they follow each other evenly")
    return torch.cat([times, torch.tensor(gaps, dtype=times.dtype)]).sort().values, f"of which {count} were missing"


def _write(file: Path, seen: Representation, times: Tensor, choosing: InterpolateSettings) -> None:
    from ..video import write_video

    shown = [Fraction(t).limit_denominator(1_000_000) for t in ((times - times[0]) * choosing.slow).tolist()]
    parts = (seen.frames(part, choosing.curve) for part in times.split(AT_ONCE))
    write_video(file, parts, times=shown, rate=Fraction(_rate(times, choosing.slow)).limit_denominator(1000))


def _rate(times: Tensor, slow: float) -> float:
    return 1 / (float(times.diff().median()) * slow)


def _speed(times: Tensor, slow: float) -> str:
    rate = _rate(times, slow)
    told = f"{rate:.4g} a second, " + ("as fast as the clip" if slow == 1 else f"{slow:g} times slower than the clip")
    if rate <= FAST:
        return told
    return f"{told}; players leave some of so many out: --slow {math.ceil(slow * rate / USUAL)} shows them all"


def _scores(recovery: _Recovery, choosing: InterpolateSettings) -> list[str]:
    """How near the frames that were left out come to the true ones, beside what a user would try first."""
    if recovery.truth is None or not recovery.left_out:
        return []
    from ..manifold import cross_faded, nearest
    from ..metrics import psnr, psnr_range
    from ..report import decibels

    at, true = recovery.found.times[recovery.left_out], recovery.truth[recovery.left_out]
    seen = recovery.seen
    clips = {
        "drawn from the codes": seen.frames(at, choosing.curve),
        "cross-fading": cross_faded(seen.frames(), seen.times, at),
        "nearest frame": nearest(seen.frames(), seen.times, at),
    }
    told = [f"PSNR of the {len(true)} frames of which nothing was measured (peak 1, and peak max - min):"]
    for name, clip in clips.items():
        told.append(f"  {name:<22} {decibels(psnr(clip, true))}, {decibels(psnr_range(clip, true))}")
    return told


def _path(run: Path) -> CodePath:
    from ..embedding import path_of

    recovery = _recovery(run)
    return path_of(run.name if run.is_dir() else run.stem, recovery.seen, recovery.kept)
