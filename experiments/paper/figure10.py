"""Figure 10: the clips of Table 3 with their codes on a line."""

from fits import representation, start
from pictures import draw_rows
from table3 import PAPER, clip_in, fits_of

CLIPS = {action: clip for action in PAPER if (clip := clip_in(None, action))}

if __name__ == "__main__":
    full = start(__doc__, lambda full: [fit for c in CLIPS.values() for fit in fits_of(*c, full=full)])
    for action, clip in CLIPS.items():
        _, latent, _, joint = fits_of(*clip, full=full)
        rows = [("true", joint.clip()), ("codes,\non a line", representation(latent).frames())]
        draw_rows(f"figure10_{action}", [*rows, ("codes and weights,\non a line", representation(joint).frames())])
    if not CLIPS:
        print("left out: none of the clips is on this machine")
