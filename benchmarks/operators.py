"""Every operator on a real clip: recovery against the best-scaled adjoint and the baselines of that operator.

    python -m benchmarks operators [CASE ...] [--again]

Each case runs in a process of its own, whose peak memory is a column; rows are kept in
benchmarks/results/operators.json as they come, and one that is there is not made again unless asked for. The clip is
that of the package (48 frames, here 24 of 64x64); cases with a file in ../shared are left out where it is absent.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import torch

import lowreel
from lowreel import operators as m
from lowreel.data import Noise, NoNoise
from lowreel.recovery.cost import estimate
from lowreel.recovery.preparation import prepare
from lowreel.system.memory import bytes_text, resident_bytes

from .jobs import DROP, PINCAT, SHARED, Case, drop, pincat
from .results import Rows


def demo(build: Callable[[tuple[int, ...]], m.LinearOperator], size: int = 64, frames: int = 24) -> Case:
    clip = lowreel.open_clip(
        files("lowreel") / "assets" / "demo.mp4", size=(size, size), channels=3, frames=slice(frames)
    ).read()
    operator = build(tuple(clip.shape))
    return clip, operator, operator(clip)


CASES: dict[str, Callable[[], Case]] = {
    "missing, 80 %": lambda: demo(lambda s: m.MissingPixels(s, 0.8)),
    "blocks of 8, 50 %": lambda: demo(lambda s: m.MissingBlocks(s, 0.5, 8)),
    "frames, 50 %": lambda: demo(lambda s: m.MissingFrames(s, 0.5)),
    "gaussian, 5 %": lambda: demo(lambda s: m.Gaussian(s, 614)),
    "signs, 5 %": lambda: demo(lambda s: m.Signs(s, 614)),
    "single-pixel cake, 10 %": lambda: demo(lambda s: m.SinglePixel(s, 410, "cake")),
    "single-pixel random, 10 %": lambda: demo(lambda s: m.SinglePixel(s, 410, "random")),
    "dct, 10 %": lambda: demo(lambda s: m.Cosine(s, 410)),
    "fourier rows, 25 %": lambda: demo(lambda s: m.Fourier(s, "rows", 0.25)),
    "fourier, 8 radial lines": lambda: demo(lambda s: m.Fourier(s, "radial", 8)),
    "snapshot of 8": lambda: demo(lambda s: m.Snapshot(s, 8)),
    "blur, sigma 1.5, noise 0.01": lambda: demo(lambda s: m.Blur(s, 1.5)),
    "downsample by 2": lambda: demo(lambda s: m.Downsample(s, 2)),
    "bayer": lambda: demo(lambda s: m.Bayer(s)),
    "exposure of 4": lambda: demo(lambda s: m.LongExposure(s, 4)),
    "downsample @ blur": lambda: demo(lambda s: m.Downsample(s, 2) @ m.Blur(s, 1.0)),
    "missing 90 % + signs 2 %": lambda: demo(lambda s: m.Stacked([m.MissingPixels(s, 0.9), m.Signs(s, 246)])),
    "drop40 snapshot, 8 frames of 256x256": lambda: drop(SHARED),
    "Pincat, 8 radial lines, 50 frames of 128x128": lambda: pincat(SHARED),
    "single-pixel cake, 10 %, 32 frames of 256x256 in colour": lambda: demo(
        lambda s: m.SinglePixel(s, 6554, "cake"), size=256, frames=32
    ),
}
NEEDS = {
    "drop40 snapshot, 8 frames of 256x256": SHARED / DROP,
    "Pincat, 8 radial lines, 50 frames of 128x128": SHARED / PINCAT,
}
NOISE = {"blur, sigma 1.5, noise 0.01": 0.01}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks operators", description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help="beginnings of names; default: all")
    parser.add_argument("--again", action="store_true", help="make rows anew that are there")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    rows = Rows("operators")
    for name in CASES:
        fits = name in chosen.cases if chosen.here else any(name.startswith(start) for start in chosen.cases or [""])
        if not fits:
            continue
        if chosen.here:
            rows.add(row_of(name))
        elif chosen.again or rows.find({"case": name}) is None:
            if name in NEEDS and not NEEDS[name].exists():
                print(f"{name}: left out, {NEEDS[name]} is not here")
                continue
            subprocess.run([sys.executable, "-m", "benchmarks", "operators", name, "--here"], check=True)
    if not chosen.here:
        show(Rows("operators"))


def row_of(name: str) -> dict[str, Any]:
    """One case to its end: PSNR (peak 1) of all methods, seconds, peak memory of this process."""
    clip, operator, data = CASES[name]()
    noise: Noise = NoNoise()
    if name in NOISE:
        data, noise = lowreel.add_white_noise(data, operator, level=NOISE[name])
    settings = lowreel.RecoverSettings()
    expected = estimate(prepare(data, operator, settings, noise=noise), settings.solver())
    print(f"{name}: {expected.sentence()}", flush=True)
    adjoint = operator.adjoint(data)
    scaled = adjoint * float((adjoint * clip).sum() / adjoint.square().sum())
    recovery = lowreel.recover(data, operator, settings, noise=noise)
    return {
        "case": name,
        "shape": list(clip.shape),
        "adjoint": round(lowreel.psnr(scaled.clamp(0, 1), clip), 2),
        "baselines": {k: round(lowreel.psnr(b.clip, clip), 2) for k, b in recovery.baselines.items()},
        "lowreel": round(lowreel.psnr(recovery.clip, clip), 2),
        "representation": round(lowreel.psnr(recovery.representation.frames(), clip), 2),
        "heldout": round(recovery.heldout_db, 2),
        "trust": recovery.trust,
        "rounds": recovery.steps,
        "seconds": round(recovery.seconds, 1),
        "expected_seconds": round(expected.seconds, 1),
        "threads": torch.get_num_threads(),
        "peak_memory": resident_bytes(peak=True),
        "expected_memory": expected.memory,
    }


def show(rows: Rows) -> None:
    """The newest row of each case."""
    print(f"{'PSNR in dB, peak 1':<56} adjoint  best baseline               lowreel    gain  seconds    memory")
    for name in CASES:
        row = next((r for r in reversed(rows.rows) if r["case"] == name), None)
        if row is None:
            continue
        best = max(row["baselines"], key=row["baselines"].__getitem__)
        bar, ours = row["baselines"][best], row["lowreel"]
        print(
            f"{name:<56} {row['adjoint']:7.2f}  {bar:5.2f} {best:<24} {ours:6.2f} {ours - bar:+7.2f}"
            f"  {row['seconds']:7.0f}  {bytes_text(row['peak_memory']):>8}"
        )
