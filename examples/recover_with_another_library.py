"""Recover a clip with an operator of SciPy: one sparse matrix that measures each frame; first ask whether it is sound.

PyLops operators and deepinv physics are taken in the same way (docs/plugins.md).
"""

from importlib.resources import files

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import lowreel
from lowreel.measure import examine

truth = lowreel.open_clip(files("lowreel") / "data" / "demo.mp4", size=(32, 32), channels=1, frames=slice(16)).read()
matrix = scipy.sparse.random_array((400, 32 * 32), density=0.05, rng=0, dtype=np.float32).tocsr()
camera = aslinearoperator(matrix)  # 400 numbers of each frame

print(examine(lowreel.as_measurement(camera, truth.shape)).sentence)
y = np.stack([camera.matvec(frame.flatten().numpy()) for frame in truth])
recovery = lowreel.recover(y, camera, lowreel.RecoverSettings(steps=120), clip_shape=truth.shape)
print(f"recovered {lowreel.psnr(recovery.clip, truth):.2f} dB; {recovery.trust}")
