"""Make the film that the page plays first, of a run of the demo: python docs/example_film.py RUN FILM.mp4.

At the left what was measured, at the right what was recovered.
"""

import sys

import numpy as np
import torch

import lowreel
from lowreel.runs.folder import Run
from lowreel.runs.report import measured_view

ENLARGED, GAP = 2, 4

folder, target = sys.argv[1:]
measured = Run.open(folder).measured()
recovered = torch.from_numpy(np.load(f"{folder}/recovered.npy"))
pair = [
    clip.repeat_interleave(ENLARGED, 2).repeat_interleave(ENLARGED, 3) for clip in (measured_view(measured), recovered)
]
gap = torch.ones(*pair[0].shape[:3], GAP)
lowreel.write_video(target, torch.cat([pair[0], gap, pair[1]], 3).clamp(0, 1))
