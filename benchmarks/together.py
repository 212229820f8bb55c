"""Clips that are recovered together, against each of them alone, and whether held-out data chooses right.

    python -m benchmarks together [GROUP ...] [--quality draft] [--clips N] [--alone N] [--size N] [--data FOLDER]

GROUP is the beginning of a group's name; all by default. All fits are those of `lowreel.recover_together`. Of each clip
are printed the psnr_range together and alone, what its held-out data says of both in dB, and what it chooses; of each
group the means, and what the choice comes to. Kept in benchmarks/results/together.json as they come, and not computed
again. --clips: of a group, at most; --rounds: of the fit together, in place of the usual ones; --alone: so many clips,
the first of each group, are fitted alone, too; --size: of the frames, which are 64x64 by default.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch

import lowreel
from lowreel.data import Levels
from lowreel.operators import Gaussian, MissingPixels
from lowreel.recovery.accounting import finish
from lowreel.recovery.policy import FitResult
from lowreel.recovery.together import ClipData, Group

from .results import Rows

DEMO = "demo"
"""The clip that comes with the package."""

OTHERS = ("rotating-mnist:7", "beating-heart:0", DEMO)
"""Clips that have nothing in common but their size."""


@dataclass(frozen=True)
class Members:
    """A group. clips: names, paths, or PATH@FIRST:LAST for some frames; build: the operator of a clip shape."""

    name: str
    clips: tuple[str, ...]
    build: Callable[[tuple[int, ...]], lowreel.LinearOperator]


def missing(ratio: float) -> Callable[[tuple[int, ...]], lowreel.LinearOperator]:
    return lambda shape: MissingPixels(shape, ratio, seed=0)


def gaussian(m: int) -> Callable[[tuple[int, ...]], lowreel.LinearOperator]:
    """m numbers of a frame of 64x64, and of one of another size as large a share."""
    return lambda shape: Gaussian(shape, round(m * shape[2] * shape[3] / 64**2), seed=0)


def ten(name: str) -> tuple[str, ...]:
    return tuple(f"{name}:{k}" for k in range(10))


QUARTERS = tuple(f"walking/seq1@{20 * k}:{20 * k + 20}" for k in range(4))

GROUPS = (
    Members("digits, gaussian 200", ten("rotating-mnist"), gaussian(200)),
    Members("digits, gaussian 60", ten("rotating-mnist"), gaussian(60)),
    Members("digits, missing 80 %", ten("rotating-mnist"), missing(0.8)),
    Members("moving, missing 80 %", ten("moving-mnist"), missing(0.8)),
    Members("moving, missing 95 %", ten("moving-mnist"), missing(0.95)),
    Members("quarters of walking, missing 95 %", QUARTERS, missing(0.95)),
    Members("unlike, missing 80 %", OTHERS, missing(0.8)),
    Members("unlike, missing 50 %", OTHERS, missing(0.5)),
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks together", description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="beginnings of names; default: all")
    parser.add_argument("--quality", default="draft", choices=("draft", "standard"))
    parser.add_argument("--clips", type=int, help="of a group, the first of it; default: all")
    parser.add_argument("--rounds", type=int, help="of the fit together; default: the usual ones")
    parser.add_argument("--alone", type=int, help="clips that are fitted alone, the first of each group; default: all")
    parser.add_argument("--size", type=int, default=64, help="of the frames")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/paper_clips"), help="folder of real clips")
    chosen = parser.parse_args(arguments)
    kept = Rows("together")
    for group in GROUPS:
        if not any(group.name.startswith(start) for start in chosen.groups or [""]):
            continue
        if any("/" in clip and not (chosen.data / clip.split("@")[0]).exists() for clip in group.clips):
            print(f"{group.name:<34} left out, its clips are not in {chosen.data}")
            continue
        key = {"group": group.name, "quality": chosen.quality, "size": chosen.size, "tried_alone": chosen.alone}
        key |= {"rounds": chosen.rounds, "count": chosen.clips}  # None too, which a row of another number is not
        show(kept.find(key) or kept.add(key | figures_of(group, chosen)))


def clip_of(text: str, folder: Path, side: int) -> torch.Tensor:
    """The clip, grey, of so many pixels a side; of the package's own the first 32 frames."""
    name, _, frames = text.partition("@")
    first, _, last = frames.partition(":")
    chosen = slice(int(first), int(last)) if frames else None
    if name != DEMO:
        source = str(folder / name) if "/" in name else name
        return lowreel.open_clip(source, size=(side, side), channels=1, frames=chosen).read()
    with as_file(files("lowreel") / "assets" / "demo.mp4") as path:
        return lowreel.open_clip(path, size=(side, side), channels=1, frames=slice(32)).read()


def figures_of(group: Members, chosen: argparse.Namespace) -> dict[str, Any]:
    """The fit of all, one of each alone, and what both come to."""
    clips = [clip_of(text, chosen.data, chosen.size) for text in group.clips[: chosen.clips]]
    operators = [group.build(tuple(clip.shape)) for clip in clips]
    known = [
        ClipData(name, operator(clip), operator, levels=Levels(1.0))
        for name, clip, operator in zip(group.clips, clips, operators, strict=False)
    ]
    settings = lowreel.RecoverSettings(quality=chosen.quality, baselines="none")
    both = Group.of(known, settings.model_copy(update={"steps": chosen.rounds}))
    alone = Group.of(known, settings)
    start = time.monotonic()
    shared = both.fit_together()
    spent = time.monotonic() - start
    fits = {k: alone.fit_alone(k, shared) for k in range(len(clips))[: chosen.alone]}
    rows = []
    for k, (own, sharing) in enumerate(zip(fits.values(), both.decided(shared, fits), strict=False)):
        levels = [level(found, clips[k], both.problem.clips[k]) for found in (both.part(k, shared), own)]
        rows.append(
            {
                "clip": group.clips[k],
                "together": levels[0],
                "alone": levels[1],
                "together_heldout_db": round(sharing.together_db, 2),
                "alone_heldout_db": round(sharing.alone_db, 2),
                "chosen": sharing.chosen,
                "is_chance": sharing.is_chance,
                "by_all": sharing.by_all,
            }
        )
        print("  " + told(rows[-1]), flush=True)
    seconds = {"seconds_together": round(spent), "seconds_alone": round(time.monotonic() - start - spent)}
    return {"clips": rows, "rounds_together": shared.steps, **seconds, "threads": torch.get_num_threads()}


def level(found: FitResult, clip: torch.Tensor, problem: lowreel.Problem) -> float:
    """psnr_range of what a fit came to, with the measured pixels put back."""
    return round(lowreel.psnr_range(finish(found.representation.frames(), problem), clip), 2)


def told(row: dict[str, Any]) -> str:
    held = row["together_heldout_db"] - row["alone_heldout_db"]
    right = (row["together"] >= row["alone"]) == (row["chosen"] == "together")
    gain = row["together"] - row["alone"]
    chance, wrong = " (chance)" if row["is_chance"] else "", "" if right else ", which is the worse one"
    return (
        f"{row['clip']:<22} together {row['together']:5.2f} dB, alone {row['alone']:5.2f} ({gain:+.2f}); held-out "
        f"{held:+.2f} dB{chance}: {row['chosen']}{wrong}"
    )


def show(figures: dict[str, Any]) -> None:
    rows = figures["clips"]
    mean = {name: sum(row[name] for row in rows) / len(rows) for name in ("together", "alone")}
    chosen = [row[row["chosen"]] for row in rows]
    right = sum(taken >= max(row["together"], row["alone"]) for taken, row in zip(chosen, rows, strict=True))
    size = figures["size"]
    print(
        f"{figures['group']:<34} {size}x{size}, {figures['quality']}, {figures['rounds_together']} rounds: together "
        f"{mean['together']:.2f} dB, alone {mean['alone']:.2f}, chosen {sum(chosen) / len(rows):.2f}; "
        f"{right} of {len(rows)} choices right; {figures['seconds_together']} s and {figures['seconds_alone']} s",
        flush=True,
    )
