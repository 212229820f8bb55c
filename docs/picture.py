"""Draw the README's picture from the demo's run: python docs/picture.py RUN docs/demo.png."""

import sys
from importlib.resources import files

import numpy as np
import torch
from matplotlib.figure import Figure

import lowreel
from lowreel.runs.folder import Run

folder, target = sys.argv[1:]
run = Run.open(folder)
measured, summary = run.measured(), run.summary()
truth = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4").read()
entries = measured.operator.observed_mask()
variation = lowreel.baselines(measured.data, measured.operator, entries)["3-D total variation"]
recovered = torch.from_numpy(np.load(f"{folder}/recovered.npy"))
clips = {
    "measured (20 % of the pixels)": measured.data,
    f"3-D total variation, {lowreel.psnr(variation, truth):.1f} dB": variation,
    f"Lowreel, {summary.psnr:.1f} dB": recovered,
    "true": truth,
}
figure = Figure(figsize=(10, 5.35))
axes = figure.subplots(2, len(clips))
for column, (label, clip) in enumerate(clips.items()):
    for row, frame in enumerate((12, 30)):
        axes[row, column].imshow(clip[frame].permute(1, 2, 0).clamp(0, 1).numpy(), interpolation="nearest")
        axes[row, column].set_axis_off()
    axes[0, column].set_title(label, fontsize=10)
figure.subplots_adjust(0.005, 0.005, 0.995, 0.94, 0.02, 0.02)
figure.savefig(target, dpi=90)
