"""`lowreel.recover_together`: several clips by one generator, each in the form in which its data came."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, Unpack, cast

from ..data import Noise
from ..errors import InputError
from ..model.generators import Generator
from ..model.representation import Representation
from ..recovery.fit import Progress
from ..recovery.together import ClipData, Group
from ..settings import RecoverKeywords, RecoverSettings
from ..system.form import Form
from .given import exact_pixels, form_of, measured_of, own_copy
from .recovery import Recovery, Source
from .showing import display_of
from .watch import RecoveryProgress, Watch, check_callback

FOR_ONE_CLIP = ("clip_shape", "sequences", "beta", "resume", "score", "choice", "on_baseline")
"""Arguments of `recover` that several clips do not have."""

TO_GO_ON = "To go on, recover the clips again from the start."

F = TypeVar("F", bound=Callable[..., Any])


def or_together(recover_one: F) -> F:
    """`recover`, which also takes a list of data and a list of operators, and then is `recover_together`."""

    @functools.wraps(recover_one)
    def recover(*given: Any, **known: Any) -> Any:
        operators = given[1] if len(given) > 1 else known.get("A")
        return (recover_together if isinstance(operators, list) else recover_one)(*given, **known)

    return cast(F, recover)


def recover_together(
    y: Sequence[Any],
    A: Sequence[Any],
    settings: RecoverSettings | None = None,
    *,
    noise: float | Noise | Mapping[str, Any] | list[Any] | tuple[Any, ...] | None = 0.0,
    generator: Generator | str | None = None,
    times: Sequence[Any] | None = None,
    levels: Sequence[Any] | None = None,
    holdout: Sequence[Any] | None = None,
    callback: Callable[[RecoveryProgress], object] | None = None,
    progress: bool | None = None,
    always: bool = False,
    names: Sequence[str] = (),
    **choices: Unpack[RecoverKeywords],
) -> list[Recovery[Any]]:
    """Recover several clips x_k from y_k = A_k x_k + e_k by one generator; `recover([y_1, ...], [A_1, ...])` is this.

    Each frame of clip k is G(z_kt), with one G for all. Similarity, eq. (6), is within each clip. A rank that is given
    is that of the codes of each clip, as eq. (7) has it; rank "auto" finds the smallest one of all codes together. Each
    clip is fitted alone as well, with the settings that were chosen for all, and what its held-out data prefers is its
    result (`Recovery.together`); the data of each is held out, scaled and judged by itself.

    y, A: of each clip, as in `recover`, for frames of one size and any lengths. noise: one for all, or a list with that
    of each. times, levels, holdout: a list with those of each clip, or None. callback: called after every epoch of any
    fit with a `RecoveryProgress`, whose `frames()` are a list with those of each clip, None for clips that the fit is
    not of; it ends the fits with the best so far by returning True, or raising StopIteration or KeyboardInterrupt.
    progress: as in `recover`. always: leave out the fits of each clip alone, which are about half of the work. names:
    of the clips, for errors; else y[0], y[1]. choices: as in `recover`.

    Returns a result for each clip, in order and in the form of its data. A list of one is recovered as that clip alone.
    Raises InputError as `recover` does, with the clip's name, and for complex clips.
    """
    refused = [name for name in FOR_ONE_CLIP if name in choices]
    if refused:
        raise InputError(f"{refused[0]}: is for one clip; recover them one by one, or leave it out")
    check_callback(callback)
    count = _count_of(y, A)
    names = _of_names(names, count)
    noises = noise if isinstance(noise, list | tuple) else count * [noise]
    of_each = {"times": times, "levels": levels, "holdout": holdout}
    known = [{what: _of(given, k, count, what) for what, given in of_each.items()} for k in range(count)]
    forms = [form_of(own_copy(one), operator) for one, operator in zip(y, A, strict=True)]
    clips = [
        ClipData(name, forms[k][1], A[k], _of(noises, k, count, "noise"), **known[k]) for k, name in enumerate(names)
    ]
    group = Group.of(clips, settings, generator=generator, **choices)
    drawing = _Drawing(group, [form for form, _ in forms])
    with display_of(progress) as display:
        watch = Watch(callback, display.show, drawing.told)
        found = group.recovered(watch, always=always, begin=drawing.begin)
    results = []
    for k, one in enumerate(watch.said(one, TO_GO_ON) for one in found):
        measured = measured_of(group.given[k], one.representation.times)
        results.append(Recovery(one, forms[k][0], Source(measured, exact_pixels(y[k], measured), known[k]["holdout"])))
    return results


class _Drawing:
    """What a callback is told of the fits of a group, with the frames of the clips that a fit is of, in their forms."""

    def __init__(self, group: Group, forms: Sequence[Form]) -> None:
        self.group, self.forms = group, forms
        self.clip: int | None = None

    def begin(self, clip: int | None) -> None:
        """Note which clip the next fit is of; None: of all."""
        self.clip = clip

    def told(self, progress: Progress) -> RecoveryProgress:
        """The progress of the fit under way."""
        return RecoveryProgress.drawing(progress, functools.partial(self._drawn, self.clip))

    def _drawn(self, clip: int | None, found: Representation) -> list[Any]:
        frames, drawn = found.frames(), [None] * len(self.forms)
        parts = {clip: range(len(frames))} if clip is not None else dict(enumerate(self.group.problem.frames_of_clips))
        for k, own in parts.items():
            drawn[k] = self.forms[k].put(self.group.given[k].in_units(frames[own.start : own.stop]))
        return drawn


def _count_of(y: Any, A: Any) -> int:
    """How many clips there are. Raises InputError for anything but as many operators as data, one or more."""
    if not isinstance(A, list | tuple) or not A:
        got = "none" if isinstance(A, list | tuple) else type(A).__name__
        raise InputError(f"A: of several clips expected a list with an operator for each, such as [A1, A2], got {got}")
    if not isinstance(y, list | tuple) or len(y) != len(A):
        got = str(len(y)) if isinstance(y, list | tuple) else type(y).__name__
        raise InputError(f"y: expected a list with the data of each of {len(A)} operators, got {got}")
    return len(A)


def _of_names(names: Sequence[str], count: int) -> list[str]:
    """A name for each clip. Raises InputError for more or fewer."""
    if isinstance(names, str) or len(names) not in (0, count):
        raise InputError(f"names: expected one for each of {count} clips, or none, got {names!r}")
    return list(names) or [f"y[{k}]" for k in range(count)]


def _of(values: Sequence[Any] | None, k: int, count: int, what: str) -> Any:
    """What is given for a clip; None where nothing is."""
    if values is None:
        return None
    if not isinstance(values, list | tuple) or len(values) != count:
        raise InputError(f"{what}: of several clips expected a list with one for each of {count}, or None")
    return values[k]
