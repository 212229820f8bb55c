"""Is the verdict right, for every operator, after five rounds and at full length? What is foretold beside the truth.

    python -m benchmarks verdicts [OPERATOR ...] [--rounds 5]

Each operator of `lowreel measure` sees two clips of 48x48 pixels and 24 frames, recovered with `--quality draft`: cut
off after so many rounds, or, without --rounds, after 5 and not at all. Rows are kept in
benchmarks/results/verdicts.json as they come. A verdict is right where the clip that is recommended is within a
decibel of the best one there is, of the generator's and the baselines'. Figures are PSNR in dB with peak 1 over the
whole clip, of complex clips by their magnitudes. Needs the clips of ../shared.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import torch
from torch import Tensor

import lowreel
from lowreel.catalogue import parse_operator
from lowreel.operators.spec import from_settings

from .jobs import SHARED
from .results import Rows

SIZE, FRAMES, FEW_ROUNDS = 48, 24, 5

CLIPS = {"walking": "paper_clips/walking/seq1", "carphone": "clips/carphone_pristine.mp4"}

TEXTS = (
    "missing",
    "blocks",
    "frames --drop 10:14",
    "gaussian --sampling 0.1",
    "signs --sampling 0.1",
    "single-pixel --sampling 0.1",
    "dct --sampling 0.1",
    "fourier --lines 8",
    "mri --coils 4 --spokes 9 --golden-angle",
    "snapshot",
    "blur",
    "downsample",
    "bayer",
    "exposure",
    'chain --of "blur --sigma 1" --of "missing --ratio 0.5"',
    'stack --of "missing --ratio 0.9" --of "blur --sigma 2"',
    "identity",
)
"""Operators as `measure` takes them."""

EXACT_DB = 200.0
"""What stands in a row for a clip without an error."""

ALIKE_DB = 1.0
"""By how much the clip that is recommended may be worse than the best one."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks verdicts", description=__doc__.splitlines()[0])
    parser.add_argument("operators", nargs="*", help="beginnings of their names; default: all")
    parser.add_argument("--rounds", type=int, help="of each fit; default: 5, and as many as draft makes")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = Rows("verdicts")
    for rounds in (FEW_ROUNDS, None) if chosen.rounds is None else (chosen.rounds,):
        for text in TEXTS:
            if any(text.startswith(start) for start in chosen.operators or [""]):
                for clip in CLIPS:
                    key = {"operator": text, "clip": clip, "rounds": rounds}
                    row = rows.find(key) or rows.add(key | measured(text, CLIPS[clip], rounds))
                    print(told(row), flush=True)
    print(table(rows.rows))


def measured(text: str, path: str, rounds: int | None) -> dict[str, Any]:
    """What is foretold and what is true, of the generator and each baseline, with the verdict."""
    channels = 3 if text == "bayer" else 1
    clip = lowreel.open_clip(SHARED / path, size=(SIZE, SIZE), channels=channels, frames=slice(FRAMES)).read()
    operator = from_settings(parse_operator(text), tuple(clip.shape))
    clean = operator(clip.to(torch.complex64) if operator.takes_complex_clips else clip)
    settings = lowreel.RecoverSettings(quality="draft", steps=rounds, precision="float32", device="cpu")
    levels = (1.0,) if operator.takes_complex_clips else (1.0, 0.0)
    found = lowreel.recover(clean, operator, settings, levels=levels)
    clips = {"generator": found.clip} | {name: baseline.clip for name, baseline in found.baselines.items()}
    foretold = {"generator": found.heldout_db} | {n: b.heldout_db for n, b in found.baselines.items()}
    return {
        "foretold": {name: min(db, EXACT_DB) for name, db in foretold.items() if not math.isnan(db)},
        "true": {name: level(one, clip) for name, one in clips.items()},
        "recommended": found.recommended.name,
        "true of recommended": level(found.recommended_clip, clip),
        "verdict": found.verdict.kind,
        "seconds": round(found.seconds, 1),
    }


def level(found: Tensor, clip: Tensor) -> float:
    """PSNR of a clip (T, C, H, W), real, or of the magnitudes of a complex one."""
    return min(lowreel.psnr(found.abs() if found.is_complex() else found, clip), EXACT_DB)


def is_right(row: dict[str, Any]) -> bool:
    """Whether what is recommended is about as good as the best there is."""
    return bool(row["true of recommended"] >= max(row["true"].values()) - ALIKE_DB)


def told(row: dict[str, Any]) -> str:
    """A row in words."""
    foretold = {name: row["foretold"].get(name, math.nan) for name in row["true"]}
    levels = ", ".join(f"{name} {foretold[name]:.1f} ({true:.1f})" for name, true in row["true"].items())
    right = "right" if is_right(row) else "WRONG"
    best = max(row["true"], key=row["true"].__getitem__)
    return (
        f"{row['operator']}, {row['clip']}, rounds {row['rounds'] or 'all'}: {levels}; {row['verdict']}, recommended "
        f"{row['recommended']} ({row['true of recommended']:.1f}), truly best {best}: {right}"
    )


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line for each operator, clip and length: foretold best, true best, what is recommended."""
    lines = [
        "| operator | clip | rounds | foretold best | truly best | recommended | |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        best, foretold = max(row["true"], key=row["true"].__getitem__), row["foretold"]
        likely = max(foretold, key=foretold.__getitem__, default="nothing")
        cells = [
            row["operator"],
            row["clip"],
            str(row["rounds"] or "all"),
            f"{likely}, {foretold.get(likely, math.nan):.1f}",
            f"{best}, {row['true'][best]:.1f}",
            f"{row['recommended']}, {row['true of recommended']:.1f}",
            "right" if is_right(row) else "wrong",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    right = sum(map(is_right, rows))
    return "\n".join([*lines, "", f"{right} of {len(rows)} are right."])
