"""Held-out data: the part that is not fitted and judges the fit, so that no true clip is needed."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..operators.base import LinearOperator
from ..operators.tensors import Data, tensors_of
from ..system import streams


def hold_out(operator: LinearOperator, share: float, seed: int = 0, *, known: Data | None = None) -> Data:
    """Booleans like the data: a random `share` of its `known` entries (the informative ones), at least one, never all.

    Where the data is pixels, the channels of a pixel are held out together: they are too alike to judge each other.
    Where every part is measured alike and not in full (one set of patterns for all frames), the same entries of all
    parts are held out: those of a still picture would else be fitted through the other frames and judge nothing.
    What says the same as a held-out number is held out with it (`LinearOperator.with_redundant`), beyond the share.
    """
    observed_mask = operator.observed_mask() if known is None else known
    candidates = tensors_of(observed_mask)
    chosen = tuple(
        _draw(entries, share, seed, member, rows, pixels=tuple(entries.shape) == operator.clip_shape)
        for member, (entries, rows) in enumerate(zip(candidates, operator.repeated_rows(candidates), strict=True))
    )
    chosen = tuple(
        both & entries for both, entries in zip(_with_twins(operator, observed_mask, chosen), candidates, strict=True)
    )
    left = any(bool((k & ~c).any()) for k, c in zip(candidates, chosen, strict=True))
    if not left or not any(bool(c.any()) for c in chosen):
        raise InputError(f"held-out data: {share:g} of so few measurements leaves nothing to fit or to judge")
    return chosen if isinstance(observed_mask, tuple) else chosen[0]


def _with_twins(operator: LinearOperator, like: Data, chosen: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tensors_of(operator.with_redundant(chosen if isinstance(like, tuple) else chosen[0]))


def _draw(known: Tensor, share: float, seed: int, member: int, rows: int, *, pixels: bool) -> Tensor:
    """True for `share` of the known entries of the first `rows`, those with the smallest random words, and the same
    entries of the rows after them."""
    candidates = known[:rows].any(1, keepdim=True) if pixels else known[:rows]
    where = candidates.flatten().nonzero()[:, 0]
    words = streams.raw(seed, streams.HELDOUT, member, 0, len(where))
    first = torch.from_numpy(np.argsort(words, kind="stable")[: max(1, round(share * len(where)))].copy())
    chosen = where[first.to(where.device)]
    drawn = (
        torch.zeros(candidates.numel(), dtype=torch.bool, device=where.device)
        .index_fill_(0, chosen, True)
        .reshape(candidates.shape)
    )
    repeats = math.ceil(len(known) / max(rows, 1))
    return drawn.repeat(repeats, *[1] * (drawn.ndim - 1))[: len(known)] & known
