"""Speed as a ratio in one process: rounds of paper-joint against whole recoveries by the default preset.

    python -m benchmarks speed [CLIP] [--rounds 10] [--of 250]

Prints the seconds of one round of `paper-joint` and of the default's whole optimisation on the same data, measured
in turns, and how many rounds of the first the second is worth. Writes benchmarks/results/speed.json.
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.resources import files
from pathlib import Path

import torch

import lowreel
from lowreel.generators import make
from lowreel.settings import PRESETS

RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", default=str(files("lowreel") / "data" / "demo.mp4"))
    parser.add_argument("--rounds", type=int, default=10, help="rounds of paper-joint that are timed, in two halves")
    parser.add_argument("--of", type=int, default=250, help="rounds of paper-joint that the default may take")
    chosen = parser.parse_args(arguments)

    clip = lowreel.open_clip(chosen.clip, size=(64, 64)).read()
    operator = lowreel.MissingPixels(tuple(clip.shape), 0.8, seed=0)
    data = operator(clip)

    before = seconds_per_round(data, operator, chosen.rounds // 2)
    recovery = lowreel.recover(data, operator, lowreel.RecoverSettings(baselines="none"))
    after = seconds_per_round(data, operator, chosen.rounds - chosen.rounds // 2)
    one = (before + after) / 2
    result = {
        "clip": Path(chosen.clip).name,
        "shape": list(clip.shape),
        "threads": torch.get_num_threads(),
        "paper_joint_seconds_per_round": round(one, 4),
        "paper_joint_seconds_per_round_before_and_after": [round(before, 4), round(after, 4)],
        "default_seconds": round(recovery.seconds, 2),
        "default_rounds": recovery.steps,
        "default_psnr": round(lowreel.psnr(recovery.clip, clip), 2),
        "default_is_worth_rounds_of_paper_joint": round(recovery.seconds / one, 1),
        "allowed": chosen.of,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "speed.json").write_text(json.dumps(result, indent=2) + "\n")
    for name, value in result.items():
        print(f"{name:<50} {value}")
    verdict = "within" if recovery.seconds <= chosen.of * one else "over"
    print(f"the default's optimisation is {verdict} the time of {chosen.of} rounds of paper-joint")


def seconds_per_round(data: torch.Tensor, operator: lowreel.Measurement, rounds: int) -> float:
    """Mean time of a round of paper-joint, the first (which starts everything up) left out."""
    times = torch.arange(operator.clip_shape[0], dtype=torch.float64) / 25
    shape = operator.clip_shape[1:]
    problem = lowreel.Problem(data, operator, make("dcgan", shape, seed=0), times)
    iteration = lowreel.iterate(problem, PRESETS["paper-joint"])
    next(iteration)
    start = time.perf_counter()
    for _ in range(rounds):
        next(iteration)
    return (time.perf_counter() - start) / rounds
