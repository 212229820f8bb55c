"""Recover a clip from data of one's own: an array y and a pair of NumPy functions that say how it was measured.

Here every frame is seen through a random half of its rows: forward picks them, adjoint puts them back.
"""

import numpy as np

import lowreel

rng = np.random.default_rng(0)
truth = np.stack([np.outer(np.hanning(32), np.roll(np.hanning(24), t)) for t in range(12)])[:, None].astype(np.float32)
rows = np.sort(np.argsort(rng.random((12, 32)), axis=1)[:, :16], axis=1)  # 16 of 32 rows of each of 12 frames


def forward(x):  # (12, 1, 32, 24) -> (12, 1, 16, 24)
    return np.take_along_axis(x, rows[:, None, :, None], axis=2)


def adjoint(y):  # (12, 1, 16, 24) -> (12, 1, 32, 24)
    x = np.zeros(truth.shape, y.dtype)
    np.put_along_axis(x, rows[:, None, :, None], y, axis=2)
    return x


y = forward(truth)

A = lowreel.Functions(forward, adjoint, clip_shape=truth.shape)
recovery = lowreel.recover(y, A)
clip = recovery.clip
print(recovery.trust)

error = np.sqrt(np.mean((clip - truth) ** 2))
print(f"root mean square error {error:.4f}, of a clip with standard deviation {truth.std():.4f}")
assert error < 0.1 * truth.std(), "the example no longer recovers its clip"
