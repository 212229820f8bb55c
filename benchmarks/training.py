"""A training step, everything included, beside the machine's matrix-product rate, in turns in one process.

    python -m benchmarks training [--channels 3] [--rounds 6]

Counted are 6 operations (forward and two gradients, 2 each) per useful multiply-add of the network; reading the
minibatch, the loss, the steps on weights and codes and the snapshot are in the time. Matrix products are of 2048x2048
matrices, in the number format that the training uses, and in float32 for comparison. Both run on a GPU where there is
one. Writes results/training_NETWORK.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
from torch import nn

from lowreel.io.datasets import Images
from lowreel.model.generators import Dcgan
from lowreel.settings import TrainSettings
from lowreel.training.loop import SNAPSHOT_MINIBATCHES, iterate

from .results import RESULTS

SIDE, BATCH = 2048, 256


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks training", description=__doc__.splitlines()[0])
    parser.add_argument("--channels", type=int, choices=(1, 3), default=3, help="1: paper-grey, 3: paper-rgb")
    parser.add_argument("--rounds", type=int, default=6, help=f"rounds of {SNAPSHOT_MINIBATCHES} steps that are timed")
    chosen = parser.parse_args(arguments)

    generator, settings = Dcgan(chosen.channels), TrainSettings(epochs=1000, batch_size=BATCH)
    pixels = torch.randint(0, 256, (8192, chosen.channels, 32, 32), dtype=torch.uint8)
    training = iterate(Images("noise", pixels, (64, 64)), generator, settings)
    precision = getattr(torch, next(training).precision)
    work = 6 * multiply_adds(generator) * BATCH * SNAPSHOT_MINIBATCHES
    rates: dict[str, list[float]] = {"step": [], "product": [], "float32 product": []}
    for _ in range(chosen.rounds):
        rates["step"].append(work / seconds(lambda: next(training)))
        rates["product"].append(matrix_rate(precision))
        rates["float32 product"].append(matrix_rate(torch.float32))
    step, product, single = (statistics.median(rates[name]) / 1e9 for name in rates)
    result = {
        "network": "paper-grey" if chosen.channels == 1 else "paper-rgb",
        "multiply_adds_per_image": multiply_adds(generator),
        "precision": str(precision).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "seconds_per_step": round(work / step / 1e9 / SNAPSHOT_MINIBATCHES, 3),
        "step_gflops": round(step),
        "product_gflops": round(product),
        "float32_product_gflops": round(single),
        "share_of_product": round(step / product, 3),
        "share_of_float32_product": round(step / single, 3),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"training_{result['network']}.json").write_text(json.dumps(result, indent=2) + "\n")
    for name, value in result.items():
        print(f"{name:<28} {value}")


def multiply_adds(generator: nn.Module) -> int:
    """Useful multiply-adds of one frame: every tap of a transposed convolution that falls inside the frame."""
    total, side = 0, 1
    for layer in generator.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            (kernel, _), (stride, _), padding = layer.kernel_size, layer.stride, int(layer.padding[0])
            out = (side - 1) * stride - 2 * padding + kernel
            inside = sum(0 <= i * stride - padding + k < out for i in range(side) for k in range(kernel))
            total += layer.in_channels * layer.out_channels * inside**2
            side = out
    return total


def matrix_rate(dtype: torch.dtype) -> float:
    """Operations a second of a square matrix product."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    a, b = torch.randn(2, SIDE, SIDE).to(device, dtype).unbind()
    return 2 * SIDE**3 / min(seconds(lambda: a @ b) for _ in range(4))


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start
