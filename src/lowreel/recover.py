"""The public `recover`: choose, fit, keep the best by held-out data, finish with data consistency, account."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from .baselines import baselines as run_baselines
from .errors import InputError
from .estimate import check_fits, estimate
from .generators import Generator, make
from .latents import check_rank
from .measure import (
    DATA_TERMS,
    Data,
    Foreign,
    Measurement,
    as_measurement,
    check_operator,
    checked,
    is_exact,
    is_stack,
    nearest_consistent,
    noise_entry,
    tensors_of,
)
from .memory import parse_bytes
from .metrics import error_decibels
from .representation import Representation
from .select import hold_out
from .settings import DataTerm, RecoverSettings, SolverSettings
from .solver import Problem, State, iterate, planned_rounds, robust_spread

CHECKS = 25
"""How often in a run the held-out error is measured."""

FEW = 8
"""Held-out numbers under which their error says nothing about the clip."""

UNSEEN = {
    "mask": " Inside the mask's holes nothing can be checked.",
    "blocks": " Inside the missing blocks nothing can be checked; single pixels were, which are easier.",
    "frames": " In the missing frames nothing can be checked; single pixels of the others were, which are easier.",
}
"""What the verdict leaves out, by kind of operator: what is held out is not shaped like what is missing."""

REPLAN = 8
"""Rounds after which a run with a time limit looks at its pace again: other work on the machine may slow it down."""

SHORT = 40
"""Rounds under which the last tenth of them is too short to say that a fit has converged."""

OutcomeKind = Literal["finished", "converged", "stopped", "diverged"]


@dataclass(frozen=True)
class Outcome:
    """How a run ended, and a sentence that says what to do."""

    kind: OutcomeKind
    sentence: str


@dataclass(frozen=True)
class Baseline:
    """A clip that a simpler method made of the same data, and its held-out error as dB with peak 1."""

    clip: Tensor
    heldout_db: float


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a round: shown live, written as a checkpoint, given back to go on.

    best: the state with the smallest held-out error so far, best_error. steps: rounds planned. seconds: spent so far.
    history: one row a round with step, loss, heldout (squared error per pixel, None between checks) and seconds.
    """

    state: State
    best: State
    best_error: float
    steps: int
    seconds: float
    history: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, repr=False)
class Recovery:
    """What `recover` returns.

    clip: the delivered frames, (T, C, H, W) in [0, 1], which agree with the data where it is free of noise;
    representation: the generator and codes behind them; heldout_db: its held-out error as a PSNR with peak 1;
    trust: a sentence that compares it with the best baseline's.
    """

    clip: Tensor
    representation: Representation
    history: tuple[dict[str, Any], ...]
    outcome: Outcome
    heldout_db: float
    trust: str
    steps: int
    seconds: float
    settings: RecoverSettings
    baselines: dict[str, Baseline] = field(default_factory=dict)

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
    watch: Callable[[Progress], None] | None = None,
    resume: Progress | None = None,
) -> Recovery:
    """Recover the clip x from y = A x + e.

    data: y, an array or tensor in the operator's shape. operator: A, one of ours or anything that `as_measurement`
    takes: a deepinv physics, a SciPy or PyLops operator, a tuple of NumPy functions. clip_shape: (T, C, H, W), only
    for an operator that does not say it. noise: standard deviation of the noise, in units of y; 0 means that the
    data is exact and the clip will agree with it, None that nothing is known of it; or the noise entry of a data
    file. times: seconds of the frames (25 a second if None). sequences: lengths of stretches without a cut. beta:
    weights of eq. (6). watch: called after every round; a KeyboardInterrupt ends the fit with the best so far.
    resume: what `watch` was last given, to go on from there.

    Raises InputError for data that does not fit the operator or is not finite, an operator whose adjoint is wrong,
    and settings that do not fit the clip.
    """
    settings = settings or RecoverSettings()
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
    if settings.memory is not None:
        check_fits(estimate(problem, settings.solver(), settings.baselines), parse_bytes(settings.memory))
    progress, outcome = fit(problem, settings.solver(), limit=settings.time, watch=watch, resume=resume)
    found = progress.best.representation(problem, settings.solver())
    frames = found.frames()
    sigma = _sigma(problem, frames)
    compared = {} if settings.baselines == "none" else _compare(problem, sigma, slow=settings.baselines == "all")
    heldout_db = _decibels(progress.best_error, problem)
    return Recovery(
        clip=finish(frames, problem),
        representation=found,
        history=progress.history,
        outcome=outcome,
        heldout_db=heldout_db,
        trust=_judged(outcome, problem, frames, heldout_db, compared),
        steps=progress.state.step,
        seconds=progress.seconds,
        settings=settings,
        baselines={name: replace(b, clip=finish(b.clip, problem)) for name, b in compared.items()},
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
    """The problem that `recover` solves, with everything checked that can be before the first round."""
    operator = as_measurement(operator, clip_shape)
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
    return replace(problem, heldout=hold_out(operator, settings.heldout, settings.seed, known=problem.known))


def _as_data(data: Data | np.ndarray, operator: Measurement, noise: Mapping[str, Any]) -> Data:
    """`data` as float32 or complex64 tensors that fit the operator; operators of others are checked first."""

    def convert(values: Any) -> Tensor:
        try:
            tensor = torch.as_tensor(values)
        except (RuntimeError, TypeError, ValueError):
            raise InputError(f"data: expected an array or tensor of numbers, got {type(values).__name__}") from None
        return tensor.to(torch.complex64 if tensor.is_complex() else torch.float32)

    if _of_others(operator):
        check_operator(operator)
    several = isinstance(data, tuple) or (is_stack(operator) and not isinstance(data, Tensor | np.ndarray))
    y = tuple(convert(v) for v in data) if several else convert(data)
    return checked(y, operator, noise)


def _of_others(operator: Measurement) -> bool:
    """Whether any part of it is made elsewhere: adapted, or a class of somebody else's."""
    return any(
        isinstance(module, Foreign) or not type(module).__module__.startswith("lowreel.")
        for module in operator.modules()
        if isinstance(module, Measurement)
    )


def _as_times(times: Tensor | Sequence[float] | None, frames: int) -> Tensor:
    if times is None:
        return torch.arange(frames, dtype=torch.float64) / 25
    seconds = torch.as_tensor(times, dtype=torch.float64)
    if seconds.shape != (frames,) or not bool((seconds.diff() > 0).all()):
        raise InputError(f"times: expected {frames} rising numbers of seconds, got shape {tuple(seconds.shape)}")
    return seconds


def fit(
    problem: Problem,
    solver: SolverSettings,
    *,
    limit: float | None = None,
    watch: Callable[[Progress], None] | None = None,
    resume: Progress | None = None,
) -> tuple[Progress, Outcome]:
    """Drain `iterate`, keeping the iterate with the smallest held-out error; stop at `limit` seconds or on Ctrl-C.

    With a limit the schedule is shortened to end in time, when the first rounds have shown their pace and again
    where they become slower.
    """
    progress, full = resume, planned_rounds(problem, solver)
    steps = resume.steps if resume else full
    spent, begun = (resume.seconds, resume.state.step) if resume else (0.0, 0)
    start, first = time.monotonic(), 0.0
    stopped = None
    try:
        while stopped is None and (progress is None or progress.state.step < steps):
            current = solver.model_copy(update={"steps": steps})
            for state in iterate(problem, current, progress.state if progress else None):
                here = time.monotonic() - start
                first = first or here
                progress = _follow(problem, current, progress, state, spent + here)
                if watch:
                    watch(progress)
                if not math.isfinite(state.loss):
                    return progress, _diverged(progress)
                if limit is not None and here >= limit:
                    stopped = f"the time limit of {limit:g} s"
                    break
                if limit is not None and (steps == full or state.step % REPLAN == 0):
                    planned = _affordable(state.step, state.step - begun, first, here, limit, steps)
                    if planned < (steps if steps == full else 0.95 * steps):
                        steps = planned
                        break
    except KeyboardInterrupt:
        stopped = "Ctrl-C"
    if progress is None:
        raise KeyboardInterrupt
    if stopped:
        progress = _with_last_judged(problem, solver, progress)
    return progress, _outcome(progress, full, stopped)


def _with_last_judged(problem: Problem, solver: SolverSettings, progress: Progress) -> Progress:
    """The progress with the held-out error of its last state, for what is delivered now; checkpoints do without."""
    error = problem.heldout_error(progress.state.representation(problem, solver).frames())
    if not math.isfinite(error):
        return progress
    history = (*progress.history[:-1], {**progress.history[-1], "heldout": error})
    if error < progress.best_error:
        return replace(progress, best=progress.state, best_error=error, history=history)
    return replace(progress, history=history)


def _affordable(step: int, made: int, first: float, seconds: float, limit: float, full: int) -> int:
    """Rounds in all that fit into the limit at the pace of those made; `full` while it is too early to tell.

    The first round, which took `first` seconds, starts everything up and says nothing of the pace, unless it takes
    half of the time alone.
    """
    if made < 4 and seconds < 0.5 * limit:
        return full
    pace = (seconds - first) / (made - 1) if made > 1 else first
    return min(full, max(step + 1, step + int((0.95 * limit - seconds) / max(pace, 1e-9))))


def _follow(
    problem: Problem, solver: SolverSettings, before: Progress | None, state: State, seconds: float
) -> Progress:
    """The progress after one more round; the held-out error is measured CHECKS times a run and at its end."""
    steps = solver.steps or 0
    error = None
    if state.step % max(1, steps // CHECKS) == 0 or state.step in (1, steps):
        error = problem.heldout_error(state.representation(problem, solver).frames())
        error = error if math.isfinite(error) else None
    if before is None or (error is not None and error < before.best_error):
        best, best_error = state, math.inf if error is None else error
    else:
        best, best_error = before.best, before.best_error
    loss = state.loss if math.isfinite(state.loss) else None
    row = {"step": state.step, "loss": loss, "heldout": error, "seconds": round(seconds, 3)}
    history = (*(before.history if before else ()), row)
    return Progress(state, best, best_error, steps, seconds, history)


def _diverged(progress: Progress) -> Outcome:
    return Outcome(
        "diverged",
        f"The loss was no longer a number after round {progress.state.step}; the best iterate before that (round "
        f"{progress.best.step}) is kept. Check the data's range, or lower the steps by --preset default.",
    )


def _outcome(progress: Progress, full: int, stopped: str | None) -> Outcome:
    steps = progress.steps
    if stopped and progress.state.step < steps:
        return Outcome(
            "stopped",
            f"Stopped by {stopped} after round {progress.state.step} of {steps}; the best iterate so far (round "
            f"{progress.best.step}) is kept. Go on with --resume.",
        )
    if steps < full:
        return Outcome(
            "finished",
            f"The time limit shortened the run to {steps} of {full} rounds; a longer --time may give a better clip.",
        )
    if steps < SHORT:
        return Outcome("finished", f"All {steps} rounds were made, too few to tell whether more would help.")
    tenth = steps // 10
    early = [row["heldout"] for row in progress.history if row["heldout"] and row["step"] <= steps - tenth]
    if early and progress.best_error > 0.999 * min(early):
        return Outcome("converged", "The held-out error no longer falls; more steps would not help.")
    return Outcome("finished", "The held-out error was still falling; more --steps may help a little.")


def finish(frames: Tensor, problem: Problem) -> Tensor:
    """The frames made consistent with all data, the held-out part too, where that helps; in [0, 1].

    It does where the data is exact. Where nothing is known of the noise, it is tried with the fitted part, and done
    if the held-out part then agrees better; data that is pixels cannot tell and is left as the generator has it.
    """

    def consistent(entries: Data) -> Tensor:
        return nearest_consistent(frames, problem.operator, problem.data, entries)

    if is_exact(problem.noise):
        return consistent(problem.known).clamp(0, 1)
    can_tell = problem.noise["kind"] == "unknown" and not problem.operator.picks_pixels and problem.heldout is not None
    if can_tell and problem.heldout_error(consistent(problem.fitted)) < problem.heldout_error(frames):
        return consistent(problem.known).clamp(0, 1)
    return frames.clamp(0, 1)


def _sigma(problem: Problem, frames: Tensor) -> float:
    """Standard deviation of the noise in units of y; where it is not known, that of the residuals of these frames.

    By the median of the sizes of the held-out residuals: outliers hardly move it.
    """
    if is_exact(problem.noise):
        return 0.0
    if "sigma" in problem.noise:
        return float(problem.noise["sigma"])
    entries = problem.known if problem.heldout is None else problem.heldout
    found = zip(*(tensors_of(t) for t in (problem.operator(frames), problem.data, entries)), strict=True)
    return max(float(robust_spread(f - y, e, 0.0)) for f, y, e in found)


def _compare(problem: Problem, sigma: float, *, slow: bool) -> dict[str, Baseline]:
    """Baselines fitted to the same data as the recovery, without the held-out part, and judged by it."""
    clips = run_baselines(problem.data, problem.operator, problem.fitted, sigma=sigma, slow=slow)
    return {name: Baseline(clip, _decibels(problem.heldout_error(clip), problem)) for name, clip in clips.items()}


def _decibels(error: float, problem: Problem) -> float:
    """Held-out error as dB with peak 1; the part that white noise of known size makes is taken off."""
    if problem.heldout is None or not math.isfinite(error):
        return math.nan
    if problem.noise["kind"] != "white":
        return error_decibels(error)
    count = sum(float(t.sum()) for t in tensors_of(problem.heldout))
    noise = problem.scale(problem.heldout) * count * problem.noise["sigma"] ** 2
    return error_decibels(max(error - noise, 0.05 * error))


def _judged(
    outcome: Outcome, problem: Problem, frames: Tensor, heldout_db: float, compared: dict[str, Baseline]
) -> str:
    """`trust`, with what it cannot know: a fit that diverged, too few held-out numbers, a mask's unseen holes."""
    if outcome.kind == "diverged" and math.isnan(heldout_db):
        return "Do not use: the fit diverged before anything was found."
    count = 0 if problem.heldout is None else sum(int(t.sum()) for t in tensors_of(problem.heldout))
    if count < FEW:
        return f"Nothing can be said: only {count} numbers were held out. Look at the clip, or use more data."
    levels = {name: baseline.heldout_db for name, baseline in compared.items()}
    best = max((name for name, level in levels.items() if not math.isnan(level)), key=levels.__getitem__, default=None)
    chance = best is not None and _may_be_chance(problem, frames, compared[best].clip)
    sentence = trust(heldout_db, levels, count if chance else None)
    return sentence + UNSEEN.get(problem.operator.kind, "")


def _may_be_chance(problem: Problem, frames: Tensor, other: Tensor) -> bool:
    """Whether two clips' squared errors on the held-out data differ by less than two standard errors."""
    heldout = problem.heldout
    assert heldout is not None

    def errors(clip: Tensor) -> Tensor:
        terms = zip(tensors_of(problem.judged(clip)), tensors_of(heldout), strict=True)
        return torch.cat([t[held] for t, held in terms])

    gain = errors(other) - errors(frames)
    return float(gain.mean().abs()) < 2 * float(gain.std()) / math.sqrt(len(gain))


def trust(heldout_db: float, baseline_dbs: dict[str, float], chance_of: int | None = None) -> str:
    """One sentence: can the result be trusted, judged by data that was not fitted?

    chance_of: how many numbers were held out, where so few cannot tell the result from the best baseline.
    """
    known = {name: db for name, db in baseline_dbs.items() if not math.isnan(db)}
    if math.isnan(heldout_db):
        return "No data was held out, so nothing can be said."
    if not known:
        return f"On held-out data the error is {heldout_db:.1f} dB; no baseline was run to compare it with."
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
