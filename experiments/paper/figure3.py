"""Figure 3: clips that the trained generator cannot draw, by codes alone and by codes and weights."""

from fits import representation, start
from pictures import draw_rows
from table1 import ROWS

MOVING, WHEEL = ROWS[1], ROWS[2]
CELLS = [(row, column) for row in (MOVING, WHEEL) for column in (0, 3)]

if __name__ == "__main__":
    full = start(__doc__, lambda full: [row.fits(column, full=full)[0] for row, column in CELLS], drawn=True)
    for row in (MOVING, WHEEL):
        latent, joint = (row.fits(column, full=full)[0] for column in (0, 3))
        first = slice(latent.sequences[0] if latent.sequences else None)  # of several the first one
        rows = [("true", latent.clip()[first]), ("codes", representation(latent).frames()[first])]
        draw_rows(f"figure3_{row.clips}", [*rows, ("codes and\nweights", representation(joint).frames()[first])])
