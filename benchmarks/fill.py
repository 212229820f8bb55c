"""Records with real gaps: every method on measured pixels that were hidden under other days' clouds.

    python -m benchmarks fill [--seeds 0 1 2] [--data FOLDER] [--generator] [--table]

FOLDER holds alboranSST_small.nc, the example of the DINEOF program, and split.py, which hides pixels. Rows, degrees C
of root mean square error, are kept in benchmarks/results/fill.json.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lowreel.records.choice import chosen
from lowreel.records.methods import Section, methods_for, predictions

from .jobs import SHARED
from .results import Rows

DELIVERED, COVERED = "delivered", "within two standard deviations"


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks fill", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the pixels that are hidden")
    parser.add_argument("--data", type=Path, default=SHARED / "gaps", help="folder of the record")
    parser.add_argument("--generator", action="store_true", help="try the generator too, many times as long")
    parser.add_argument("--table", action="store_true", help="print what was measured, and measure nothing")
    chosen_flags = parser.parse_args(arguments)
    kept = Rows("fill")
    if not chosen_flags.table:
        if not (chosen_flags.data / "split.py").is_file():
            sys.exit(f"python -m benchmarks fill: {chosen_flags.data} holds no split.py; say --data FOLDER")
        for seed in chosen_flags.seeds:
            row = kept.add(scored(split(chosen_flags.data, seed), seed, chosen_flags.generator))
            print(row, flush=True)
    print(table(kept.rows))


def split(folder: Path, seed: int) -> dict[str, np.ndarray]:
    """What split.py makes: x, fit, hidden, sea."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "split.npz"
        subprocess.run([sys.executable, folder / "split.py", str(seed), target], check=True, capture_output=True)
        with np.load(target, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}


def scored(data: dict[str, np.ndarray], seed: int, generator: bool) -> dict[str, Any]:
    """Errors of all methods, and of what `lowreel fill` would deliver, at the hidden pixels."""
    hidden, begun = data["hidden"], time.perf_counter()
    times = np.arange(len(hidden), dtype=float)
    section = Section(np.where(data["fit"], data["x"], 0).astype(np.float32), data["fit"], times, hidden)
    names = methods_for(section, generator=generator)
    choice = chosen(section, names)
    found = predictions(section, names)
    truth = (data["x"] - section.background.clip)[hidden]
    filled = choice.filled(found, section.distances[hidden])
    std = choice.deviations(filled, found, section.variance)
    errors = {name: rms(found[name] - truth) for name in names} | {DELIVERED: rms(filled - truth)}
    return {
        "seed": seed,
        "method": choice.delivered,
        "expected": choice.expected_error,
        COVERED: float((np.abs(filled - truth) <= 2 * std).mean()),
        "seconds": time.perf_counter() - begun,
        "errors": errors,
    }


def rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.square(error, dtype=np.float64).mean()))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line for each method, a column for each seed and their mean; of each seed the newest row."""
    newest = {row["seed"]: row for row in rows}
    seeds = sorted(newest)
    names = list(dict.fromkeys(name for seed in seeds for name in newest[seed]["errors"]))
    lines = [f"| degrees C | {' | '.join(f'seed {seed}' for seed in seeds)} | mean |", "|---" * (len(seeds) + 2) + "|"]
    lines += [_line(name, [newest[seed]["errors"].get(name, np.nan) for seed in seeds]) for name in names]
    lines.append(_line("expected, by its own hidden values", [newest[seed]["expected"] for seed in seeds]))
    lines.append(_line(COVERED, [newest[seed][COVERED] for seed in seeds]))
    return "\n".join(lines)


def _line(name: str, numbers: Sequence[float]) -> str:
    return f"| {name} | {' | '.join(f'{n:.3f}' for n in numbers)} | {np.mean(numbers):.3f} |"
