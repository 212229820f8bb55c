"""Does an operator tell the four pixels of each square of 2x2 apart?"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..system import streams
from .base import LinearOperator
from .tensors import Data, inner

PROBE_RUNS, RUN_PARTS = 2, 4
"""Runs of neighbouring parts that are looked at, in longer clips, and how many parts each has: of fields of half the
rows, which alternate, both."""

PROBE_SPACING = 16
"""Pixels from one random number of the field that is looked through to the next."""

FIELD = 2**20
"""Where the numbers of the field stand in their stream: beyond all frames."""

LEAST_EIGENVALUE_SHARE = 0.5
"""Of the mean one that the least eigenvalue has to reach: it is 0.8 to 1 with random pixels, projections and masks, and
0 to 0.3 where high frequencies or a colour's pixels are not measured (docs/choices.md)."""


@torch.no_grad()
def tells_subpixels_apart(operator: LinearOperator) -> bool:
    """Whether what a generator puts into one of the four pixels of a square and not into the others shows in the data.

    A smooth random field is given to one of the four alone at a time, x_i, and seen through the operator. The matrix
    <A x_i, A x_j> has one eigenvalue only for random pixels; one of zero, where some pattern of the four is not
    measured: the other colours' pixels of a mosaic, or frequencies that blur, coarse pixels and scanners leave out. The
    worst channel counts, and of a clip whose field is not seen at all, or whose sides are of one pixel, nothing is told
    apart.
    """
    count = len(operator.parts())
    if count > PROBE_RUNS * RUN_PARTS:
        firsts = [(2 * run + 1) * count // (2 * PROBE_RUNS) - RUN_PARTS // 2 for run in range(PROBE_RUNS)]
        operator = operator.subset([first + k for first in firsts for k in range(RUN_PARTS)])
    field = _field(operator)
    return all(
        _least_share(operator, field, channel) >= LEAST_EIGENVALUE_SHARE for channel in range(operator.clip_shape[1])
    )


def _least_share(operator: LinearOperator, field: Tensor, channel: int) -> float:
    """The least of the four eigenvalues over the mean one, of a channel; 0 where all of them are."""
    seen = [_seen(operator, field, channel, *place) for place in itertools.product(range(2), repeat=2)]
    gram = torch.zeros(len(seen), len(seen), dtype=torch.float64)
    for (i, one), (j, other) in itertools.combinations_with_replacement(enumerate(seen), 2):
        gram[i, j] = gram[j, i] = float(inner(one, other))
    mean = float(gram.trace()) / len(seen)
    return float(torch.linalg.eigvalsh(gram)[0]) / mean if mean > 0 else 0.0


def _seen(operator: LinearOperator, field: Tensor, channel: int, row: int, column: int) -> Data:
    """Data of a field in the pixels of this row and column of each square, in one channel."""
    clip = torch.zeros(operator.clip_shape)
    own = clip[:, channel, row::2, column::2]
    own.copy_(field[:, : own.shape[1], : own.shape[2]])
    seen: Data = operator(clip)
    return seen


def _field(operator: LinearOperator) -> Tensor:
    """A number for each square, (T, h, w), smooth and random."""
    frames, _, height, width = operator.clip_shape
    size = [math.ceil(side / 2) for side in (height, width)]
    coarse = [math.ceil(side / PROBE_SPACING) for side in (height, width)]
    drawn = streams.normals(0, streams.PROBE, FIELD, range(frames), math.prod(coarse))
    field = torch.from_numpy(drawn).view(frames, 1, *coarse)
    found: Tensor = interpolate(field, size, mode="bilinear", align_corners=False)[:, 0]
    return found
