"""The public `recover`: choose, fit, keep the best by held-out data, finish with data consistency, account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Unpack

import numpy as np
from torch import Tensor

from ..data import Noise
from ..model.generators import Generator
from ..operators import Data
from ..settings import Candidate, RecoverKeywords, RecoverSettings
from ..solver.problem import Problem
from ..system.devices import CPU, device_of
from .accounting import accounted, in_units
from .comparison import OnBaseline
from .fit import Callback, Progress, Score
from .fits import Fits
from .levels import scored_in_units, told_in_units
from .policy import plan_of, with_precision
from .preparation import Given, checked_settings, given_data, posed
from .result import Recovery
from .search import varied
from .warm_start import Neighbour, continued, fewer_epochs, in_fewer_epochs


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
    """Recover the clip x from y = A x + e, as tensors; `lowreel.recover` is this with data of any library.

    choices: fields of `RecoverSettings` by name, as in `recover(y, A, rank=4)`, in place of those of `settings`.

    y: data, an array or tensor in the operator's shape; of pixels also a masked array. A: the operator, ours or what
    `as_linear_operator` takes: a matrix, another library's, a tuple of NumPy functions. clip_shape: (T, C, H, W), of an
    operator that does not say it. noise: standard deviation of the noise, in units of y; 0 means that the data is
    exact and the clip will agree with it, None that nothing is known of it; or what a maker of noise or a data
    file says of it. times: seconds of the frames (25 a second if None). sequences: lengths of stretches without a cut.
    beta: weights of eq. (6). callback: called after every epoch; a KeyboardInterrupt ends the fit with the best so far.
    resume: what `callback` was last given, to go on from there. score: a number of the frames, such as their PSNR
    against a true clip, that is noted in the history and takes part in no choice. choice: what held-out data chose
    before for data of the same kind (`Recovery.choice`); the search over settings is then left out. on_baseline: called
    with a name and a baseline's clip before the fit begins, whenever one is better than those before. neighbour:
    another stretch of the same clip, from which the fit starts, with fewer epochs, where nothing is left to choose and
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
    about: dict[str, Any] = {"times": times, "sequences": sequences, "beta": beta, "holdout": holdout}
    problem = posed(given, settings, generator=generator, resume=resume, **about)
    ready = with_precision(problem.on(device), settings, resume)
    if neighbour is not None:
        problem, ready, choice = _from_neighbour(problem, ready, choice, neighbour)
    plan = plan_of(problem, ready, given=generator is not None, resume=resume, choice=choice)
    fits = Fits(ready, device, choice, callback, score, own_holdout=holdout is not None)
    found, problem, quick = fits.all(problem, plan, resume, on_baseline)
    return in_units(given, accounted(problem, settings, found.on(CPU), device, quick))


def _from_neighbour(
    problem: Problem, settings: RecoverSettings, choice: Candidate | None, neighbour: Neighbour
) -> tuple[Problem, RecoverSettings, Candidate | None]:
    """The problem, the settings and the choice of a fit that starts from a neighbour; as they are where it cannot."""
    if not settings.continues or (choice is None and settings.searches):
        return problem, settings, choice
    if problem.motion is not None:  # each section has a picture of its own, and learns it sooner than at rest
        return problem, in_fewer_epochs(problem, settings), choice
    warm = continued(problem if choice is None else varied(problem, choice), neighbour)
    if warm is None:
        return problem, settings, choice
    return warm, fewer_epochs(warm, settings), choice and choice.going_on()


def _as_asked(
    given: Given, score: Score | None, on_baseline: OnBaseline | None, callback: Callback | None
) -> tuple[Score | None, OnBaseline | None, Callback | None]:
    """What is called while a clip is recovered, given clips as they were asked for: in units of the data, complex."""
    if given.is_as_it_came:
        return score, on_baseline, callback
    if given.is_complex and callback is not None:
        callback = partial(_shown_complex, callback)
    return scored_in_units(given.in_units, score), told_in_units(given.in_units, on_baseline), callback


def _shown_complex(callback: Callback, progress: Progress) -> None:
    """Show where a run stands, its frames complex."""
    now = progress.now
    callback(progress if now is None else replace(progress, now=lambda: replace(now(), is_complex=True)))
