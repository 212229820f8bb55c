"""Figure 4: 90 % of the pixels missing, codes alone: plain, similar (lambda = 0.6), and of low rank."""

from fits import Fit, fitted, representation, start
from pictures import draw_rows, tell
from tables import COLOUR_ROUNDS, SIMILARITY, WALKING

RANKS = {"rotating-mnist:3": 4, "rotating-mnist:5": 4, WALKING: 16}
"""The paper's rank for each clip; it does not name its two digits."""


def fits_of(clip: str, *, full: bool) -> dict[str, Fit]:
    """The three fits of a clip."""
    steps = COLOUR_ROUNDS["paper-latent"] if clip == WALKING and not full else None

    def fit(rank: int | None = None, similarity: float = 0.0) -> Fit:
        return Fit((clip,), "missing 0.9", "paper-latent", rank, similarity, steps=steps)

    return {"plain": fit(), "similarity": fit(similarity=SIMILARITY), f"rank {RANKS[clip]}": fit(RANKS[clip])}


if __name__ == "__main__":
    full = start(__doc__, lambda full: [fit for clip in RANKS for fit in fits_of(clip, full=full).values()], drawn=True)
    told = []
    for clip in RANKS:
        fits = fits_of(clip, full=full)
        if not fits["plain"].is_here:
            print(f"{clip}: left out, it is not on this machine")
            continue
        rows = [("true", fits["plain"].clip())]
        for name, fit in fits.items():
            found = fitted(fit)
            saved = f"{found['saved_percent']:g} %" if fit.rank else ""
            told.append({"clip": clip, "codes": name, "dB": found["psnr_range"], "codes saved": saved})
            rows.append((f"{name}\n{found['psnr_range']:.1f} dB", representation(fit).frames()))
        draw_rows(f"figure4_{clip.replace('/', '-').replace(':', '-')}", rows)
    tell("figure4", told)
