"""From a request to a run folder with its results. Commands, batches, clusters and the page all come this way."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor

from ..data import Measured
from ..errors import InputError
from ..io.video import read_holdout
from ..recovery.cost import check_clip_fits, check_fits
from ..recovery.fit import Progress
from ..recovery.policy import planned
from ..recovery.preparation import prepare
from ..runs.environment import reproducible
from ..runs.folder import Run, execute
from ..runs.html import run_html
from ..runs.planning import planned_sections
from ..runs.report import draw_report
from ..runs.sectioned import SectionedRun, expectation, perform_sections
from ..runs.sections import Section, Source
from ..runs.summary import Summary
from ..runs.truth import load_truth, open_truth, truth_warnings
from ..settings import RecoverSettings
from ..system.devices import device_of
from ..system.files import check_free, split_member, unused_folder
from ..system.memory import operator_budget, parse_bytes
from .callbacks import Callbacks, data_warnings_said
from .request import OF_SESSION, RunRequest, with_full_paths
from .sources import source_of

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunResult:
    """A run that has ended: its folder, what its summary.json holds, and sentences that the user should see."""

    folder: Path
    summary: Summary
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """What a notebook shows: a film strip, the verdict, the table of figures."""
        return run_html(self.folder, self.summary)


def run(request: RunRequest, *, resume: bool = False, callbacks: Callbacks | None = None) -> RunResult:
    """Recover what is asked for into a run folder, as the command line does; a long clip in sections.

    resume: go on with the run in `request.output`, which has to be of the same request, but for time, memory and
    device; a finished one is not made again. Whatever is on disk survives a kill at any moment. Ctrl-C ends a run with
    the best so far (`summary.is_complete` is then false), one in sections with KeyboardInterrupt.

    Raises InputError, before anything is written, for a request that cannot be carried out.
    """
    callbacks = callbacks or Callbacks()
    LOG.info("asked for: %s", request.model_dump_json(exclude_defaults=True))
    if resume:
        if request.output is None:
            raise InputError("--resume: say which run with -o RUN")
        return go_on(Path(request.output), request.settings, callbacks, asked=request, operator=request.own_operator)
    request.check()
    folder = _fresh(request)
    device_of(request.settings.device)
    with data_warnings_said(callbacks.say):
        return _begun(folder, request, callbacks)()


def go_on(
    folder: Path,
    settings: RecoverSettings,
    callbacks: Callbacks | None = None,
    *,
    asked: RunRequest | None = None,
    operator: Any = None,
) -> RunResult:
    """Go on with the run in a folder, with its own settings but for the time, memory and device of this session.

    settings: those of the run, or none but these three. asked: what it has to be a run of. operator: one's own, or its
    name package.module:object, where it has one. Raises InputError where these differ, or there is no run.
    """
    callbacks, settings = callbacks or Callbacks(), with_full_paths(settings)
    begun: Run | SectionedRun = SectionedRun.open(folder) if SectionedRun.is_in(folder) else Run.open(folder)
    _check_wish(begun, settings, asked)
    summary = begun.summary()
    if summary is not None and summary.is_complete:
        return RunResult(folder, summary, (f"{folder} was finished already; this is what it found.",))
    if isinstance(begun, SectionedRun):
        return _perform_sections(_in_this_session(begun, settings), callbacks)
    run = _in_this_session(begun, settings)
    measured = run.measured(operator)
    truth = load_truth(run.truth, measured.operator.clip_shape) if run.truth else None
    with data_warnings_said(callbacks.say):
        return _perform(run, measured, truth, callbacks)


AnyRun = TypeVar("AnyRun", Run, SectionedRun)


def _check_wish(run: Run | SectionedRun, settings: RecoverSettings, asked: RunRequest | None) -> None:
    """Raise InputError where other settings are given than a run has, or another clip, operator or noise."""
    nothing = {name: RecoverSettings.model_fields[name].default for name in OF_SESSION}
    if settings.model_copy(update=nothing) not in (RecoverSettings(), run.settings.model_copy(update=nothing)):
        raise InputError(
            f"{run.folder}: a run goes on with the settings it has; only --time, --memory and --device can be given "
            "with --resume"
        )
    if asked is not None and asked.asked() != run.request:
        raise InputError(
            f"{run.folder}: holds a run of another clip, operator or noise; give the same, or go on with "
            f"lowreel recover {run.folder} --resume"
        )


def _in_this_session(run: AnyRun, settings: RecoverSettings) -> AnyRun:
    """The run with the limits and the device of this session. Raises InputError where this machine lacks the device."""
    own = run.settings
    device = own.device if settings.device == "auto" else settings.device
    device_of(device)
    limits = {"time": settings.time, "memory": settings.memory or own.memory, "device": device}
    return replace(run, settings=own.model_copy(update=limits))


def _begun(folder: Path, request: RunRequest, callbacks: Callbacks) -> Callable[[], RunResult]:
    """Make the run folder, once everything is known to fit; what performs the run, and holds the clip no longer."""
    settings = with_full_paths(request.settings)
    source, truth, true_clip = source_of(request, callbacks.say)
    holdout = None if request.holdout is None else read_holdout(request.holdout, source.spec["clip_shape"])
    sections = planned_sections(source, settings)
    if len(sections) > 1:
        return _begun_in_sections(folder, source, sections, settings, truth, request.asked(), holdout, callbacks)
    if isinstance(source, Measured):
        measured = source
    else:
        check_clip_fits(source.spec["clip_shape"], parse_bytes(settings.memory))
        measured = source.temporal_slice(sections[0].frames, memory=operator_budget(settings.memory))
    if true_clip is None and truth:
        true_clip = load_truth(truth, measured.operator.clip_shape)
    known: dict[str, Any] = {"noise": measured.noise, "times": measured.times, "holdout": holdout}
    problem = prepare(measured.data, measured.operator, settings, **known)
    needs = planned(problem, settings)[1]
    callbacks.say(needs.sentence(settings.time))
    check_fits(needs, parse_bytes(settings.memory))
    run = Run.create(folder, measured, settings, truth, request.asked(), holdout)
    return partial(_perform, run, measured, true_clip, callbacks)


def _begun_in_sections(
    folder: Path,
    source: Source,
    sections: list[Section],
    settings: RecoverSettings,
    truth: dict[str, Any] | None,
    asked: dict[str, Any],
    holdout: Tensor | None,
    callbacks: Callbacks,
) -> Callable[[], RunResult]:
    """Make the run folder with the data of all sections; what performs the run, and needs the source no more."""
    if truth is not None:
        open_truth(truth, source.spec["clip_shape"])
    scenes, longest = sections[-1].scene + 1, max(len(section.frames) for section in sections)
    told = f"{scenes} scenes" if scenes > 1 else "one scene"
    callbacks.say(f"In {len(sections)} sections of at most {longest} frames, {told}.")
    run = SectionedRun.create(folder, source, sections, settings, truth, asked, holdout)
    try:
        needs = expectation(run)  # which prepares the pilot, and may refuse its data
        callbacks.say(needs.sentence(settings.time))
        if settings.memory is not None:
            check_fits(needs, parse_bytes(settings.memory))
    except InputError:
        shutil.rmtree(run.folder)  # made a moment ago, and nothing is in it yet but the data
        raise
    return partial(_perform_sections, run, callbacks)


def _perform(run: Run, measured: Measured, truth: Tensor | None, callbacks: Callbacks) -> RunResult:
    """Carry out a run, draw its report, write its summary."""
    doubts = [] if truth is None else truth_warnings(truth, measured)

    def show(progress: Progress) -> None:
        callbacks.on_progress(progress, 1, 1)

    recovery, summary, notes = execute(run, measured, truth, show=show, on_baseline=callbacks.on_baseline)
    draw_report(run.folder, recovery, measured, truth)
    return RunResult(run.folder, run.finish(summary), (*doubts, *notes))


def _perform_sections(run: SectionedRun, callbacks: Callbacks) -> RunResult:
    """Carry out the sections of a run that are not finished, and write the summary of the whole."""

    def show(section: int, sections: int, progress: Progress) -> None:
        callbacks.on_progress(progress, section, sections)

    summary, notes = perform_sections(run, show=show)
    summary = reproducible(summary, run.request, run.settings)
    summary.write(run.folder)
    return RunResult(run.folder, summary, tuple(notes))


def _fresh(request: RunRequest) -> Path:
    """The folder given, if a run can be made there, or a new one in runs/."""
    if request.output is not None:
        check_free(Path(request.output))
        return Path(request.output)
    file, member = split_member(request.data or request.clip or "")
    text = file.stem if member is None else f"{file.stem}-{member}"
    kind = request.kind
    name = text.replace(":", "-").replace("/", "-") + ("" if kind is None else f"-{kind}")
    return unused_folder(Path("runs") / name)
