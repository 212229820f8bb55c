"""Clips that are recovered in sections: whether one is, and how its run is begun and gone on with."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputError
from ..settings import RecoverSettings
from ..system.memory import operator_budget, parse_bytes, taken_bytes
from .display import ProgressBar, show_summary

if TYPE_CHECKING:
    from torch import Tensor

    from ..runs.folder import Run
    from ..runs.sectioned import SectionedRun
    from ..runs.sections import Section, Source


def is_short(clip_shape: tuple[int, ...], recovering: RecoverSettings) -> bool:
    """Whether a clip of this shape is one section, unless it has cuts: it may then be held whole."""
    from ..recovery.cost import clip_fits
    from ..runs.sections import sections_of

    if not clip_fits(clip_shape, parse_bytes(recovering.memory)):
        return False
    usual = recovering.frames_of_section(clip_shape[2] * clip_shape[3])
    return usual is None or len(sections_of(clip_shape[0], usual=usual)) == 1


def planned_sections(source: Source, recovering: RecoverSettings) -> list[Section]:
    """The sections in which a clip is recovered; one where it is not cut.

    Raises InputError where memory does not allow a few frames.
    """
    from ..data import Measured
    from ..operators import is_rebuilt, part_frames
    from ..recovery.cost import clip_fits
    from ..runs.sectioned import longest_section
    from ..runs.sections import Section, sections_of

    spec = source.spec
    own = isinstance(source, Measured) and not is_rebuilt(source.operator)
    frames, step = spec["clip_shape"][0], None if own else part_frames(spec)
    usual = recovering.frames_of_section(spec["clip_shape"][2] * spec["clip_shape"][3])
    if step is None or usual is None:
        return [Section(range(frames), 0)]
    cuts = _cuts(source, frames, step, recovering)
    taken = 0 if recovering.memory is None else taken_bytes()
    is_small = clip_fits(spec["clip_shape"], (parse_bytes(recovering.memory) - taken) // SMALL)
    most = None if is_small else longest_section(source, frames, step, recovering)
    return sections_of(frames, cuts, most=most, usual=usual, step=step)


SMALL = 8
"""A clip is small whose arrays take less than this part of the memory: it needs no trial to see that they fit."""

LOOKED_AT = 32
"""Frames that are looked at together for cuts."""


def _cuts(source: Source, frames: int, step: int, recovering: RecoverSettings) -> list[int]:
    from ..data import Measured
    from ..runs.scenes import SHORTEST, cuts, outlines

    if recovering.cuts == "none" or frames < 2 * SHORTEST:
        return []
    if isinstance(source, Measured):
        return cuts([outlines(source)], step)

    def stretches() -> Iterator[Tensor]:
        each, budget = step * max(1, LOOKED_AT // step), operator_budget(recovering.memory)
        for start in range(0, frames, each):
            yield outlines(source.temporal_slice(range(start, min(start + each, frames)), memory=budget))

    return cuts(stretches(), step)


def begin_sections(
    folder: Path,
    source: Source,
    sections: list[Section],
    recovering: RecoverSettings,
    truth: dict[str, Any] | None,
    request: dict[str, Any] | None,
) -> Callable[[], None]:
    """Make the run folder with the data of all sections; what performs the run, and needs the source no more."""
    from ..recovery.cost import check_fits
    from ..runs.sectioned import SectionedRun, expectation
    from ..runs.truth import open_truth

    if truth is not None:
        open_truth(truth, source.spec["clip_shape"])

    scenes, longest = sections[-1].scene + 1, max(len(section.frames) for section in sections)
    told = f"{scenes} scenes" if scenes > 1 else "one scene"
    print(f"In {len(sections)} sections of at most {longest} frames, {told}.", flush=True)
    run = SectionedRun.create(folder, source, sections, recovering, truth, request)
    needs = expectation(run)
    print(needs.sentence(recovering.time), flush=True)
    if recovering.memory is not None:
        try:
            check_fits(needs, parse_bytes(recovering.memory))
        except InputError:
            shutil.rmtree(run.folder)  # made a moment ago, and nothing is in it yet but the data
            raise
    return partial(_perform, run)


AnyRun = TypeVar("AnyRun", "Run", "SectionedRun")


def opened_again(run: AnyRun, recovering: RecoverSettings, request: dict[str, Any] | None) -> AnyRun | None:
    """A run with its own settings, but for the time and memory that this session may take, and its device.

    None, and its table shown, where it was finished. Raises InputError where other settings are given, or `request`
    is for another clip, operator or noise, or where this machine lacks the device.
    """
    from ..system.devices import device_of

    folder, own, nothing = run.folder, run.settings, {"time": None, "memory": None, "device": "auto"}
    if recovering.model_copy(update=nothing) not in (RecoverSettings(), own.model_copy(update=nothing)):
        raise InputError(
            f"{folder}: a run goes on with the settings it has; only --time, --memory and --device can be given with "
            "--resume"
        )
    if request is not None and request != run.request:
        raise InputError(
            f"{folder}: holds a run of another clip, operator or noise; give the same, or go on with "
            f"lowreel recover {folder} --resume"
        )
    summary = run.summary()
    if summary is not None and summary.is_complete:
        show_summary(folder, summary, [f"{folder} was finished already; this is what it found."])
        return None
    device = own.device if recovering.device == "auto" else recovering.device
    device_of(device)
    limits = {"time": recovering.time, "memory": recovering.memory or own.memory, "device": device}
    return replace(run, settings=own.model_copy(update=limits))


def go_on_with_sections(folder: Path, recovering: RecoverSettings, request: dict[str, Any] | None) -> None:
    """Resume the run in a folder. Its operator is one that the file rebuilds: others are not cut."""
    from ..runs.sectioned import SectionedRun

    run = opened_again(SectionedRun.open(folder), recovering, request)
    if run is not None:
        _perform(run)


def _perform(run: SectionedRun) -> None:
    from ..runs.sectioned import perform_sections

    with ExitStack() as shown:
        bar: ProgressBar | None = None

        def show(number: int, count: int, progress: Any) -> None:
            nonlocal bar
            what = f"section {number} of {count}"
            if bar is None or bar.what != what:
                shown.close()
                bar = shown.enter_context(ProgressBar(what))
                if bar.bar.disable:
                    print(what, flush=True)
            bar.show(progress)

        summary, notes = perform_sections(run, show=show)
    summary.write(run.folder)
    show_summary(run.folder, summary, notes)
