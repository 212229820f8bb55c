"""Table 3: KTH clips from a fifth of their pixels, with free codes and with codes on a line."""

import argparse
from pathlib import Path

from fits import CLIPS, Fit, Preset, fitted, minutes
from pictures import tell
from tables import COLOUR_ROUNDS

PAPER = {
    "boxing": (50, (22.45, 22.62, 32.37, 30.38)),
    "handclapping": (50, (26.03, 26.2, 35.74, 33.98)),
    "handwaving": (50, (22.29, 20.65, 30.01, 27.48)),
    "jogging": (30, (23.82, 18.58, 26.4, 24.01)),
    "running": (30, (25.74, 20.66, 27.54, 27.56)),
    "walking": (55, (23.72, 18.44, 27.53, 27.33)),
}
"""Frames, and psnr_range of codes alone (free, line) and of codes and weights (free, line)."""

COLUMNS: tuple[tuple[Preset, bool], ...] = (
    ("paper-latent", False),
    ("paper-latent", True),
    ("paper-joint", False),
    ("paper-joint", True),
)

LINE_ROUNDS = 500
"""Rounds of codes and weights on a line at reduced length: after the 200 of free codes they are far from their end."""

KTH = "kth"
"""Folder under CLIPS where KTH's own files are found without --kth."""

WANTED = (
    "KTH's own files, such as person01_boxing_d1_uncomp.avi, one of each action, in one folder (--kth FOLDER, or kth "
    "beside the paper's other clips); the paper does not say which persons and frames it took"
)


def clip_in(folder: Path | None, action: str) -> tuple[str, int] | None:
    """Path and number of frames of an action's clip; the paper's Person Walking stands in for walking."""
    found = sorted((folder or CLIPS / KTH).glob(f"*{action}*"))
    if found:
        return str(found[0].resolve()) if folder else f"{KTH}/{found[0].name}", PAPER[action][0]
    return ("walking/seq1", PAPER[action][0]) if action == "walking" and (CLIPS / "walking/seq1").exists() else None


def fits_of(clip: str, frames: int, *, full: bool) -> list[Fit]:
    """The four columns of a row; codes and weights of a line from layers of one size (`fits.balanced`)."""
    return [
        Fit(
            (clip,),
            "missing 0.8",
            preset,
            rank=2 if line else None,
            linear=line,
            start="balanced" if line and preset == "paper-joint" else "trained",
            steps=None if full else LINE_ROUNDS if line and preset == "paper-joint" else COLOUR_ROUNDS[preset],
            frames=tuple(range(frames)),
        )
        for preset, line in COLUMNS
    ]


def asked(description: str, *, drawn: bool = False) -> dict[str, list[Fit]]:
    """Read the command line and say how long it will take; the four fits of each clip that is here.

    drawn: those on a line are drawn.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kth", type=Path, help=WANTED)
    parser.add_argument("--full", action="store_true", help="2000 rounds")
    parser.add_argument("--minutes", action="store_true", help="say how long it will take, and do nothing")
    chosen = parser.parse_args()
    found = {action: clip_in(chosen.kth, action) for action in PAPER}
    rows = {action: fits_of(*clip, full=chosen.full) for action, clip in found.items() if clip}
    fits = [fit for row in rows.values() for fit in row if fit.linear or not drawn]
    print(f"{description} About {minutes(fits, drawn=drawn):.0f} minutes on two cores.")
    if chosen.minutes:
        raise SystemExit
    return rows


if __name__ == "__main__":
    rows, told = asked(__doc__), []
    for action, (_, paper) in PAPER.items():
        if action not in rows:
            print(f"{action:<14} left out; wanted are {WANTED}")
            continue
        for fit, (preset, line), wanted in zip(rows[action], COLUMNS, paper, strict=True):
            level = fitted(fit)["psnr_range"]
            codes = "line" if line else "free"
            told.append({"clip": action, "fitted": preset, "codes": codes, "dB": level, "paper": wanted})
    tell("table3", told)
