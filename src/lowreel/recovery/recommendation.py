"""Which clip is the best by held-out data: the generator's, a baseline's, or a weighted mean of both."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ..solver.problem import Problem
from .comparison import Baseline, best_by_heldout, heldout_decibels
from .coverage import MOST_UNJUDGED_SHARE, unjudged_share
from .fit import STANDARD_ERRORS

GENERATOR = "generator"

ENOUGH_HOLES = 3
"""With fewer holes, or held-out numbers, no weighted mean is recommended."""

SHARE_STEP = 0.05
"""The share of the generator is rounded to a multiple of this: held-out data does not tell it more exactly."""


@dataclass(frozen=True)
class Recommended:
    """The best clip by held-out data. share: of the generator in it, 0 to 1; baseline: whose clip has the rest;
    heldout_db: its level on held-out data."""

    share: float = 1.0
    baseline: str | None = None
    heldout_db: float = math.nan

    @property
    def name(self) -> str:
        """In words: generator, a baseline, or the mean of both."""
        if self.baseline is None or self.share == 1:
            return GENERATOR
        return self.baseline if self.share == 0 else f"{self.share:.0%} {GENERATOR}, the rest {self.baseline}"

    @staticmethod
    def named(name: str, heldout_db: float) -> Recommended:
        """The recommendation with this name, as it stands in a summary."""
        if name == GENERATOR:
            return Recommended(heldout_db=heldout_db)
        mean = re.fullmatch(rf"(\d+)% {GENERATOR}, the rest (.+)", name)
        return Recommended(int(mean[1]) / 100, mean[2], heldout_db) if mean else Recommended(0.0, name, heldout_db)

    def sentence(self, peak_db: float) -> str:
        """What the verdict says of it; nothing where it is the generator's. peak_db: the peak of its levels, in dB."""
        level = "" if math.isnan(self.heldout_db) else f" ({self.heldout_db + peak_db:.1f} dB)"
        return "" if self.name == GENERATOR else f"The clip that is recommended is {self.name}{level}."

    def of(self, generated: Tensor, baselines: Mapping[str, Baseline]) -> Tensor:
        """The clip, (T, C, H, W), of the generator's and the baselines', all in the same units."""
        if self.baseline is None or self.share == 1:
            return generated
        other = baselines[self.baseline].clip.to(generated)
        return other if self.share == 0 else torch.lerp(other, generated, self.share)


def recommended(problem: Problem, frames: Tensor, heldout_db: float, baselines: Mapping[str, Baseline]) -> Recommended:
    """The best by held-out data. frames: of the generator, (T, C, H, W), with its level; baselines: which, like it,
    have not seen that data. No baseline is recommended where what was held out speaks for less than half of what is
    missing.
    """
    name = best_by_heldout(baselines)
    if name is None or unjudged_share(problem) > MOST_UNJUDGED_SHARE:
        return Recommended(heldout_db=heldout_db)
    bar = baselines[name].heldout_db
    single = Recommended(1.0, name, heldout_db) if heldout_db >= bar else Recommended(0.0, name, bar)
    mixed = _mixed(problem, frames, baselines[name].clip.float(), name)
    return mixed or single


def _mixed(problem: Problem, frames: Tensor, other: Tensor, name: str) -> Recommended | None:
    """The weighted mean of two clips with the smallest held-out error, if it is better than both, and not by chance."""
    ends = [problem.heldout_terms(clip).double() for clip in (other, frames)]
    if len(ends[0]) < ENOUGH_HOLES or not all(bool(torch.isfinite(terms).all()) for terms in ends):
        return None
    middle = float(problem.heldout_terms((frames + other) / 2).double().sum())
    share = _lowest(float(ends[0].sum()), middle, float(ends[1].sum()))
    if not 0 < share < 1:
        return None
    terms = problem.heldout_terms(torch.lerp(other, frames, share)).double()
    gain = min(ends, key=lambda end: float(end.sum())) - terms
    if float(gain.mean()) <= STANDARD_ERRORS * float(gain.std()) / math.sqrt(len(gain)):
        return None
    return Recommended(share, name, heldout_decibels(float(terms.sum()), problem))


def _lowest(first: float, middle: float, last: float) -> float:
    """Where between 0 and 1 the parabola through these values at 0, 1/2 and 1 is lowest, rounded to SHARE_STEP."""
    bend = 2 * (first + last - 2 * middle)
    if bend <= 0:
        return 0.0 if first <= last else 1.0
    place = (3 * first + last - 4 * middle) / (2 * bend)
    return min(max(round(place / SHARE_STEP), 0), round(1 / SHARE_STEP)) * SHARE_STEP
