"""The recoveries that speed and estimates are measured on: clips that come with the package, and real ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

import lowreel

from .homes import found

SHARED = Path("../shared/data")
Case = tuple[torch.Tensor, torch.nn.Module, Any]
"""The true clip, (T, C, H, W) in [0, 1], the operator, and the data without noise."""


@dataclass(frozen=True)
class Job:
    """build: makes the case from the folder of shared data; needs: what has to lie in that, None where nothing has to;
    quality: as in `RecoverSettings`."""

    name: str
    build: Callable[[Path], Case]
    needs: str | None = None
    quality: str = "standard"

    def is_here(self, folder: Path) -> bool:
        """Whether what it needs lies in the folder."""
        return self.needs is None or (folder / self.needs).exists()


def demo() -> Path:
    """The video that comes with the package."""
    folders = (Path(str(files("lowreel"))) / name for name in ("assets", "data"))
    return next(path for folder in folders if (path := folder / "demo.mp4").exists())


def missing(clip: torch.Tensor) -> Case:
    """The clip with 80 % of its pixels missing."""
    operator = lowreel.MissingPixels(tuple(clip.shape), 0.8)
    return clip, operator, operator(clip)


DROP, PINCAT = "sci/drop40_cacti.mat", "mri/Pincat.mat"
WALKING, BUNNY = "paper_clips/walking/seq1", "clips/bigbuckbunny.mp4"


def drop(folder: Path, first: int = 0) -> Case:
    """Eight frames of the snapshot benchmark, from its own picture and mask."""
    load = found("io.containers:load", "containers:load")
    mask = torch.from_numpy(load(folder / DROP, "mask").values.transpose(2, 0, 1).copy())
    picture = torch.from_numpy(load(folder / DROP, "meas").values[..., first // 8].astype("float32"))
    clip = lowreel.open_clip(f"{folder / DROP}:orig", frames=slice(first, first + 8)).read()
    camera = found("operators:Snapshot", "measure:Snapshot")
    return clip, camera(tuple(clip.shape), 8, mask=mask), picture[None, None] / 255


def pincat(folder: Path) -> Case:
    """50 frames of cardiac MRI, of whose spectra 8 radial lines are measured."""
    clip = lowreel.open_clip(folder / PINCAT).read()
    operator = found("operators:Fourier", "measure:Fourier")(tuple(clip.shape), "radial", 8)
    return clip, operator, operator(clip)


JOBS = (
    Job("demo", lambda _: missing(lowreel.open_clip(demo()).read())),
    Job("walking", lambda folder: missing(lowreel.open_clip(str(folder / WALKING), size=(64, 64)).read()), WALKING),
    Job("rotating-mnist:7", lambda _: missing(lowreel.open_clip("rotating-mnist:7").read())),
    Job("drop", drop, DROP),
    Job("pincat", pincat, PINCAT),
)
LARGE = Job(
    "bigbuckbunny",
    lambda folder: missing(lowreel.open_clip(folder / BUNNY, size=(360, 640), frames=slice(8)).read()),
    BUNNY,
    "draft",
)


def named(name: str) -> Job:
    """The job of this name."""
    return next(job for job in (*JOBS, LARGE) if job.name == name)


def wanted(starts: list[str], jobs: tuple[Job, ...], folder: Path) -> list[Job]:
    """Those whose names begin like one of these, all where there are none; says which are left out, and why."""
    found = [job for job in jobs if any(job.name.startswith(start) for start in starts or [""])]
    for job in found:
        if not job.is_here(folder):
            print(f"{job.name}: left out, {folder / str(job.needs)} is not here", flush=True)
    return [job for job in found if job.is_here(folder)]
