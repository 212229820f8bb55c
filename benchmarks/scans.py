"""The operator of a radial scan against finufft's transforms alone, in turn and in one run: the least of several times.

python -m benchmarks scans [--threads N] [--spokes 13] [--frames 24] [--repeat 10] [--update]

192x192 pixels, 8 coils, golden-angle spokes with twice the samples; forward and adjoint of all frames, in float32. With
finufft one plan a frame for all coils and both directions, prepared before, at its own choice of a grid and at the one
that is quickest for so few samples. The operator multiplies by the coil maps besides, and adds the coils up. CPU
seconds are those of the process: beside other work they say more than those of a clock.

With --update it is a whole update of a fit, of a minibatch of these frames: generator, operator, and the steps on codes
and weights; and finufft's transforms of as many frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from lowreel.operators import MRI, radial, simulated_coil_maps
from lowreel.recovery.preparation import given_data, posed
from lowreel.settings import RecoverSettings
from lowreel.solver.iteration import trial_updates

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
    parser.add_argument("--update", action="store_true", help="time an update of a fit in place of the operator alone")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    ours, frames = "operator", given.frames
    if given.update:
        ours, frames = "update", RecoverSettings().solver().frames_at_once(given.frames, SIDE**2)
    ways = {ours: (_update if given.update else _operator)(given.spokes, given.frames)}
    for name, grid in (("finufft", 0.0), ("finufft, small grid", SMALL_GRID)):
        ways[name] = _finufft(given.spokes, frames, given.threads, grid)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(given.repeat):
        for name, way in ways.items():
            taken[name].append(_seconds(way))
    least = {name: [min(column) for column in zip(*times, strict=True)] for name, times in taken.items()}
    instructions = torch.backends.cpu.get_cpu_capability()
    print(f"{torch.get_num_threads()} threads, {instructions}, {given.spokes} spokes, {frames} frames")
    for name, (wall, cpu) in least.items():
        over = " ".join(f"{mine / its:.2f}" for mine, its in zip(least[ours], (wall, cpu), strict=True))
        print(f"{name:<22}{wall:8.3f} s {cpu:8.3f} s CPU; the {ours}'s over it {over}")


def _seconds(way: Callable[[], None]) -> tuple[float, float]:
    """By the clock, and of the CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    way()
    return time.perf_counter() - clock, time.process_time() - cpu


def _scanner(spokes: int, frames: int) -> MRI:
    path, maps = radial(spokes, SIDE, frames), simulated_coil_maps(COILS, (SIDE, SIDE))
    return MRI((frames, 1, SIDE, SIDE), trajectory=path, coil_maps=maps)


def _operator(spokes: int, frames: int) -> Callable[[], None]:
    operator = _scanner(spokes, frames)
    clip = torch.randn(operator.clip_shape, dtype=torch.complex64)
    operator.adjoint(operator(clip))
    return lambda: operator.adjoint(operator(clip)) is None


def _update(spokes: int, frames: int) -> Callable[[], None]:
    """In float32, as near the end of a fit."""
    operator, settings = _scanner(spokes, frames), RecoverSettings(quality="draft", precision="float32")
    data = operator(torch.rand(operator.clip_shape).to(torch.complex64))
    given = given_data(data, operator, 0.0, None, None)
    problem = posed(given, settings, generator=None, times=None, sequences=(), beta=None, holdout=None)
    update, _ = trial_updates(problem, settings.solver())
    update(1.0)
    return lambda: update(1.0)


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
