"""Recover a clip with an operator of SciPy, a sparse matrix that mixes all of its pixels; first ask if it is sound.

PyLops operators and deepinv physics are taken in the same way (docs/plugins.md).
"""

from importlib.resources import files

import numpy as np
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator

import lowreel
from lowreel.operators import diagnose

truth = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4", size=(32, 32), channels=1, frames=slice(16)).read()
rng = np.random.default_rng(0)
matrix = scipy.sparse.random_array(
    (3000, truth.numel()), density=0.01, rng=rng, data_sampler=lambda size: rng.choice(np.float32([-1, 1]), size)
)
camera = aslinearoperator(matrix.tocsr())  # 3000 numbers of 16384 pixels

print(diagnose(lowreel.as_linear_operator(camera, truth.shape)).sentence)
y = camera.matvec(truth.flatten().numpy())
recovery = lowreel.recover(y, camera, lowreel.RecoverSettings(steps=120), clip_shape=truth.shape)
print(f"recovered {lowreel.psnr(recovery.clip, truth):.2f} dB; {recovery.trust}")
