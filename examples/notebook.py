# %% A notebook: NumPy in, NumPy out, shown while it is made, drawn, saved and loaded.
import tempfile

import numpy as np

import lowreel

t, y, x = np.mgrid[:12, :32, :32]
truth = (0.5 + 0.4 * np.sin((x + 2 * t) / 4) * np.cos(y / 5))[:, None]  # (T, C, H, W), float64
A = lowreel.MissingPixels(truth.shape, ratio=0.7, seed=0)
# %%
recovery = lowreel.recover(A(truth), A, quality="draft", steps=40, progress=True)
# %%
recovery.plot(truth=truth, frames=4)
# %%
again = lowreel.load(recovery.save(tempfile.mkdtemp() + "/run"))
print(f"{lowreel.psnr(again.clip, truth):.1f} dB")
again  # noqa: B018 (a notebook shows the last line of a cell)
