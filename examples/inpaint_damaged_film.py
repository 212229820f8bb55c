"""Fill in a film that scratches and a logo have damaged, NumPy arrays throughout, and look where it may be wrong."""

from importlib.resources import files

import numpy as np

import lowreel

truth = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4", size=(48, 48), frames=slice(16)).read().numpy()
rng = np.random.default_rng(0)
mask = np.ones((len(truth), 48, 48), bool)  # True where the film is good
for frame in mask:
    frame[:, rng.integers(0, 47, 2)] = False  # two scratches, elsewhere in each frame
    top, left = rng.integers(0, 40, 2)
    frame[top : top + 8, left : left + 8] = False  # and a blotch

A = lowreel.Mask(truth.shape, mask)
recovery = lowreel.recover(A(truth), A, steps=60)
print(recovery.trust)
print(recovery.compare(truth))
if recovery.uncertainty is not None:
    print(f"standard deviation of the filled pixels: {recovery.uncertainty[recovery.uncertainty > 0].mean():.4f}")
