"""Figure 9: the turning bunny with its codes in a plane (mean and two vectors), which should keep its angle."""

import math

import torch
from fits import Fit, fitted, representation, start
from pictures import draw_rows, figure_of, save, tell

import lowreel

BUNNY = "bunny"
ANGLE = 2 * math.pi * torch.arange(40).div(4, rounding_mode="floor") / 15
"""The first ten frames of each of four rotations of 15, regrouped so that similar angles stand together."""

FITS = {
    "paper-joint": Fit((BUNNY,), preset="paper-joint", rank=3, linear=True, steps=500),
    "default": Fit((BUNNY,), preset="default", rank=3, linear=True),
}


def angle_in_plane(coordinates: torch.Tensor) -> torch.Tensor:
    """Angle of each code around the middle of the circle that fits them best."""
    system = torch.cat([2 * coordinates, torch.ones(len(coordinates), 1, dtype=coordinates.dtype)], 1)
    middle = torch.linalg.lstsq(system, coordinates.square().sum(1, keepdim=True)).solution[:2, 0]
    return torch.atan2(*(coordinates - middle).T.flip(0))


if __name__ == "__main__":
    fits = [fit for fit in FITS.values() if fit.is_here]
    start(__doc__, lambda _: fits, drawn=True)
    if not fits:
        print(f"{BUNNY}: left out, it is not on this machine")
        raise SystemExit
    figure, told = figure_of(9, 4), []
    rows = [("true", fits[0].clip())]
    for axes, (name, fit) in zip(figure.subplots(1, 2), FITS.items(), strict=True):
        plane = lowreel.embedded(representation(fit).codes.matrix(), 2).coordinates
        found = lowreel.circular_correlation(angle_in_plane(plane), ANGLE)
        level = fitted(fit)["psnr_range"]
        told.append({"preset": name, "dB": level, "circular correlation": round(found, 3)})
        rows.append((f"{name}\n{level:.1f} dB", representation(fit).frames()))
        axes.plot(*plane.numpy().T, color="0.8", lw=0.8, zorder=1)
        points = axes.scatter(*plane.numpy().T, c=ANGLE.numpy() * 180 / math.pi, cmap="hsv", s=22, zorder=2)
        figure.colorbar(points, ax=axes, label="angle of the bunny, degrees")
        axes.set_title(f"{name}: circular correlation {found:+.2f}", fontsize=9)
    draw_rows("figure9_frames", rows)
    save(figure, "figure9")
    tell("figure9", told)
