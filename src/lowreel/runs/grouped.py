"""The run folder of several clips that are recovered together: one generator, and for each clip a run of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from ..data import Levels, Measured
from ..errors import InputError
from ..recovery.cost import Estimate
from ..recovery.fit import Progress
from ..recovery.policy import FitResult
from ..recovery.result import Recovery
from ..recovery.together import ClipData, Group, named
from ..settings import RecoverSettings
from ..system.checkpoints import folder_lock
from ..system.complex_clips import magnitude
from ..system.files import new_folder, read_json, remove_leftovers, write_json
from ..system.memory import parse_bytes
from .config import CONFIG_VERSION, check_version, is_group, names_in
from .folder import CheckpointCallback, Run, score_of
from .outputs import write_results
from .preview import LIVE, PreviewWriter
from .report import draw_report
from .summary import Summary
from .truth import load_truth, truth_warnings

GROUP_FILE = "group.json"
"""What the clips of a group came to, in one file."""

ShowFit = Callable[[str, Progress], None]
"""Called with what is fitted, in words, and where that stands."""


@dataclass(frozen=True)
class GroupRun:
    """A folder with config.json, clips/NAME with an ordinary run for each clip, and the generator of all.

    names: of the clips, which are those of their folders; always: whether the clips are not tried alone; request: what
    was asked for, to which a resume has to agree.
    """

    folder: Path
    settings: RecoverSettings
    names: tuple[str, ...]
    always: bool = False
    request: dict[str, Any] | None = None

    @staticmethod
    def is_in(folder: str | Path) -> bool:
        """Whether the run in a folder is one of several clips."""
        return is_group(folder)

    @staticmethod
    def create(
        folder: str | Path,
        clips: Mapping[str, tuple[Measured, dict[str, Any] | None]],
        settings: RecoverSettings,
        *,
        always: bool = False,
        request: dict[str, Any] | None = None,
    ) -> GroupRun:
        """Make the folder with the data of every clip. Raises InputError when it holds anything already.

        clips: by name the data, and how to read the true clip again or None.
        """
        run = GroupRun(Path(folder).resolve(), settings, tuple(clips), always, request)
        with new_folder(run.folder) as draft:
            (draft / "clips").mkdir()
            for name, (measured, truth) in clips.items():
                Run.create(draft / "clips" / name, measured, settings, truth)
            known = {"settings": settings.model_dump(), "request": request, "always": always}
            write_json(draft / "config.json", {"version": CONFIG_VERSION, **known, "clips": list(run.names)})
        return run

    @staticmethod
    def open(folder: str | Path) -> GroupRun:
        """The run in a folder. Raises InputError when there is none, or it is damaged."""
        if not is_group(folder):
            raise InputError(f"{folder}: expected the folder of a run of several clips; check the path")
        config = read_json(Path(folder) / "config.json")
        check_version(Path(folder), config)
        names = names_in(folder, config)
        try:
            settings = RecoverSettings(**config["settings"])
            return GroupRun(Path(folder), settings, names, config["always"], config["request"])
        except (KeyError, TypeError, ValueError) as error:
            what = f"{folder}/config.json: cannot use it ({error})"
            raise InputError(f"{what}; restore the file or start a new run") from None

    def clip(self, name: str) -> Run:
        """The run of a clip."""
        return Run.open(self.folder / "clips" / name)

    def summaries(self) -> dict[str, Summary | None]:
        """The summary of each clip, by name; None of one that is not finished."""
        return {name: self.clip(name).summary() for name in self.names}

    @property
    def is_done(self) -> bool:
        """Whether every clip is at its end."""
        return all(summary is not None and summary.is_complete for summary in self.summaries().values())


@dataclass
class _Member:
    """A clip of a group as it is worked on."""

    name: str
    run: Run
    measured: Measured
    truth: Tensor | None

    @staticmethod
    def of(run: GroupRun, name: str) -> _Member:
        own = run.clip(name)
        share = {"memory": memory_of_each(run.settings, len(run.names))}
        with named(name):
            measured = replace(own, settings=own.settings.model_copy(update=share)).measured()
            truth = None if own.truth is None else load_truth(own.truth, measured.operator.clip_shape)
        return _Member(name, own, measured, truth)

    def data(self) -> ClipData:
        """Its data as a group takes it."""
        of = self.measured
        return ClipData(self.name, of.data, of.operator, of.noise, of.times, Levels(1.0), self.run.holdout())


def memory_of_each(settings: RecoverSettings, clips: int) -> str:
    """What the operator of one of so many clips may take its share of, as --memory has it."""
    return f"{parse_bytes(settings.memory) // clips // 1000}KB"


def group_of(clips: Mapping[str, Measured], settings: RecoverSettings) -> Group:
    """The group of these clips, by name. Raises InputError, with the name, where one does not fit."""
    known = [ClipData(name, m.data, m.operator, m.noise, m.times, Levels(1.0)) for name, m in clips.items()]
    return Group.of(known, settings)


def expected(clips: Mapping[str, Measured], settings: RecoverSettings, *, always: bool) -> Estimate:
    """Time and memory of a run of these clips, from updates that are tried; raises InputError as `group_of` does."""
    return group_of(clips, settings).expectation(asks=not always)


def perform_group(run: GroupRun, show: ShowFit | None = None) -> tuple[dict[str, Summary], list[str]]:
    """Recover the clips of a run from where it stands, and write the results; their summaries, and notes for the user.

    First all by one generator, then each alone, unless `always`; what its held-out data prefers is its result. Survives
    a kill at any moment and then ends in the same bits, as `runs.execute`. Ctrl-C in the fit of all ends the run with
    the best so far, in the fit of one clip alone it raises KeyboardInterrupt; both go on with --resume.
    """
    notes: list[str] = []
    with folder_lock(run.folder):
        remove_leftovers(run.folder)
        members, begun = [_Member.of(run, name) for name in run.names], time.monotonic()
        group = Group.of([member.data() for member in members], run.settings)
        asks = not run.always
        shared = _fit_of_all(run, group, members, group.limit(begun, asks=asks), show)
        is_ended = shared.outcome.kind != "stopped"
        shared.representation.save(run.folder / "representation.safetensors")
        alone: dict[int, FitResult] = {}
        for k in range(len(members)) if asks and is_ended else ():
            limit = group.limit(begun, range(k, len(members)))
            alone[k] = _fit_alone(group, members[k], k, shared, limit, show)
        for k, (member, sharing) in enumerate(zip(members, group.decided(shared, alone), strict=True)):
            if not _is_done(member.run):
                notes += _finish(member, group.account(k, shared, alone.get(k), sharing))
        found = {name: summary for name, summary in run.summaries().items() if summary is not None}
        write_json(run.folder / GROUP_FILE, group_figures(found))
        (run.folder / LIVE).unlink(missing_ok=True)
    return found, list(dict.fromkeys(notes))


def _is_done(run: Run) -> bool:
    """Whether the run of a clip is at its end, and what it found is there."""
    summary = run.summary()
    return summary is not None and summary.is_complete and (run.folder / "recovered.npy").is_file()


@contextmanager
def _kept(run: Run, show: Callable[[Progress], None] | None) -> Iterator[CheckpointCallback]:
    """Within the block, checkpoints of a fit are written to the folder of a run, in the end the last one."""
    keeper = CheckpointCallback(run, PreviewWriter(run.folder), show)
    try:
        yield keeper
    finally:
        keeper.save()


def _fit_of_all(
    run: GroupRun, group: Group, members: Sequence[_Member], limit: float | None, show: ShowFit | None
) -> FitResult:
    """The fit of all clips, from its newest checkpoint, which lies in the folder of the run itself."""
    own = Run(run.folder, run.settings)
    score = group.scored([None if m.truth is None else score_of(magnitude(m.truth)) for m in members])
    with _kept(own, None if show is None else partial(show, "all clips together")) as keeper:
        return group.fit_together(keeper, own.load_progress(), score, limit)


def _fit_alone(
    group: Group, member: _Member, k: int, shared: FitResult, limit: float | None, show: ShowFit | None
) -> FitResult:
    """The fit of a clip alone, from its newest checkpoint. Raises KeyboardInterrupt where it was interrupted."""
    score = None if member.truth is None else score_of(magnitude(member.truth))
    with _kept(member.run, None if show is None else partial(show, f"{member.name} alone")) as keeper:
        found = group.fit_alone(k, shared, keeper, member.run.load_progress(), score, limit)
    if found.outcome.interrupted:
        raise KeyboardInterrupt
    return found


def _finish(member: _Member, recovery: Recovery) -> list[str]:
    """Write all files of a clip; notes for the user, with its name."""
    folder, measured, truth = member.run.folder, member.measured, member.truth
    member.run.write_history(recovery.history)
    summary, notes = write_results(folder, recovery, measured, truth)
    draw_report(folder, recovery, measured, truth)
    member.run.finish(summary)
    doubts = [] if truth is None else truth_warnings(truth, measured)
    return [f"{member.name}: {note}" for note in (*doubts, *notes)]


def group_figures(found: Mapping[str, Summary]) -> dict[str, Any]:
    """What the clips came to, as JSON: of each what was chosen, and its levels."""
    fields = ("frames", "verdict", "heldout_range_db", "psnr_range", "together")
    clips = {name: summary.model_dump(mode="json") for name, summary in found.items()}
    return {"version": 1, "clips": {name: {f: one[f] for f in fields if f in one} for name, one in clips.items()}}
