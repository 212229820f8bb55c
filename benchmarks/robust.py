"""What is lost when a command is killed, the disk is full, or memory is refused: counted.

    python -m benchmarks robust [JOB ...] [--trials 5] [--minutes N] [--seed 0]

JOB is the beginning of recover, sections, batch, train, fill, pack or export; default: all. Each is done once without a
fault. Then, so many times with each kind of fault at a random moment or size, it is begun, meets the fault, and is
gone on with as its own words say until it ends. Counted are results that have the bits of the unbroken one, faults
that ended in a sentence (exit code 2, no stack trace; of kills there is none to say), and what was neither.
Checkpoints are written after every round. Counts are kept in benchmarks/results/robust.json.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np

from .faults import Ended, Fault, FaultKind, run
from .results import Rows
from .trees import here

FRAMES, SIDE = 20, 24
MOST_TRIES = 4
"""How often a command is begun anew or gone on with after a fault, before its result counts as lost."""

MEMORY_BYTES = (20e6, 400e6)
"""Addresses that a command may take beyond those that it begins with, least and most."""


@dataclass(frozen=True)
class Job:
    """prepare: makes what it needs in a folder; begin: its command; resume: that which goes on, where `marker` is
    there; results: names of files that have to be the same."""

    name: str
    prepare: Callable[[Path], None]
    begin: str
    resume: str
    marker: str
    results: tuple[str, ...]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks robust",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="beginnings of names; default: all")
    parser.add_argument("--trials", type=int, default=5, help="of each kind of fault for each job")
    parser.add_argument("--minutes", type=float, help="no trial begins later")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    kept, rows = Rows("robust"), []
    until = None if chosen.minutes is None else time.monotonic() + 60 * chosen.minutes
    for job in JOBS:
        if not any(job.name.startswith(start) for start in chosen.jobs or [""]):
            continue
        for row in counted(job, chosen.trials, chosen.seed, until):
            print(line(row), flush=True)
            rows.append(row)
            counts = {name: len(row[name]) for name in ("lost", "other")}  # their texts hold paths of this machine
            kept.add(row | counts | {"commit": here().commit, "seed": chosen.seed})
    print(table(rows))


def counted(job: Job, trials: int, seed: int, until: float | None) -> list[dict[str, Any]]:
    """A row of counts for each kind of fault."""
    draw = random.Random(f"{seed} {job.name}")
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "start").mkdir()
        job.prepare(base / "start")
        unbroken = shutil.copytree(base / "start", base / "unbroken")
        begun = time.monotonic()
        ended = run(job.begin.split(), unbroken)
        seconds = time.monotonic() - begun
        if ended.code != 0:
            raise RuntimeError(f"{job.name}: without a fault it ended with {ended.code}: {ended.said}")
        expected = digests(unbroken, job)
        largest = max(path.stat().st_size for path in unbroken.rglob("*") if path.is_file())
        rows = []
        for kind in get_args(FaultKind):
            row: dict[str, Any] = {"job": job.name, "fault": kind, "trials": 0, "met": 0, "same": 0, "sentences": 0}
            row |= {"traces": 0, "other": [], "lost": []}
            for k in range(trials):
                if until is not None and time.monotonic() > until:
                    break
                folder = shutil.copytree(base / "start", base / f"{kind}{k}")
                _tried(job, folder, _fault(kind, draw, seconds, largest), expected, row)
                shutil.rmtree(folder)
            rows.append(row)
        return rows


def _fault(kind: FaultKind, draw: random.Random, seconds: float, largest: int) -> Fault:
    match kind:
        case "kill":
            return Fault(kind, draw.uniform(0, seconds))
        case "disk":
            return Fault(kind, draw.uniform(0, largest))
        case "memory":
            return Fault(kind, draw.uniform(*MEMORY_BYTES))


def _tried(job: Job, folder: Path, fault: Fault, expected: dict[str, str], row: dict[str, Any]) -> None:
    """One trial: the fault, then the command again until it ends; counts go into `row`."""
    first = run(job.begin.split(), folder, fault)
    row["trials"] += 1
    if first.code != 0:
        row["met"] += 1
        _count(first, fault.kind, row)
    ended = first
    for _ in range(MOST_TRIES):
        if ended.code == 0:
            break
        goes_on = (folder / job.marker).exists()
        ended = run((job.resume if goes_on else job.begin).split(), folder)
        if ended.code == 2 and goes_on:  # its words say that there is nothing to go on with
            ended = run(job.begin.split(), folder)
    if ended.code == 0 and digests(folder, job) == expected:
        row["same"] += 1
    else:
        row["lost"].append(f"{fault}: {ended.code}: {ended.said[-300:]}")


def _count(ended: Ended, kind: FaultKind, row: dict[str, Any]) -> None:
    """How a command that met its fault ended."""
    if "Traceback" in ended.said:
        row["traces"] += 1
        row["other"].append(ended.said[-600:])
    elif ended.is_sentence:
        row["sentences"] += 1
    elif kind != "kill":
        row["other"].append(f"{'hung' if ended.hung else ended.code}: {ended.said[-300:]}")


def digests(folder: Path, job: Job) -> dict[str, str]:
    """SHA-256 of each result; of NetCDF, whose history tells the time, of its arrays."""
    found = {}
    for name in job.results:
        path = folder / name
        content = _arrays(path) if path.suffix == ".nc" else path.read_bytes()
        found[name] = hashlib.sha256(content).hexdigest()
    return found


def _arrays(path: Path) -> bytes:
    import netCDF4

    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return b"".join(np.ascontiguousarray(v[...]).tobytes() for _, v in sorted(file.variables.items()))


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    said = "-" if row["fault"] == "kill" else str(row["sentences"])
    cells = [row["job"], row["fault"], row["trials"], row["met"], row["same"], said, row["traces"], len(row["other"])]
    return f"| {' | '.join(map(str, cells))} |"


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, with what was neither the same bits nor a sentence below it."""
    head = "| job | fault | trials | met it | ended in the same bits | a sentence | stack traces | other ends |"
    doubtful = [f"- {row['job']}, {row['fault']}: {text}" for row in rows for text in (*row["lost"], *row["other"])]
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *map(line, rows), "", *doubtful])


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
    lines = ["name,data,steps,seed", *(f"row{seed},y.safetensors,12,{seed}" for seed in range(3))]
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

TRAIN = (
    "train pictures -o w.safetensors --generator decoder --size 16 --epochs 12 --batch-size 4 --precision float32"
)

JOBS = (
    Job(
        "recover",
        _data,
        f"recover y.safetensors -o run --steps 60 {DRAFT}",
        "recover run --resume",
        "run/config.json",
        ("run/recovered.npy", "run/representation.safetensors"),
    ),
    Job(
        "sections",
        _clip,
        f"simulate missing clip.npy --ratio 0.5 --steps 20 --section-frames 12 -o run {DRAFT}",
        "recover run --resume",
        "run/config.json",
        ("run/recovered.npy",),
    ),
    Job(
        "batch",
        _rows,
        f"batch rows.csv -o rows {DRAFT}",
        f"batch rows.csv -o rows {DRAFT}",
        "rows",
        tuple(f"rows/{name}/recovered.npy" for name in ("row0", "row1", "row2")),
    ),
    Job(
        "train",
        _pictures,
        TRAIN,
        f"{TRAIN} --resume",
        "w.training/config.json",
        ("w.safetensors",),
    ),
    Job(
        "fill",
        _record,
        "fill record.nc -o filled.nc --quality draft",
        "fill record.nc -o filled.nc --quality draft",
        "record.nc",
        ("filled.nc",),
    ),
    Job("pack", _finished, "pack run -o clip.lowreel", "pack run -o clip.lowreel", "run", ("clip.lowreel",)),
    Job("export", _finished, "export run -o clip.nii", "export run -o clip.nii", "run", ("clip.nii",)),
)
