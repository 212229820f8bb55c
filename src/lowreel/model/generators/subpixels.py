"""Whether the decoder of a recovery may end in a sub-pixel convolution."""

from __future__ import annotations

from ...operators import LinearOperator, tells_subpixels_apart
from .decoder import LEAST_FRAME_OF_SUBPIXELS


def subpixel_stages(operator: LinearOperator) -> int:
    """Doublings of a `Decoder` of this operator's clips that are one sub-pixel convolution: 1 for frames of
    LEAST_FRAME_OF_SUBPIXELS pixels and more, where the data tells pixels of such a square apart; else 0.

    Where it does not, sub-pixels are free in what is not measured, and held-out data does not see it
    (docs/choices.md).
    """
    _, _, height, width = operator.clip_shape
    return int(height * width >= LEAST_FRAME_OF_SUBPIXELS and tells_subpixels_apart(operator))
