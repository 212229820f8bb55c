"""Drop 80 % of a clip's pixels, recover it, and draw a frame between two measured ones."""

from importlib.resources import files

import lowreel

truth = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4", size=(32, 32), frames=slice(16)).read()
A = lowreel.MissingPixels(tuple(truth.shape), ratio=0.8, seed=0)
y = A(truth)

recovery = lowreel.recover(y, A, lowreel.RecoverSettings(steps=60))
print(f"recovered {lowreel.psnr(recovery.clip, truth):.2f} dB")
for name, baseline in recovery.baselines.items():
    print(f"{name} {lowreel.psnr(baseline.clip, truth):.2f} dB")
print(recovery.trust)

between = recovery.representation.frames(at=[0.5 / 25])
print(f"a frame half way between the first two: {tuple(between.shape)}, mean grey level {between.mean():.3f}")
