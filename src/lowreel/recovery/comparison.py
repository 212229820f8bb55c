"""Simpler methods on the same data: they run first, held-out data judges them, and a fit should do better."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..analysis.metrics import error_decibels
from ..baselines import quick_baselines, slow_baselines
from ..operators import tensors_of
from ..solver.losses import robust_spread
from ..solver.problem import Problem
from ..system.memory import trim_heap


@dataclass(frozen=True)
class Baseline:
    """A clip that a simpler method made of the same data, and its held-out error as dB with peak 1."""

    clip: Tensor
    heldout_db: float


class Finished(Mapping[str, Baseline]):
    """Baselines of which each clip, (T, C, H, W), is made of a kept one whenever it is asked for.

    finish: makes it of a copy, which it may change. Of a large recovery all of them at once, in full precision, would
    be a fifth of the memory.
    """

    def __init__(self, kept: Mapping[str, Baseline], finish: Callable[[Tensor], Tensor]):
        self.kept, self.finish = kept, finish

    def __getitem__(self, name: str) -> Baseline:
        kept = self.kept[name]
        return replace(kept, clip=self.finish(kept.clip.to(torch.float32, copy=True)))

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)


def levels_of(baselines: Mapping[str, Baseline]) -> dict[str, float]:
    """Held-out levels by name, without making clips that are made whenever they are asked for."""
    kept = baselines.kept if isinstance(baselines, Finished) else baselines
    return {name: baseline.heldout_db for name, baseline in kept.items()}


OnBaseline = Callable[[str, Baseline], None]
"""Called with a baseline and its name whenever one is better than those before: a first picture of the clip."""


def can_come_first(problem: Problem) -> bool:
    """Whether baselines can run before the fit: not where only its residuals tell how large the noise is."""
    return problem.noise.rms is not None


def noise_sigma(problem: Problem, frames: Tensor | None = None) -> float:
    """Standard deviation of the noise in units of y; where it is not known, that of the residuals of these frames.

    frames: (T, C, H, W), needed only where it is not known. By the median of the sizes of the held-out residuals:
    outliers hardly move it.
    """
    if problem.noise.rms is not None:
        return problem.noise.rms
    assert frames is not None
    entries = problem.known if problem.heldout is None else problem.heldout
    found = zip(*(tensors_of(t) for t in (problem.operator(frames), problem.data, entries)), strict=True)
    return max(float(robust_spread(f - y, e, 0.0)) for f, y, e in found)


def compared(
    problem: Problem,
    sigma: float,
    on_baseline: OnBaseline | None = None,
    finished: Callable[[Tensor], Tensor] | None = None,
) -> dict[str, Baseline]:
    """The quick baselines, fitted to the same data as the recovery, without the held-out part, and judged by it.

    sigma: of the noise, in units of y. on_baseline: given those that are better than the ones before, as `finished`,
    from (T, C, H, W) to the same shape, makes them. The clips are held in half
    precision, a sixteenth of a grey level of 255 off at most: several are kept while the fit goes on.
    """
    found: dict[str, Baseline] = {}
    bar = -math.inf
    for name, clip in quick_baselines(problem.data, problem.operator, problem.fitted, sigma=sigma):
        level = heldout_decibels(problem.heldout_error(clip), problem)
        found[name] = Baseline(clip.half(), level)
        if on_baseline is not None and (level > bar or len(found) == 1):
            on_baseline(name, Baseline(clip if finished is None else finished(clip), level))
        bar = max(bar, level)
        del clip  # while the next one is made
        trim_heap()
    return found


def compared_slowly(problem: Problem) -> dict[str, Baseline]:
    """The slow baselines."""
    clips = slow_baselines(problem.data, problem.operator, problem.fitted)
    return {name: Baseline(c, heldout_decibels(problem.heldout_error(c), problem)) for name, c in clips.items()}


def best_by_heldout(baselines: Mapping[str, Baseline]) -> str | None:
    """Name of the baseline with the highest level on held-out data; None where none has any."""
    known = {name: level for name, level in levels_of(baselines).items() if not math.isnan(level)}
    return max(known, key=known.__getitem__, default=None)


def finished_all(
    baselines: dict[str, Baseline], finish: Callable[[Tensor], Tensor], problem: Problem
) -> Mapping[str, Baseline]:
    """The same baselines with clips (T, C, H, W) in full precision, each made to agree with the data by `finish`: each
    time anew where that only puts in the pixels that are known, else once."""
    finished = Finished(baselines, finish)
    return finished if problem.operator.is_pixel_mask else dict(finished)


def heldout_decibels(error: float, problem: Problem) -> float:
    """Held-out error as dB with peak 1, as it is foretold for what is missing; the part that white noise of known size
    makes is taken off."""
    if problem.heldout is None or not math.isfinite(error):
        return math.nan
    return error_decibels(problem.gap_factor * problem.without_noise(error))
