"""Put what was found into README.md: a row for each row of Tables 1 and 2, between the two marks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean

import table1
import table2
from fits import RESULTS, codes_of, fitted, is_kept
from tables import COLUMNS, TOGETHER_ROUNDS, Row, verdict

README = Path(__file__).with_name("README.md")
QUALITY = Path(__file__).parents[2] / "benchmarks" / "results" / "quality.json"
BEGIN, END = "<!-- what was found: written by readme.py -->", "<!-- end of what was found -->"

FULL_LENGTH = "†"
"""Beside a figure that was made at full length, in a table of reduced ones."""

TOGETHER = "‡"
"""Beside a figure of ten sequences by one generator at reduced length (`Row.together`)."""

WEIGHED = "§"
"""Beside a figure of a row whose similarity counts as often as held-out numbers say (`Row.similarity_times`)."""

BENCHMARK = {
    "Rotating MNIST, m = 200": "rotating-mnist, gaussian 200",
    "Moving MNIST, m = 512": "moving-mnist, gaussian 512",
    "Color Wheel, m = 1024": "color-wheel, gaussian 1024",
    "Archery, m = 512": "archery, gaussian 512",
    "Rotating MNIST, 80 %": "rotating-mnist, missing 80 %",
    "Moving MNIST, 80 %": "moving-mnist, missing 80 %",
    "Color Wheel, 80 %": "color-wheel, missing 80 %",
    "Archery, 80 %": "archery, missing 80 %",
    "Person Walking, 80 %": "walking, missing 80 %",
}
"""The rows of `python -m benchmarks quality`, where the default preset and the baselines were run."""


def default_and_baseline(row: Row) -> tuple[str, str]:
    """psnr_range of the default preset and of the best baseline: of Table 2 from the benchmark."""
    if row.operator == "identity":
        fit = table1.default_fit(row)
        return (f"{fitted(fit)['psnr_range']:.2f}" if is_kept(fit) else "", "")
    cells = json.loads(QUALITY.read_text(encoding="utf-8")) if QUALITY.exists() else []
    cells = [cell for cell in cells if cell["row"] == BENCHMARK[row.name]]
    if not cells:
        return "", ""
    names = cells[0]["baselines_psnr_range"]
    levels = {name: mean(cell["baselines_psnr_range"][name] for cell in cells) for name in names}
    best = max(levels, key=lambda name: levels[name], default=None)
    baseline = "" if best is None else f"{levels[best]:.2f} ({best})"
    return f"{mean(cell['psnr_range'] for cell in cells):.2f} ({len(cells)})", baseline


def table(rows: Sequence[Row], *, full: bool) -> list[str]:
    """A table in Markdown: in each cell what was found, and the paper's figure."""
    titles = [f"{'codes' if preset == 'paper-latent' else 'joint'}, {constraint}" for preset, constraint in COLUMNS]
    lines = ["| clip | " + " | ".join(titles) + " | default preset | best baseline |", "|---" * 9 + "|"]
    for row in rows:
        cells = []
        for column, paper in enumerate(row.paper):
            length = row.is_full(column, full=full)
            level = row.level(column, full=length) if row.is_kept(column, full=length) else None
            bold = "**" if level is not None and level >= paper - 1 else ""
            sign = FULL_LENGTH if length and not full else TOGETHER if row.is_together(column, full=length) else ""
            sign += WEIGHED if row.similarity_times and COLUMNS[column][1] == "similarity" else ""
            cells.append(f"{bold}{'-' if level is None else f'{level:.2f}'}{bold}{sign} / {paper:.2f}")
        lines.append(f"| {row.name} | " + " | ".join([*cells, *default_and_baseline(row)]) + " |")
    return lines


FIGURES = {
    "table3": "Table 3 (walking: the Person Walking clip's first 55 frames, unless KTH's own files were at hand)",
    "figure4": "Figure 4: 90 % missing, codes alone",
    "figure5": "Figure 5: Gaussian projections, codes and weights",
    "figure6": "Figure 6: codes on a line, the clip known in full",
    "figure7": "Figure 7: three digits by one generator, each on its line",
    "figure8": "Figure 8: frames 11 to 15 left out (dB of these, by codes and by what one would try first)",
    "figure9": "Figure 9: the bunny, codes in a plane",
    "figure11": "Figure 11: trained and random weights, 80 % missing",
}


def of_figures() -> list[str]:
    """What the other scripts found, a table each."""
    lines = []
    for name, title in FIGURES.items():
        path = RESULTS / f"{name}.json"
        rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        if rows:
            keys = list(rows[0])
            lines += [f"### {title}", "", "| " + " | ".join(keys) + " |", "|---" * len(keys) + "|"]
            lines += ["| " + " | ".join(str(row.get(key, "")) for key in keys) + " |" for row in rows] + [""]
    return lines


def sizes() -> list[str]:
    """Numbers in the codes of each row: free, of the paper's ranks, and the saving as Section 4.2 states it."""
    lines = [
        "| clip | frames | free codes | rank | codes of that rank (eq. 8) | saved: 1 - rank / frames |",
        "|---" * 6 + "|",
    ]
    frames = {"rotating-mnist": 32, "moving-mnist": 20, "color-wheel": 64, "archery": 64, "walking/seq1": 80}
    for row in (*table1.ROWS, *table2.ROWS):
        code_dim = 32 if "mnist" in row.clips else 256
        for rank in sorted(set(row.ranks)):
            c = codes_of(frames[row.clips], code_dim, rank)
            lines.append(
                f"| {row.name} | {frames[row.clips]} | {c['codes']:,} | {rank} | {c['codes_of_rank']:,} | "
                f"{c['saved_percent']:g} % |"
            )
    return lines


if __name__ == "__main__":
    full = "--full" in sys.argv[1:]
    length = "2000 epochs, of MNIST ten sequences by one generator"
    if not full:
        length = f"one named sequence, fewer epochs for clips in colour; with {FULL_LENGTH} {length}"
        length += f"; with {TOGETHER} ten, {TOGETHER_ROUNDS} epochs"
    length += f"; with {WEIGHED} the weight of the similarity by numbers held out"
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {length}. In each cell: here / paper; bold within 1 dB of it or above.",
        "",
    ]
    for name, rows in (("Table 1", table1.ROWS), ("Table 2", table2.ROWS)):
        lines += [f"### {name}", "", *table(rows, full=full), "", verdict(rows, full=full), ""]
    lines += of_figures()
    lines += ["### Numbers in the codes", "", *sizes(), ""]
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    README.write_text(before + "\n".join([BEGIN, "", *lines, END]) + after, encoding="utf-8")
    print(f"wrote {README}: {verdict((*table1.ROWS, *table2.ROWS), full=full)}")
