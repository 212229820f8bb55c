"""The operator of a radial scan against finufft's transforms alone, in turn and in one run: the least of several times.

python -m benchmarks scans [--threads N] [--spokes 13] [--frames 24] [--repeat 10]

192x192 pixels, 8 coils, golden-angle spokes with twice the samples; forward and adjoint of all frames, in float32. With
finufft one plan a frame for all coils and both directions, prepared before, at its own choice of a grid and at the one
that is quickest for so few samples. The operator multiplies by the coil maps besides, and adds the coils up. CPU
seconds are those of the process: beside other work they say more than those of a clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from lowreel.operators import MRI, radial, simulated_coil_maps

SIDE, COILS = 192, 8
TOLERANCE = 1e-5
"""Asked of finufft: what the operator keeps to."""

SMALL_GRID = 1.25
"""Points of finufft's smallest grid over those of the picture, along each axis."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scans", description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--spokes", type=int, default=13)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--repeat", type=int, default=10)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    ways = {"operator": _operator(given.spokes, given.frames)}
    for name, grid in (("finufft", 0.0), ("finufft, small grid", SMALL_GRID)):
        ways[name] = _finufft(given.spokes, given.frames, given.threads, grid)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(given.repeat):
        for name, way in ways.items():
            taken[name].append(_seconds(way))
    least = {name: [min(column) for column in zip(*times, strict=True)] for name, times in taken.items()}
    print(f"{given.threads} threads, {given.spokes} spokes, {given.frames} frames, {torch.get_num_threads()=}")
    for name, (wall, cpu) in least.items():
        ours = least["operator"]
        print(
            f"{name:<22}{wall:8.3f} s {cpu:8.3f} s CPU; the operator's over it {ours[0] / wall:.2f} {ours[1] / cpu:.2f}"
        )


def _seconds(way: Callable[[], None]) -> tuple[float, float]:
    """By the clock, and of the CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    way()
    return time.perf_counter() - clock, time.process_time() - cpu


def _operator(spokes: int, frames: int) -> Callable[[], None]:
    shape = (frames, 1, SIDE, SIDE)
    operator = MRI(shape, trajectory=radial(spokes, SIDE, frames), coil_maps=simulated_coil_maps(COILS, (SIDE, SIDE)))
    clip = torch.randn(shape, dtype=torch.complex64)
    operator.adjoint(operator(clip))
    return lambda: operator.adjoint(operator(clip)) is None


def _finufft(spokes: int, frames: int, threads: int, grid: float) -> Callable[[], None]:
    import finufft

    options = {"upsampfac": grid} if grid else {}
    points = radial(spokes, SIDE, frames).flatten(1, 2).double().numpy().astype(np.float32)
    plans = []
    for of_frame in points:
        plan = finufft.Plan(
            2, (SIDE, SIDE), COILS, TOLERANCE, dtype="complex64", nthreads=threads, showwarn=0, **options
        )
        plan.setpts(of_frame[:, 0].copy(), of_frame[:, 1].copy())
        plans.append(plan)
    pictures = np.random.default_rng(0).standard_normal((COILS, SIDE, 2 * SIDE), np.float32).view(np.complex64)
    values, back = np.empty((COILS, points.shape[1]), np.complex64), np.empty_like(pictures)

    def transform() -> None:
        for plan in plans:
            plan.execute(pictures, out=values)
            plan.execute_adjoint(values, out=back)

    transform()
    return transform
