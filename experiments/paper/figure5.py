"""Figure 5: Gaussian projections, codes and weights fitted: free codes, and codes of rank 4."""

from typing import Any

from fits import Fit, fitted, representation, start
from pictures import draw_rows, tell
from tables import ARCHERY, BALANCED, COLOUR_ROUNDS, COUNTED, WHEEL

CLIPS = {"rotating-mnist:3": 200, "moving-mnist:0": 512, f"{WHEEL}:0": 1024, ARCHERY: 512}
"""m of each clip."""


def fits_of(clip: str, *, full: bool) -> tuple[Fit, Fit]:
    """With free codes, and with codes of rank 4."""
    steps = None if full or "mnist" in clip else COLOUR_ROUNDS["paper-joint"]
    known: dict[str, Any] = {"steps": steps}
    if (name := clip.split(":")[0]) in BALANCED:
        known |= {"start": "balanced", "minibatch": COUNTED[name]}
    free, low = (Fit((clip,), f"gaussian {CLIPS[clip]}", "paper-joint", rank, **known) for rank in (None, 4))
    return free, low


if __name__ == "__main__":
    full = start(__doc__, lambda full: [fit for clip in CLIPS for fit in fits_of(clip, full=full)], drawn=True)
    told = []
    for clip in CLIPS:
        free, low = fits_of(clip, full=full)
        if not free.is_here:
            print(f"{clip}: left out, it is not on this machine")
            continue
        levels = [fitted(fit)["psnr_range"] for fit in (free, low)]
        told.append({"clip": clip, "free codes, dB": levels[0], "rank 4, dB": levels[1]})
        rows = [("true", free.clip()), (f"free codes\n{levels[0]:.1f} dB", representation(free).frames())]
        draw_rows(
            f"figure5_{clip.split('/')[0].replace(':', '-')}",
            [*rows, (f"rank 4\n{levels[1]:.1f} dB", representation(low).frames())],
        )
    tell("figure5", told)
