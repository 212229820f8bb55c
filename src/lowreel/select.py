"""Held-out data: the part that is not fitted and judges the fit, so that no true clip is needed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .errors import InputError
from .measure import Data, Measurement, map_data, streams, tensors_of


def hold_out(operator: Measurement, share: float, seed: int = 0) -> Data:
    """Booleans like the data: a random `share` of its informative entries, at least one, never all.

    Where the data is pixels, the channels of a pixel are held out together: they are too alike to judge each other.
    """
    informative = operator.informative()
    members = [
        _draw(known, share, seed, k, tuple(known.shape) == operator.clip_shape)
        for k, known in enumerate(tensors_of(informative))
    ]
    if not any(m.any() for m in members) or not any((i & ~m).any() for i, m in zip(tensors_of(informative), members)):
        raise InputError(f"held-out data: {share:g} of so few measurements leaves nothing to fit or to judge")
    return map_data(lambda _, k: members[k], informative, tuple(range(len(members)))) if len(members) > 1 else members[0]


def _draw(known: Tensor, share: float, seed: int, member: int, pixels: bool) -> Tensor:
    """True for `share` of the informative entries: those with the smallest random words."""
    candidates = known[:, :1] if pixels else known
    where = candidates.flatten().nonzero()[:, 0]
    words = streams.raw(seed, streams.HELDOUT, member, 0, len(where))
    chosen = where[torch.from_numpy(np.argsort(words, kind="stable")[: max(1, round(share * len(where)))].copy())]
    drawn = torch.zeros(candidates.numel(), dtype=torch.bool).index_fill_(0, chosen, True).reshape(candidates.shape)
    return drawn & known
