"""The share of this machine's matrix rate that an update reaches, everything included.

    python -m benchmarks rate [--threads N]

An update is the forward pass, the backward pass and the step on codes and weights for one minibatch, as a fit with
80 % of the pixels missing makes them at the precision that it would choose. What it has to do is counted in operations
of its convolutions and products (those of the orthogonalised steps too), so that activations, doublings, copies, the
loss and the steps themselves count as time without work. The rate is that of a product of two matrices of 1024x1024,
in float32 and in bfloat16, the faster of the two. Both are timed in turn in one process, and the least counts.
"""

from __future__ import annotations

import argparse
import itertools
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

import lowreel
from lowreel.recovery.preparation import prepare
from lowreel.solver.precision import precision_of

from .jobs import demo

SIDES, FRAMES, PRODUCT_SIDE, REPEATS = (64, 256), 8, 1024, 12
"""Of the frames, their number, the side of the matrices that are multiplied, and how often each is timed."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks rate", description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, help="default: as many as torch would take")
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    for side in SIDES:
        print(sentence(side, *measured(side)), flush=True)


def measured(side: int) -> tuple[float, float, str, dict[torch.dtype, float]]:
    """Operations of a round, its seconds, its precision, and the machine's operations a second by type."""
    clip = lowreel.open_clip(demo(), size=(side, side), frames=slice(FRAMES)).read()
    operator = lowreel.MissingPixels(tuple(clip.shape), 0.8)
    problem = prepare(operator(clip), operator, lowreel.RecoverSettings(quality="draft"))
    solver = lowreel.RecoverSettings(quality="draft").solver()
    solver = solver.model_copy(update={"precision": precision_of(problem, solver), "steps": 4 * REPEATS})
    rounds = lowreel.iterate(problem, solver)
    next(rounds)
    with FlopCounterMode(display=False) as counter:
        next(rounds)
    seconds, rates = float("inf"), dict.fromkeys((torch.float32, torch.bfloat16), 0.0)
    for _ in itertools.repeat(None, REPEATS):
        start = time.perf_counter()
        next(rounds)
        seconds = min(seconds, time.perf_counter() - start)
        rates = {dtype: max(rate, rate_of(dtype)) for dtype, rate in rates.items()}
    return counter.get_total_flops(), seconds, solver.precision, rates


def rate_of(dtype: torch.dtype) -> float:
    """Operations a second of a product of matrices of this type, once."""
    matrix = torch.ones(PRODUCT_SIDE, PRODUCT_SIDE, dtype=dtype)
    start = time.perf_counter()
    torch.matmul(matrix, matrix)
    return 2 * PRODUCT_SIDE**3 / (time.perf_counter() - start)


def sentence(side: int, operations: float, seconds: float, precision: str, rates: dict[torch.dtype, float]) -> str:
    """What was found, in words."""
    reached, told = operations / seconds, {str(dtype)[6:]: f"{rate / 1e9:.0f}" for dtype, rate in rates.items()}
    share = reached / max(rates.values())
    return (
        f"{FRAMES} frames of {side}x{side}, {torch.get_num_threads()} threads, {precision}: {1000 * seconds:.1f} ms "
        f"for {operations / 1e9:.1f} billion operations, {reached / 1e9:.0f} billion a second; products reach "
        f"{told['float32']} in float32, {told['bfloat16']} in bfloat16: a share of {share:.2f}"
    )
