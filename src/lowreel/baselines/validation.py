"""How a baseline judges its own choices: by a part of the entries that it leaves out."""

from __future__ import annotations

from torch import Tensor

from ..data import hold_out
from ..operators import Data, LinearOperator, inner, map_data

LEFT_OUT_SHARE = 0.05
"""Share of the entries that are left out."""


def left_out(operator: LinearOperator, entries: Data) -> Data:
    """Booleans like the data: a seeded part of the entries, shaped like what is missing (`data.hold_out`).

    Raises InputError where nothing would be left.
    """
    return hold_out(operator, LEFT_OUT_SHARE, known=entries)


def error_on(held: Data, operator: LinearOperator, clip: Tensor, data: Data) -> float:
    """Sum of the squared residuals of a clip (T, C, H, W) at these entries, in squared units of the data."""
    residual = map_data(lambda found, y, h: (found - y) * h, operator(clip), data, held)
    return float(inner(residual, residual))
