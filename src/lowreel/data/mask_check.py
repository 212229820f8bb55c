"""Is a mask that of the data? What is missing stands where nothing was observed, and nowhere else."""

from __future__ import annotations

from torch import Tensor

BLACK_SHARE = 0.02
"""Share of what is observed that is exactly 0 or NaN, and of the rest that is neither, for a mask to be doubted."""

NEARLY_ALL = 0.9
"""Share of the observed numbers that are missing, and of those there that are not observed, of a mask turned round."""


def contradiction(y: Tensor, observed: Tensor) -> str | None:
    """What data says against a mask, in words; None where it says nothing.

    y: as it was given, of any shape, before what is not observed is left out; observed: booleans that broadcast to its
    shape.
    """
    observed = observed.expand(y.shape)
    there = (y != 0) & ~y.isnan()
    if bool(observed.all()) or not bool(observed.any()):
        return None
    missing = 1 - float(there[observed].double().mean())
    beside = float(there[~observed].double().mean())
    if missing <= BLACK_SHARE or beside <= BLACK_SHARE:
        return None
    outside = float(there[~observed].sum()) / float(there.sum())
    told = f"{missing:.0%} of what it observes is exactly 0 or NaN, {beside:.0%} of the rest is not"
    if missing > NEARLY_ALL and outside > NEARLY_ALL:
        return f"{told}: the mask is the wrong way round; give its opposite, 1 - mask"
    return f"{told}; is it the mask, or the seed, of this data? If it is, give 0 where nothing was observed: y * mask"
