"""How a baseline judges its own choices: by a part of the entries that it leaves out."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..data import hold_out
from ..operators import Data, LinearOperator, Mask, MissingBlocks, inner, map_data

LEFT_OUT_SHARE = 0.05
"""Share of the entries that are left out."""


def left_out(operator: LinearOperator, entries: Data) -> Data:
    """Booleans like the data: a seeded random part of the entries. Raises InputError where nothing would be left.

    Where whole blocks or frames are missing whole ones are left out: single pixels say nothing of what spans a hole.
    """
    if not operator.hides_regions:
        return hold_out(operator, LEFT_OUT_SHARE, known=entries)
    assert isinstance(entries, Tensor)
    _, _, height, width = operator.clip_shape
    side = operator.block if isinstance(operator, MissingBlocks) else max(height, width)
    known = F.max_pool2d(entries.float(), (min(side, height), min(side, width)), ceil_mode=True).bool()
    chosen = hold_out(Mask(tuple(known.shape), known), LEFT_OUT_SHARE, known=known)
    assert isinstance(chosen, Tensor)
    return chosen.repeat_interleave(side, 2).repeat_interleave(side, 3)[..., :height, :width] & entries


def error_on(held: Data, operator: LinearOperator, clip: Tensor, data: Data) -> float:
    """Sum of the squared residuals of a clip (T, C, H, W) at these entries, in squared units of the data."""
    residual = map_data(lambda found, y, h: (found - y) * h, operator(clip), data, held)
    return float(inner(residual, residual))
