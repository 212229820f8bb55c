"""Draw the picture of docs/mri.md from its run: python docs/mri_picture.py cine docs/mri.png.

Two frames and a line through the heart over time: as it was, by the best baseline, recovered.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from raw_scan import SIDE, chest

LOW, HIGH, LINE = 2, 6, SIDE // 2
"""Frames of the smallest and the largest heart, and the column that is shown over time."""


def sizes(path: Path, true: np.ndarray) -> np.ndarray:
    """Magnitudes (T, H, W) of a complex clip, in the units of the true one: a scanner's gain is not known."""
    found = np.abs(np.load(path)).astype(float)[:, 0]
    return found * ((found * true).sum() / (found**2).sum())


def main(run: Path, picture: Path) -> None:
    """Draw it, and print how near to the true clip each is."""
    true = chest()[:, 0].numpy().astype(float)
    clips = {"as it was": true}
    for name, file in (("best baseline", "baseline.npy"), ("recovered", "recovered.npy")):
        clips[name] = sizes(run / file, true)
        print(name, f"{-10 * np.log10(((clips[name] - true) ** 2).mean() / true.max() ** 2):.1f} dB")
    figure = Figure(figsize=(7, 6.6), layout="constrained")
    for row, (axes, (name, clip)) in enumerate(zip(figure.subplots(3, 3), clips.items(), strict=True)):
        shown = (clip[LOW], clip[HIGH], np.repeat(clip[:, :, LINE].T, SIDE // len(clip), axis=1))
        for ax, values, title in zip(axes, shown, (f"frame {LOW}", f"frame {HIGH}", "a line over time"), strict=True):
            ax.imshow(values, cmap="gray", vmin=0, vmax=true.max())
            ax.set_xticks([])
            ax.set_yticks([])
            ax.set_title(title if row == 0 else "", fontsize=9)
        axes[0].set_ylabel(name, fontsize=9)
    figure.savefig(picture, dpi=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
