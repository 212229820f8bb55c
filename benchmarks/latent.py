"""Table 1, first column: a clip that is known in full, represented by codes of a trained generator alone.

    python -m benchmarks latent [NAME ...] [--steps 2000] [--data ../shared/data/paper_clips]

NAME is rotating-mnist (test digits 0 to 9), archery or walking; all by default. For each clip the preset paper-latent
runs its full length with the shipped weights; printed are psnr_range, the paper's figure, and the difference. Rows are
kept in benchmarks/results/latent.json as they come and not computed again for the same weights and steps.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

import lowreel
from lowreel.model.generators import ZOO, make
from lowreel.settings import PRESETS

from .results import Rows

PAPER = {"rotating-mnist": 25.82, "archery": 24.15, "walking": 27.55}
GENERATOR = {"rotating-mnist": "paper-grey", "archery": "paper-rgb", "walking": "paper-rgb"}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks latent", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(PAPER), metavar="NAME", help=f"of {', '.join(PAPER)}")
    parser.add_argument("--steps", type=int, default=PRESETS["paper-latent"].steps, help="rounds of the preset")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/paper_clips"), help="folder of the clips")
    chosen = parser.parse_args(arguments)
    rows = Rows("latent")
    for name in chosen.names:
        if name not in PAPER:
            parser.error(f"expected names of {', '.join(PAPER)}, got {name}")
        found = [row_of(rows, name, source, chosen.steps) for source in sources(name, chosen.data)]
        mean = sum(found) / len(found)
        verdict = "reached" if mean >= PAPER[name] else "missed"
        print(f"{name:<16} {mean:6.2f} dB, paper {PAPER[name]:.2f}: {verdict} by {abs(mean - PAPER[name]):.2f} dB")


def sources(name: str, folder: Path) -> list[str]:
    """Names or paths of the clips of a row of the table."""
    if name == "rotating-mnist":
        return [f"rotating-mnist:{digit}" for digit in range(10)]
    return [str(folder / ("walking/seq1" if name == "walking" else name))]


def row_of(rows: Rows, name: str, source: str, steps: int) -> float:
    """psnr_range of one clip, from the kept rows or computed now."""
    key = {"clip": Path(source).name, "weights": ZOO[GENERATOR[name]], "steps": steps}
    row = rows.find(key)
    if row is None:
        generator = make(GENERATOR[name], (1 if name == "rotating-mnist" else 3, 64, 64))
        clip = lowreel.open_clip(source, size=(64, 64), channels=generator.frame_shape[0]).read()
        start = time.monotonic()
        frames = represented(clip, generator, steps)
        level = round(lowreel.psnr_range(frames, clip), 2)
        row = rows.add(key | {"psnr_range": level, "seconds": round(time.monotonic() - start)})
    print(f"  {row['clip']:<20} {row['psnr_range']:6.2f} dB  {row['seconds']} s", flush=True)
    return row["psnr_range"]


def represented(clip: torch.Tensor, generator: lowreel.Generator, steps: int) -> torch.Tensor:
    """The clip as the generator draws it from codes fitted to all of its pixels."""
    operator = lowreel.Identity(tuple(clip.shape))
    settings = PRESETS["paper-latent"].model_copy(update={"steps": steps})
    times = torch.arange(len(clip), dtype=torch.float64) / 25
    problem = lowreel.Problem(operator(clip), operator, generator, times)
    for state in lowreel.iterate(problem, settings):
        last = state
    return last.representation(problem, settings).frames()
