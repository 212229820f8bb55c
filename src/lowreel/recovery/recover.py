"""The public `recover`: choose, fit, keep the best by held-out data, finish with data consistency, account."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from ..analysis.metrics import stated_peak_decibels
from ..data import Noise, UnknownNoise, hold_out
from ..model.generators import Generator
from ..model.representation import Representation
from ..operators import (
    Data,
    RealForm,
    project_onto_data,
    to_complex,
)
from ..settings import LEAST_HELDOUT_SHARE, Candidate, Precision, RecoverKeywords, RecoverSettings
from ..solver.problem import Problem, check_same, identity
from ..system.devices import CPU, device_of
from ..system.memory import parse_bytes, trim_heap
from .comparison import (
    Baseline,
    OnBaseline,
    best_by_heldout,
    can_come_first,
    compared,
    compared_slowly,
    finished_all,
    heldout_decibels,
    noise_sigma,
)
from .cost import check_fits
from .fit import Callback, Progress, Score
from .judging import judged
from .levels import baselines_in_units, finished_in_units, scored_in_units, told_in_units
from .policy import FitResult, fit_chosen, fit_once, in_place_of, planned, with_precision
from .preparation import Given, checked_settings, given_data, posed
from .recommendation import Recommended, recommended
from .result import Recovery
from .search import varied
from .search_plan import Search, best_of
from .uncertainty import can_tell_noise, uncertainty
from .verdict import Outcome
from .warm_start import Neighbour, continued, fewer_rounds


def recover(
    y: Data | np.ndarray | Given,
    A: Any,
    settings: RecoverSettings | None = None,
    *,
    clip_shape: Sequence[int] | None = None,
    noise: float | Noise | Mapping[str, Any] | None = 0.0,
    generator: Generator | str | None = None,
    times: Tensor | Sequence[float] | None = None,
    sequences: Sequence[int] = (),
    beta: Tensor | None = None,
    callback: Callback | None = None,
    resume: Progress | None = None,
    score: Score | None = None,
    choice: Candidate | None = None,
    on_baseline: OnBaseline | None = None,
    neighbour: Neighbour | None = None,
    levels: Sequence[float] | None = None,
    holdout: Any = None,
    **choices: Unpack[RecoverKeywords],
) -> Recovery:
    """Recover the clip x from y = A x + e.

    choices: fields of `RecoverSettings` by name, as in `recover(y, A, rank=4)`, in place of those of `settings`.

    y: data, an array or tensor in the operator's shape; of pixels also a masked array. A: the operator, ours or what
    `as_linear_operator` takes: a matrix, another library's, a tuple of NumPy functions. clip_shape: (T, C, H, W), of an
    operator that does not say it. noise: standard deviation of the noise, in units of y; 0 means that the data is
    exact and the clip will agree with it, None that nothing is known of it; or what a maker of noise or a data
    file says of it. times: seconds of the frames (25 a second if None). sequences: lengths of stretches without a cut.
    beta: weights of eq. (6). callback: called after every round; a KeyboardInterrupt ends the fit with the best so far.
    resume: what `callback` was last given, to go on from there. score: a number of the frames, such as their PSNR
    against a true clip, that is noted in the history and takes part in no choice. choice: what held-out data chose
    before for data of the same kind (`Recovery.choice`); the search over settings is then left out. on_baseline: called
    with a name and a baseline's clip before the fit begins, whenever one is better than those before. neighbour:
    another stretch of the same clip, from which the fit starts, with fewer rounds, where nothing is left to choose and
    its generator is of the same size. levels: white less black, and black, in the units of the data; None finds them:
    [0, 1] unless the data cannot be of such a clip. Then the clips of the result, and its standard deviations, are in
    the units of the data (`Recovery.levels`); those of the representation are in [0, 1]. Complex clips, where the
    operator takes such, have levels (white,), the size that no number exceeds. holdout: what of the data is held out to
    judge the result, in place of what `data.hold_out` chooses: booleans like the data; where it is pixels also
    (T, H, W), (T, 1, H, W) or (H, W), the same for all channels.

    The fit, and the tensors that `callback` sees of it, are on `settings.device`; what is returned is on the CPU.
    Raises InputError for a device that this machine lacks, data that does not fit the operator or is not finite, an
    operator whose adjoint is wrong, and settings that do not fit the clip.
    """
    settings, generator = checked_settings(settings, choices, generator)
    device = device_of(settings.device)
    given = y if isinstance(y, Given) else given_data(y, A, noise, clip_shape, levels)
    score, on_baseline, callback = _as_asked(given, score, on_baseline, callback)
    problem = posed(given, settings, generator=generator, times=times, sequences=sequences, beta=beta, holdout=holdout)
    ready = with_precision(problem.on(device), settings, resume)
    if neighbour is not None:
        problem, ready, choice = _from_neighbour(problem, ready, choice, neighbour)
    plan, needs = planned(problem, ready, given=generator is not None, resume=resume, choice=choice)
    check_fits(needs, None if settings.memory is None else parse_bytes(settings.memory))
    fits = _Fits(ready, device, choice, callback, score, own_holdout=holdout is not None)
    found, problem, quick = fits.all(problem, plan, resume, on_baseline)
    return _in_units(given, _accounted(problem, settings, found.on(CPU), device, quick))


def _from_neighbour(
    problem: Problem, settings: RecoverSettings, choice: Candidate | None, neighbour: Neighbour
) -> tuple[Problem, RecoverSettings, Candidate | None]:
    """The problem, the settings and the choice of a fit that starts from a neighbour; as they are where it cannot."""
    if not settings.continues or (choice is None and settings.searches):
        return problem, settings, choice
    warm = continued(problem if choice is None else varied(problem, choice), neighbour)
    if warm is None:
        return problem, settings, choice
    return warm, fewer_rounds(warm, settings), choice and choice.going_on()


def _as_asked(
    given: Given, score: Score | None, on_baseline: OnBaseline | None, callback: Callback | None
) -> tuple[Score | None, OnBaseline | None, Callback | None]:
    """What is called while a clip is recovered, given clips as they were asked for: in units of the data, complex."""
    if given.is_as_it_came:
        return score, on_baseline, callback
    if given.is_complex and callback is not None:
        callback = partial(_shown_complex, callback)
    return scored_in_units(given.in_units, score), told_in_units(given.in_units, on_baseline), callback


def _in_units(given: Given, found: Recovery) -> Recovery:
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


@dataclass
class _Fits:
    """The fits of a recovery on a device, all within the time of the settings, which the baselines do not count to.

    own_holdout: whether the user has said what is held out, so that it stays.
    """

    settings: RecoverSettings
    device: torch.device
    choice: Candidate | None
    callback: Callback | None
    score: Score | None
    own_holdout: bool = False
    begun: float = 0.0

    def all(
        self, problem: Problem, plan: Search | None, resume: Progress | None, on_baseline: OnBaseline | None
    ) -> tuple[FitResult, Problem, dict[str, Baseline]]:
        """What the fits have come to, the problem that the last of them was of, and the quick baselines.

        These come first, to be shown. plan: the search; None for one fit alone.
        """
        if plan is None and not self.own_holdout:
            problem = _with_least_held_out(problem, self.settings)
        if resume is not None:
            _check_same_data(problem, self.settings, resume)
        quick = _quick(problem, self.settings, on_baseline)
        resume = self._connected(resume)
        self.begun = time.monotonic()
        found = self.single(problem, resume) if plan is None else self.chosen(problem, plan, resume)
        if not found.is_short:
            return found, problem, quick
        if not self.own_holdout:  # the search had no time: a single fit, whose data is held out in another way
            problem = _with_least_held_out(problem, self.settings)
        quick = _quick(problem, self.settings, None)
        return in_place_of(found, self.single(problem, None)), problem, quick

    def _connected(self, resume: Progress | None) -> Progress | None:
        """Put what goes on onto the device, and let callbacks see what is on the CPU."""
        if self.callback is not None:
            self.callback = partial(_shown, self.callback, self.settings.solver().precision)
        if self.device != CPU:
            self.callback, resume, self.score = _across(self.device, self.callback, resume, self.score)
        return resume

    def chosen(self, problem: Problem, plan: Search, resume: Progress | None) -> FitResult:
        """The search and the last fit."""
        settings = self.settings.model_copy(update={"time": self._left()})
        return fit_chosen(problem.on(self.device), settings, plan, self.callback, resume, self.score)

    def single(self, problem: Problem, resume: Progress | None) -> FitResult:
        """One fit without a search."""
        solver = self.settings.solver()
        if self.choice is not None and self.settings.searches:
            problem, solver = varied(problem, self.choice), self.choice.solver(solver)
        return fit_once(problem.on(self.device), solver, self._left(), self.callback, resume, self.score)

    def _left(self) -> float | None:
        limit = self.settings.time
        return None if limit is None else max(limit - (time.monotonic() - self.begun), 0.0)


def _check_same_data(problem: Problem, settings: RecoverSettings, resume: Progress) -> None:
    """Raise InputError where what goes on was begun with other data or another operator: before files are written."""
    known = [resume.state.identity, *(trial.identity for trial in resume.trials)]
    known += [resume.trunk.state.identity] if resume.trunk else []
    saved = next((one for one in known if one), None)
    if saved is not None:
        here = identity(problem, settings.solver())
        check_same({what: here[what] for what in ("data", "operator")}, saved)


def _quick(problem: Problem, settings: RecoverSettings, on_baseline: OnBaseline | None) -> dict[str, Baseline]:
    """The quick baselines, where they are wanted and can be run before the fit."""
    if settings.baselines == "none" or not can_come_first(problem):
        return {}
    found = compared(problem, noise_sigma(problem), on_baseline, partial(finish, problem=problem))
    trim_heap()
    return found


def _shown_complex(callback: Callback, progress: Progress) -> None:
    """Show where a run stands, its frames complex."""
    now = progress.now
    callback(progress if now is None else replace(progress, now=lambda: replace(now(), is_complex=True)))


def _shown(callback: Callback, precision: Precision, progress: Progress) -> None:
    """Show where a run stands, with the precision that it was begun in."""
    callback(replace(progress, precision=precision))


def _across(
    device: torch.device, callback: Callback | None, resume: Progress | None, score: Score | None
) -> tuple[Callback | None, Progress | None, Score | None]:
    """What connects a fit on a device with its caller: what it goes on from is there, what it shows is on the CPU."""
    if resume is not None:
        resume = replace(resume, trials=tuple(trial.on(device) for trial in resume.trials))

    def shown(progress: Progress) -> None:
        assert callback is not None
        now = progress.now
        callback(progress if now is None else replace(progress, now=partial(_drawn, now)))

    def scored(frames: Tensor) -> float:
        assert score is not None
        return score(frames.cpu())

    return callback and shown, resume, score and scored


def _drawn(now: Callable[[], Representation]) -> Representation:
    """What a state stands for, on the CPU."""
    return now().on(CPU)


def _accounted(
    problem: Problem, settings: RecoverSettings, found: FitResult, device: torch.device, quick: dict[str, Baseline]
) -> Recovery:
    """What was found, finished and compared with the baselines."""
    trim_heap()  # what the fits have freed
    frames = found.representation.frames()
    if settings.baselines != "none" and not quick:
        quick = compared(problem, noise_sigma(problem, frames))
    if settings.baselines == "all" and found.outcome.kind != "stopped":
        quick = quick | compared_slowly(problem)
    judged_frames, heldout_db = found.judged.frames(), heldout_decibels(found.error, problem)
    instead = _delivered_instead(found.outcome, heldout_db, quick)
    if instead is None:
        best = recommended(problem, judged_frames, heldout_db, quick)
    else:
        best = Recommended(0.0, instead, quick[instead].heldout_db)
    baselines = finished_all(quick, partial(finish, problem=problem))
    clip = finish(frames, problem) if instead is None else baselines[instead].clip
    clip_range = _range_of(clip, problem)
    verdict = judged(problem, found.outcome, found.steps, frames, judged_frames, heldout_db, quick, clip_range)
    told = (
        best.sentence(stated_peak_decibels(*clip_range))
        if instead is None
        else f"The clip that is delivered is {instead}."
    )
    return Recovery(
        clip=clip,
        representation=found.representation,
        history=found.history,
        outcome=found.outcome,
        heldout_db=heldout_db,
        chosen=found.chosen,
        verdict=verdict.with_more(told),
        steps=found.steps,
        seconds=found.seconds,
        settings=settings,
        solver=found.solver,
        device=device.type,
        baselines=baselines,
        trials=found.trials,
        uncertainty=None if instead else _uncertainty(problem, found, frames),
        last_steps=found.last_steps,
        delivered=instead or "generator",
        clip_range=clip_range,
        recommended=best,
    )


def _range_of(clip: Tensor, problem: Problem) -> tuple[float, float]:
    """Lowest and highest grey level of a clip, (T, C, H, W) in [0, 1]; of the real form of a complex one the level of
    nothing, and that of a real number as large as its largest."""
    if not isinstance(problem.operator, RealForm):
        return float(clip.min()), float(clip.max())
    zero = problem.operator.zero_level
    return zero, zero + float(to_complex(clip - zero).abs().max())


def _delivered_instead(outcome: Outcome, heldout_db: float, baselines: dict[str, Baseline]) -> str | None:
    """The baseline that is delivered in place of what a fit has come to that did not end: where it is better on
    held-out data. Whoever stops a fit, at any moment, gets no less than a baseline would have given."""
    name = best_by_heldout(baselines)
    if name is None or outcome.kind not in ("stopped", "diverged"):
        return None
    return None if heldout_db >= baselines[name].heldout_db else name


def _with_least_held_out(problem: Problem, settings: RecoverSettings) -> Problem:
    """The problem of a single fit, which never sees what is held out: no more of it than has to be."""
    if settings.heldout is not None or not settings.searches or problem.start is not None:
        return problem
    share, known = LEAST_HELDOUT_SHARE, problem.known
    return replace(problem, heldout=hold_out(problem.operator, share, problem.seed, known=known, data=problem.data))


def _uncertainty(problem: Problem, found: FitResult, frames: Tensor) -> Tensor | None:
    others = [t for t in found.trials if t is not best_of(found.trials) and math.isfinite(t.error)]
    if not others or not math.isfinite(found.error) or not can_tell_noise(problem):
        return None
    return uncertainty(
        problem, frames, found.judged.frames(), found.error, [(t.representation, t.error) for t in others]
    )


def finish(frames: Tensor, problem: Problem) -> Tensor:
    """The frames (T, C, H, W) made consistent with all data, the held-out part too, where that helps.

    In [0, 1]; but what makes complex clips consistent may leave it, as their white is an estimate.

    It does where the data is exact. Where nothing is known of the noise, it is tried with the fitted part, and done
    if the held-out part then agrees better; data that is pixels cannot tell and is left as the generator has it.
    """

    def consistent(entries: Data) -> Tensor:
        found = project_onto_data(frames, problem.operator, problem.data, entries)
        return found if isinstance(problem.operator, RealForm) else found.clamp(0, 1)  # white of these is an estimate

    if problem.noise.is_exact:
        return consistent(problem.known)
    can_tell = (
        isinstance(problem.noise, UnknownNoise) and not problem.operator.is_pixel_mask and problem.heldout is not None
    )
    if can_tell and problem.heldout_error(consistent(problem.fitted)) < problem.heldout_error(frames):
        return consistent(problem.known)
    return frames.clamp(0, 1)
