"""Recovery against the paper and the baselines: clips x operators x sequences x seeds, everything automatic.

    python -m benchmarks quality [ROW ...] [--seeds 3] [--sequences 10] [--data ../shared/data/paper_clips]

ROW is the beginning of a row's name, such as "walking" or "rotating-mnist, missing"; all by default. Printed are the
mean psnr_range over sequences and seeds, the standard deviation beside it, the best baseline and the paper's best
column; then how well held-out data chose, and how well the uncertainty is calibrated. Cells are kept in
benchmarks/results/quality.json as they come and not computed again. The baselines see all of the data.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lowreel
from lowreel.analysis.metrics import error_decibels
from lowreel.operators import Gaussian, MissingPixels
from lowreel.recovery.uncertainty import calibration

from .results import Rows


@dataclass(frozen=True)
class Row:
    """A row of the table: which clips, how they are measured, the paper's best, what is asked for, white noise."""

    name: str
    clips: str
    build: Callable[[tuple[int, ...], int], lowreel.LinearOperator]
    paper: float | None
    wanted: float | None
    noise: float = 0.0


def missing(shape: tuple[int, ...], seed: int) -> lowreel.LinearOperator:
    return MissingPixels(shape, 0.8, seed=seed)


def gaussian(m: int) -> Callable[[tuple[int, ...], int], lowreel.LinearOperator]:
    return lambda shape, seed: Gaussian(shape, m, seed=seed, memory=MATRICES)


MATRICES = 4 * 10**9
"""Bytes for the matrices of Gaussian projections: those of the largest row are held whole."""

ROWS = (
    Row("rotating-mnist, missing 80 %", "rotating-mnist", missing, 29.58, 35),
    Row("rotating-mnist, gaussian 200", "rotating-mnist", gaussian(200), 32.97, 37),
    Row("moving-mnist, missing 80 %", "moving-mnist", missing, 19.55, 24),
    Row("moving-mnist, gaussian 512", "moving-mnist", gaussian(512), 27.2, 36),
    Row("color-wheel, missing 80 %", "color-wheel", missing, 19.96, 32),
    Row("color-wheel, gaussian 1024", "color-wheel", gaussian(1024), 23.71, 30),
    Row("archery, missing 80 %", "archery", missing, 23.81, 30),
    Row("archery, gaussian 512", "archery", gaussian(512), 26.9, 29),
    Row("walking, missing 80 %", "walking/seq1", missing, 26.17, 32),
    Row("walking, gaussian 512", "walking/seq1", gaussian(512), None, None),
    Row("noise 0.05, walking, missing 80 %", "walking/seq1", missing, None, None, noise=0.05),
    Row("noise 0.05, archery, missing 80 %", "archery", missing, None, None, noise=0.05),
    Row("noise 0.05, rotating-mnist, gaussian 200", "rotating-mnist", gaussian(200), None, None, noise=0.05),
)
SEQUENCES = {"rotating-mnist": 10, "moving-mnist": 10}
"""How many sequences a drawn clip has: digits 0 to 9 of the test set, seeds 0 to 9."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks quality", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="beginnings of names; default: all")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of operator and fit")
    parser.add_argument("--sequences", type=int, default=10, help="sequences at most of a drawn clip")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/paper_clips"), help="folder of real clips")
    chosen = parser.parse_args(arguments)
    kept = Rows("quality")
    for row in ROWS:
        if not any(row.name.startswith(start) for start in chosen.rows or [""]):
            continue
        sources = sources_of(row, chosen.sequences, chosen.data)
        if not sources:
            print(f"{row.name:<30} left out, {chosen.data / row.clips} is not here")
            continue
        cells = [cell(kept, row, source, seed) for seed in range(chosen.seeds) for source in sources]
        show(row, cells)


def sources_of(row: Row, most: int, folder: Path) -> list[str]:
    """Names or paths of the clips of a row."""
    if row.clips in SEQUENCES:
        return [f"{row.clips}:{k}" for k in range(min(most, SEQUENCES[row.clips]))]
    if row.clips == "color-wheel":
        return ["color-wheel:0"]
    return [str(folder / row.clips)] if (folder / row.clips).exists() else []


def clip_of(row: Row, source: str) -> torch.Tensor:
    """The clip, 64x64; of archery the paper's 64 frames."""
    return lowreel.open_clip(source, size=(64, 64), frames=slice(64 if row.clips == "archery" else None)).read()


def cell(kept: Rows, row: Row, source: str, seed: int) -> dict[str, Any]:
    """One clip, operator and seed: from the kept cells, or computed now."""
    key = {"row": row.name, "clip": Path(source).name, "seed": seed}
    found = kept.find(key)
    if found is not None:
        return found
    clip = clip_of(row, source)
    operator = row.build(tuple(clip.shape), seed)
    data, noise = lowreel.add_white_noise(operator(clip), operator, level=row.noise, seed=seed)
    sigma = noise.rms or 0.0
    baselines = lowreel.baselines(data, operator, operator.observed_mask(), sigma=sigma)

    def level(frames: torch.Tensor) -> float:
        return round(lowreel.psnr_range(frames, clip), 2)

    settings = lowreel.RecoverSettings(seed=seed, baselines="none")
    recovery = lowreel.recover(data, operator, settings, noise=noise, score=level)
    assert recovery.uncertainty is not None
    figures = {
        "psnr_range": level(recovery.clip),
        "psnr": round(lowreel.psnr(recovery.clip, clip), 2),
        "baselines_psnr_range": {name: level(found) for name, found in baselines.items()},
        "heldout_db": round(recovery.heldout_db, 2),
        "rank": recovery.representation.codes.rank,
        "search": [_tried(trial) for trial in recovery.trials],
        "uncertainty": _rounded(calibration(recovery.clip, clip, recovery.uncertainty)),
        "rounds": recovery.steps,
        "seconds": round(recovery.seconds, 1),
        "threads": torch.get_num_threads(),
    }
    if sigma:
        residual = (operator(recovery.clip) - data)[operator.observed_mask()]
        figures["residual_over_sigma"] = round(float(residual.square().mean().sqrt()) / sigma, 3)
    print(f"  {row.name}, {key['clip']}, seed {seed}: {figures['psnr_range']} dB in {figures['seconds']} s", flush=True)
    return kept.add(key | figures)


def _tried(trial: Any) -> dict[str, Any]:
    """A fit of the search: its settings, its score where held-out data stopped it, and the best score of its rounds."""
    scores = {row["step"]: row["score"] for row in trial.history if row.get("score") is not None}
    heldout = round(error_decibels(trial.error), 2)
    told = {"heldout_db": heldout, "step": trial.step, "score": scores[trial.step], "best_score": max(scores.values())}
    return trial.choice.model_dump() | told | {"seconds": round(trial.seconds, 1)}


def _rounded(figures: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [float(f"{v:.3g}") for v in value] if isinstance(value, list) else round(value, 3)
        for name, value in figures.items()
    }


def show(row: Row, cells: list[dict[str, Any]]) -> None:
    """Ours with its spread, the best baseline, the paper, what is asked for; the search; the uncertainty."""
    levels = np.array([c["psnr_range"] for c in cells])
    means = {n: np.mean([c["baselines_psnr_range"][n] for c in cells]) for n in cells[0]["baselines_psnr_range"]}
    best = max(means, key=lambda name: means[name])
    paper = "-" if row.paper is None else f"{row.paper:.2f}"
    wanted = "-" if row.wanted is None else f"{row.wanted:g}"
    print(
        f"{row.name:<30} {levels.mean():6.2f} +- {levels.std():4.2f} dB ({len(cells)} cells), "
        f"{best} {means[best]:.2f}, paper {paper}, wanted {wanted}"
    )
    chosen = [max(c["search"], key=lambda trial: trial["heldout_db"]) for c in cells]
    late = [trial["best_score"] - trial["score"] for c in cells for trial in c["search"]]
    missed = [max(t["score"] for t in c["search"]) - one["score"] for c, one in zip(cells, chosen, strict=True)]
    spread = [np.ptp([t["score"] for t in c["search"]]) for c in cells]
    gained = [one["score"] - c["search"][0]["score"] for c, one in zip(cells, chosen, strict=True)]
    print(
        f"{'':<30} stop {np.mean(late):.2f} below the best step (at most {max(late):.2f}); choice "
        f"{np.mean(missed):.2f} below the best of the grid (at most {max(missed):.2f}), {np.mean(gained):.2f} above "
        f"fixed settings, the grid spreads by {np.mean(spread):.2f}"
    )
    if row.noise:
        print(f"{'':<30} the residual is {np.mean([c['residual_over_sigma'] for c in cells]):.3f} of the noise's sigma")
    told = [c["uncertainty"] for c in cells if "uncertainty" in c]  # cells measured before its last change have none
    if not told:
        return
    one, two, ours, constant = (
        np.mean([t[name] for t in told])
        for name in ("within_1_sigma", "within_2_sigma", "log_likelihood", "log_likelihood_constant")
    )
    print(
        f"{'':<30} within 1 and 2 sigma {one:.3f} {two:.3f}, "
        f"log-likelihood {ours:.2f}, of one sigma for all {constant:.2f}"
    )
