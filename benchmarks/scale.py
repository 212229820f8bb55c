"""Time and memory of a whole recovery by frames and pixels: a curve, and the memory of T and of 4 T frames.

    python -m benchmarks scale [--draw]

Each clip is the demo clip, forward and back as often as it takes, resized, with 80 % of its pixels missing. The command
line recovers it on one core with fixed settings, two rounds and the quick baselines: what a round costs, and reading,
measuring, writing and comparing, are all in it. Peak memory is that of the process, less that of one that has loaded
torch and does nothing.
Writes results/scale.json and results/scale.png; what is there is not measured again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path

from torch import Tensor

import lowreel
from lowreel.system.files import atomic_write

from .results import RESULTS, Rows

CASES = [(t, 64, 64) for t in (32, 64, 256, 1024)]
CASES += [(t, 128, 128) for t in (64, 256)]
CASES += [(t, 180, 320) for t in (32, 128)]
CASES += [(t, 360, 640) for t in (8, 32)]
"""Frames, height, width."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scale", description=__doc__.splitlines()[0])
    parser.add_argument("--draw", action="store_true", help="draw what was measured, and measure nothing")
    chosen = parser.parse_args(arguments)
    rows = Rows("scale")
    for frames, height, width in [] if chosen.draw else CASES:
        key = {"frames": frames, "height": height, "width": width}
        row = rows.find(key) or rows.add(key | measured(frames, height, width))
        print(
            f"{frames:5} frames of {height}x{width}: {row['seconds']:7.1f} s, "
            f"{row['seconds'] / megapixel_frames(row):6.1f} s a megapixel-frame, {row['peak_bytes'] / 1e6:6.0f} MB",
            flush=True,
        )
    draw(rows)


def megapixel_frames(row: dict) -> float:
    return row["frames"] * row["height"] * row["width"] / 1e6


def measured(frames: int, height: int, width: int) -> dict:
    """Wall-clock seconds, those of the optimisation, peak bytes and the number of sections of one recovery."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        lowreel.write_video(film, itertools.islice(demo(height, width), frames), rate=Fraction(25))
        words = [
            "simulate",
            "missing",
            str(film),
            "--ratio=0.8",
            "--steps=2",
            "--quality=draft",
            f"--output={folder}/run",
        ]
        seconds, peak = run("from lowreel.cli import main; main()", words)
        summary = json.loads((Path(folder) / "run" / "summary.json").read_text())
    empty = run("import torch", [])[1]
    return {
        "seconds": round(seconds, 1),
        "optimisation": summary["seconds"],
        "peak_bytes": peak - empty,
        "sections": len(summary.get("sections", [None])),
        "lowreel": lowreel.__version__,
    }


def demo(height: int, width: int) -> Iterator[Tensor]:
    """The demo clip, forward and back without end, a frame (1, C, H, W) at a time: it has no cut."""
    with as_file(files("lowreel") / "assets" / "demo.mp4") as path:
        clip = lowreel.open_clip(path, size=(height, width)).read()
    while True:
        yield from clip[:-1].split(1)
        yield from clip[1:].flip(0).split(1)


PEAK = """
import sys
try:
    {}
finally:
    from lowreel.system.memory import resident_bytes
    print(resident_bytes(peak=True), file=sys.stderr)
"""
"""Says its own peak in the end: what the system tells of a child counts its parent's."""


def run(statement: str, words: list[str]) -> tuple[float, int]:
    """Seconds and peak bytes of a Python process on one core that runs this statement."""
    start = time.monotonic()
    command = [sys.executable, "-c", PEAK.format(statement), *words]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if ended.returncode:
        sys.exit(f"{' '.join(words)}: ended with {ended.returncode}: {ended.stderr}")
    return time.monotonic() - start, int(ended.stderr.split()[-1])


def draw(rows: Rows) -> None:
    """Seconds and memory against pixels times frames, a line for each size of frame."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, name, unit, what in zip(
        figure.subplots(1, 2),
        ("seconds", "peak_bytes"),
        (1, 1e6),
        ("seconds", "MB above a program with torch"),
        strict=True,
    ):
        for size, of_size in itertools.groupby(rows.rows, key=lambda row: (row["height"], row["width"])):
            found = sorted(of_size, key=lambda row: row["frames"])
            levels = [row[name] / unit for row in found]
            axes.loglog([megapixel_frames(row) for row in found], levels, "o-", label=f"{size[0]}x{size[1]}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(ScalarFormatter())
            axis.set_minor_formatter(NullFormatter())
        axes.set_yticks([10, 30, 100, 300] if name == "seconds" else [300, 500, 1000, 2000])
        axes.set_xticks([0.2, 0.5, 1, 2, 5])
        axes.set_xlabel("megapixel-frames")
        axes.set_ylabel(what)
        axes.grid(alpha=0.3, which="both")
        axes.legend(frameon=False, fontsize=8)
    with atomic_write(RESULTS / "scale.png") as temporary:
        figure.savefig(temporary, dpi=120, format="png")
