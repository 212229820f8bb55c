"""Figure 7: three turning digits by one generator, each on a line of its own, all codes in one plane."""

import torch
from fits import Fit, fitted, representation, start
from pictures import draw_paths, draw_rows, figure_of, save, tell

import lowreel

DIGITS = tuple(f"rotating-mnist:{digit}" for digit in (0, 1, 2))
"""The paper does not name its three."""

FITS = {
    "paper-joint": Fit(DIGITS, preset="paper-joint", rank=2, linear=True),
    "default": Fit(DIGITS, preset="default", rank=2, linear=True),
}


def coordinates(fit: Fit):
    """Codes in the plane through 0 that they lie in, (T, 2) of each sequence."""
    codes = representation(fit).codes.matrix()
    u, s, _ = torch.linalg.svd(codes, full_matrices=False)
    return (u[:, :2] * s[:2]).split(list(fit.sequences))


if __name__ == "__main__":
    start(__doc__, lambda _: list(FITS.values()), drawn=True)
    figure, told = figure_of(9, 4), []
    for axes, (name, fit) in zip(figure.subplots(1, 2), FITS.items(), strict=True):
        parts = coordinates(fit)
        levels = fitted(fit)["psnr_range_of_sequences"]
        for digit, level, part in zip(DIGITS, levels, parts, strict=True):
            alpha = lowreel.embedded(part, 1).coordinates[:, 0]
            rho = round(lowreel.spearman(alpha, range(len(alpha))), 4)
            told.append({"preset": name, "clip": digit, "dB": level, "Spearman": rho})
        axes.set_title(name, fontsize=9)
        numbers = range(1, 1 + len(parts[0]))
        draw_paths(axes, [(d, p, numbers) for d, p in zip(DIGITS, parts, strict=True)], ("first vector", "second"))
        frames = representation(fit).frames().split(list(fit.sequences))
        true = fit.clip().split(list(fit.sequences))
        rows = [row for d, a, b in zip(DIGITS, true, frames, strict=True) for row in ((d, a), ("drawn", b))]
        draw_rows(f"figure7_{name}", rows)
    save(figure, "figure7")
    tell("figure7", told)
