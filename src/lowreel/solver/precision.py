"""The precision in which this machine multiplies fastest: measured, not read from what it claims."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch

from ..model.generators import from_spec, shared_start
from ..model.generators.layers import to_channels_last
from ..settings import Precision, SolverSettings
from ..system.devices import wait_for
from .problem import Problem

PRODUCT_SIDE = 256
"""Rows of the matrices that are multiplied first: few, because emulated products take a hundred times as long."""

TIMING_REPEATS = 3
"""How often each timing is repeated; the shortest counts."""

LEAST_PIXELS = 2**13
"""Pixels that a minibatch needs for half precision to be tried: a pass over fewer takes a millisecond or two, which
cannot be timed."""

REDUCED_TIME_SHARE = 0.9
"""Share of the time in float32 that half precision has to stay under, to be worth its rounding."""


def fastest_precision(one_pass: Callable[[], Any], device: torch.device, pixels: int) -> Precision:
    """The precision in which `one_pass`, a forward and a backward pass of the network that is fitted, is faster.

    One pass in each warms up, then the shortest of a few of each in turn counts. Where plain matrix products are not
    faster in bfloat16 already, as on processors that emulate it, nothing else is tried; nor where the pass makes so
    few `pixels` (LEAST_PIXELS) that the trial would be noise.
    """
    if pixels < LEAST_PIXELS or not _has_faster_products(device.type):
        return "float32"
    best = {"float32": float("inf"), "bfloat16": float("inf")}
    for k in range(1 + TIMING_REPEATS):
        for precision in best:
            with autocast(device, precision == "bfloat16"):
                spent = seconds_of(one_pass, device)
            best[precision] = min(best[precision], spent) if k else float("inf")
    return "bfloat16" if best["bfloat16"] < REDUCED_TIME_SHARE * best["float32"] else "float32"


def autocast(device: torch.device, reduced: bool) -> torch.autocast:
    """A context in which products are made in bfloat16 if `reduced`; otherwise it changes nothing."""
    return torch.autocast(device.type, torch.bfloat16, enabled=reduced)


def seconds_of(action: Callable[[], Any], device: torch.device) -> float:
    """Seconds that an action takes, with all the work that it has queued on an accelerator."""
    wait_for(device)
    start = time.perf_counter()
    action()
    wait_for(device)
    return time.perf_counter() - start


@cache
def _has_faster_products(device_type: str) -> bool:
    device = torch.device(device_type)
    times = []
    for dtype in (torch.float32, torch.bfloat16):
        matrix = torch.ones(PRODUCT_SIDE, PRODUCT_SIDE, device=device, dtype=dtype)
        product = partial(torch.matmul, matrix, matrix)
        times.append(min(seconds_of(product, device) for _ in range(1 + TIMING_REPEATS)))
    return times[1] < times[0]


def precision_of(problem: Problem, settings: SolverSettings) -> Precision:
    """The precision in which a minibatch is faster on this machine: products in float32, or in bfloat16.

    float32 where the generator's fit is not to be reduced.
    """
    if not problem.generator.reduced_precision or settings.algorithm != "joint":
        return "float32"
    frames, _, height, width = problem.operator.clip_shape
    count = settings.frames_at_once(frames, height * width)
    spec = json.dumps(problem.generator.spec(), sort_keys=True)
    return _precision_of(spec, count, problem.device.type, torch.get_num_threads())


@cache
def _precision_of(spec: str, count: int, device_type: str, threads: int) -> Precision:
    """By a generator of that spec and so many frames; threads: tried with these."""
    del threads
    device = torch.device(device_type)
    generator = from_spec(json.loads(spec)).to(device)
    to_channels_last(generator)
    codes = shared_start(count, generator.code_dim, 0).to(device)
    pixels = count * math.prod(generator.frame_shape[1:])
    return fastest_precision(lambda: generator(codes).square().mean().backward(), device, pixels)
