"""Commands of `lowreel` that faults happen to: what each begins with, how it goes on, what it ends in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .faults import run

FRAMES, SIDE = 20, 24


@dataclass(frozen=True)
class Job:
    """share: of a hundred faults; prepare: makes what it needs in a folder; begin: its command; resume: that which goes
    on, where `marker` is there; results: names of files that have to be the same."""

    name: str
    share: int
    prepare: Callable[[Path], None]
    begin: str
    resume: str
    marker: str
    results: tuple[str, ...]


def clip(frames: int = FRAMES) -> np.ndarray:
    """A disc that moves over waves, (T, 1, H, W) in [0, 1]."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = 0.4 + 0.2 * np.sin(6 * x + 4 * y)
    shown = [np.where(np.hypot(x - 0.2 - 0.6 * t / frames, y - 0.5) < 0.15, 1.0, waves) for t in range(frames)]
    return np.stack(shown)[:, None].astype(np.float32)


def _clip(folder: Path) -> None:
    np.save(folder / "clip.npy", clip())


def _data(folder: Path) -> None:
    _clip(folder)
    _do("measure missing clip.npy --ratio 0.5 -o y.safetensors", folder)


def _rows(folder: Path) -> None:
    _data(folder)
    lines = ["name,data,steps,seed", *(f"row{seed},y.safetensors,6,{seed}" for seed in range(3))]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")


def _pictures(folder: Path) -> None:
    from PIL import Image

    (folder / "pictures").mkdir()
    for k, frame in enumerate(clip()):
        Image.fromarray((255 * frame[0]).astype(np.uint8)).save(folder / "pictures" / f"{k}.png")


def _record(folder: Path) -> None:
    import netCDF4

    draw = np.random.default_rng(0)
    values = 15 + 5 * clip()[:, 0] + 0.1 * draw.standard_normal((FRAMES, SIDE, SIDE))
    values[:, 6:14, 4:18][::2] = np.nan
    with netCDF4.Dataset(folder / "record.nc", "w") as file:
        for name, size in (("time", FRAMES), ("lat", SIDE), ("lon", SIDE)):
            file.createDimension(name, size)
            file.createVariable(name, "f8", (name,))[:] = np.arange(size)
        file["time"].units = "days since 2020-01-01"
        file.createVariable("sst", "f4", ("time", "lat", "lon"), fill_value=np.nan)[:] = values


def _finished(folder: Path) -> None:
    _data(folder)
    _do("recover y.safetensors -o run --quality draft --steps 5 --baselines none --precision float32", folder)


def _do(command: str, folder: Path) -> None:
    ended = run(command.split(), folder)
    if ended.code != 0:
        raise RuntimeError(f"{command}: {ended.said}")


DRAFT = "--quality draft --baselines none --precision float32"

TRAIN = "train pictures -o w.safetensors --generator decoder --size 16 --epochs 12 --batch-size 4 --precision float32"

JOBS = (
    Job(
        "recover",
        20,
        _data,
        f"recover y.safetensors -o run --steps 20 {DRAFT}",
        "recover run --resume",
        "run/config.json",
        ("run/recovered.npy", "run/representation.safetensors"),
    ),
    Job(
        "sections",
        16,
        _clip,
        f"simulate missing clip.npy --ratio 0.5 --steps 10 --section-frames 12 -o run {DRAFT}",
        "recover run --resume",
        "run/config.json",
        ("run/recovered.npy",),
    ),
    Job(
        "batch",
        16,
        _rows,
        f"batch rows.csv -o rows {DRAFT}",
        f"batch rows.csv -o rows {DRAFT}",
        "rows",
        tuple(f"rows/{name}/recovered.npy" for name in ("row0", "row1", "row2")),
    ),
    Job(
        "train",
        12,
        _pictures,
        TRAIN,
        f"{TRAIN} --resume",
        "w.training/config.json",
        ("w.safetensors",),
    ),
    Job(
        "fill",
        12,
        _record,
        "fill record.nc -o filled.nc --quality draft",
        "fill record.nc -o filled.nc --quality draft",
        "record.nc",
        ("filled.nc",),
    ),
    Job(
        "pack",
        12,
        _finished,
        "pack run -o clip.lowreel --updates 20",
        "pack run -o clip.lowreel --updates 20",
        "run",
        ("clip.lowreel",),
    ),
    Job("export", 12, _finished, "export run -o clip.nii", "export run -o clip.nii", "run", ("clip.nii",)),
)
