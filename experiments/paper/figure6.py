"""Figure 6: codes and weights fitted to a clip known in full, with the codes on a line."""

from typing import Any

import numpy as np
import torch
from fits import Fit, clip_of, fitted, representation, start
from pictures import draw_rows, figure_of, save, tell
from tables import BALANCED, COUNTED

import lowreel

PAPER = {"rotating-mnist:3": 33.6, "moving-mnist:0": 26.8}


def fits_of(clip: str) -> dict[str, Fit]:
    """With free codes, on a line, and on a line with the frames given in a shuffled order; and our own preset."""
    name = clip.split(":")[0]
    how: dict[str, Any] = {"minibatch": COUNTED.get(name), "start": "balanced" if name in BALANCED else "trained"}
    line = how | {"rank": 2, "linear": True}
    order = np.random.default_rng(0).permutation(len(clip_of(clip))).tolist()
    return {
        "free codes": Fit((clip,), **how),
        "line": Fit((clip,), **line),
        "line, in order of time": Fit((clip,), ordered=True, **line),
        "line, frames shuffled": Fit((clip,), frames=tuple(order), **line),
        "default preset, line": Fit((clip,), preset="default", rank=2, linear=True),
        "default preset, line, in order of time": Fit((clip,), preset="default", rank=2, linear=True, ordered=True),
    }


def position(fit: Fit):
    """alpha_t along the line, (T,)."""
    return representation(fit).codes.coefficients[:, 0]


def correlation(fit: Fit) -> float:
    """Spearman's correlation of alpha_t with t."""
    alpha = position(fit)
    return lowreel.spearman(alpha, fit.frames or range(len(alpha)))


def steps_in_order(fit: Fit) -> str:
    """How many steps from one frame to the next are steps along the line too."""
    codes = representation(fit).codes.matrix()
    in_time = codes[torch.tensor(fit.frames).argsort()] if fit.frames else codes
    kept = lowreel.order_along(in_time).kept
    return f"{sum(kept)} of {len(kept)}"


if __name__ == "__main__":
    start(__doc__, lambda _: [fit for clip in PAPER for fit in fits_of(clip).values()], drawn=True)
    figure = figure_of(9, 3.6)
    told = []
    for axes, clip in zip(figure.subplots(1, 2), PAPER, strict=True):
        fits = fits_of(clip)
        for name, fit in fits.items():
            row = {"clip": clip, "codes": name, "dB": fitted(fit)["psnr_range"], "paper, line": PAPER[clip]}
            told.append(row | {"Spearman": "", "steps in order": ""})
            if fit.linear:
                alpha, rho = position(fit), round(correlation(fit), 4)
                told[-1] |= {"Spearman": rho, "steps in order": steps_in_order(fit)}
                alpha = (alpha - alpha.mean()) / alpha.std()
                axes.plot(
                    list(fit.frames or range(len(alpha))), alpha.tolist(), ".", label=f"{name}, Spearman {rho:+.3f}"
                )
        axes.set(title=clip, xlabel="frame", ylabel="position along the line (standardised)")
        axes.legend(fontsize=6, frameon=False)
        rows = [("true", fits["line"].clip())]
        rows += [(name, representation(fits[name]).frames()) for name in ("line", "default preset, line")]
        draw_rows(f"figure6_{clip.replace(':', '-')}", rows)
    save(figure, "figure6")
    tell("figure6", told)
