"""Which clip is the best by held-out data: the generator's, a baseline's, or a weighted mean of two of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ..operators import Data, map_data
from ..solver.problem import Problem
from .chance import is_chance
from .comparison import Baseline, Finished, heldout_decibels
from .coverage import MOST_UNJUDGED_SHARE, unjudged_share
from .verdict import ALIKE_DB

GENERATOR = "generator"

SHARE_STEP = 0.05
"""The share of the first clip is rounded to a multiple of this: held-out data does not tell it more exactly."""


@dataclass(frozen=True)
class Recommended:
    """The best clip by held-out data. share: of `first` in it, 0 to 1; baseline: whose clip has the rest;
    heldout_db: its level on held-out data; first: the generator, or a baseline."""

    share: float = 1.0
    baseline: str | None = None
    heldout_db: float = math.nan
    first: str = GENERATOR

    @property
    def name(self) -> str:
        """In words: generator, a baseline, or the mean of two of them."""
        if self.baseline is None or self.share == 1:
            return self.first
        return self.baseline if self.share == 0 else f"{self.share:.0%} {self.first}, the rest {self.baseline}"

    @staticmethod
    def named(name: str, heldout_db: float) -> Recommended:
        """The recommendation with this name, as it stands in a summary."""
        if name == GENERATOR:
            return Recommended(heldout_db=heldout_db)
        mean = re.fullmatch(r"(\d+)% (.+), the rest (.+)", name)
        return Recommended(int(mean[1]) / 100, mean[3], heldout_db, mean[2]) if mean else _alone(name, heldout_db)

    def sentence(self, peak_db: float) -> str:
        """What the verdict says of it; nothing where it is the generator's. peak_db: the peak of its levels, in dB."""
        level = "" if math.isnan(self.heldout_db) else f" ({self.heldout_db + peak_db:.1f} dB)"
        return "" if self.name == GENERATOR else f"The clip that is recommended is {self.name}{level}."

    def of(self, generated: Tensor, baselines: Mapping[str, Baseline]) -> Tensor:
        """The clip, (T, C, H, W), of the generator's and the baselines', all in the same units."""
        first = generated if self.first == GENERATOR else baselines[self.first].clip.to(generated)
        if self.baseline is None or self.share == 1:
            return first
        other = baselines[self.baseline].clip.to(generated)
        if self.share == 0:
            return other
        own = isinstance(baselines, Finished) and other.dtype == first.dtype  # made anew: the mean may take its place
        return torch.lerp(other, first, self.share, out=other if own else None)


def _alone(name: str, heldout_db: float) -> Recommended:
    """A single clip, the generator's or a baseline's."""
    return Recommended(1.0 if name == GENERATOR else 0.0, None if name == GENERATOR else name, heldout_db)


def recommended(problem: Problem, frames: Tensor, heldout_db: float, baselines: Mapping[str, Baseline]) -> Recommended:
    """The best by held-out data. frames: of the generator, (T, C, H, W), refined where those that are delivered
    are, with their level; baselines: which, like them, have not seen that data.

    It is the mean of the two best where that is better than both, and not by chance, or where both are alike. No
    baseline is recommended where what was held out speaks for less than half of what is missing.
    """
    levels = {GENERATOR: heldout_db} | {name: b.heldout_db for name, b in baselines.items()}
    best = sorted((name for name, db in levels.items() if not math.isnan(db)), key=lambda name: -levels[name])
    if not baselines or not best or unjudged_share(problem) > MOST_UNJUDGED_SHARE:
        return Recommended(heldout_db=heldout_db)
    if len(best) == 1:
        return _alone(best[0], levels[best[0]])
    second, first = sorted(best[:2], key=lambda name: name == GENERATOR)
    clips = (frames if name == GENERATOR else baselines[name].clip for name in (first, second))
    pair = [problem.judged_data(clip) for clip in clips]
    share, level = _mixed(problem, pair, abs(levels[first] - levels[second]) <= ALIKE_DB)
    mixed = Recommended(share, second, level, first)
    return _alone(best[0], levels[best[0]]) if share in (0, 1) else mixed


def _mixed(problem: Problem, pair: list[Data], are_near: bool) -> tuple[float, float]:
    """The share of the first of two clips in their best mean, 0 or 1 for one alone, and the level of that mean.

    pair: what is judged of the data that the clips give, A x, of whose mean it is the mean.

    It is the weighted mean with the smallest held-out error, if that is better than both, and not by chance; else the
    plain one, where they are near each other, or both explain the data to the noise, and may differ by chance.
    """
    first, second = (problem.heldout_terms_of(made).double() for made in pair)
    if not bool(torch.isfinite(first.sum() + second.sum())):
        return 0.0, math.nan
    middle = _terms_of_mean(problem, pair, 0.5)
    share = _lowest(float(second.sum()), float(middle.sum()), float(first.sum()))
    if 0 < share < 1:
        terms = _terms_of_mean(problem, pair, share)
        gain = min(first, second, key=lambda end: float(end.sum())) - terms
        if float(gain.sum()) > 0 and not is_chance(gain):
            return share, heldout_decibels(float(terms.sum()), problem)
    are_near = are_near or all(problem.is_noise(float(end.sum())) for end in (first, second))
    if are_near and is_chance(second - first):
        return 0.5, heldout_decibels(float(middle.sum()), problem)
    return 0.0, math.nan


def _terms_of_mean(problem: Problem, pair: list[Data], share: float) -> Tensor:
    return problem.heldout_terms_of(map_data(partial(torch.lerp, weight=share), pair[1], pair[0])).double()


def _lowest(first: float, middle: float, last: float) -> float:
    """Where between 0 and 1 the parabola through these values at 0, 1/2 and 1 is lowest, rounded to SHARE_STEP."""
    bend = 2 * (first + last - 2 * middle)
    if bend <= 0:
        return 0.0 if first <= last else 1.0
    place = (3 * first + last - 4 * middle) / (2 * bend)
    return min(max(round(place / SHARE_STEP), 0), round(1 / SHARE_STEP)) * SHARE_STEP
