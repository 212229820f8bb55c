"""From a request for several clips to the folder of their run, and on with one that was begun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data import Measured
from ..errors import InputError
from ..recovery.cost import check_clip_fits, check_fits
from ..recovery.together import named
from ..runs.grouped import GroupRun, expected, memory_of_each, perform_group
from ..runs.summary import Summary
from ..settings import RecoverSettings
from ..system.devices import device_of
from ..system.files import check_free, unused_folder
from ..system.memory import operator_budget, parse_bytes
from .callbacks import Callbacks, data_warnings_said
from .request import RunRequest, with_full_paths
from .run import check_same_settings, in_this_session
from .sources import source_of
from .together_request import TogetherRequest


@dataclass(frozen=True)
class GroupResult:
    """A run of several clips that has ended: its folder, the summary of each clip by name, and sentences for the
    user."""

    folder: Path
    summaries: dict[str, Summary]
    notes: tuple[str, ...] = ()


def run_together(request: TogetherRequest, *, resume: bool = False, callbacks: Callbacks | None = None) -> GroupResult:
    """Recover the clips that are asked for into a run folder, as the command line does with --together.

    resume: go on with the run in `request.output`, which has to be of the same request, but for time, memory and
    device. Ctrl-C in the fit of all clips ends the run with the best so far, in that of one alone it is a
    KeyboardInterrupt. Raises InputError, before anything is written and with the name of the clip, for a request that
    cannot be carried out.
    """
    callbacks = callbacks or Callbacks()
    if resume:
        if request.output is None:
            raise InputError("--resume: say which run with -o RUN")
        return go_on_together(Path(request.output), request.settings, callbacks, asked=request)
    request.check()
    folder = _fresh(request)
    settings = with_full_paths(request.settings)
    device_of(settings.device)
    with data_warnings_said(callbacks.say):
        clips = {}
        share = settings.model_copy(update={"memory": memory_of_each(settings, len(request.clips))})
        for name, one in request.of_clips().items():
            with named(name):
                clips[name] = _measured(one.model_copy(update={"settings": share}), callbacks)
        needs = expected({name: m for name, (m, _) in clips.items()}, settings, always=request.always)
        callbacks.say(f"{len(clips)} clips together. {needs.sentence(settings.time)}")
        check_fits(needs, parse_bytes(settings.memory))
        run = GroupRun.create(folder, clips, settings, always=request.always, request=request.asked())
        del clips
        return _performed(run, callbacks)


def go_on_together(
    folder: Path, settings: RecoverSettings, callbacks: Callbacks | None = None, *, asked: TogetherRequest | None = None
) -> GroupResult:
    """Go on with the run of several clips in a folder, with its own settings but for the time, memory and device of
    this session. asked: what it has to be a run of. Raises InputError where these differ, or there is no such run."""
    callbacks, settings = callbacks or Callbacks(), with_full_paths(settings)
    run = GroupRun.open(folder)
    check_same_settings(folder, run.settings, settings)
    if asked is not None and asked.asked() != run.request:
        raise InputError(
            f"{folder}: holds a run of other clips; give the same, or go on with lowreel recover {folder} --resume"
        )
    if run.is_done:
        known = {name: summary for name, summary in run.summaries().items() if summary is not None}
        return GroupResult(folder, known, (f"{folder} was finished already; this is what it found.",))
    session = in_this_session(run.settings, settings)
    with data_warnings_said(callbacks.say):
        return _performed(replace(run, settings=session), callbacks)


def _performed(run: GroupRun, callbacks: Callbacks) -> GroupResult:
    summaries, notes = perform_group(run, show=callbacks.on_fit)
    return GroupResult(run.folder, summaries, tuple(notes))


def _measured(request: RunRequest, callbacks: Callbacks) -> tuple[Measured, dict[str, Any] | None]:
    """The data of a clip, whole, and how to read the true one again."""
    source, truth, _ = source_of(request, callbacks.say)
    settings = request.settings
    if not isinstance(source, Measured):
        check_clip_fits(source.spec["clip_shape"], parse_bytes(settings.memory))
        source = source.temporal_slice(range(len(source.times)), memory=operator_budget(settings.memory))
    return source, truth


def _fresh(request: TogetherRequest) -> Path:
    """The folder given, if a run can be made there, or a new one in runs/."""
    if request.output is not None:
        check_free(Path(request.output))
        return Path(request.output)
    first = next(iter(request.of_clips()))
    return unused_folder(Path("runs") / f"{first}-and-{len(request.clips) - 1}-more")
