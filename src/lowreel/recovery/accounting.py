"""From finished fits to a `Recovery`: made to agree with exact data, compared with the baselines, and judged."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..analysis.metrics import stated_peak_decibels
from ..data import UnknownNoise
from ..operators import Data, RealForm, project_onto_data, tensors_of, to_complex
from ..settings import RecoverSettings
from ..solver.problem import Problem
from ..system.memory import trim_heap
from .comparison import (
    Baseline,
    best_by_heldout,
    compared,
    compared_slowly,
    finished_all,
    heldout_decibels,
    noise_sigma,
)
from .judging import judged
from .levels import baselines_in_units, finished_in_units
from .policy import FitResult
from .preparation import Given
from .recommendation import Recommended, recommended
from .refinement import refinement
from .result import Recovery
from .search_plan import best_of
from .uncertainty import Others, can_tell_noise, scale_and_floor, uncertainty
from .verdict import Outcome


def accounted(
    problem: Problem, settings: RecoverSettings, found: FitResult, device: torch.device, quick: dict[str, Baseline]
) -> Recovery:
    """The result of the fits: made to agree with the data, compared with the baselines, and judged.

    problem: of the clip, on the CPU; found: what its fits came to; device: on which; quick: the quick baselines, where
    they were run before the fit.
    """
    trim_heap()  # what the fits have freed
    frames = found.representation.frames()
    if settings.baselines != "none" and not quick:
        quick = compared(problem, noise_sigma(problem, frames))
    if settings.baselines == "all" and found.outcome.kind != "stopped":
        quick = quick | compared_slowly(problem)
    own = _own_clip(problem, found, frames)
    trim_heap()  # what drawing large frames leaves in pieces
    heldout_db = heldout_decibels(own.error, problem)
    instead = _delivered_instead(found.outcome, heldout_db, quick)
    if instead is None:
        best = recommended(problem, own.judged, heldout_db, quick)
    else:
        best = Recommended(0.0, instead, quick[instead].heldout_db)
    baselines = finished_all(quick, partial(finish, problem=problem, in_place=True), problem)
    clip_range = _range_of(own.clip(problem) if instead is None else baselines[instead].clip, problem)
    verdict = judged(problem, found.outcome, found.steps, own.frames, own.judged, heldout_db, quick, clip_range)
    told = (
        best.sentence(stated_peak_decibels(*clip_range))
        if instead is None
        else f"The clip that is delivered is {instead}."
    )
    others = [] if instead else _others(problem, found, own)
    scale, floor = scale_and_floor(problem, own.judged, own.error, others) if others else (0.0, 0.0)
    own = replace(own, judged=own.frames)  # those that were judged are not needed any more
    trim_heap()
    sigma = uncertainty(problem, own.frames, scale, floor, others) if others else None
    return Recovery(
        clip=own.clip(problem, in_place=True) if instead is None else baselines[instead].clip,
        representation=found.representation,
        history=found.history,
        outcome=found.outcome,
        heldout_db=heldout_db,
        heldout_db_representation=heldout_decibels(found.error, problem) if own.is_refined else None,
        chosen=found.chosen,
        verdict=verdict.with_more(told),
        steps=found.steps,
        seconds=found.seconds,
        settings=settings,
        solver=found.solver,
        weight_decay=found.weight_decay,
        device=device.type,
        baselines=baselines,
        trials=found.trials,
        uncertainty=sigma,
        last_steps=found.last_steps,
        delivered=instead or "generator",
        clip_range=clip_range,
        recommended=best,
        trials_heldout_db=tuple(heldout_decibels(trial.error, problem) for trial in found.trials),
        gap_factor=1.0 if problem.heldout is None else problem.gap_factor,
    )


@dataclass(frozen=True)
class _Own:
    """The recovery's own clips, (T, C, H, W) each. frames: what the fits drew, or that refined; meets_data: whether
    they are made to agree with the data; judged: frames made in the same way that have not seen the held-out data, with
    `error` on it; finished: the frames as they are delivered, where that takes long."""

    frames: Tensor
    meets_data: bool
    judged: Tensor
    error: float
    is_refined: bool = False
    finished: Tensor | None = None

    def clip(self, problem: Problem, in_place: bool = False) -> Tensor:
        """The clip that is delivered. Where that only puts in the known pixels it is made anew each time, not held
        while all is judged; in place, of the frames, once these are not needed."""
        return _finished(self.frames, problem, self.meets_data, in_place) if self.finished is None else self.finished


def _own_clip(problem: Problem, found: FitResult, frames: Tensor) -> _Own:
    """The frames of the fits as they are delivered. Noisy scans are refined, but for a fit that diverged, and one that
    its user has stopped, who waits for it to end."""
    judged_frames = frames if found.judged is found.representation else found.judged.frames()
    outcome = found.outcome
    is_over = outcome.interrupted or outcome.kind == "diverged"
    refined = None if is_over else refinement(judged_frames, problem)
    meets_data = _meets_data(problem, judged_frames, None if refined is None else refined.error)
    if refined is None or meets_data:
        finished = None if problem.operator.is_pixel_mask else _finished(frames, problem, meets_data)
        return _Own(frames, meets_data, judged_frames, found.error, finished=finished)
    frames = refined.of(frames, problem)
    return _Own(frames, False, refined.judged, refined.error, is_refined=True, finished=frames)


def _range_of(clip: Tensor, problem: Problem) -> tuple[float, float]:
    """Lowest and highest grey level of a clip, (T, C, H, W) in [0, 1]; of the real form of a complex one the level of
    nothing, and that of a real number as large as its largest."""
    if not isinstance(problem.operator, RealForm):
        return float(clip.min()), float(clip.max())
    zero = problem.operator.zero_level
    return zero, zero + float(to_complex(clip - zero).abs().max())


def _delivered_instead(outcome: Outcome, heldout_db: float, baselines: dict[str, Baseline]) -> str | None:
    """Name of the baseline that is delivered in place of a fit that was stopped or diverged, where it is better on
    held-out data; else None. Whoever stops a fit, at any moment, gets no less than the best baseline."""
    name = best_by_heldout(baselines)
    if name is None or outcome.kind not in ("stopped", "diverged"):
        return None
    return None if heldout_db >= baselines[name].heldout_db else name


def _others(problem: Problem, found: FitResult, own: _Own) -> Others:
    """The other fits, by which standard deviations are told; none where they cannot be."""
    if not found.trials or not math.isfinite(own.error) or not can_tell_noise(problem):
        return []
    best = best_of(found.trials)
    return [(t.representation, t.error) for t in found.trials if t is not best and math.isfinite(t.error)]


def _meets_data(problem: Problem, frames: Tensor, error: float | None = None) -> bool:
    """Whether clips are made consistent with all data, the held-out part too.

    They are where the data is exact. Where nothing is known of the noise, it is tried with these frames (T, C, H, W)
    and the fitted part, and so it is if the held-out part then has less than this error, that of the frames if None;
    data that is pixels cannot tell.
    """
    if problem.noise.is_exact:
        return True
    if not isinstance(problem.noise, UnknownNoise) or problem.operator.is_pixel_mask or problem.heldout is None:
        return False
    error = problem.heldout_error(frames) if error is None else error
    return problem.heldout_error(_consistent(frames, problem, problem.fitted)) < error


def _consistent(frames: Tensor, problem: Problem, entries: Data, in_place: bool = False) -> Tensor:
    if in_place and problem.operator.is_pixel_mask:
        (pixels,), (known,) = tensors_of(problem.data), tensors_of(entries)
        return torch.where(known, pixels.to(frames), frames, out=frames).clamp_(0, 1)
    found = project_onto_data(frames, problem.operator, problem.data, entries)
    if isinstance(problem.operator, RealForm):  # white of these is an estimate
        return found
    return found.clamp(0, 1) if found is frames else found.clamp_(0, 1)


def finish(frames: Tensor, problem: Problem, in_place: bool = False) -> Tensor:
    """The frames (T, C, H, W) made consistent with all data, the held-out part too, where that helps.

    In [0, 1]; but what makes complex clips consistent may leave it, as their white is an estimate. in_place: whether
    the frames may be changed.

    It does where the data is exact, or, of unknown noise, agrees better with frames made so (`_meets_data`).
    """
    return _finished(frames, problem, _meets_data(problem, frames), in_place)


def _finished(frames: Tensor, problem: Problem, meets_data: bool, in_place: bool = False) -> Tensor:
    if meets_data:
        return _consistent(frames, problem, problem.known, in_place)
    return frames.clamp_(0, 1) if in_place else frames.clamp(0, 1)


def in_units(given: Given, found: Recovery) -> Recovery:
    """What was found in the units of the data."""
    if given.is_as_it_came:
        return found
    back = finished_in_units(given.in_units, given.stored, given.operator, given.noise)
    sigma = found.uncertainty
    if sigma is not None:  # of complex clips both parts have the same
        sigma = 2 * given.levels.scale * sigma[:, :1] if given.is_complex else given.levels.scale * sigma
    return replace(
        found,
        clip=back(found.clip),
        representation=replace(found.representation, is_complex=given.is_complex),
        baselines=baselines_in_units(back, found.baselines),
        uncertainty=sigma,
        levels=given.levels,
    )
