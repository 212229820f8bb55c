"""A coded snapshot camera that counts photons: recover four frames from each picture, with noise that is known.

The noise entry chooses how residuals count: here squared, over the variance of each count.
"""

from importlib.resources import files

import lowreel
from lowreel.data import add_poisson_noise
from lowreel.operators import Snapshot

truth = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4", size=(32, 32), channels=1, frames=slice(16)).read()
A = Snapshot(tuple(truth.shape), 4, seed=0)
y, noise = add_poisson_noise(A(truth), A, photons=500)

recovery = lowreel.recover(y, A, lowreel.RecoverSettings(steps=120), noise=noise)
print(f"recovered {lowreel.psnr(recovery.clip, truth):.2f} dB; {recovery.trust}")
for name, baseline in recovery.baselines.items():
    print(f"{name} {lowreel.psnr(baseline.clip, truth):.2f} dB")
