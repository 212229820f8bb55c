"""Figure 6: codes and weights fitted to a clip known in full, with the codes on a line."""

import numpy as np
from fits import Fit, clip_of, fitted, representation, start
from pictures import draw_rows, figure_of, save
from tables import MINIBATCH

import lowreel

PAPER = {"rotating-mnist:3": 33.6, "moving-mnist:0": 26.8}
SHUFFLED = "rotating-mnist:3"


def fits_of(clip: str) -> dict[str, Fit]:
    """With free codes, on a line, and on a line with the frames given in a shuffled order; and our own preset."""
    minibatch = MINIBATCH.get(clip.split(":")[0])
    order = np.random.default_rng(0).permutation(len(clip_of(clip))).tolist()
    return {
        "free codes": Fit((clip,), minibatch=minibatch),
        "line": Fit((clip,), rank=2, linear=True, minibatch=minibatch),
        "line, frames shuffled": Fit((clip,), rank=2, linear=True, frames=tuple(order), minibatch=minibatch),
        "default preset, line": Fit((clip,), preset="default", rank=2, linear=True),
    }


def position(fit: Fit):
    """alpha_t along the line, (T,)."""
    return representation(fit).codes.coefficients[:, 0]


def correlation(fit: Fit) -> float:
    """Spearman's correlation of alpha_t with t."""
    alpha = position(fit)
    return lowreel.spearman(alpha, fit.frames or range(len(alpha)))


if __name__ == "__main__":
    start(__doc__, lambda _: [fit for clip in PAPER for fit in fits_of(clip).values()])
    figure = figure_of(9, 3.6)
    for axes, clip in zip(figure.subplots(1, 2), PAPER, strict=True):
        fits = fits_of(clip)
        for name, fit in fits.items():
            rho = f", Spearman {correlation(fit):+.3f}" if fit.linear else ""
            print(f"{clip:<18} {name:<22} {fitted(fit)['psnr_range']:6.2f} dB{rho}")
            if fit.linear:
                alpha = position(fit)
                alpha = (alpha - alpha.mean()) / alpha.std()
                axes.plot(list(fit.frames or range(len(alpha))), alpha.tolist(), ".", label=f"{name}{rho}")
        order = lowreel.order_along(representation(fits["line"]).codes.matrix())
        print(
            f"{clip:<18} the line keeps {sum(order.kept)} of {len(order.kept)} steps in order; paper {PAPER[clip]} dB"
        )
        axes.set(title=clip, xlabel="frame", ylabel="position along the line (standardised)")
        axes.legend(fontsize=6, frameon=False)
        rows = [("true", fits["line"].clip())]
        rows += [(name, representation(fits[name]).frames()) for name in ("line", "default preset, line")]
        draw_rows(f"figure6_{clip.replace(':', '-')}", rows)
    save(figure, "figure6")
