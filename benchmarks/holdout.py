"""Does held-out data foretell the error of what is missing? Holes like those of the data, and single numbers.

    python -m benchmarks holdout [CASE ...]

Each case is recovered twice by one fit with fixed settings (`--quality draft`): once with holes held out like those of
the data, once with single numbers. Rows are kept in benchmarks/results/holdout.json as they come. Figures are PSNR in
dB with peak 1: of pixels over the missing ones, of a spectrum over the whole clip. Cases with a file in ../shared are
left out where it is absent.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import lowreel
from lowreel import operators as m
from lowreel.analysis.metrics import error_decibels
from lowreel.system import streams

from .jobs import SHARED
from .results import Rows

SIZE, FRAMES, ROUNDS = 48, 24, 60
"""Of the clips, square and grey, and of each fit."""

CLOUD_FRAMES, CLOUD_PIXELS = 8, 4
"""Frames over which a cloud changes, and its size: the standard deviation that noise is smoothed with."""

Case = tuple[Tensor, m.LinearOperator]


def clip_of(path: str, frames: int = FRAMES) -> Tensor:
    """The first frames of a clip of ../shared, or of the package's, in grey; (T, 1, H, W)."""
    source = SHARED / path if path else Path(str(files("lowreel") / "assets" / "demo.mp4"))
    return lowreel.open_clip(source, size=(SIZE, SIZE), channels=1, frames=slice(frames)).read()


def clouds(shape: tuple[int, ...], hidden: float = 0.6, seed: int = 0) -> Tensor:
    """What moving clouds leave to be seen, (T, H, W): smooth noise below the level that hides this share."""
    frames, _, height, width = shape
    margin = 4 * CLOUD_PIXELS
    size = (height + 2 * margin, width + 2 * margin)
    noise = [
        torch.from_numpy(streams.normals(seed, streams.PROBE, 1000 + t, range(1), size[0] * size[1])).reshape(size)
        for t in range(frames + CLOUD_FRAMES)
    ]
    line = torch.exp(-0.5 * (torch.arange(-margin, margin + 1) / CLOUD_PIXELS) ** 2)[None, None]
    smooth = torch.nn.functional.conv2d(torch.stack(noise)[:, None], line[..., None])
    smooth = torch.nn.functional.conv2d(smooth, line[:, :, None])[:, 0]
    level = torch.stack([smooth[t : t + CLOUD_FRAMES].mean(0) for t in range(frames)])
    return level < level.flatten().kthvalue(round((1 - hidden) * level.numel())).values


def columns(shape: tuple[int, ...]) -> Tensor:
    """A sensor with dropped columns, (H, W): one to three in a row, a sixth of all."""
    kept = torch.ones(shape[-2:], dtype=torch.bool)
    for start, width in ((3, 2), (13, 1), (21, 3), (33, 1), (42, 1)):
        kept[:, start : start + width] = False
    return kept


def masked(path: str, mask: Callable[[tuple[int, ...]], Tensor]) -> Case:
    clip = clip_of(path)
    return clip, m.Mask(tuple(clip.shape), mask(tuple(clip.shape)))


def operated(path: str, build: Callable[[tuple[int, ...]], m.LinearOperator]) -> Case:
    clip = clip_of(path)
    return clip, build(tuple(clip.shape))


def pincat() -> Case:
    """Pincat at half its size."""
    full = lowreel.open_clip(f"{SHARED / 'mri' / 'Pincat.mat'}:X", frames=slice(FRAMES)).read()
    clip = torch.nn.functional.avg_pool2d(full, 2)
    return clip, m.Fourier(tuple(clip.shape), "radial", 8)


CASES: dict[str, Callable[[], Case]] = {
    "blocks of 8, 50 %, walking": lambda: operated("paper_clips/walking/seq1", lambda s: m.MissingBlocks(s, 0.5, 8)),
    "frames 10 to 13 and 18 dropped, archery": lambda: operated(
        "paper_clips/archery", lambda s: m.MissingFrames(s, dropped=[10, 11, 12, 18])
    ),
    "clouds, 60 %, carphone": lambda: masked("clips/carphone_pristine.mp4", clouds),
    "clouds, 60 %, blackswan": lambda: masked("clips/davis/blackswan", clouds),
    "clouds, 60 %, walking": lambda: masked("paper_clips/walking/seq1", clouds),
    "clouds, 60 %, archery": lambda: masked("paper_clips/archery", clouds),
    "dropped columns, walking": lambda: masked("paper_clips/walking/seq1", columns),
    "8 radial lines, Pincat": pincat,
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks holdout", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="beginnings of names; default: all")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = Rows("holdout")
    for name, make in CASES.items():
        if not any(name.startswith(start) for start in chosen.cases or [""]):
            continue
        for held in ("holes", "single numbers"):
            key = {"case": name, "held out": held}
            row = rows.find(key) or rows.add(key | measured(*make(), holes=held == "holes"))
            print(f"{name}; {held}: {told(row)}", flush=True)


def measured(clip: Tensor, operator: m.LinearOperator, *, holes: bool) -> dict[str, Any]:
    """Levels that held-out data foretells, and the true ones, of the generator and each baseline."""
    settings = lowreel.RecoverSettings(quality="draft", steps=ROUNDS, precision="float32", device="cpu")
    holdout = None if holes else single_numbers(operator)
    found = lowreel.recover(operator(clip), operator, settings, holdout=holdout, levels=(1.0, 0.0))
    where = ~operator.observed_mask() if operator.is_pixel_mask else None
    clips = {"generator": found.clip} | {name: baseline.clip for name, baseline in found.baselines.items()}
    return {
        "foretold": {"generator": found.heldout_db} | {n: b.heldout_db for n, b in found.baselines.items()},
        "true": {name: level(one, clip, where) for name, one in clips.items()},
        "recommended": found.recommended.name,
        "true of recommended": level(found.recommended_clip, clip, where),
        "verdict": found.trust,
        "seconds": round(found.seconds, 1),
    }


def single_numbers(operator: m.LinearOperator, share: float = 0.02) -> Tensor:
    """A random share of the measured numbers, one by one; where all frames are measured alike the same of each."""
    known = operator.observed_mask()
    rows = operator.repeated_rows((known,))[0]
    drawn = torch.rand(known[:rows].shape, generator=torch.Generator().manual_seed(0)) < share
    held = known & drawn.repeat(-(-len(known) // rows), 1, 1, 1)[: len(known)]
    return operator.with_redundant(held) & known


def level(found: Tensor, clip: Tensor, where: Tensor | None) -> float:
    error = (found - clip).square()
    return error_decibels(float((error if where is None else error[where]).mean()))


def told(row: dict[str, Any]) -> str:
    """A row in words."""
    foretold, true = row["foretold"], row["true"]
    levels = ", ".join(f"{name} {foretold[name]:.1f} ({true[name]:.1f})" for name in foretold)
    best = max(true, key=true.__getitem__)
    off = foretold["generator"] - true["generator"]
    return f"{levels}; off by {off:+.1f} dB; recommended {row['recommended']}, truly best {best}"
