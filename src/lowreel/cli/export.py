"""`lowreel export`: the recovered clip in the kind of file that its source is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from ..errors import InputError
from ..runs.config import is_group, names_in
from ..system.files import is_packed, read_json

if TYPE_CHECKING:
    from ..io.export import Delivered


HOLD_COMPLEX = (".npy", ".npz", ".mat", ".h5")
"""Kinds of files in which a complex clip is exported as it is."""


def add_export(app: App) -> None:
    """Give the command line its `export`."""
    app.command(export, name="export")


def export(run: Path, *, output: Annotated[Path, Parameter(name=["--output", "-o"])], like: Path | None = None) -> None:
    """Write the recovered clip as a file of the field, with the axes, spacing, units, times and type of its source.

    Of a complex clip .npy, .npz, .mat and .h5 have all, other kinds the magnitudes.

    Parameters
    ----------
    run
        folder of a run that has a recovered clip
    output
        file to write: .tif, .nii, .nii.gz, .nc, .dcm, .zarr, .npy, .npz, .mat, .h5
    like
        file (FILE, or FILE:NAME) whose axes, spacing and type it is to have; default: the one that was measured
    """
    import numpy as np

    from ..io.export import export_clip

    clip, notes = _delivered(run, like)
    if np.iscomplexobj(clip.values) and not (output.suffix.lower() in HOLD_COMPLEX and clip.source is None):
        clip = replace(clip, values=np.abs(clip.values))
        notes.append(
            f"These are the magnitudes of a complex clip; export to {' or '.join(HOLD_COMPLEX)} for all of it."
        )
    notes += export_clip(output, clip)
    shape = "x".join(str(n) for n in clip.values.shape)
    print(f"wrote {output}: {shape} (frames, channels, height, width)")
    for note in notes:
        print(note)


def _delivered(folder: Path, like: Path | None) -> tuple[Delivered, list[str]]:
    """The recovered clip of a run with the file that it is to be like; what to tell of that."""
    import numpy as np

    from ..io.export import Delivered
    from ..system.files import split_member
    from ..system.names import is_clip_name

    recovered = folder / "recovered.npy"
    _check_has_clip(folder, recovered)
    about, times, request = _known(folder)
    notes = []
    source = like or (Path(about["source"]) if about.get("source") else None)  # data made in Python has none
    if like is not None and not split_member(like)[0].exists():
        raise InputError(f"{like}: no such file; give --like the file that the clip is to be like")
    if source is not None and not split_member(source)[0].exists():
        if not is_clip_name(source):
            notes.append(f"{source} is gone, so that its axes, units and type are not known; --like FILE says others.")
        source = None
    reading = about.get("reading") or (request or {}).get("reading") or {}
    cropped = reading.get("fit") == "crop" and reading.get("size") is not None
    values = np.load(recovered, mmap_mode="r", allow_pickle=False)
    chosen = {name: reading.get(name) for name in ("channel", "plane")} if like is None else {}
    of_file = about.get("reading") if like is None else None
    picked = slice(*(of_file["frames"] or (None,))) if of_file and "frames" in of_file else None
    return Delivered(values, times, _rate(about), source, cropped, **chosen, picked=picked), notes


def _check_has_clip(folder: Path, recovered: Path) -> None:
    """Raise InputError unless this is the folder of a run of one clip, which is there."""
    if folder.is_file():
        remedy = f"; make one of it: lowreel unpack {folder} -o clip.npy" if is_packed(folder) else ""
        raise InputError(f"{folder}: expected the folder of a run, got a {'packed clip' if remedy else 'file'}{remedy}")
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give that of a run")
    if is_group(folder):
        first = names_in(folder, read_json(folder / "config.json"))[0]
        raise InputError(f"{folder}: a run of several clips; export them one by one: {folder}/clips/{first}")
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: expected the folder of a run, with a config.json; check the path")
    if not recovered.is_file():
        raise InputError(f"{folder}: has no recovered.npy yet; go on with it first: lowreel recover {folder} --resume")


def _rate(about: dict[str, Any]) -> Any:
    from fractions import Fraction

    return Fraction(about.get("rate", "25"))


def _known(folder: Path) -> tuple[dict[str, Any], tuple[float, ...], dict[str, Any] | None]:
    """What a run knows of its clip's file, the seconds of its frames, and what was asked to be measured."""
    import torch

    from ..data import DataFile
    from ..runs.folder import Run
    from ..runs.sectioned import SectionedRun

    if not SectionedRun.is_in(folder):
        file = DataFile.open(folder / "data.safetensors")
        return dict(file.clip), tuple(file.times.tolist()), Run.open(folder).request
    run = SectionedRun.open(folder)
    files = [DataFile.open(run.run(k).folder / "data.safetensors") for k in range(len(run.sections))]
    times = torch.empty(run.sections[-1].frames.stop, dtype=torch.float64)
    for section, file in zip(run.sections, files, strict=True):
        times[section.frames.start : section.frames.stop] = file.times
    return dict(files[0].clip), tuple(times.tolist()), run.request
