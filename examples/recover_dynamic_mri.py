"""Scan a beating heart with four coils and nine spokes a frame, recover the complex clip, look at its magnitude."""

import torch

import lowreel
from lowreel.operators import radial, simulated_coil_maps, with_phase

drawn = lowreel.open_clip("beating-heart:0", size=(48, 48), frames=slice(8)).read()
truth = with_phase(drawn)  # a smooth phase, as a scanner's images have it

maps = simulated_coil_maps(coils=4, shape=(48, 48))
A = lowreel.MRI(tuple(truth.shape), trajectory=radial(spokes=9, samples=48, frames=8), coil_maps=maps)
y, noise = lowreel.add_white_noise(A(truth), A, snr=30.0)

recovery = lowreel.recover(y, A, noise=noise, quality="draft", steps=200)
print(f"recovered a clip of {recovery.clip.dtype}, magnitudes {lowreel.psnr(recovery.clip.abs(), drawn):.2f} dB")
for name, baseline in recovery.baselines.items():
    print(f"{name} {lowreel.psnr(baseline.clip.abs(), drawn):.2f} dB")
print(recovery.trust)

error = torch.angle(recovery.clip * truth.conj())[drawn > 0.2].abs().mean()
print(f"phase off by {torch.rad2deg(error):.2f} degrees, where there is something to see")
