"""Figure 10: the clips of Table 3 with their codes on a line."""

from fits import representation
from pictures import draw_rows
from table3 import asked

if __name__ == "__main__":
    rows = asked(__doc__, drawn=True)
    for action, (_, latent, _, joint) in rows.items():
        shown = [("true", joint.clip()), ("codes,\non a line", representation(latent).frames())]
        draw_rows(f"figure10_{action}", [*shown, ("codes and weights,\non a line", representation(joint).frames())])
    if not rows:
        print("left out: none of the clips is on this machine")
