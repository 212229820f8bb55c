"""Colours that readers with any kind of colour vision tell apart, after Okabe and Ito (2008)."""

FITTED_COLOUR, HELD_OUT_COLOUR, TRUE_COLOUR = "#0072B2", "#D55E00", "#000000"
"""Of what is fitted, of what is held out, and of what the true clip says: blue, vermillion and black."""
