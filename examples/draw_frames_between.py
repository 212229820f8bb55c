"""Slow motion: every second frame is measured, in a fifth of its pixels; draw the frames between from the codes."""

from importlib.resources import files

import lowreel

whole = lowreel.open_clip(files("lowreel") / "assets" / "demo.mp4", size=(32, 32), frames=slice(31)).read()
truth, between = whole[::2], whole[1::2]  # 16 frames, and the 15 between them, of which nothing is measured

A = lowreel.MissingPixels(tuple(truth.shape), ratio=0.8, seed=0)
recovery = lowreel.recover(A(truth), A, quality="draft", steps=120)
print(recovery.trust)

middles = (recovery.times[:-1] + recovery.times[1:]) / 2
drawn = recovery.representation.frames(at=middles, curve="cubic")
faded = lowreel.cross_faded(recovery.clip, recovery.times, middles)
print(f"frames between: drawn from the codes {lowreel.psnr(drawn, between):.2f} dB, ", end="")
print(f"cross-faded {lowreel.psnr(faded, between):.2f} dB")
