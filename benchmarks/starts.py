"""Joint recovery from trained weights beside random ones: the curves of Figure 11, and the steps to a given PSNR.

    python -m benchmarks starts [CLIP ...] [--preset paper-joint] [--steps N] [--trained NAME --random NAME]

80 % of the pixels are missing. CLIP is a name such as rotating-mnist:3 or a file; by default a Rotating MNIST clip, a
Moving MNIST clip and walking, where ../shared/data/paper_clips has it. Curves are kept in results/starts_PRESET.json as
they come, and drawn into results/starts_PRESET.png.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import torch

import lowreel
from lowreel.model.generators import ZOO, make
from lowreel.settings import PRESETS

from .results import RESULTS, Rows

WALKING = Path("../shared/data/paper_clips/walking/seq1")
CLIPS = ["rotating-mnist:3", "moving-mnist:0", *([str(WALKING)] if WALKING.exists() else [])]
RATIO, POINTS, COLOUR_STEPS = 0.8, 40, 300


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks starts", description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", default=CLIPS, metavar="CLIP")
    parser.add_argument("--preset", choices=list(PRESETS), default="paper-joint")
    parser.add_argument("--steps", type=int, default=None, help="rounds; default: those of the preset, 300 for colour")
    parser.add_argument("--trained", default=None, help="generator; default: paper-grey or paper-rgb")
    parser.add_argument("--random", default="dcgan", help="generator with random weights")
    chosen = parser.parse_args(arguments)
    rows = Rows(f"starts_{chosen.preset}")
    found: dict[str, dict[str, Any]] = {}
    for source in chosen.clips:
        clip = lowreel.open_clip(source, size=(64, 64)).read()
        trained = chosen.trained or ("paper-grey" if clip.shape[1] == 1 else "paper-rgb")
        name = "walking" if source == str(WALKING) else Path(source).name
        for label, generator in (("trained", trained), ("random", chosen.random)):
            steps = chosen.steps or (PRESETS[chosen.preset].steps if clip.shape[1] == 1 else COLOUR_STEPS)
            key = {"clip": name, "start": label, "generator": Path(generator).stem, "steps": steps}
            key["weights"] = weights_of(generator)
            row = rows.find(key) or rows.add(key | curve(clip, generator, chosen.preset, steps))
            found.setdefault(name, {})[label] = row
        print(sentence(name, **found[name]), flush=True)
        draw(found, RESULTS / f"starts_{chosen.preset}.png", chosen.preset)


def weights_of(generator: str) -> str:
    """SHA-256 of the file of a trained generator; empty for random weights."""
    if generator in ZOO:
        return ZOO[generator]
    return hashlib.sha256(Path(generator).read_bytes()).hexdigest() if Path(generator).is_file() else ""


def curve(clip: torch.Tensor, name: str, preset: str, steps: int | None) -> dict[str, Any]:
    """Loss after every round, and psnr_range of the generated frames now and then."""
    operator = lowreel.MissingPixels(tuple(clip.shape), RATIO, seed=0)
    times = torch.arange(len(clip), dtype=torch.float64) / 25
    problem = lowreel.Problem(operator(clip), operator, make(name, tuple(clip.shape[1:]), seed=0), times)
    settings = PRESETS[preset].model_copy(update={"steps": steps} if steps else {})
    losses, rounds, levels, last = [], [], [], None
    for state in lowreel.iterate(problem, settings):
        losses.append(float(f"{state.loss:.4g}"))
        last = state
        if state.step in (1, 2, 5, 10) or state.step % max(1, (settings.steps or 200) // POINTS) == 0:
            frames = state.representation(problem, settings).frames()
            rounds.append(state.step)
            levels.append(round(lowreel.psnr_range(frames, clip), 2))
    assert last is not None
    return {"loss": losses, "rounds": rounds, "psnr_range": levels}


def sentence(clip: str, trained: dict[str, Any], random: dict[str, Any]) -> str:
    """What was found, in words."""
    best, end = max(random["psnr_range"]), len(random["loss"])
    first = next((r for r, level in zip(trained["rounds"], trained["psnr_range"], strict=True) if level >= best), None)
    when = f"trained ones pass that in round {first}" if first else "trained ones do not reach that"
    return (
        f"{clip}: random weights come to {best:.2f} dB at best in {end} rounds, {when}, and come to "
        f"{max(trained['psnr_range']):.2f} dB; loss at the end {random['loss'][-1]:.2e} and {trained['loss'][-1]:.2e}"
    )


def draw(found: dict[str, dict[str, Any]], path: Path, preset: str) -> None:
    """Loss above, PSNR below, a column for each clip."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(found), 6), layout="constrained")
    axes = figure.subplots(2, len(found), squeeze=False)
    for column, (clip, rows) in enumerate(found.items()):
        for label, row in rows.items():
            axes[0, column].semilogy(range(1, len(row["loss"]) + 1), row["loss"], label=f"{label} weights")
            axes[1, column].plot(row["rounds"], row["psnr_range"], label=f"{label} weights")
        axes[0, column].set_title(f"{clip}, {preset}")
        axes[0, column].set_ylabel("loss")
        axes[1, column].set_ylabel("psnr_range, dB")
        axes[1, column].set_xlabel("epoch")
        axes[0, column].legend()
    figure.savefig(path, dpi=100)
