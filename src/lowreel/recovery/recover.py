"""The public `recover`: choose, fit, keep the best by held-out data, finish with data consistency, account."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..data import DATA_TERMS, checked, hold_out, is_exact, noise_entry
from ..errors import InputError
from ..model.generators import Generator, make
from ..model.latents import check_rank
from ..model.representation import Representation
from ..operators import (
    Data,
    LinearOperator,
    as_linear_operator,
    check_operator,
    is_external,
    is_stack,
    project_onto_data,
    tensors_of,
)
from ..settings import LEAST_HELDOUT_SHARE, Candidate, DataTerm, Precision, RecoverSettings, SolverSettings
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
from .fit import Callback, Outcome, Progress, Score, Trial
from .policy import FEW_NUMBERS, FitResult, fit_chosen, fit_once, in_place_of, planned, with_precision
from .search import Search, best_of, varied
from .uncertainty import can_tell_noise, uncertainty
from .warm_start import Neighbour, continued, fewer_rounds


@dataclass(frozen=True, repr=False)
class Recovery:
    """What `recover` returns.

    clip: the delivered frames, (T, C, H, W) in [0, 1], which agree with the data where it is free of noise;
    representation: the generator and codes behind them; heldout_db: its held-out error as a PSNR with peak 1, in round
    `chosen` of the `steps` that the chosen fit made; last_steps: rounds of the last fit, with all data, which gave the
    representation, 0 where there was none;
    trust: a sentence that compares it with the best baseline's. trials: the fits among which held-out data chose,
    none where the settings were given. solver: the settings of the fit that is delivered. uncertainty: standard
    deviation of each pixel value, (T, C, H, W), from where the trials disagree; None without trials, and where noise
    of another kind than white of known size cannot be told from errors of the clip. device: on which it was fitted,
    such as cuda; all tensors are on the CPU. delivered: "generator", or the name of the baseline whose clip is
    delivered, because a fit that did not end was worse on held-out data.
    """

    clip: Tensor
    representation: Representation
    history: tuple[dict[str, Any], ...]
    outcome: Outcome
    heldout_db: float
    chosen: int
    trust: str
    steps: int
    seconds: float
    settings: RecoverSettings
    solver: SolverSettings
    device: str = "cpu"
    baselines: dict[str, Baseline] = field(default_factory=dict)
    trials: tuple[Trial, ...] = ()
    uncertainty: Tensor | None = None
    last_steps: int = 0
    delivered: str = "generator"

    @property
    def choice(self) -> Candidate | None:
        """What the search over settings chose by held-out data; None without trials."""
        return best_of(self.trials).choice if self.trials else None

    def best_baseline(self, truth: Tensor | None = None) -> str | None:
        """Name of the baseline with the smallest error: against the true clip (T, C, H, W), else on held-out data."""
        if not self.baselines:
            return None
        if truth is None:
            return best_by_heldout(self.baselines)
        return min(self.baselines, key=lambda name: float((self.baselines[name].clip - truth).square().mean()))

    def __repr__(self) -> str:
        return (
            f"Recovery(clip {tuple(self.clip.shape)}, {self.outcome.kind} after {self.steps} rounds in "
            f"{self.seconds:.1f} s, held-out {self.heldout_db:.2f} dB; {self.trust})"
        )


def recover(
    data: Data | np.ndarray,
    operator: Any,
    settings: RecoverSettings | None = None,
    *,
    clip_shape: Sequence[int] | None = None,
    noise: float | Mapping[str, Any] | None = 0.0,
    generator: Generator | None = None,
    times: Tensor | Sequence[float] | None = None,
    sequences: Sequence[int] = (),
    beta: Tensor | None = None,
    callback: Callback | None = None,
    resume: Progress | None = None,
    score: Score | None = None,
    choice: Candidate | None = None,
    on_baseline: OnBaseline | None = None,
    neighbour: Neighbour | None = None,
) -> Recovery:
    """Recover the clip x from y = A x + e.

    data: y, an array or tensor in the operator's shape. operator: A, one of ours or anything that `as_linear_operator`
    takes: a deepinv physics, a SciPy or PyLops operator, a tuple of NumPy functions. clip_shape: (T, C, H, W), only
    for an operator that does not say it. noise: standard deviation of the noise, in units of y; 0 means that the
    data is exact and the clip will agree with it, None that nothing is known of it; or the noise entry of a data
    file. times: seconds of the frames (25 a second if None). sequences: lengths of stretches without a cut. beta:
    weights of eq. (6). watch: called after every round; a KeyboardInterrupt ends the fit with the best so far.
    resume: what `callback` was last given, to go on from there. score: a number of the frames, such as their PSNR
    against a true clip, that is noted in the history and takes part in no choice. choice: what held-out data chose
    before for data of the same kind (`Recovery.choice`); the search over settings is then left out. on_baseline: called
    with a name and a baseline's clip before the fit begins, whenever one is better than those before. neighbour:
    another stretch of the same clip, from which the fit starts, with fewer rounds, where nothing is left to choose and
    its generator is of the same size.

    The fit is computed on `settings.device`, wherever the arguments are, and the tensors that `callback` sees of it are
    there; what is returned is on the CPU.

    Raises InputError for a device that this machine lacks, data that does not fit the operator or is not finite, an
    operator whose adjoint is wrong, and settings that do not fit the clip.
    """
    if not isinstance(settings, RecoverSettings | None):
        got = type(settings).__name__
        raise InputError(f"settings: expected lowreel.RecoverSettings(rank=4, ...) or None, got {got}")
    settings = settings or RecoverSettings()
    device = device_of(settings.device)
    problem = prepare(
        data,
        operator,
        settings,
        clip_shape=clip_shape,
        noise=noise,
        generator=generator,
        times=times,
        sequences=sequences,
        beta=beta,
    )
    asked, settings = settings, with_precision(problem.on(device), settings, resume)
    if neighbour is not None and settings.continues and (choice is not None or not settings.searches):
        warm = continued(problem if choice is None else varied(problem, choice), neighbour)
        if warm is not None:
            problem, settings = warm, fewer_rounds(warm, settings)
            choice = choice and choice.going_on()
    plan, needs = planned(problem, settings, given=generator is not None, resume=resume, choice=choice)
    if settings.memory is not None:
        check_fits(needs, parse_bytes(settings.memory))
    if plan is None:
        problem = _with_least_held_out(problem, settings)
    if resume is not None:
        _check_same_data(problem, settings, resume)
    quick = _quick(problem, settings, on_baseline)
    if callback is not None:
        callback = partial(_shown, callback, settings.solver().precision)
    if device != CPU:
        callback, resume, score = _across(device, callback, resume, score)
    fits = _Fits(settings, device, choice, callback, score)
    found = fits.single(problem, resume) if plan is None else fits.chosen(problem, plan, resume)
    if found.is_short:  # the search had no time: a single fit, whose data is held out in another way
        problem = _with_least_held_out(problem, settings)
        quick = _quick(problem, settings, None)
        found = in_place_of(found, fits.single(problem, None))
    return _accounted(problem, asked, found.on(CPU), device, quick)


@dataclass
class _Fits:
    """The fits of a recovery on a device, all within the time of the settings."""

    settings: RecoverSettings
    device: torch.device
    choice: Candidate | None
    callback: Callback | None
    score: Score | None
    begun: float = field(default_factory=lambda: time.monotonic())

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
    baselines = finished_all(quick, partial(finish, problem=problem))
    heldout_db = heldout_decibels(found.error, problem)
    instead = _delivered_instead(found.outcome, heldout_db, baselines)
    trust = _judged(found.outcome, problem, found.judged.frames(), heldout_db, baselines)
    return Recovery(
        clip=finish(frames, problem) if instead is None else baselines[instead].clip,
        representation=found.representation,
        history=found.history,
        outcome=found.outcome,
        heldout_db=heldout_db,
        chosen=found.chosen,
        trust=trust if instead is None else f"{trust} The clip that is delivered is {instead}.",
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
    )


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
    return replace(problem, heldout=hold_out(problem.operator, LEAST_HELDOUT_SHARE, problem.seed, known=problem.known))


def _uncertainty(problem: Problem, found: FitResult, frames: Tensor) -> Tensor | None:
    others = [t for t in found.trials if t is not best_of(found.trials) and math.isfinite(t.error)]
    if not others or not math.isfinite(found.error) or not can_tell_noise(problem):
        return None
    return uncertainty(
        problem, frames, found.judged.frames(), found.error, [(t.representation, t.error) for t in others]
    )


def prepare(
    data: Data | np.ndarray,
    operator: Any,
    settings: RecoverSettings,
    *,
    clip_shape: Sequence[int] | None = None,
    noise: float | Mapping[str, Any] | None = 0.0,
    generator: Generator | None = None,
    times: Tensor | Sequence[float] | None = None,
    sequences: Sequence[int] = (),
    beta: Tensor | None = None,
) -> Problem:
    """The problem that `recover` solves, on the CPU, with everything checked that can be before the first round.

    times: seconds of the frames, (T,), rising; beta: weights of eq. (6), (T - 1,). Raises InputError as `recover` does.
    """
    operator = as_linear_operator(operator, clip_shape).on(CPU)
    entry = noise_entry(noise)
    y = _as_data(data, operator, entry)
    frames, channels, height, width = operator.clip_shape
    made = generator or make(settings.generator_name(channels), (channels, height, width), seed=settings.seed)
    solver = settings.solver()
    if solver.rank is not None:
        check_rank(solver.rank, frames, made.code_dim)
    problem = Problem(
        data=y,
        operator=operator,
        generator=made,
        times=_as_times(times, frames),
        sequences=tuple(sequences),
        beta=beta,
        noise=entry,
        data_term=cast(DataTerm, DATA_TERMS[entry["kind"]] if settings.data_term == "auto" else settings.data_term),
        seed=settings.seed,
    )
    if any(p.device != CPU for p in made.parameters()):
        problem = replace(problem, generator=copy.deepcopy(made).to(CPU))
    share = settings.heldout_share(sum(int(known.sum()) for known in tensors_of(problem.known)))
    return replace(problem, heldout=hold_out(operator, share, settings.seed, known=problem.known))


def _as_data(data: Data | np.ndarray, operator: LinearOperator, noise: Mapping[str, Any]) -> Data:
    """`data` as float32 or complex64 tensors that fit the operator; operators of others are checked first."""

    def convert(values: Any) -> Tensor:
        try:
            tensor = torch.as_tensor(values)
        except (RuntimeError, TypeError, ValueError):
            raise InputError(f"data: expected an array or tensor of numbers, got {type(values).__name__}") from None
        return tensor.to(CPU, torch.complex64 if tensor.is_complex() else torch.float32)

    if is_external(operator):
        check_operator(operator)
    several = isinstance(data, tuple) or (is_stack(operator) and not isinstance(data, Tensor | np.ndarray))
    y = tuple(convert(v) for v in data) if several else convert(data)
    return checked(y, operator, noise)


def _as_times(times: Tensor | Sequence[float] | None, frames: int) -> Tensor:
    if times is None:
        return torch.arange(frames, dtype=torch.float64) / 25
    seconds = torch.as_tensor(times, dtype=torch.float64, device=CPU)
    if seconds.shape != (frames,) or not bool((seconds.diff() > 0).all() and seconds.isfinite().all()):
        raise InputError(f"times: expected {frames} rising numbers of seconds, got shape {tuple(seconds.shape)}")
    return seconds


def finish(frames: Tensor, problem: Problem) -> Tensor:
    """The frames (T, C, H, W) made consistent with all data, the held-out part too, where that helps; in [0, 1].

    It does where the data is exact. Where nothing is known of the noise, it is tried with the fitted part, and done
    if the held-out part then agrees better; data that is pixels cannot tell and is left as the generator has it.
    """

    def consistent(entries: Data) -> Tensor:
        return project_onto_data(frames, problem.operator, problem.data, entries)

    if is_exact(problem.noise):
        return consistent(problem.known).clamp(0, 1)
    can_tell = problem.noise["kind"] == "unknown" and not problem.operator.is_pixel_mask and problem.heldout is not None
    if can_tell and problem.heldout_error(consistent(problem.fitted)) < problem.heldout_error(frames):
        return consistent(problem.known).clamp(0, 1)
    return frames.clamp(0, 1)


def _judged(
    outcome: Outcome, problem: Problem, frames: Tensor, heldout_db: float, compared: dict[str, Baseline]
) -> str:
    """`trust`, with what it cannot know: a fit that diverged, too few held-out numbers, a mask's unseen holes."""
    if outcome.kind == "diverged" and math.isnan(heldout_db):
        return "Do not use: the fit diverged before anything was found."
    count = problem.held_count
    if count < FEW_NUMBERS:
        return f"Nothing can be said: only {count} numbers were held out. Look at the clip, or use more data."
    levels = {name: baseline.heldout_db for name, baseline in compared.items()}
    best = best_by_heldout(compared)
    chance = best is not None and _may_be_chance(problem, frames, compared[best].clip)
    sentence = trust(heldout_db, levels, count if chance else None)
    return sentence + problem.operator.caveat


def _may_be_chance(problem: Problem, frames: Tensor, other: Tensor) -> bool:
    """Whether two clips' squared errors on the held-out data differ by less than two standard errors."""
    gain = problem.heldout_terms(other) - problem.heldout_terms(frames)
    return float(gain.mean().abs()) < 2 * float(gain.std()) / math.sqrt(len(gain))


def trust(heldout_db: float, baseline_dbs: dict[str, float], chance_of: int | None = None) -> str:
    """One sentence: can the result be trusted, judged by data that was not fitted?

    chance_of: how many numbers were held out, where so few cannot tell the result from the best baseline.
    """
    known = {name: db for name, db in baseline_dbs.items() if not math.isnan(db)}
    if math.isnan(heldout_db):
        return "No data was held out, so nothing can be said."
    if not known:
        return f"On held-out data its PSNR is {heldout_db:.1f} dB; no baseline was run to compare it with."
    name, bar = max(known.items(), key=lambda item: item[1])
    gain = 0.0 if bar == heldout_db else heldout_db - bar
    if chance_of is not None and gain > 0:
        return (
            f"Undecided: on {chance_of} held-out numbers it is {gain:.1f} dB better than {name}, which may be chance; "
            "look at the clip, or use a larger --heldout."
        )
    if gain >= 1:
        return f"Use it: on held-out data it is {gain:.1f} dB better than the best baseline ({name}, {bar:.1f} dB)."
    if gain >= 0.3:
        return f"Use with care: on held-out data it is only {gain:.1f} dB better than {name} ({bar:.1f} dB)."
    return (
        f"Do not use: on held-out data it is no better than {name} ({heldout_db:.1f} against {bar:.1f} dB); "
        "allow more time, or take the baseline."
    )
