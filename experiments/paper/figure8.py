"""Figure 8: three turning digits of 20 frames with frames 11 to 15 left out, which are drawn from the codes."""

import torch
from figure7 import coordinates
from fits import RESULTS, Fit, clip_of, fitted, representation, start
from pictures import draw_paths, draw_rows, figure_of, save, tell

import lowreel

DIGITS = tuple(f"rotating-mnist:{digit}" for digit in (0, 1, 2))
SEEN, LEFT_OUT = (*range(10), *range(15, 20)), tuple(range(10, 15))
TIMES = torch.tensor(SEEN, dtype=torch.float64) / 25

FITS = {
    "paper-joint": Fit(DIGITS, preset="paper-joint", rank=2, linear=True, frames=SEEN),
    "default": Fit(DIGITS, preset="default", rank=2, linear=True, frames=SEEN),
}


def drawn(fit: Fit, at: torch.Tensor) -> list[torch.Tensor]:
    """Frames of each digit at these times, by codes between those of its neighbours."""
    found = representation(fit)
    parts = [lowreel.Codes(codes, TIMES) for codes in found.codes.matrix().split(len(SEEN))]
    return [lowreel.Representation(found.generator, codes).frames(at) for codes in parts]


if __name__ == "__main__":
    start(__doc__, lambda _: list(FITS.values()), drawn=True)
    figure, told = figure_of(9, 4), []
    at = torch.tensor(LEFT_OUT, dtype=torch.float64) / 25
    for axes, (name, fit) in zip(figure.subplots(1, 2), FITS.items(), strict=True):
        rows = []
        for digit, frames, codes in zip(DIGITS, drawn(fit, at), coordinates(fit), strict=True):
            seen, true = clip_of(digit)[list(SEEN)], clip_of(digit)[list(LEFT_OUT)]
            nearest = seen[[9, 9, 9, 10, 10]]
            clips = {"codes": frames, "cross-fading": lowreel.cross_faded(seen, TIMES, at), "nearest frame": nearest}
            levels = {what: round(lowreel.psnr_range(clip, true), 2) for what, clip in clips.items()}
            kept = "kept" if lowreel.order_along(codes).is_kept else "lost"
            known = dict(zip(DIGITS, fitted(fit)["psnr_range_of_sequences"], strict=True))
            told.append({"preset": name, "clip": digit, "measured frames": known[digit], **levels, "order": kept})
            rows += [(f"{digit}\ntrue", true), (f"{name}\n{levels['codes']:.1f} dB", frames)]
            rows.append((f"cross-fading\n{levels['cross-fading']:.1f} dB", clips["cross-fading"]))
        many = drawn(fit, torch.linspace(0, 19 / 25, 1000, dtype=torch.float64))
        lowreel.write_video(RESULTS / f"figure8_{name}.mp4", torch.cat(many, 3), rate=50)
        draw_rows(f"figure8_{name}", rows, range(5), first=LEFT_OUT[0] + 1)
        axes.set_title(name, fontsize=9)
        numbers = [t + 1 for t in SEEN]
        paths = [(digit, part, numbers) for digit, part in zip(DIGITS, coordinates(fit), strict=True)]
        draw_paths(axes, paths, ("first vector", "second"))
    save(figure, "figure8")
    tell("figure8", told)
