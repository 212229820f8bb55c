"""A camera with one detector: recover a clip from a tenth as many inner products with patterns as it has pixels."""

from importlib.resources import files

import lowreel

truth = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4", size=(32, 32), channels=1, frames=slice(16)).read()
A = lowreel.SinglePixel(tuple(truth.shape), m=102, order="random", seed=0)  # 102 patterns a frame, others in each
y = A(truth)

recovery = lowreel.recover(y, A, steps=60)
print(A)
print(recovery.compare(truth))
print(recovery.trust)
