"""Whole recoveries of dynamic MRI against every baseline: phantoms with a smooth phase, coils, and noise of 30 dB SNR.

    python -m benchmarks phantoms [ROW ...] [--quality draft] [--data ../shared/data]

ROW is the beginning of a row's name, such as "pincat" or "heart 192, 8 frames"; all by default. Each baseline is as
strong as held-out readouts say. Figures are PSNR of the magnitudes with peak 1, beside what held-out readouts told of
them, the verdict, and seconds: by the clock and of the processor, baselines included, of as many threads as torch
takes. Rows are kept in benchmarks/results/phantoms.json and not computed again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

import lowreel
from lowreel.catalogue import MriSettings
from lowreel.data.noise import add_white_noise
from lowreel.operators import MRI, with_phase
from lowreel.system.complex_clips import magnitude

from .jobs import PINCAT, SHARED
from .results import Rows

SNR_DECIBELS = 30.0
LEAST_LEAD_DECIBELS = 3.0
"""By which the recovery is to be better than the best baseline."""


@dataclass(frozen=True)
class Row:
    """clip: makes it, real, from the folder of shared data; scan: settings of the scanner."""

    name: str
    clip: Callable[[Path], torch.Tensor]
    scan: dict[str, Any]


def pincat(folder: Path) -> torch.Tensor:
    return lowreel.open_clip(folder / PINCAT, frames=slice(24)).read()


def heart(frames: int) -> Callable[[Path], torch.Tensor]:
    return lambda _: lowreel.open_clip("beating-heart:0", size=(192, 192), frames=slice(frames)).read()


def radial(spokes: int, coils: int = 8) -> dict[str, Any]:
    return {"spokes": spokes, "coils": coils, "golden_angle": True}


ROWS = (
    Row("pincat, 1 coil, 13 spokes", pincat, radial(13, 1)),
    Row("pincat, 8 coils, 13 spokes", pincat, radial(13)),
    Row("pincat, 8 coils, one row in 8", pincat, {"acceleration": 8.0, "coils": 8}),
    Row("heart 192, 8 frames, 12 spokes", heart(8), radial(12)),
    Row("heart 192, 8 frames, 20 spokes", heart(8), radial(20)),
    Row("heart 192, 24 frames, 13 spokes", heart(24), radial(13)),
    Row("heart 192, 24 frames, 1 coil, 13 spokes", heart(24), radial(13, 1)),
    Row("heart 192, 24 frames, one row in 8", heart(24), {"acceleration": 8.0, "coils": 8}),
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks phantoms", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="beginnings of names; default: all")
    parser.add_argument("--quality", choices=["draft", "standard"], default="draft")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of real clips")
    chosen = parser.parse_args(arguments)
    rows = Rows("phantoms")
    print("| row | Lowreel | best baseline | lead | told: Lowreel | told: that baseline | verdict | s, CPU s |")
    print("|---|---|---|---|---|---|---|---|")
    for row in ROWS:
        if chosen.rows and not any(row.name.startswith(start) for start in chosen.rows):
            continue
        if row.clip is pincat and not (chosen.data / PINCAT).exists():
            print(f"{row.name}: left out, {chosen.data / PINCAT} is not here", flush=True)
            continue
        key = {"row": row.name, "quality": chosen.quality}
        print(line(rows.find(key) or rows.add(key | measured(row, chosen.data, chosen.quality))), flush=True)


def measured(row: Row, data: Path, quality: str) -> dict[str, Any]:
    """What one recovery came to."""
    real = row.clip(data)
    clip = with_phase(real, 0)
    operator = MRI.from_settings(MriSettings(**row.scan), tuple(clip.shape), seed=0, memory=None)
    y, noise = add_white_noise(operator(clip), operator, snr=SNR_DECIBELS, seed=0)
    start, cpu = time.perf_counter(), time.process_time()
    found = lowreel.recover(y, operator, lowreel.RecoverSettings(quality=quality), noise=noise)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    levels = {name: decibels(baseline.clip, clip) for name, baseline in found.baselines.items()}
    told = {name: baseline.heldout_db for name, baseline in found.baselines.items()}
    return {
        "psnr": decibels(found.clip, clip),
        "heldout_db": found.heldout_db,
        "baselines": levels,
        "baselines_heldout_db": told,
        "verdict": found.verdict.kind,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }


def decibels(found: torch.Tensor, true: torch.Tensor) -> float:
    """PSNR of the magnitudes, peak 1."""
    return round(lowreel.psnr(magnitude(found), magnitude(true)), 2)


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    best = max(row["baselines"], key=row["baselines"].get)
    lead = row["psnr"] - row["baselines"][best]
    short = "" if lead >= LEAST_LEAD_DECIBELS else f" (short of {LEAST_LEAD_DECIBELS:g})"
    told = [row["heldout_db"], row["baselines_heldout_db"][best]]
    words = " | ".join("n/a" if level is None else f"{level:.1f}" for level in told)
    spent = f"{row['seconds']:.0f}, {row['cpu_seconds']:.0f}"
    return (
        f"| {row['row']} | {row['psnr']:.1f} | {row['baselines'][best]:.1f} ({best}) | {lead:+.1f}{short} | {words} | "
        f"{row['verdict']} | {spent}, {row['threads']} threads, {row['instructions']} |"
    )
