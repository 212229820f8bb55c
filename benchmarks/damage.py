"""Damaged copies of every file that Lowreel writes and reads again, and of some of others: how each is answered.

    python -m benchmarks damage [KIND ...] [--copies 300] [--seed 0]

KIND is the beginning of data, representation, weights, packed, checkpoint, run, summary, config, manifest, clip, tif,
gz, nc, h5, mat, png or mp4; default: all.
A small file of each kind is made, then copied with bytes changed anywhere or in its head, cut off, cut out, doubled
or written over with zeros. A copy may be read (where the damage is in numbers, which have no checksum but in packed
files), or refused in a sentence (InputError); everything else is a fault: another exception, more than SLOW_SECONDS,
more than MOST_BYTES. Each kind is read in a process of its own, so that one that dies is counted too. Counts are kept
in benchmarks/results/damage.json.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import random
import resource
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import lowreel
from lowreel.errors import InputError
from lowreel.jobs.manifest import read_manifest
from lowreel.jobs.request import RunRequest
from lowreel.model.generators import make
from lowreel.model.generators.weights import load_weights, save_weights
from lowreel.packing.container import read_packed
from lowreel.runs.folder import Run

from .commands import DRAFT, clip
from .faults import run
from .results import Rows
from .trees import here

HEAD_BYTES, SLOW_SECONDS, MOST_BYTES = 400, 5.0, 2 * 10**9
"""Bytes at the start of a file that are damaged more often; after how long, and with how many bytes of addresses beyond
those of the program, reading a small file is a fault."""

FRAMES = 8


@dataclass(frozen=True)
class Kind:
    """make: writes what is read into a folder; file: the one that is damaged; read: reads it, given the folder."""

    name: str
    make: Callable[[Path], None]
    file: str
    read: Callable[[Path], Any]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks damage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="beginnings of names; default: all")
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    rows = Rows("damage")
    print("| file | copies | read | refused in a sentence | other exceptions | slow | died |")
    print("|---|---|---|---|---|---|---|")
    for kind in KINDS:
        if any(kind.name.startswith(start) for start in chosen.kinds or [""]):
            row = counted(kind, chosen.copies, chosen.seed)
            rows.add(row | {"commit": here().commit, "seed": chosen.seed})
            print(line(row), flush=True)


def line(row: dict[str, Any]) -> str:
    """A row of the table, and what was no sentence below it."""
    cells = [row[name] for name in ("file", "copies", "read", "refused", "other", "slow", "died")]
    return "\n".join([f"| {' | '.join(map(str, cells))} |", *(f"- {text}" for text in row["faults"])])


def counted(kind: Kind, copies: int, seed: int) -> dict[str, Any]:
    """How so many damaged copies were answered."""
    context = multiprocessing.get_context("spawn")  # threads that a reader has begun would not go on in a fork
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kind.make(folder)
        kind.read(folder)
        mine, theirs = context.Pipe()
        process = context.Process(target=_answers, args=(kind.name, folder, copies, seed, theirs))
        process.start()
        theirs.close()
        found: collections.Counter[str] = collections.Counter()
        faults: collections.Counter[str] = collections.Counter()
        while True:
            try:
                how, told = mine.recv()
            except EOFError:
                break
            found[how] += 1
            if told:
                faults[told] += 1
        process.join()
    row = {"file": kind.name, "copies": sum(found.values()), "died": int(process.exitcode != 0)}
    told = [f"{count} times: {text}" for text, count in faults.most_common(5)]
    return row | {how: found[how] for how in ("read", "refused", "other", "slow")} | {"faults": told}


def _answers(name: str, folder: Path, copies: int, seed: int, found: Any) -> None:
    """In a process of its own: damage, read, tell."""
    kind = next(kind for kind in KINDS if kind.name == name)
    kind.read(folder)
    with open("/proc/self/statm", encoding="ascii") as file:
        taken = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MOST_BYTES, taken + MOST_BYTES))
    draw, path = random.Random(f"{seed} {kind.name}"), folder / kind.file
    whole = path.read_bytes()
    for _ in range(copies):
        path.unlink()  # libraries may know the file that was here
        path.write_bytes(damaged(whole, draw))
        found.send(answer(kind, folder))
    found.close()


def answer(kind: Kind, folder: Path) -> tuple[str, str]:
    """How a file is answered, "read", "refused", "other" or "slow", and, of another exception, what it says."""
    start, found, told = time.monotonic(), "read", ""
    try:
        kind.read(folder)
    except InputError:
        found = "refused"
    except BaseException as error:
        found = "other"
        told = f"{type(error).__name__}: {str(error)[:120]}: {traceback.format_exc(limit=-2)[-240:]}"
    return ("slow", "") if time.monotonic() - start > SLOW_SECONDS else (found, told)


def damaged(whole: bytes, draw: random.Random) -> bytes:
    """A copy with one kind of damage, never the same bytes."""
    while (content := _changed(whole, draw)) == whole:
        pass
    return content


def _changed(whole: bytes, draw: random.Random) -> bytes:
    content = bytearray(whole)
    reach = min(len(content), HEAD_BYTES) if draw.random() < 0.5 else len(content)
    start = draw.randrange(max(reach, 1))
    stop = min(len(content), start + draw.randint(1, 64))
    match draw.choice(("change", "change", "cut", "take out", "double", "zeros")):
        case "change":
            for _ in range(draw.randint(1, 8)):
                content[draw.randrange(reach)] ^= draw.randint(1, 255)
        case "cut":
            del content[start:]
        case "take out":
            del content[start:stop]
        case "double":
            content[start:start] = content[start:stop]
        case "zeros":
            content[start:stop] = bytes(stop - start)
    return bytes(content)


def _data(folder: Path) -> None:
    np.save(folder / "clip.npy", clip(FRAMES))
    _do("measure missing clip.npy --ratio 0.5 -o y.safetensors", folder)


def _run(folder: Path) -> None:
    _data(folder)
    _do(f"recover y.safetensors -o run --steps 3 {DRAFT}", folder)


def _packed(folder: Path) -> None:
    _run(folder)
    _do("pack run -o clip.lowreel", folder)


def _weights(folder: Path) -> None:
    save_weights(folder / "w.safetensors", make("decoder", (1, 16, 16), seed=0), {})


def _config(folder: Path) -> None:
    _data(folder)
    RunRequest(data=folder / "y.safetensors", settings=lowreel.RecoverSettings(), output=folder / "out").save(
        folder / "run.toml"
    )


def _manifest(folder: Path) -> None:
    _data(folder)
    lines = ["name,data,steps,seed", *(f"row{seed},y.safetensors,12,{seed}" for seed in range(9))]
    (folder / "rows.csv").write_text("\n".join(lines) + "\n")


def _do(command: str, folder: Path) -> None:
    ended = run(command.split(), folder)
    if ended.code != 0:
        raise RuntimeError(f"{command}: {ended.said}")


def _read_run(folder: Path) -> None:
    Run.open(folder / "run")
    lowreel.load(folder / "run")


def _written(name: str, write: Callable[[Path, np.ndarray], Any]) -> Kind:
    """A file of others with a clip of bytes, (T, H, W)."""

    def make(folder: Path) -> None:
        write(folder / name, (255 * clip(FRAMES)[:, 0]).astype(np.uint8))

    return Kind(Path(name).suffix[1:], make, name, lambda folder: lowreel.open_clip(folder / name).read())


def _tiff(path: Path, values: np.ndarray) -> None:
    import tifffile

    tifffile.imwrite(path, values, compression="zlib", metadata={"axes": "TYX"})


def _nifti(path: Path, values: np.ndarray) -> None:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0)[:, :, None], np.eye(4)), path)


def _netcdf(path: Path, values: np.ndarray) -> None:
    import netCDF4

    with netCDF4.Dataset(path, "w") as file:
        for axis, size in zip(("time", "y", "x"), values.shape, strict=True):
            file.createDimension(axis, size)
        file.createVariable("level", "f4", ("time", "y", "x"), zlib=True)[:] = values / 255


def _hdf5(path: Path, values: np.ndarray) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("clip", data=values, compression="gzip")


def _matlab(path: Path, values: np.ndarray) -> None:
    import scipy.io

    scipy.io.savemat(path, {"clip": values.transpose(1, 2, 0)}, do_compression=True)


def _png(path: Path, values: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(values[0]).save(path)


def _video(path: Path, values: np.ndarray) -> None:
    import torch

    lowreel.write_video(path, torch.from_numpy(values)[:, None] / 255, rate=25)


KINDS = (
    Kind("data", _data, "y.safetensors", lambda folder: lowreel.Measured.load(folder / "y.safetensors")),
    Kind(
        "representation",
        _run,
        "run/representation.safetensors",
        lambda folder: lowreel.Representation.load(folder / "run" / "representation.safetensors"),
    ),
    Kind("weights", _weights, "w.safetensors", lambda folder: load_weights(folder / "w.safetensors")),
    Kind("packed", _packed, "clip.lowreel", lambda folder: read_packed(folder / "clip.lowreel")),
    Kind("checkpoint", _run, "run/state.safetensors", lambda folder: Run.open(folder / "run").load_progress()),
    Kind("run", _run, "run/config.json", _read_run),
    Kind("summary", _run, "run/summary.json", _read_run),
    Kind("config", _config, "run.toml", lambda folder: RunRequest.load(folder / "run.toml")),
    Kind("manifest", _manifest, "rows.csv", lambda folder: read_manifest(str(folder / "rows.csv"), {})),
    Kind("clip", _data, "clip.npy", lambda folder: lowreel.open_clip(folder / "clip.npy").read()),
    _written("stack.tif", _tiff),
    _written("image.nii.gz", _nifti),
    _written("record.nc", _netcdf),
    _written("array.h5", _hdf5),
    _written("array.mat", _matlab),
    _written("picture.png", _png),
    _written("film.mp4", _video),
)
