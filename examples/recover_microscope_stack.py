"""A microscope scans three pixels in ten of each frame: from a stack of ImageJ to a run folder, and back to a stack.

The run's report.png and report.pdf have a scale bar, because the stack says how wide its pixels are.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile

import lowreel
from lowreel.catalogue import MissingSettings

t, y, x = np.mgrid[:16, :40, :40]
places = [(10, 12, 0), (26, 9, 1), (20, 28, 2), (32, 30, 4)]
moved = [(x - a - 4 * np.sin(t / 5 + phase), y - b - 3 * np.cos(t / 6 + phase)) for a, b, phase in places]
cells = sum(np.exp(-(right**2 + down**2) / 18) for right, down in moved)
counts = (200 + 2700 * cells).astype(np.uint16)
folder = Path(tempfile.mkdtemp())
about = {"axes": "TYX", "unit": "um", "finterval": 0.5}
tifffile.imwrite(folder / "cells.tif", counts, imagej=True, resolution=(1 / 0.2, 1 / 0.2), metadata=about)
print(lowreel.open_clip(folder / "cells.tif").spacing)

settings = lowreel.RecoverSettings(quality="draft", steps=200)
operator = MissingSettings(ratio=0.7)
request = lowreel.RunRequest(
    clip=str(folder / "cells.tif"), operator=operator, settings=settings, output=str(folder / "run")
)
result = lowreel.run(request)
print(result.summary.trust)

export = [sys.executable, "-m", "lowreel", "export", str(folder / "run"), "-o", str(folder / "filled.tif")]
subprocess.run(export, check=True)
with tifffile.TiffFile(folder / "filled.tif") as file:
    filled = file.asarray()
    told = file.imagej_metadata
    print(f"{filled.shape} {filled.dtype}, {told['finterval']} s from frame to frame, pixels in {told['unit']}")
error = np.abs(filled.astype(float) - counts).mean()
print(f"mean error {error:.0f} of counts from {counts.min()} to {counts.max()}")
assert error < 0.05 * counts.max(), "the example no longer recovers its stack"
