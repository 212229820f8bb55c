"""Held-out data: the part that is not fitted and judges the fit, so that no true clip is needed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .errors import InputError
from .measure import Data, Measurement, streams, tensors_of


def hold_out(operator: Measurement, share: float, seed: int = 0, *, known: Data | None = None) -> Data:
    """Booleans like the data: a random `share` of its `known` entries (the informative ones), at least one, never all.

    Where the data is pixels, the channels of a pixel are held out together: they are too alike to judge each other.
    """
    informative = operator.informative() if known is None else known
    candidates = tensors_of(informative)
    chosen = tuple(
        _draw(entries, share, seed, member, pixels=tuple(entries.shape) == operator.clip_shape)
        for member, entries in enumerate(candidates)
    )
    left = any(bool((k & ~c).any()) for k, c in zip(candidates, chosen, strict=True))
    if not left or not any(bool(c.any()) for c in chosen):
        raise InputError(f"held-out data: {share:g} of so few measurements leaves nothing to fit or to judge")
    return chosen if isinstance(informative, tuple) else chosen[0]


def _draw(known: Tensor, share: float, seed: int, member: int, *, pixels: bool) -> Tensor:
    """True for `share` of the informative entries: those with the smallest random words."""
    candidates = known.any(1, keepdim=True) if pixels else known
    where = candidates.flatten().nonzero()[:, 0]
    words = streams.raw(seed, streams.HELDOUT, member, 0, len(where))
    chosen = where[torch.from_numpy(np.argsort(words, kind="stable")[: max(1, round(share * len(where)))].copy())]
    drawn = torch.zeros(candidates.numel(), dtype=torch.bool).index_fill_(0, chosen, True).reshape(candidates.shape)
    return drawn & known
