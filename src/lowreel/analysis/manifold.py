"""The path of a clip's codes: does it keep the order of the frames, which frames lie between, where it bends.

Codes are (T, K) or coefficients (T, r) in what follows; distances are the same in both where the basis is orthonormal.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..model.latents import places
from ..operators import LinearOperator, tensors_of


@dataclass(frozen=True)
class Order:
    """Where a path keeps the order of its frames.

    kept: for each step from one frame to the next, whether no other frame lies between the two; neighbours: pairs of
    frames that are next to each other on the path but not in time.
    """

    kept: tuple[bool, ...]
    neighbours: tuple[tuple[int, int], ...]

    @property
    def is_kept(self) -> bool:
        """Whether the whole path is in order."""
        return all(self.kept)

    @property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """First and last frame of each part that is in order, two frames at least."""
        found, start = [], 0
        for step, kept in enumerate((*self.kept, False)):
            if not kept:
                if step > start:
                    found.append((start, step))
                start = step + 1
        return tuple(found)

    @property
    def longest(self) -> tuple[int, int]:
        """The longest part in order; one frame where there is none."""
        return max(self.stretches, key=lambda ends: ends[1] - ends[0], default=(0, 0))


BETWEEN_SHARE = 0.99
"""Share of the ball's radius within which another frame counts as between: less than 1 for codes that coincide."""


def order_along(codes: Tensor) -> Order:
    """Where the path z_1, z_2, ... of codes (T, K) keeps the order of the frames.

    Another frame lies between z_t and z_(t+1) where it is in the ball with these two at opposite ends (no edge of the
    Gabriel graph joins them); on a line that is where the positions in between are taken.
    """
    kept, neighbours = [], []
    points = codes.double()
    for t, (a, b) in enumerate(itertools.pairwise(points)):
        distances = (points - (a + b) / 2).norm(dim=1)
        distances[[t, t + 1]] = math.inf
        kept.append(bool(distances.min() >= BETWEEN_SHARE * (b - a).norm() / 2))
        if not kept[-1]:
            inside = distances < BETWEEN_SHARE * (b - a).norm() / 2
            away = (points - a).norm(dim=1).masked_fill(~inside, math.inf)
            nearest = int(away.argmin())
            neighbours.append((min(t, nearest), max(t, nearest)))
    return Order(tuple(kept), tuple(dict.fromkeys(pair for pair in neighbours if pair[1] - pair[0] > 1)))


UNLIKE_SHARE = 0.95
"""Part of the mean squared distance of any two frames; frames that follow each other are closer, but in noise."""

FITTED_UNLIKE_SHARE, FITTED_ROUGHNESS = 0.25, 0.6
"""The same of what a generator makes of noise, which it smooths, and the correlation of neighbouring pixels: of a clip
of noise 0.38 and 0.41, of a moving spot 0.23 and 1.00, the latter of the demo clip 0.91."""


def are_as_noise(frames: Tensor) -> bool:
    """Whether frames, (T, C, H, W), are those of noise: each differs from the next about as much as any two of them do;
    or, as a generator smooths noise, somewhat less, and neighbouring pixels hardly move together.

    Of fewer than three there is nothing to tell. Any two are as far apart as twice their variance, on average.
    """
    if len(frames) < 3:
        return False
    moved = frames.double() - frames.double().mean(0)
    following = float((moved[1:] - moved[:-1]).square().sum()) / (len(frames) - 1)
    share = following / max(2 * float(moved.square().sum()) / (len(frames) - 1), 1e-30)
    return share >= UNLIKE_SHARE or (share >= FITTED_UNLIKE_SHARE and _alikeness(moved) < FITTED_ROUGHNESS)


def _alikeness(moved: Tensor) -> float:
    """Correlation of neighbouring pixels of (T, C, H, W), which are 0 on average over T; 1 where there are none."""
    pairs = [(moved[..., 1:], moved[..., :-1]), (moved[..., 1:, :], moved[..., :-1, :])]
    found = [float((a * b).mean()) for a, b in pairs if a.numel()]
    return sum(found) / len(found) / max(float(moved.square().mean()), 1e-30) if found else 1.0


AS_NOISE = (
    "Frames that follow each other are hardly more alike than any two of the clip, as in noise: an order along the "
    "path would say nothing."
)


def order_sentence(order: Order, names: Sequence[int] | None = None) -> str:
    """What to tell a user who wants to draw frames between; names: numbers of the frames, 0, 1, ... if None."""

    def name(frame: int) -> int:
        return frame if names is None else names[frame]

    if order.is_kept:
        return "The path of the codes keeps the order of the frames."
    told = "The path of the codes keeps the order of the frames only in places"
    pairs = [f"{name(a)} and {name(b)}" for a, b in order.neighbours]
    if pairs:
        others = f", as are {', '.join(pairs[1:3])}" if len(pairs) > 1 else ""
        more = f" (and {len(pairs) - 3} more pairs)" if len(pairs) > 3 else ""
        told += f": frames {pairs[0]} are neighbours on the path{others}{more}"
    told += "."
    first, last = order.longest
    if last - first < 2:
        return f"{told} No stretch of it is in order: frames between may look like other parts of the clip."
    return f"{told} Between frames {name(first)} and {name(last)} it is in order: --between {name(first)} {name(last)}."


def spearman(values: Tensor, order: Tensor | Sequence[float]) -> float:
    """Spearman's rank correlation of the positions along a line, (T,), with the order of the frames, -1 to 1."""
    from scipy.stats import spearmanr

    return float(spearmanr(np.asarray(values, dtype=float), np.asarray(order, dtype=float)).statistic)


def circular_correlation(first: Tensor, second: Tensor) -> float:
    """Correlation of two series of angles (T,) in radians, -1 to 1, by Jammalamadaka and SenGupta.

    sum sin(a - a0) sin(b - b0) / sqrt(sum sin^2(a - a0) sum sin^2(b - b0)), a0 and b0 the mean directions.
    """
    from scipy.stats import circmean

    a, b = (np.sin(angles - circmean(angles)) for angles in (np.asarray(first, float), np.asarray(second, float)))
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))


@dataclass(frozen=True)
class Embedding:
    """Codes seen in their first principal directions.

    coordinates: (T, d), the largest spread first; singular_values: of the codes less their mean, in the units of the
    codes, all of them.
    """

    coordinates: Tensor
    singular_values: Tensor


def embedded(codes: Tensor, dimensions: int = 3) -> Embedding:
    """The codes, (T, K), in their first principal directions; as many as there are, at most `dimensions`.

    The direction of each is such that the codes move to larger values in time, by and large.
    """
    u, s, _ = torch.linalg.svd(codes.double() - codes.double().mean(0), full_matrices=False)
    coordinates = u[:, :dimensions] * s[:dimensions]
    time = torch.arange(len(codes), dtype=torch.float64) - (len(codes) - 1) / 2
    turned = torch.where(time @ coordinates < 0, -1.0, 1.0)
    return Embedding(coordinates * turned, s)


def frames_without_data(operator: LinearOperator) -> list[int]:
    """Frames of which the data says nothing, such as those that a mask leaves out altogether."""
    known = tensors_of(operator.observed_mask())
    parts = operator.parts()
    if any(len(entries) != len(parts) for entries in known):
        return []
    blank = [k for k in range(len(parts)) if not any(bool(entries[k].any()) for entries in known)]
    return sorted(frame for k in blank for frame in parts[k].frames)


MISSING_FRAME_STEPS = 1.9
"""Usual steps from which on one hides a missing frame; those of a film shown on television are 1.5 times as long."""


def gaps_in(times: Tensor) -> list[float]:
    """Seconds at which frames are missing: where a step is of about twice the usual length or more, evenly inside.

    times: seconds of the frames that are there, (T,), rising.
    """
    steps = times.diff()
    if not len(steps):
        return []
    usual = float(steps.median())
    found: list[float] = []
    for start, step in zip(times[:-1].tolist(), steps.tolist(), strict=True):
        count = round(step / usual) if step > MISSING_FRAME_STEPS * usual else 1
        found += [start + step * k / count for k in range(1, count)]
    return found


def evenly(times: Tensor, count: int, between: tuple[int, int] | None = None) -> Tensor:
    """`count` times, the first and the last those of two frames, of the first and the last one if None.

    times: seconds of the frames, (T,), rising; what is returned too, (count,). Raises InputError for frames that are
    not there, or not in this order.
    """
    first, last = between or (0, len(times) - 1)
    if not 0 <= first < last < len(times):
        raise InputError(
            f"between: expected two frames of 0 to {len(times) - 1}, the earlier one first, got {first} and {last}"
        )
    return torch.linspace(float(times[first]), float(times[last]), count, dtype=torch.float64)


def cross_faded(clip: Tensor, times: Tensor, at: Tensor) -> Tensor:
    """What a user would try first: the frames before and after, mixed by their distance in time; (N, C, H, W)."""
    left, share = places(times, at)
    return torch.lerp(clip[left], clip[left + 1], share.to(clip)[:, None, None, None])


def nearest(clip: Tensor, times: Tensor, at: Tensor) -> Tensor:
    """The frame nearest in time, (N, C, H, W)."""
    left, share = places(times, at)
    return clip[left + (share > 0.5)]
