"""Figure 11: the loss from trained and from random weights, 80 % of the pixels missing, codes and weights fitted."""

import numpy as np
from fits import Fit, fitted, start
from pictures import figure_of, save, tell
from tables import COLOUR_ROUNDS, WALKING

CLIPS = ("rotating-mnist:3", "moving-mnist:0", WALKING)
"""The paper's Handclapping clip is not to be had: walking stands in for it."""


def fits_of(clip: str, *, full: bool) -> dict[str, Fit]:
    """From trained weights, and from random ones."""
    steps = None if full or "mnist" in clip else COLOUR_ROUNDS["paper-joint"]
    return {name: Fit((clip,), "missing 0.8", "paper-joint", start=name, steps=steps) for name in ("trained", "random")}


if __name__ == "__main__":
    full = start(__doc__, lambda full: [fit for clip in CLIPS for fit in fits_of(clip, full=full).values()])
    here = [clip for clip in CLIPS if fits_of(clip, full=full)["trained"].is_here]
    told = []
    figure = figure_of(4 * len(here), 3.4)
    for axes, clip in zip(figure.subplots(1, len(here), squeeze=False)[0], here, strict=True):
        for name, fit in fits_of(clip, full=full).items():
            found = fitted(fit)
            rounds = np.linspace(1, found["rounds"], len(found["loss"]))
            axes.semilogy(rounds, found["loss"], label=f"{name} weights, {found['psnr_range']:.1f} dB")
            last = f"{found['loss'][-1]:.2e}"
            told.append({"clip": clip, "weights": name, "loss in the end": last, "dB": found["psnr_range"]})
        axes.set(title=clip, xlabel="epoch", ylabel="loss")
        axes.legend(fontsize=7, frameon=False)
    save(figure, "figure11")
    tell("figure11", told)
