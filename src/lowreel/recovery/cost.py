"""What a recovery will take, in memory and time, said before it starts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from ..baselines import biharmonic, has_no_need_of_linear, interpolate_frames, rough_clip
from ..baselines.low_rank import RANK_ITERATIONS, USUAL_RANK_ITERATIONS, USUAL_TRIAL_ITERATIONS, thresholded
from ..baselines.mri import applications
from ..baselines.networks import DEEP_PRIOR_SETTINGS, PAPER_PRESETS, has_paper_size
from ..baselines.proximal import INNER_ITERATIONS
from ..baselines.validation import trial_share
from ..baselines.variation import (
    GAP_ITERATIONS,
    GAP_STEPS,
    NORM_ITERATIONS,
    STRENGTHS,
    TIME_WEIGHTS,
    TRIAL_ITERATIONS,
    TV_ITERATIONS,
    USUAL_TV_ITERATIONS,
    add_gradient,
    add_gradient_adjoint,
    has_near_start,
    total_variation,
)
from ..baselines.variation_of_pixels import shrink_to_one
from ..data import Noise
from ..errors import InputError
from ..model.representation import frames_at_once, parts_at_once
from ..operators import LinearOperator, RealForm, tensors_of
from ..settings import BATCH_PIXELS, PRESETS, SolverSettings
from ..solver.iteration import trial_updates
from ..solver.problem import Problem
from ..solver.schedule import planned_epochs
from ..solver.variables import FULL_PRECISION_SHARE
from ..system.devices import CPU
from ..system.memory import bytes_text, taken_bytes, trim_heap
from .checks import checks_per_run
from .refinement import applications as refining_applications
from .refinement import can_refine
from .refinement import iterations as refining_iterations

EXACT_CLIP_ARRAYS, NOISY_CLIP_ARRAYS, CLIP_ARRAYS, CLIP_ARRAYS_OF_FIT = 8, 14, 16, 4
"""Arrays of the clip's size that a recovery holds at its peak, in its baselines (the three edge fields of total
variation, the clips around them, and those that the baselines before it have made) or while it is judged: of exact
pixels, of noisy ones, and of other data; and those beside the activations of a fit: baselines in half precision, what
is drawn for a check, and what goes with it (docs/choices.md)."""

COMPLEX_CLIP_ARRAYS = 45
"""The same of a complex clip, in its 3-D total variation and its refinement: three fields of differences in four forms,
ten clips around them, and as much again that the allocator does not give back between them."""

EXACT_DATA_ARRAYS, DATA_ARRAYS = 2, 3
"""Arrays of the data's size that it holds then: the data, and booleans of what is known, fitted and held out, a quarter
each; and another one where it is not exact pixels."""

WEIGHT_COPIES = 12
"""Copies of the weights in a fit: gradients, moments, and snapshots of all of them."""

PART_BYTES, PART_PIXELS = 2**26, 2**20
"""Of frames that are drawn by several threads, what each thread after the first takes, and from how many pixels of a
frame on in proportion to these (docs/choices.md)."""

TV_ITERATION_GRADIENTS = 1.5
"""An iteration of total variation, in applications of the gradient, its adjoint and the shrinking between them."""

CONSISTENCY_ITERATIONS = 20
"""Iterations in which the clip of least norm is found, roughly."""

VARIED_FRAMES, VARIED_ITERATIONS = 8, 8
"""Frames, and iterations, that total variation is tried on."""

CORNER_PIXELS = 64
"""Side in pixels of the part of a frame that interpolation is tried on."""

MEMORY_SLACK_FACTOR = 2.0
"""Memory of the fit over what autograd keeps: gradients on their way, workspaces, what the allocator does not give
back before the baselines begin."""


@dataclass(frozen=True)
class Estimate:
    """memory: bytes at the peak, all told; each: those of one fit in it; seconds: of the optimisation; baselines:
    seconds of these; refining: of refining a noisy scan, which, like them, is done once and not within a limit of time;
    drawing: of drawing once the frames by which a rank is chosen; busy: whether other work took cores while this was
    tried."""

    memory: int
    seconds: float
    baselines: float
    each: int = 0
    drawing: float = 0.0
    busy: bool = False
    refining: float = 0.0

    def several(self, at_once: int, in_turn: float) -> Estimate:
        """The estimate for `at_once` fits side by side, which take as long as `in_turn` fits one after the other, and
        for the choice of a rank between them."""
        seconds = in_turn * self.seconds + RANK_CLIPS * self.drawing
        return replace(self, memory=self.memory + (at_once - 1) * self.each, seconds=seconds)

    def sentence(self, limit: float | None = None) -> str:
        """What to expect, in words; limit: seconds that the optimisation may take."""
        seconds = self.seconds if limit is None else min(limit, self.seconds)
        besides = {"the baselines": self.baselines, "the refinement": self.refining}
        told = [f"{_time_text(seconds)} for {what}" for what, seconds in besides.items() if seconds]
        compared = f", {', '.join(told)}," if told else ""
        busy = " The machine is busy now: it will be sooner when it is not." if self.busy else ""
        return (
            f"Expect about {_time_text(seconds)} for the fit{compared} and {bytes_text(self.memory)} of memory.{busy}"
        )


TRIAL_SECONDS = 0.25
"""Seconds of updates that are timed."""

BUSY_SHARE = 0.6
"""A process that gets less than this share of the time of its threads has to share its cores with others."""

RANK_CLIPS = 10
"""About how often the frames by which a rank is chosen are drawn for that."""

RANK_FRAMES = 8
"""Frames by which a rank is chosen, and the last fit is compared with the one before, where they are large and
exact."""

Which = Literal["none", "quick", "all"]
"""Which baselines are run."""


def estimate(problem: Problem, solver: SolverSettings, baselines: Which = "quick") -> Estimate:
    """Memory and time of a recovery, from a fraction of a second of real updates, and one step of each baseline.

    It counts with the threads that torch has now, and changes nothing of the problem. A recovery takes longer on a
    machine that becomes busier.
    """
    update, minibatches = trial_updates(problem, solver)
    kept = _Kept()
    with torch.autograd.graph.saved_tensors_hooks(kept.note, lambda t: t):
        update(0.0)
    each, share = _update_seconds(update, solver)
    epochs, drawing = planned_epochs(problem, solver), _drawing_seconds(problem)
    del update
    clip = 4 * math.prod(problem.operator.clip_shape)
    data = sum(t.numel() * t.element_size() for t in tensors_of(problem.data))
    clip_arrays, data_arrays = arrays_held(problem.operator, problem.noise)
    trim_heap()  # what the trial has freed is no part of what is taken already
    weights = 4 * sum(p.numel() for p in problem.generator.parameters())
    fit = MEMORY_SLACK_FACTOR * kept.bytes + WEIGHT_COPIES * weights
    if isinstance(problem.operator, RealForm):
        held = fit + COMPLEX_CLIP_ARRAYS * clip
    else:  # baselines and judging have no activations
        held = max(fit + CLIP_ARRAYS_OF_FIT * clip, WEIGHT_COPIES * weights + clip_arrays * clip)
    held += _side_by_side_bytes(problem)
    checks = min(checks_per_run(problem) + 1, epochs)  # one more after the first epoch
    fitting = epochs * minibatches * each + checks * drawing
    return Estimate(
        memory=round(taken_bytes() + held + data_arrays * data + problem.operator.bytes_to_come()),
        seconds=fitting,
        baselines=_baseline_seconds(problem.on(CPU), baselines, minibatches * each),
        each=round(fit),
        drawing=len(rank_frames(problem)) / problem.operator.clip_shape[0] * drawing,
        busy=share < BUSY_SHARE,
        refining=_refining_seconds(problem.on(CPU)),
    )


def _side_by_side_bytes(problem: Problem) -> float:
    """What drawing takes beyond that by one thread."""
    parts = parts_at_once(problem.generator, problem.device)
    return (parts - 1) * PART_BYTES * max(1.0, math.prod(problem.generator.frame_shape[1:]) / PART_PIXELS)


def arrays_held(operator: LinearOperator, noise: Noise) -> tuple[int, int]:
    """How many arrays of the size of the clip, and of its data, a recovery holds at its peak; of complex clips
    COMPLEX_CLIP_ARRAYS of the clip's."""
    if not operator.is_pixel_mask:
        return CLIP_ARRAYS, DATA_ARRAYS
    return (EXACT_CLIP_ARRAYS, EXACT_DATA_ARRAYS) if noise.is_exact else (NOISY_CLIP_ARRAYS, DATA_ARRAYS)


def rank_frames(problem: Problem) -> Sequence[int]:
    """Frames by which a rank is chosen, and the last fit compared: of large frames of exact pixels RANK_FRAMES, evenly
    spread; else all."""
    frames, _, height, width = problem.operator.clip_shape
    if height * width <= BATCH_PIXELS or frames <= RANK_FRAMES or not _is_of_exact_pixels(problem):
        return range(frames)
    return [k * frames // RANK_FRAMES for k in range(RANK_FRAMES)]


def _is_of_exact_pixels(problem: Problem) -> bool:
    return problem.operator.is_pixel_mask and problem.noise.is_exact


def _update_seconds(update: Callable[[float], None], solver: SolverSettings) -> tuple[float, float]:
    """Seconds of an update, over a run; and what share of the time of its threads this process had meanwhile."""
    means, wall, cpu = [], 0.0, time.process_time()
    for progress in (0.0, 1.0) if solver.precision != "float32" else (0.0,):
        update(progress)  # what is made at first use
        begun = time.perf_counter()
        made, spent = 0, 0.0
        while made < 2 or spent < TRIAL_SECONDS:
            update(progress)
            made, spent = made + 1, time.perf_counter() - begun
        means.append(spent / made)
        wall += spent
    share = (time.process_time() - cpu) / (wall * torch.get_num_threads())
    if len(means) == 1:
        return means[0], share
    return FULL_PRECISION_SHARE * means[0] + (1 - FULL_PRECISION_SHARE) * means[1], share


@torch.no_grad()
def _drawing_seconds(problem: Problem) -> float:
    """Of drawing all frames and judging them, from a few."""
    frames, generator = problem.operator.clip_shape[0], problem.generator
    count = min(frames, frames_at_once(generator.frame_shape))
    codes = torch.zeros(count, generator.code_dim, device=problem.device)
    generator(codes)
    return frames / count * _seconds(lambda: generator(codes))


def check_fits(estimate: Estimate, budget: int | None) -> None:
    """Raise InputError where the memory would exceed the budget, if there is one, with what to change."""
    if budget is not None and estimate.memory > budget:
        raise InputError(
            f"memory: the recovery needs about {bytes_text(estimate.memory)}, {bytes_text(budget)} are allowed; use a "
            f"smaller --size, fewer --frames, or, with some to spare, --memory {with_some_to_spare(estimate.memory)}"
        )


def clip_fits(clip_shape: Sequence[int], budget: int, arrays: int | None = None) -> bool:
    """Whether the budget has room for so many arrays of this clip's size; None: as many as any recovery needs."""
    return (arrays or EXACT_CLIP_ARRAYS) * 4 * math.prod(clip_shape) <= budget


def check_clip_fits(clip_shape: Sequence[int], budget: int, arrays: int | None = None) -> None:
    """Raise InputError, before anything is read, where so many arrays of this clip's size exceed the budget.

    arrays: those of a recovery of exact pixels, which needs the fewest, if None.
    """
    needed = (arrays or EXACT_CLIP_ARRAYS) * 4 * math.prod(clip_shape)
    if not clip_fits(clip_shape, budget, arrays):
        raise InputError(
            f"memory: a clip of {clip_shape[0]} frames of {clip_shape[2]}x{clip_shape[3]} needs at least "
            f"{bytes_text(needed)}, {bytes_text(budget)} are allowed; use a smaller --size, fewer --frames, or, with "
            f"some to spare, --memory {with_some_to_spare(needed)}"
        )


def with_some_to_spare(needed: float) -> str:
    """Half as much again, written as --memory takes it."""
    return bytes_text(1.5 * needed).replace(" ", "")


class _Kept:
    """Bytes of the tensors that autograd keeps, each counted once."""

    def __init__(self) -> None:
        self.bytes = 0
        self.seen: set[int] = set()

    def note(self, tensor: Tensor) -> Any:
        """Count a tensor, and hand it back to be kept."""
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.seen:
            self.seen.add(storage.data_ptr())
            self.bytes += storage.nbytes()
        return tensor


def _passes(solver: SolverSettings) -> int:
    """Passes over the clip in an epoch: Algorithm 1 makes one for the codes and one for the weights."""
    return 2 if solver.algorithm == "alternating" and solver.fit_weights else 1


def _baseline_seconds(problem: Problem, which: Which, one_pass: float) -> float:
    """Time of the baselines that suit the operator; one_pass: of fitting the generator to every frame once."""
    if which == "none":
        return 0.0
    return _quick_seconds(problem) + (_slow_seconds(problem, one_pass) if which == "all" else 0.0)


def _quick_seconds(problem: Problem) -> float:
    """From one application of A and A*, one gradient of the clip, one threshold, and a corner of one frame."""
    operator = problem.operator
    clip = torch.zeros(operator.clip_shape)
    if isinstance(operator, RealForm):
        return applications() * (_seconds(lambda: operator.adjoint(operator(clip))) + _gradient_seconds(clip))
    trials, share = len(TIME_WEIGHTS) + (0 if problem.noise.is_exact else len(STRENGTHS) - 1), trial_share(operator)
    near = problem.noise.is_exact and has_near_start(operator, 0.0)
    varied = (USUAL_TV_ITERATIONS if near else TV_ITERATIONS) + trials * share * TRIAL_ITERATIONS
    thresholds = USUAL_RANK_ITERATIONS + share * USUAL_TRIAL_ITERATIONS if operator.is_pixel_mask else RANK_ITERATIONS
    edges = _variation_seconds(problem) if near else TV_ITERATION_GRADIENTS * _gradient_seconds(clip)
    total = varied * edges
    total += thresholds * _seconds(lambda: thresholded(clip, 1.0))
    if operator.is_pixel_mask:
        return total + _interpolation_seconds(problem)
    applied = _seconds(lambda: operator.adjoint(operator(clip)))
    total += (2 * CONSISTENCY_ITERATIONS + varied + (trials + 2) * NORM_ITERATIONS + RANK_ITERATIONS) * applied
    if "GAP-TV" in operator.baselines:
        total += GAP_ITERATIONS * (GAP_STEPS * applied + 4 * GAP_STEPS * edges)
    if "temporal total variation" in operator.baselines:
        total += TV_ITERATIONS * (applied + edges)
    return total


def _refining_seconds(problem: Problem) -> float:
    """Of refining a complex clip; 0 where that is not done."""
    if not can_refine(problem):
        return 0.0
    operator, clip = problem.operator, torch.zeros(problem.operator.clip_shape)
    applied, gradient = _seconds(lambda: operator.adjoint(operator(clip))), _gradient_seconds(clip)
    return refining_applications() * applied + 2 * refining_iterations() * INNER_ITERATIONS * gradient


def _gradient_seconds(clip: Tensor) -> float:
    """Of the differences of a clip, their adjoint, and the shrinking between them."""
    fields = torch.zeros(3, *clip.shape)

    def iterate() -> None:
        add_gradient(fields, clip, (0.1, 0.1, 0.1))
        shrink_to_one(fields)
        add_gradient_adjoint(clip, fields, (0.1, 0.1, 0.1))

    iterate()  # the first touches memory that no one has yet
    return _seconds(iterate)


def _variation_seconds(problem: Problem) -> float:
    """Of an iteration of total variation of exact pixels, which goes over the clip once: from a few frames."""
    parts = range(min(VARIED_FRAMES, problem.operator.clip_shape[0]))
    few = problem.operator.subset(parts)
    data, known = (problem.operator.take(values, parts) for values in (problem.data, problem.fitted))

    def iterate() -> None:
        total_variation(data, few, known, data, iterations=VARIED_ITERATIONS)  # type: ignore[arg-type]

    iterate()
    return problem.operator.clip_shape[0] / len(parts) * _seconds(iterate) / VARIED_ITERATIONS


def _interpolation_seconds(problem: Problem) -> float:
    """Of linear and biharmonic interpolation, those of them that are run, from a corner of the first frame."""
    frames, _, height, width = problem.operator.clip_shape
    assert isinstance(problem.data, Tensor)
    assert isinstance(problem.fitted, Tensor)
    pixels, known = (t[:1, :, :CORNER_PIXELS, :CORNER_PIXELS] for t in (problem.data, problem.fitted))

    begin = rough_clip if problem.noise.is_exact and has_no_need_of_linear(problem.fitted) else interpolate_frames

    def interpolate() -> None:
        biharmonic(pixels, known, begin(pixels, known))

    interpolate()  # what is loaded at first use takes longer than the corner
    return frames * height * width / known[0, 0].numel() * _seconds(interpolate)


def _slow_seconds(problem: Problem, one_pass: float) -> float:
    """Of the deep image prior and the paper's presets, as if their networks took the time of the generator's."""
    solvers = [DEEP_PRIOR_SETTINGS, *(PRESETS[name] for name in PAPER_PRESETS if has_paper_size(problem.operator))]
    return sum((solver.steps or 0) * _passes(solver) * one_pass for solver in solvers)


def _seconds(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _time_text(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
