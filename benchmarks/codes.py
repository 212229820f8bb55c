"""How compact is the motion of a clip? PSNR of a clip known in full against the numbers a frame that its codes have.

    python -m benchmarks codes [CLIP ...] [--size 32] [--frames 24] [--data FOLDER]

Each clip is fitted once with the default preset and fixed settings (--quality draft): with codes on a line in the order
of time, which is 1 number a frame, through their mean in 2 to 4 directions, and free. Rows are kept in
benchmarks/results/codes.json as they come, and not computed again. Then, of the rows of `quality`, the rank that
held-out data found, beside the paper's, which was chosen by hand.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import lowreel

from .results import RESULTS, Rows

CLIPS = ("rotating-mnist:3", "moving-mnist:0", "beating-heart:0", "walking/seq1", "archery")
"""Names, or folders in that of real clips."""

FORMS: dict[str, dict[str, Any]] = {
    "1, in order": {"ordered": True},
    "1": {"linear": True},
    "2": {"linear": True, "rank": 3},
    "3": {"linear": True, "rank": 4},
    "4": {"linear": True, "rank": 5},
    "free": {},
}
"""Numbers a frame, and the settings that give them."""

BY_HAND = {
    "rotating-mnist, gaussian 200": "5, 5",
    "rotating-mnist, missing 80 %": "4, 3",
    "moving-mnist, gaussian 512": "12, 4",
    "moving-mnist, missing 80 %": "9, 9",
    "color-wheel, missing 80 %": "6, 4",
    "archery, missing 80 %": "22, 21",
    "walking, missing 80 %": "21, 22",
}
"""The paper's ranks in Table 2, of codes alone and of codes and weights."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks codes", description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", metavar="CLIP", help=f"of {', '.join(CLIPS)}; default: all")
    parser.add_argument("--size", type=int, default=32, help="pixels of a side of the frames")
    parser.add_argument("--frames", type=int, default=24, help="of each clip, the first ones")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/paper_clips"), help="folder of real clips")
    chosen = parser.parse_args(arguments)
    kept = Rows("codes")
    for name in chosen.clips or CLIPS:
        if ":" not in name and not (chosen.data / name).exists():
            print(f"{name} left out, {chosen.data / name} is not here")
            continue
        for form in FORMS:
            key = {"clip": name, "size": chosen.size, "frames": chosen.frames, "numbers": form}
            row = kept.find(key) or kept.add(key | figures_of(name, form, chosen))
            print(f"{name:<20} {form:<12} {row['psnr_range']:6.2f} dB, {row['in_order']} steps in order", flush=True)
    for line in found_ranks(json.loads((RESULTS / "quality.json").read_text())):
        print(line)


def figures_of(name: str, form: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """One fit: frames there are, psnr_range of those generated, and the steps from frame to frame with none between."""
    source = name if ":" in name else str(chosen.data / name)
    clip = lowreel.open_clip(source, size=(chosen.size,) * 2, channels=1, frames=slice(chosen.frames)).read()
    start = time.monotonic()
    settings = lowreel.RecoverSettings(quality="draft", baselines="none", **FORMS[form])
    found = lowreel.recover(clip, lowreel.Identity(tuple(clip.shape)), settings).representation
    kept = lowreel.order_along(found.codes.matrix()).kept
    return {
        "clip_frames": len(clip),
        "psnr_range": round(lowreel.psnr_range(found.frames(), clip), 2),
        "in_order": f"{sum(kept)} of {len(kept)}",
        "seconds": round(time.monotonic() - start),
    }


def found_ranks(cells: Iterable[dict[str, Any]]) -> list[str]:
    """A line for each row of Table 2: the ranks that held-out data found, and the paper's by hand."""
    by_row: dict[str, list[int]] = {}
    for cell in cells:
        by_row.setdefault(cell["row"], []).append(cell["rank"])
    return [
        f"{row:<32} rank {median(by_row[row]):g} ({min(by_row[row])} to {max(by_row[row])}, {len(by_row[row])} clips); "
        f"paper {paper}"
        for row, paper in BY_HAND.items()
        if row in by_row
    ]
