"""What held-out data chose against a grid: each rank and each similarity given, everything else fixed.

    python -m benchmarks grid [ROW ...] [--data ../shared/data/paper_clips]

ROW is the beginning of a row's name as in `quality`. Of each row the first clip and seed 0, by one fit for each point
of the grid (--quality draft). Beside it the recovery of `python -m benchmarks quality` with everything automatic, if it
is there. Cells are kept in benchmarks/results/grid.json as they come.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import lowreel

from .quality import ROWS, Row, clip_of, sources_of
from .results import Rows

RANKS = (2, 4, 8, 16)
SIMILARITIES = (0.0, 0.001, 0.1, 0.5)
GRID: tuple[dict[str, Any], ...] = (
    {},
    *({"rank": rank} for rank in RANKS),
    *({"similarity": share} for share in SIMILARITIES),
)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks grid", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="beginnings of names; default: all")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/paper_clips"), help="folder of real clips")
    chosen = parser.parse_args(arguments)
    kept, automatic = Rows("grid"), Rows("quality")
    for row in ROWS:
        sources = sources_of(row, 1, chosen.data)
        if not sources or row.noise or not any(row.name.startswith(start) for start in chosen.rows or [""]):
            continue
        cells = [cell(kept, row, sources[0], point) for point in GRID]
        auto = automatic.find({"row": row.name, "clip": Path(sources[0]).name, "seed": 0})
        show(row, cells, auto)


def cell(kept: Rows, row: Row, source: str, point: dict[str, Any]) -> dict[str, Any]:
    """One point of the grid: from the kept cells, or computed now."""
    key = {"row": row.name, "clip": Path(source).name, "point": point}
    found = kept.find(key)
    if found is not None:
        return found
    clip = clip_of(row, source)
    operator = row.build(tuple(clip.shape), 0)
    settings = lowreel.RecoverSettings(quality="draft", baselines="none", **point)
    recovery = lowreel.recover(operator(clip), operator, settings)
    return kept.add(key | {"psnr_range": round(lowreel.psnr_range(recovery.clip, clip), 2)})


def show(row: Row, cells: list[dict[str, Any]], automatic: dict[str, Any] | None) -> None:
    best = max(cells, key=lambda c: c["psnr_range"])
    auto = "not measured" if automatic is None else f"{automatic['psnr_range']:.2f} (rank {automatic['rank']})"
    levels = ", ".join(f"{_named(c['point'])} {c['psnr_range']:.2f}" for c in cells)
    print(f"{row.name:<30} best of the grid {best['psnr_range']:.2f}, automatic {auto}; {levels}", flush=True)


def _named(point: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in point.items()) or "preset"
