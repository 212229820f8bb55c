"""Recover a turning digit from a tenth of its pixels with codes alone: the generator is trained and stays as it is.

This is eq. (4) of the paper: 32 numbers a frame are fitted, so very few pixels say a lot. It works where the clip looks
like what the generator was trained on (here MNIST digits).
"""

import lowreel

clip = lowreel.open_clip("rotating-mnist:2").read()  # (32, 1, 64, 64)
A = lowreel.MissingPixels(tuple(clip.shape), ratio=0.9, seed=0)

settings = lowreel.RecoverSettings(
    preset="paper-latent", generator="paper-grey", similarity=0.4, steps=400, baselines="none"
)
recovery = lowreel.recover(A(clip), A, settings)
print(recovery)

generated = lowreel.psnr_range(recovery.representation.frames(), clip)
print(
    f"the generator's frames have {generated:.1f} dB; they are stored in {recovery.representation.parameters} numbers"
)
assert generated > 20, "the example no longer recovers its clip"
