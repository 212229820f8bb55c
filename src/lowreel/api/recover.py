"""`lowreel.recover`: data of any library in, a recovery in the same form out, shown while it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from torch import Tensor

from ..data import Noise
from ..model.generators import Generator
from ..recovery.comparison import Baseline, OnBaseline
from ..recovery.fit import Progress
from ..recovery.logs import log_baseline
from ..recovery.preparation import Given, checked_settings, given_data
from ..recovery.recover import recover as recover_tensors
from ..settings import Candidate, RecoverKeywords, RecoverSettings
from ..system.as_tensor import tensor_of
from ..system.devices import device_of
from ..system.form import Form
from .given import exact_pixels, form_of, measured_of, operator_of, own_copy
from .recovery import Clip, Recovery, Source
from .showing import Display, display_of
from .together import or_together
from .watch import RecoveryProgress, Watch, check_callback


@or_together
def recover(
    y: Clip | tuple[Clip, ...],
    A: Any = None,
    settings: RecoverSettings | None = None,
    *,
    clip_shape: Sequence[int] | None = None,
    noise: float | Noise | Mapping[str, Any] | None = 0.0,
    generator: Generator | str | None = None,
    times: Any = None,
    sequences: Sequence[int] = (),
    beta: Any = None,
    callback: Callable[[RecoveryProgress], object] | None = None,
    resume: Progress | None = None,
    score: Callable[[Any], float] | None = None,
    choice: Candidate | None = None,
    on_baseline: OnBaseline | None = None,
    levels: Sequence[float] | None = None,
    holdout: Any = None,
    progress: bool | None = None,
    **choices: Unpack[RecoverKeywords],
) -> Recovery[Clip]:
    """Recover the clip x from data y = A x + e: argmin over codes z and weights g of |A G_g(z) - y|^2 and similarity.

    Several clips from lists, recover([y_1, y_2], [A_1, A_2]): see `recover_together`. y: in the operator's shape, of a
    stack a tuple; NumPy's, torch's or xarray's, and so are the clips of the result: on the device of a tensor, with
    xarray's coordinates where the clip has the shape of y, in float64 where y is (the fit is in float32; pixels known
    exactly come back to their last digit). A grey clip may lack its axis of channels. A: the operator, ours or what
    `as_linear_operator` takes; None: y is the clip, with holes where it is masked or NaN. clip_shape: (T, C, H, W),
    where neither A nor its adjoint of y says it. choices: fields of `RecoverSettings` by name, such as `rank=4,
    quality="draft"`, in place of those of `settings`.

    noise: standard deviation in units of y; 0: y is exact; None: nothing is known; or what a maker of noise says of it.
    times: seconds of the frames (25 a second if None). sequences: lengths of stretches without a cut. beta: weights of
    eq. (6), (T - 1,). levels: white less black, and black, in units of y; None finds them. holdout: what of y is held
    out, booleans like y, or (H, W) and so on of pixels. generator, choice, score: see `RecoverSettings`,
    `Recovery.choice`; a number of the frames for the history.

    progress: True shows a bar, False nothing, None shows it in a terminal and in a notebook, there with frames.
    callback: called with a `RecoveryProgress` after every epoch, whose `frames()` draws the clip so far; returning True
    or raising StopIteration ends the fit with the best so far. resume: what it was last given. on_baseline: called with
    a name and a baseline whenever one is better than those before. Raises InputError for data, operators and settings
    that do not fit, and an operator whose adjoint is wrong.
    """
    settings, generator = checked_settings(settings, choices, generator)
    device_of(settings.device)
    check_callback(callback)
    A, clip_shape = operator_of(y, A, clip_shape)
    form, y = form_of(own_copy(y), A)
    given = given_data(y, A, noise, clip_shape, levels)
    weights = None if beta is None else tensor_of(beta, "beta").cpu()
    known: dict[str, Any] = {"generator": generator, "times": times, "sequences": tuple(sequences), "beta": weights}
    known |= {"holdout": holdout, "choice": choice, "resume": resume}
    calls = _Calls(given, form, score, on_baseline)
    with display_of(progress) as display:
        watch = Watch(callback, display.show, lambda now: RecoveryProgress.of(now, given, form))
        known |= {"callback": watch, "score": calls.score(), "on_baseline": calls.baseline(display)}
        found = recover_tensors(given, A, settings, **known)
    found = watch.said(found, "Go on with recover(..., resume=) of what the callback was given.")
    measured = measured_of(given, found.representation.times)
    return Recovery(found, form, Source(measured, exact_pixels(y, measured), holdout))


class _Calls:
    """What the user wants to be called with clips, in the form of the data."""

    def __init__(
        self, given: Given, form: Form, score: Callable[[Any], float] | None, on_baseline: OnBaseline | None
    ) -> None:
        self.given, self.form = given, form
        self.own_score, self.own_baseline = score, on_baseline

    def score(self) -> Callable[[Tensor], float] | None:
        """The score of tensors."""
        own = self.own_score
        return None if own is None else lambda frames: own(self.form.put(frames))

    def baseline(self, display: Display) -> OnBaseline:
        """Shows a baseline, and tells the user's own function."""

        def told(name: str, baseline: Baseline) -> None:
            levels = self.given.levels
            log_baseline(name, baseline)
            display.tell_baseline(name, replace(baseline, clip=(baseline.clip - levels.offset) / levels.scale))
            if self.own_baseline is not None:
                self.own_baseline(name, replace(baseline, clip=self.form.put(baseline.clip)))

        return told
