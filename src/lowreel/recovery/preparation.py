"""Data and operator of any library, checked and brought into the form that a fit needs."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import Levels, Noise, as_noise, checked, held_out_by, hold_out, in_levels
from ..errors import InputError
from ..model.generators import Generator, make, subpixel_stages
from ..model.latents import check_rank
from ..operators import (
    Data,
    LinearOperator,
    Mask,
    RealForm,
    as_linear_operator,
    check_operator,
    count_of,
    is_external,
    is_stack,
    map_data,
    tensors_of,
)
from ..settings import RecoverKeywords, RecoverSettings
from ..solver.problem import Problem
from ..system.as_tensor import tensor_and_missing
from ..system.devices import CPU
from .camera import following, margin_so_far
from .conventions import check_conventions, check_mask
from .fit import Progress
from .levels import AS_IS, complex_levels, in_units_of, levels_of


@dataclass(frozen=True)
class Given:
    """Data of a clip in [0, 1] with its operator and noise, the units in which it came, and in these `stored`.

    Of a complex clip `operator` is the real form, whose clips are in [0, 1], and `levels` has the number that stands
    for 1 (white).
    """

    data: Data
    operator: LinearOperator
    noise: Noise
    levels: Levels
    stored: Data

    @property
    def is_complex(self) -> bool:
        """Whether the clip is complex."""
        return isinstance(self.operator, RealForm)

    @property
    def is_as_it_came(self) -> bool:
        """Whether the clip that was asked for is the one in [0, 1]."""
        return self.levels == AS_IS and not self.is_complex

    def in_units(self, clip: Tensor) -> Tensor:
        """A clip in [0, 1], (T, C, H, W), in the units of the data, complex where that is."""
        return in_units_of(self.levels, clip, self.is_complex)


def given_data(
    data: Any,
    operator: Any,
    noise: float | Noise | Mapping[str, Any] | None,
    clip_shape: Sequence[int] | None,
    levels: Sequence[float] | None,
) -> Given:
    """Data, operator and noise in grey levels, whatever library and units they came in; levels: as in `recover`.

    Raises InputError for data that does not fit the operator, and for an operator whose adjoint is wrong.
    """
    operator, noise = as_linear_operator(operator, clip_shape).on(CPU), as_noise(noise)
    operator = operator.inner if isinstance(operator, RealForm) else operator
    stored, operator = _as_data(data, operator)
    if operator.takes_complex_clips:
        return _given_complex(stored, RealForm(operator), noise, levels)
    if levels is None:
        check_mask(stored, operator)
    units = levels_of(stored, operator, noise) if levels is None else _levels_of(levels)
    if units == AS_IS:
        return Given(stored, operator, noise, units, stored)
    return Given(in_levels(stored, operator, units), operator, noise.scaled(1 / units.scale), units, stored)


def checked_settings(
    settings: RecoverSettings | None, choices: RecoverKeywords, generator: Generator | str | None
) -> tuple[RecoverSettings, Generator | None]:
    """The settings (the defaults if None) with the choices and the name of a generator put in; and a generator of one's
    own, if it is one. Raises InputError for anything else."""
    if not isinstance(settings, RecoverSettings | None):
        got = type(settings).__name__
        raise InputError(f"settings: expected lowreel.RecoverSettings(rank=4, ...) or None, got {got}")
    settings = settings or RecoverSettings()
    changes: dict[str, Any] = dict(choices)
    if isinstance(generator, str):
        changes, generator = changes | {"generator": generator}, None
    return type(settings)(**(settings.model_dump() | changes)) if changes else settings, generator


def _levels_of(levels: Sequence[float]) -> Levels:
    """(white less black, black) or (white,) as numbers. Raises InputError for anything else."""
    try:
        found = Levels(*(float(level) for level in levels))
    except (TypeError, ValueError):
        raise InputError(f"levels: expected (white - black, black), or (white,) alone, got {levels!r}") from None
    if not all(map(math.isfinite, found)) or found.scale == 0:
        raise InputError(f"levels: expected finite numbers, the first not 0, got {levels!r}")
    return found


def _given_complex(stored: Data, operator: RealForm, noise: Noise, levels: Sequence[float] | None) -> Given:
    """Data of a complex clip; levels: (white,), the size that no number of the clip exceeds, or None to find it."""
    units = complex_levels(stored, operator) if levels is None else _levels_of(levels)
    if units.offset or units.scale <= 0:
        raise InputError(f"levels: expected (white,) of a complex clip, above 0 and without an offset, got {levels}")
    parts = Levels(2 * units.scale, -units.scale)
    return Given(in_levels(stored, operator, parts), operator, noise.scaled(1 / parts.scale), units, stored)


def prepare(
    data: Data | np.ndarray,
    operator: Any,
    settings: RecoverSettings,
    *,
    clip_shape: Sequence[int] | None = None,
    noise: float | Noise | Mapping[str, Any] | None = 0.0,
    generator: Generator | None = None,
    times: Tensor | Sequence[float] | None = None,
    sequences: Sequence[int] = (),
    beta: Tensor | None = None,
    holdout: Any = None,
) -> Problem:
    """The problem that `recover` solves, on the CPU, with everything checked that can be before the first epoch.

    times: seconds of the frames, (T,), rising; beta: weights of eq. (6), (T - 1,). Raises InputError as `recover` does.
    """
    given = given_data(data, operator, noise, clip_shape, AS_IS)
    return posed(given, settings, generator=generator, times=times, sequences=sequences, beta=beta, holdout=holdout)


def posed(
    given: Given,
    settings: RecoverSettings,
    *,
    generator: Generator | None,
    times: Tensor | Sequence[float] | None,
    sequences: Sequence[int],
    beta: Tensor | None,
    holdout: Any,
    may_follow: bool = True,
    resume: Progress | None = None,
) -> Problem:
    """The problem of data in [0, 1], checked against its operator. times: seconds, (T,); beta: (T - 1,); holdout: as in
    `recover`; may_follow: whether a camera that moves may be followed, where the generator is not given; resume: a run
    that goes on, which follows one if it has so far. Raises InputError as `recover` does."""
    if generator is not None and generator.motion_numbers:
        raise InputError(
            f"generator: a {generator.kind} draws frames by the motion of a camera in another clip, of which this one "
            "has none; leave the generator out, and a camera that moves is followed, or give decoder"
        )
    operator, noise = given.operator, given.noise
    y = checked(given.data, operator, noise)
    if not given.is_complex:
        check_conventions(y, operator, noise)
    frames, channels, height, width = operator.clip_shape
    made = generator or make(
        settings.generator_name(channels),
        (channels, height, width),
        seed=settings.seed,
        subpixel_stages=subpixel_stages(operator),
    )
    solver = settings.solver()
    if solver.rank is not None:
        check_rank(solver.rank, frames, made.code_dim)
    problem = Problem(
        data=y,
        operator=operator,
        generator=made,
        times=times_of(times, frames),
        sequences=tuple(sequences),
        beta=beta,
        noise=noise,
        data_term=noise.data_term if settings.data_term == "auto" else settings.data_term,
        seed=settings.seed,
    )
    if any(p.device != CPU for p in made.parameters()):
        problem = replace(problem, generator=copy.deepcopy(made).to(CPU))
    problem = replace(problem, **_held_out(problem, settings, holdout))
    margin = margin_so_far(resume)
    is_free = may_follow and generator is None and (resume is None or margin is not None)
    return following(problem, settings, margin) if is_free else problem


def _held_out(problem: Problem, settings: RecoverSettings, holdout: Any) -> dict[str, Any]:
    """What of the data of a problem is held out, and whether a user has chosen it."""
    operator, known = problem.operator, problem.known
    if holdout is not None:
        return {"heldout": held_out_by(holdout, operator, known), "is_own_holdout": True}
    share = settings.heldout_share(count_of(known))
    return {"heldout": hold_out(operator, share, settings.seed, known=known, data=problem.data)}


def _as_data(data: Any, operator: LinearOperator) -> tuple[Data, LinearOperator]:
    """`data` as float32 or complex64 tensors, in the operator's shape; operators of others are checked first.

    Of a masked array of pixels the operator that is returned does not see what is masked.
    """
    if is_external(operator):
        check_operator(operator)
    several = isinstance(data, tuple) or (is_stack(operator) and not isinstance(data, Tensor | np.ndarray))
    found = [_single(v) for v in (data if several else (data,))]
    y: Data = tuple(values for values, _ in found) if several else found[0][0]
    operator.checked_data(y)
    y = _real_where_they_are(y, operator)
    if all(missing is None for _, missing in found):
        return y, operator
    if not operator.is_pixel_mask:
        raise InputError(
            f"data: a masked array, but numbers of {operator.kind} data cannot be left out one by one; give an "
            "operator that does not measure them, and the data without them"
        )
    ((_, missing),) = found
    assert missing is not None
    observed = operator.observed_mask()
    assert isinstance(observed, Tensor)
    return y, Mask(operator.clip_shape, observed & ~missing)


def _real_where_they_are(data: Data, operator: LinearOperator) -> Data:
    """Complex data of an operator that gives real numbers, as real ones. Raises InputError where that changes them."""
    if operator.takes_complex_clips or not any(y.is_complex() for y in tensors_of(data)):
        return data
    if any(y.is_complex() for y in tensors_of(operator(torch.zeros(operator.clip_shape)))):
        return data
    if any(y.is_complex() and bool(y.imag.any()) for y in tensors_of(data)):
        raise InputError(
            f"data: complex numbers, where {operator.kind} gives real ones of a real clip; give y.real, or as A what "
            "gives the complex ones"
        )
    return map_data(lambda y: y.real if y.is_complex() else y, data)


def _single(values: Any) -> tuple[Tensor, Tensor | None]:
    """Numbers as float32 or complex64 on the CPU, and booleans of those that are masked, None where none is."""
    tensor, missing = tensor_and_missing(values, "data")
    single = tensor.to(CPU, torch.complex64 if tensor.is_complex() else torch.float32)
    return single, None if missing is None else torch.from_numpy(missing)


def times_of(times: Tensor | Sequence[float] | None, frames: int) -> Tensor:
    """Seconds of the frames, (T,), 25 a second if None. Raises InputError for others than so many rising numbers."""
    if times is None:
        return torch.arange(frames, dtype=torch.float64) / 25
    try:
        seconds = torch.as_tensor(times, dtype=torch.float64, device=CPU)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"times: expected {frames} rising numbers of seconds, got {times!r:.60}") from None
    if seconds.shape != (frames,) or not bool((seconds.diff() > 0).all() and seconds.isfinite().all()):
        raise InputError(f"times: expected {frames} rising numbers of seconds, got shape {tuple(seconds.shape)}")
    return seconds
