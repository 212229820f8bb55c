"""Held-out data: the part that is not fitted and judges the fit, so that no true clip is needed.

It is shaped like what is missing: holes where holes are missing, whole frames, whole lines of a spectrum, patterns from
coarse to fine; single numbers where what is missing is scattered. What lies together is one hole, of `holes`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..operators.arrangement import Arrangement, Lines, Ordered, Pixels
from ..operators.base import LinearOperator
from ..operators.tensors import Data, tensors_of
from ..settings import MOST_HELDOUT_SHARE
from ..system import streams
from ..system.as_tensor import tensor_of
from .distances import are_scattered
from .hole_cutting import LEAST_SHARE, cut_holes

FEW_NUMBERS = 8
"""The error at fewer held-out numbers says nothing about the clip."""

LINES_SHARE = 0.5
"""Share of the lines of a frame that is held out at most."""


def hold_out(
    operator: LinearOperator, share: float, seed: int = 0, *, known: Data | None = None, data: Data | None = None
) -> Data:
    """Booleans like the data: a seeded `share` of its `known` entries (the informative ones), about, at least one,
    never all.

    What belongs together by the operator (`LinearOperator.arrangements`) is held out together: under holes like those
    of a mask (`hole_cutting.cut_holes`), which may take more than the share to be a few; whole lines; one pattern of
    each stretch of those from coarse to fine. Everything else, and scattered pixels, one by one.

    Where the data is pixels, the channels of a pixel are held out together: they are too alike to judge each other.
    Where every part is measured alike and not in full (one set of patterns for all frames), the same entries of all
    parts are held out: those of a still picture would else be fitted through the other frames and judge nothing.
    What says the same as a held-out number is held out with it (`LinearOperator.with_redundant`), beyond the share.
    Of a stack a member with few numbers has more of them held out than the share (`_shares`).

    data: where it is pixels with holes between them, others are cut where about as much changes; None: anywhere.
    Raises InputError where nothing is left to fit or to judge.
    """
    observed_mask = operator.observed_mask() if known is None else known
    candidates = tensors_of(observed_mask)
    values = [None] * len(candidates) if data is None else tensors_of(data)
    chosen = tuple(
        _chosen(entries, y, arrangement, own, seed, member, rows, tuple(entries.shape) == operator.clip_shape)
        for member, (entries, y, arrangement, rows, own) in enumerate(
            zip(
                candidates,
                values,
                operator.arrangements(),
                operator.repeated_rows(candidates),
                _shares(candidates, share),
                strict=True,
            )
        )
    )
    chosen = tuple(
        both & entries for both, entries in zip(_with_twins(operator, observed_mask, chosen), candidates, strict=True)
    )
    left = any(bool((k & ~c).any()) for k, c in zip(candidates, chosen, strict=True))
    if not left or not any(bool(c.any()) for c in chosen):
        raise InputError(f"held-out data: {share:g} of so few measurements leaves nothing to fit or to judge")
    return chosen if isinstance(observed_mask, tuple) else chosen[0]


def _shares(candidates: tuple[Tensor, ...], share: float) -> list[float]:
    """The share of each member of a stack: as many numbers of each, but none less than this share, or more of it than
    MOST_HELDOUT_SHARE. A few may say all that the many others do not."""
    counts = [max(int(entries.sum()), 1) for entries in candidates]
    even = share * sum(counts) / len(counts)
    return [max(share, min(even / count, MOST_HELDOUT_SHARE)) for count in counts]


def held_out_by(holdout: Any, operator: LinearOperator, known: Data) -> Data:
    """Booleans like the data: the known entries that somebody's own `holdout` names, True (or 1) = held out.

    Its shape is that of the data, or a tuple of such; where the data is pixels also (T, H, W), (T, 1, H, W) or (H, W).
    Raises InputError for another shape, for other numbers, and where nothing is left to fit or to judge.
    """
    given = tuple(holdout) if isinstance(known, tuple) else (holdout,)
    members = tensors_of(known)
    if len(given) != len(members):
        raise InputError(f"holdout: expected {len(members)} tensors like the data, got {len(given)}")
    held = tuple(_as_entries(tensor_of(h, "holdout"), k) for h, k in zip(given, members, strict=True))
    if not any(bool(h.any()) for h in held):
        raise InputError("holdout: it names none of the numbers that were measured; True (white) = held out")
    if all(bool((h == k).all()) for h, k in zip(held, members, strict=True)):
        raise InputError("holdout: it names all numbers that were measured, so that nothing is left to fit")
    return held if isinstance(known, tuple) else held[0]


def _as_entries(given: Tensor, known: Tensor) -> Tensor:
    frames, (height, width) = len(known), known.shape[-2:] if known.ndim == 4 else (0, 0)
    shapes = {tuple(known.shape), (frames, 1, height, width), (frames, height, width), (height, width)}
    if tuple(given.shape) not in (shapes if known.ndim == 4 else {tuple(known.shape)}):
        kind = "" if known.ndim == 4 else "; a mask of pixels is for data that is pixels"
        raise InputError(
            f"holdout: expected the shape of the data, {tuple(known.shape)}, got {tuple(given.shape)}{kind}"
        )
    if not bool(((given == 0) | (given == 1)).all()):
        raise InputError("holdout: expected True (held out) and False, or 1 and 0")
    entries = given.bool().cpu()
    entries = entries if entries.ndim == known.ndim else entries.reshape(-1, 1, height, width)
    return entries.to(known.device) & known


def holes(operator: LinearOperator, heldout: Data, known: Data) -> tuple[Tensor | None, ...]:
    """For each tensor of the data the number of the hole of each of its held-out entries, (N,); None: each is its own.

    Errors in one hole are alike, so that holes, and not numbers, are what a mean error is as sure as.
    """
    parts = zip(operator.arrangements(), *map(tensors_of, (heldout, known)), strict=True)
    return tuple(_holes(arrangement, held.cpu(), entries.cpu()) for arrangement, held, entries in parts)


def _holes(arrangement: Arrangement, held: Tensor, known: Tensor) -> Tensor | None:
    if isinstance(arrangement, Ordered):
        return held.nonzero()[:, -1]
    if isinstance(arrangement, Lines):
        return _pieces(arrangement, len(held)).expand(held.shape)[held]
    if isinstance(arrangement, Pixels) and held.ndim == 4 and any(not _are_scattered(k) for k in _masks(known)):
        from scipy.ndimage import label

        within_frames = np.zeros((3, 3, 3), bool)
        within_frames[1] = True
        numbers, _ = label(held.any(1).numpy(), within_frames)
        return torch.from_numpy(numbers)[:, None].expand(held.shape)[held].long()
    return None


def _pieces(arrangement: Lines, count: int) -> Tensor:
    """The piece of its line of each entry of so many frames, (T, 1, H, W); those of a line have the numbers from a
    multiple of `pieces` on.

    The first has the entries around the middle of the line, the others those farther out, on both sides.
    """
    numbers, pieces = arrangement.numbers.cpu().expand(count, -1, -1, -1), arrangement.pieces
    frames = torch.arange(count).view(-1, 1, 1, 1)
    lines = (frames * (int(numbers.max()) + 2) + numbers + 1).flatten()
    _, which, counts = torch.unique(lines, return_inverse=True, return_counts=True)
    order = torch.argsort(which, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order)) - (counts.cumsum(0) - counts)[which[order]]
    from_middle = (2 * place + 1 - counts[which]).abs()
    found: Tensor = pieces * lines + pieces * from_middle // counts[which]
    return found.reshape(numbers.shape)


def _with_twins(operator: LinearOperator, like: Data, chosen: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tensors_of(operator.with_redundant(chosen if isinstance(like, tuple) else chosen[0]))


def _chosen(
    known: Tensor,
    values: Tensor | None,
    arrangement: Arrangement,
    share: float,
    seed: int,
    member: int,
    rows: int,
    is_clip: bool,
) -> Tensor:
    """Entries of one tensor of the data, drawn in its first `rows`, and the same ones of the rows after them."""
    first = known[:rows]
    if isinstance(arrangement, Pixels) and known.ndim == 4:
        drawn = _under_holes(first, None if values is None else values[:rows], share, seed, member)
    elif isinstance(arrangement, Lines):
        drawn = _on_lines(first, arrangement.numbers[:rows], share, seed, member)
    elif isinstance(arrangement, Ordered):
        drawn = _in_order(first, share, seed, member)
    else:
        drawn = None
    if drawn is None:
        drawn = _one_by_one(first, share, seed, member, together=is_clip)
    repeats = math.ceil(len(known) / max(rows, 1))
    return drawn.repeat(repeats, *[1] * (drawn.ndim - 1))[: len(known)] & known


def _one_by_one(known: Tensor, share: float, seed: int, member: int, *, together: bool) -> Tensor:
    """True for `share` of the entries, those with the smallest random words. together: all channels of a pixel."""
    candidates = known.any(1, keepdim=True) if together else known
    where = candidates.flatten().nonzero()[:, 0]
    words = streams.raw(seed, streams.HELDOUT, member, 0, len(where))
    first = torch.from_numpy(np.argsort(words, kind="stable")[: max(1, round(share * len(where)))].copy())
    chosen = where[first.to(where.device)]
    drawn = torch.zeros(candidates.numel(), dtype=torch.bool, device=where.device)
    return drawn.index_fill_(0, chosen, True).reshape(candidates.shape)


def _under_holes(known: Tensor, values: Tensor | None, share: float, seed: int, member: int) -> Tensor | None:
    """Pixels under holes like those of the mask, (T, C or 1, H, W); None where it has none, or none that fits.

    Where each channel has holes of its own so has each what is held out of it.
    """
    masks = _masks(known)
    found = []
    for channel, mask in enumerate(masks):
        draw = streams.generator(seed, streams.HELDOUT, member, 1 + channel)
        own = None if values is None else values.mean(1) if len(masks) == 1 else values[:, channel]
        levels = None if own is None else own.float().cpu().numpy()
        held = None if _are_scattered(mask) else cut_holes(mask.cpu().numpy(), share, draw, levels)
        found.append(torch.zeros_like(mask) if held is None else torch.from_numpy(held).to(mask.device))
    return torch.stack(found, 1) if any(bool(held.any()) for held in found) else None


def _masks(known: Tensor) -> list[Tensor]:
    """The mask of each channel, (T, H, W), or the one that all share."""
    alike = torch.equal(known, known[:, :1].expand_as(known))
    return [known[:, 0]] if alike else list(known.unbind(1))


def _are_scattered(mask: Tensor) -> bool:
    return are_scattered(mask.cpu().numpy())


def _on_lines(known: Tensor, numbers: Tensor, share: float, seed: int, member: int) -> Tensor | None:
    """Whole lines, in the order of their random words, until they are `share` of the entries, or LEAST_SHARE; None
    without lines."""
    frames = torch.arange(len(known), device=known.device).view(-1, 1, 1, 1)
    count = int(numbers.max()) + 1
    line = torch.where(known & (numbers >= 0), frames * count + numbers, -1)
    there, sizes = torch.unique(line[line >= 0], return_counts=True)
    words = streams.raw(seed, streams.HELDOUT, member, 0, len(there))
    most = {t: int(LINES_SHARE * n) for t, n in zip(*_counted(there // max(count, 1)), strict=True)}
    chosen: list[int] = []
    left = max(share, LEAST_SHARE) * int(known.sum())
    for k in np.argsort(words, kind="stable").tolist():
        t = int(there[k]) // count
        if left <= 0:
            break
        if most[t] > 0:
            most[t] -= 1
            left -= int(sizes[k])
            chosen.append(int(there[k]))
    return torch.isin(line, torch.tensor(chosen, device=line.device)) if chosen else None


def _counted(values: Tensor) -> tuple[list[int], list[int]]:
    different, counts = torch.unique(values, return_counts=True)
    return different.tolist(), counts.tolist()


def _in_order(known: Tensor, share: float, seed: int, member: int) -> Tensor:
    """One number of each of as many stretches of the last axis as make the share, the same of all channels.

    Without the first number, the coarsest, as nothing as coarse is ever missing.
    """
    candidates = known.any(1, keepdim=True) if known.ndim == 3 else known
    *shape, length = candidates.shape
    count, finer = max(1, round(share * length)), max(length - 1, 1)
    words = streams.uniforms(seed, streams.HELDOUT, member, count * math.prod(shape)).reshape(-1, count)
    places = length - finer + np.floor((np.arange(count) + words) * finer / count).astype(np.int64)
    drawn = torch.zeros(math.prod(shape), length, dtype=torch.bool)
    drawn.scatter_(1, torch.from_numpy(places).clamp_max(length - 1), True)
    return drawn.reshape(candidates.shape).to(known.device)
