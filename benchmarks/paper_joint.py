"""Speed against the paper's procedure: paper-joint to its end, and the default to the PSNR at which that ended.

    python -m benchmarks paper_joint [ROW ...] [--rounds 2000] [--timed 6] [--time 25] [--data FOLDER]

ROW is the beginning of a row's name as in `quality`; default: "walking, missing". Of each the first clip and seed 0.
The first time paper-joint is run to its end (on two cores minutes for grey clips, an hour for colour), which is kept in
benchmarks/results/paper_joint.json. Then some of its rounds, one fit with fixed settings (--quality draft), and a whole
recovery with its search are timed in turns with the same threads. Printed are how many times sooner, in that
one process, ours reaches the PSNR of the generated frames at which paper-joint ended: with fixed settings, and with the
search and all counted, without a time limit and with one.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

import lowreel
from lowreel.model.generators import make

from .quality import ROWS, Row, clip_of, sources_of
from .results import Rows


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks paper_joint", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=["walking, missing"], metavar="ROW", help="beginnings of names")
    parser.add_argument("--rounds", type=int, default=2000, help="rounds at which paper-joint ends")
    parser.add_argument(
        "--timed", type=int, default=6, help="of its rounds, those that are timed before and after ours"
    )
    parser.add_argument("--time", type=float, default=25, help="seconds for a search with a time limit")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/paper_clips"), help="folder of real clips")
    chosen = parser.parse_args(arguments)
    kept = Rows("paper_joint")
    for row in ROWS:
        if any(row.name.startswith(start) for start in chosen.rows):
            measure(kept, row, chosen.rounds, chosen.timed, chosen.time, chosen.data)


def measure(kept: Rows, row: Row, rounds: int, timed: int, limit: float, folder: Path) -> None:
    """One row: the end of paper-joint if it is not known yet, then the times."""
    sources = sources_of(row, 1, folder)
    if not sources:
        print(f"{row.name:<30} left out, {folder / row.clips} is not here")
        return
    clip = clip_of(row, sources[0])
    operator = row.build(tuple(clip.shape), 0)
    data = operator(clip)

    def level(frames: torch.Tensor) -> float:
        return round(lowreel.psnr_range(frames, clip), 3)

    end = kept.find({"row": row.name, "rounds": rounds, "what": "end of paper-joint"})
    if end is None:
        settings = lowreel.RecoverSettings(preset="paper-joint", steps=rounds, baselines="none")
        theirs = lowreel.recover(data, operator, settings)
        found = {"psnr_range": level(theirs.representation.frames()), "seconds": round(theirs.seconds, 1)}
        end = kept.add({"row": row.name, "rounds": rounds, "what": "end of paper-joint", **found})
    show(kept.add(times(data, operator, level, row, end, timed, limit)))


def times(
    data: Any, operator: lowreel.LinearOperator, level: Any, row: Row, end: dict[str, Any], timed: int, limit: float
) -> dict[str, Any]:
    """Seconds of a round of paper-joint, of a fit with fixed settings up to that end, of a whole recovery; in turns."""
    before = seconds_per_round(data, operator, timed)
    fixed = lowreel.recover(data, operator, lowreel.RecoverSettings(quality="draft", baselines="none"), score=level)
    between = seconds_per_round(data, operator, timed)
    searched = lowreel.recover(data, operator, lowreel.RecoverSettings(baselines="none"))
    hurried = lowreel.recover(data, operator, lowreel.RecoverSettings(baselines="none", time=limit))
    after = seconds_per_round(data, operator, timed)
    reached = next((r["seconds"] for r in fixed.history if (r.get("score") or 0) >= end["psnr_range"]), None)
    ends, hurried_ends = (level(found.representation.frames()) for found in (searched, hurried))
    theirs = [end["rounds"] * (one + other) / 2 for one, other in ((before, between), (between, after))]
    return {
        "row": row.name,
        "what": "times",
        "threads": torch.get_num_threads(),
        "paper_joint_psnr_range": end["psnr_range"],
        "paper_joint_seconds_per_round": [round(s, 4) for s in (before, between, after)],
        "fixed_seconds_to_that": reached,
        "fixed_times_sooner": None if reached is None else round(theirs[0] / reached, 1),
        "fixed_seconds": round(fixed.seconds, 1),
        "fixed_psnr_range": level(fixed.representation.frames()),
        "searched_seconds": round(searched.seconds, 1),
        "searched_times_sooner": round(theirs[1] / searched.seconds, 1) if ends >= end["psnr_range"] else None,
        "searched_psnr_range": ends,
        "hurried_seconds": round(hurried.seconds, 1),
        "hurried_fits": len(hurried.trials),
        "hurried_times_sooner": round(theirs[1] / hurried.seconds, 1) if hurried_ends >= end["psnr_range"] else None,
        "hurried_psnr_range": hurried_ends,
    }


def show(cell: dict[str, Any]) -> None:
    print(
        f"{cell['row']:<30} paper-joint ends at {cell['paper_joint_psnr_range']:.2f} dB; fixed settings get there "
        f"{cell['fixed_times_sooner']} times sooner (end: {cell['fixed_psnr_range']:.2f} dB), all with the search "
        f"{cell['searched_times_sooner']} times (end: {cell['searched_psnr_range']:.2f} dB in "
        f"{cell['searched_seconds']} s), a search with a time limit {cell['hurried_times_sooner']} times (end: "
        f"{cell['hurried_psnr_range']:.2f} dB in {cell['hurried_seconds']} s)"
    )


def seconds_per_round(data: Any, operator: lowreel.LinearOperator, rounds: int) -> float:
    """Mean time of a round of paper-joint, the first (which starts everything up) left out."""
    times = torch.arange(operator.clip_shape[0], dtype=torch.float64) / 25
    settings = lowreel.RecoverSettings(preset="paper-joint")
    shape = operator.clip_shape[1:]
    problem = lowreel.Problem(data, operator, make(settings.generator_name(shape[0]), shape), times)
    iteration = lowreel.iterate(problem, settings.solver())
    next(iteration)
    start = time.perf_counter()
    for _ in range(rounds):
        next(iteration)
    return (time.perf_counter() - start) / rounds
