"""Held-out data: the part that is not fitted and judges the fit, so that no true clip is needed."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .errors import InputError
from .measure import Data, Measurement, streams, tensors_of


def hold_out(operator: Measurement, share: float, seed: int = 0, *, known: Data | None = None) -> Data:
    """Booleans like the data: a random `share` of its `known` entries (the informative ones), at least one, never all.

    Where the data is pixels, the channels of a pixel are held out together: they are too alike to judge each other.
    Where every part is measured alike and not in full (one set of patterns for all frames), the same entries of all
    parts are held out: those of a still picture would else be fitted through the other frames and judge nothing.
    What says the same as a held-out number is held out with it (`Measurement.with_twins`), beyond the share.
    """
    informative = operator.informative() if known is None else known
    candidates = tensors_of(informative)
    chosen = tuple(
        _draw(entries, share, seed, member, rows, pixels=tuple(entries.shape) == operator.clip_shape)
        for member, (entries, rows) in enumerate(zip(candidates, _rows_alike(operator, candidates), strict=True))
    )
    chosen = tuple(
        both & entries for both, entries in zip(_with_twins(operator, informative, chosen), candidates, strict=True)
    )
    left = any(bool((k & ~c).any()) for k, c in zip(candidates, chosen, strict=True))
    if not left or not any(bool(c.any()) for c in chosen):
        raise InputError(f"held-out data: {share:g} of so few measurements leaves nothing to fit or to judge")
    return chosen if isinstance(informative, tuple) else chosen[0]


def _with_twins(operator: Measurement, like: Data, chosen: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tensors_of(operator.with_twins(chosen if isinstance(like, tuple) else chosen[0]))


def _rows_alike(operator: Measurement, known: tuple[Tensor, ...]) -> list[int]:
    """Of each tensor of the data the rows of one part, where all parts are measured alike and not in full; else all."""
    frames, *frame = operator.clip_shape
    together = operator.part_frames
    parts = [part.data for part in operator.parts() if len(part.frames) == together]
    everything = [len(entries) for entries in known]
    if len(parts) < 2:
        return everything
    one = torch.from_numpy(streams.normals(0, streams.PROBE, 1, range(1), math.prod(frame)))
    clip = one.reshape(1, *frame).expand(together, *frame) * torch.linspace(0.5, 1.5, together).view(-1, 1, 1, 1)
    response = tensors_of(operator(clip.repeat(math.ceil(frames / together), 1, 1, 1)[:frames]))
    slices = [where if isinstance(where, tuple) else (where,) for where in parts]
    rows = []
    for k, (y, entries) in enumerate(zip(response, known, strict=True)):
        first = y[slices[0][k]]
        alike = all(torch.allclose(y[where[k]], first, rtol=1e-4, atol=1e-5) for where in slices[1:])
        numbers = int(entries[slices[0][k]].sum()) * (2 if y.is_complex() else 1)
        rows.append(len(first) if alike and numbers < together * math.prod(frame) else len(y))
    return rows


def _draw(known: Tensor, share: float, seed: int, member: int, rows: int, *, pixels: bool) -> Tensor:
    """True for `share` of the known entries of the first `rows`, those with the smallest random words, and the same
    entries of the rows after them."""
    candidates = known[:rows].any(1, keepdim=True) if pixels else known[:rows]
    where = candidates.flatten().nonzero()[:, 0]
    words = streams.raw(seed, streams.HELDOUT, member, 0, len(where))
    chosen = where[torch.from_numpy(np.argsort(words, kind="stable")[: max(1, round(share * len(where)))].copy())]
    drawn = torch.zeros(candidates.numel(), dtype=torch.bool).index_fill_(0, chosen, True).reshape(candidates.shape)
    repeats = math.ceil(len(known) / max(rows, 1))
    return drawn.repeat(repeats, *[1] * (drawn.ndim - 1))[: len(known)] & known
