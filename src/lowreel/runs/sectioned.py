"""The run folder of a long clip. Its sections are ordinary runs, made one after the other and joined at the end."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import DataFile, Measured
from ..errors import InputError
from ..io.video import write_npy, write_video
from ..operators import tensors_of
from ..recovery.cost import Estimate, arrays_held, with_some_to_spare
from ..recovery.fit import Progress
from ..recovery.policy import planned
from ..recovery.preparation import prepare
from ..settings import LAST_EPOCHS_SHARE, WARM_EPOCHS_SHARE, RecoverSettings
from ..system.checkpoints import folder_lock
from ..system.files import new_folder, read_json, remove_leftovers, write_json
from ..system.film_strip import frames_of_strip
from ..system.memory import bytes_text, operator_budget, parse_bytes, taken_bytes, trim_heap
from .config import CONFIG_VERSION, check_version
from .folder import Run, Start, execute
from .joined_scores import scored
from .outputs import timing
from .report import draw_sections, frames_shown
from .sections import Section, Source, joined, shortest_section
from .summarise import summarise_sections
from .summary import FILE, Summary
from .truth import load_truth, open_truth, truth_warnings

JOINED_FRAMES = 16
"""Frames that are joined, written and scored together."""

PLANNED_MEMORY_SHARE = 0.8
"""Part of the free memory that is planned with: what one section leaves behind the next one finds taken."""

MEMORY_TRIAL_FRAMES = 4
"""Frames on which memory is tried."""

GOOD_STARTS = ("finished", "converged")
"""Kinds of outcome of a section from which another one starts."""

Show = Callable[[int, int, Progress], None]  # section, counted from 1; how many there are; where its run stands


@dataclass(frozen=True)
class SectionedRun:
    """A folder with config.json, a run for each section in sections/, and in the end what `Run` has for a clip.

    pilot: the section whose search over settings chooses for all; it is made first. operator: its spec for all frames.
    """

    folder: Path
    settings: RecoverSettings
    sections: tuple[Section, ...]
    pilot: int
    operator: Mapping[str, Any]
    truth: dict[str, Any] | None = None
    request: dict[str, Any] | None = None

    @staticmethod
    def is_in(folder: str | Path) -> bool:
        """Whether the run in a folder is one in sections."""
        path = Path(folder) / "config.json"
        config = read_json(path) if path.is_file() else None
        return isinstance(config, dict) and "sections" in config

    @staticmethod
    def create(
        folder: str | Path,
        source: Source,
        sections: Sequence[Section],
        settings: RecoverSettings,
        truth: dict[str, Any] | None = None,
        request: dict[str, Any] | None = None,
        holdout: Tensor | None = None,
    ) -> SectionedRun:
        """Make the folder with the data of every section. Raises InputError when it holds anything already.

        holdout: pixels to hold out, (T, 1, H, W); a section of which none is named is judged as if nobody had.
        """
        folder = Path(folder).resolve()
        run = SectionedRun(folder, settings, tuple(sections), _pilot(sections), source.spec, truth, request)
        with new_folder(folder) as draft:
            (draft / "sections").mkdir()
            for k, section in enumerate(sections):
                measured = source.temporal_slice(section.frames, memory=operator_budget(settings.memory))
                own = None if truth is None else _truth_of(truth, section.frames)
                held = None if holdout is None else holdout[section.frames.start : section.frames.stop]
                named = held if held is not None and bool(held.any()) else None
                Run.create(draft / "sections" / f"{k:03d}", measured, settings, own, holdout=named)
            write_json(draft / "config.json", run._config())
        return run

    def _config(self) -> dict[str, Any]:
        sections = [{"frames": [s.frames.start, s.frames.stop], "scene": s.scene} for s in self.sections]
        known = {"settings": self.settings.model_dump(), "truth": self.truth, "request": self.request}
        return {
            "version": CONFIG_VERSION,
            **known,
            "operator": self.operator,
            "pilot": self.pilot,
            "sections": sections,
        }

    @staticmethod
    def open(folder: str | Path) -> SectionedRun:
        """The run in a folder. Raises InputError when it is damaged."""
        config = read_json(Path(folder) / "config.json")
        check_version(Path(folder), config)
        try:
            sections = tuple(Section(range(*s["frames"]), s["scene"]) for s in config["sections"])
            settings = RecoverSettings(**config["settings"])
            known = (sections, config["pilot"], config["operator"], config["truth"], config["request"])
        except (KeyError, TypeError, ValueError) as error:
            what = f"{folder}/config.json: cannot use it ({error})"
            raise InputError(f"{what}; restore the file or start a new run") from None
        return SectionedRun(Path(folder), settings, *known)

    def run(self, k: int) -> Run:
        """The run of a section."""
        return Run.open(self.folder / "sections" / f"{k:03d}")

    def summary(self) -> Summary | None:
        """That of a finished run, or None. Raises InputError where it cannot be read."""
        return Summary.read(self.folder)

    @property
    def order(self) -> list[int]:
        """The sections in the order in which they are made: from the pilot to the last, then back to the first."""
        return [*range(self.pilot, len(self.sections)), *reversed(range(self.pilot))]

    def start(self, k: int) -> Start | None:
        """The section beside it that is made before, from which it starts; None for the pilot.

        Of one in another scene it takes the weights alone.
        """
        if k == self.pilot or not self.settings.continues:
            return None
        before = k - 1 if k > self.pilot else k + 1
        own, other = self.sections[k], self.sections[before]
        shift = own.frames.start - other.frames.start if own.scene == other.scene else None
        return Start(f"{before:03d}", shift)


def _pilot(sections: Sequence[Section]) -> int:
    """The section in the middle of the scene that has most of them."""
    scenes = [section.scene for section in sections]
    longest = max(dict.fromkeys(scenes), key=scenes.count)
    return scenes.index(longest) + scenes.count(longest) // 2


def _truth_of(reading: dict[str, Any], frames: range) -> dict[str, Any]:
    """How to read these frames of a true clip."""
    chosen = slice(*reading["frames"]) if reading.get("frames") else slice(None)
    first, step = chosen.start or 0, chosen.step or 1
    return {**reading, "frames": [first + step * frames.start, first + step * frames.stop, step]}


def longest_section(source: Source, frames: int, step: int, settings: RecoverSettings) -> int:
    """Frames that a section may have within the memory allowed, from a trial on a few frames in the middle.

    Raises InputError where that is less than any section has to have.
    """
    first = min(frames // 2, max(0, frames - MEMORY_TRIAL_FRAMES)) // step * step
    few = range(first, min(frames, first + max(step, MEMORY_TRIAL_FRAMES // step * step)))
    measured = source.temporal_slice(few, memory=operator_budget(settings.memory))
    draft = settings.model_copy(update={"quality": "draft", "rank": "auto", "linear": False, "ordered": False})
    problem = prepare(measured.data, measured.operator, draft, noise=measured.noise, times=measured.times)
    needed, fixed = per_frame(measured), planned(problem, draft)[1]
    taken, allowed, least = taken_bytes(), parse_bytes(settings.memory), shortest_section(frames, step)
    longest = math.floor((PLANNED_MEMORY_SHARE * (allowed - taken) - fixed.each) / needed)
    if longest < least:
        wanted = taken + (fixed.each + least * needed) / PLANNED_MEMORY_SHARE
        raise InputError(
            f"memory: {least} frames at once, the fewest, need about {bytes_text(wanted)}, {bytes_text(allowed)} are "
            f"allowed; use a smaller --size or, with some to spare, --memory {with_some_to_spare(wanted)}"
        )
    return longest


def per_frame(measured: Measured) -> float:
    """Bytes that each frame of a section adds to the memory of its recovery, its operator's tensors included."""
    frames = measured.operator.clip_shape[0]
    data = sum(t.numel() * t.element_size() for t in tensors_of(measured.data))
    held = sum(t.numel() * t.element_size() for t in measured.operator.buffers())
    clip_arrays, data_arrays = arrays_held(measured.operator, measured.noise)
    return clip_arrays * 4 * math.prod(measured.operator.clip_shape[1:]) + (data_arrays * data + held) / frames


def expectation(run: SectionedRun) -> Estimate:
    """Memory and time of all sections, from the pilot's."""
    own = run.run(run.pilot)
    measured = own.measured()
    about: dict[str, Any] = {"noise": measured.noise, "times": measured.times, "holdout": own.holdout()}
    problem = prepare(measured.data, measured.operator, own.settings, **about)
    plan, needs = planned(problem, own.settings)
    once = needs.seconds / ((plan.in_turn + LAST_EPOCHS_SHARE) if plan else 1)
    others = (1 + LAST_EPOCHS_SHARE) * once if plan else once
    lengths = [len(section.frames) / len(run.sections[run.pilot].frames) for section in run.sections]
    rest = sum(length * _epochs(run, k) for k, length in enumerate(lengths) if k != run.pilot)
    if problem.is_time_invariant:
        rest = sum(lengths) - 1
    return replace(needs, seconds=needs.seconds + rest * others, baselines=sum(lengths) * needs.baselines)


def _epochs(run: SectionedRun, k: int) -> float:
    """Epochs of a section's fits as a share of those of one that starts from nothing."""
    return WARM_EPOCHS_SHARE if run.settings.steps is None and run.start(k) is not None else 1.0


def perform_sections(run: SectionedRun, *, show: Show | None = None) -> tuple[Summary, list[str]]:
    """Recover every section that is not finished, from where it stands, and join them; summary and notes for the user.

    The settings that the pilot's search chooses hold for the others; a time limit is shared out by frames. Survives a
    kill at any moment, as `runs.execute`. Raises KeyboardInterrupt where a section was interrupted.
    """
    notes: list[str] = []
    with folder_lock(run.folder):
        remove_leftovers(run.folder)
        (run.folder / FILE).unlink(missing_ok=True)
        left, begun = run.settings.time, taken_bytes()
        due = [k for k in run.order if not is_done(run.run(k))]
        for place, k in enumerate(due):
            clock = _Clock(show, run.order.index(k) + 1, len(run.sections))
            notes += _perform_section(run, k, _share(run, due[place:], left), _memory(run, begun), clock)
            gc.collect()
            trim_heap()
            left = None if left is None else max(left - clock.seconds, 1.0)
        summary, more = _join(run)
    return summary, list(dict.fromkeys([*notes, *more]))


@dataclass
class _Clock:
    """Shows the epochs of a section, and knows how long its fits have taken in this session."""

    show: Show | None
    number: int
    count: int
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def __call__(self, progress: Progress) -> None:
        self.seconds = time.monotonic() - self.begun
        if self.show:
            self.show(self.number, self.count, progress)


def is_done(own: Run) -> bool:
    """Whether a section is finished, and what is joined of it is there, undamaged."""
    try:
        summary = own.summary()
        clip = np.load(own.folder / "recovered.npy", mmap_mode="r")
    except (InputError, OSError, ValueError):
        return False
    return summary is not None and summary.is_complete and len(clip) == summary.frames


PILOT_TIME_FACTOR = 3.0
"""How many times as long as that of another section, of as many epochs, the pilot's recovery takes, roughly."""


def _share(run: SectionedRun, due: Sequence[int], left: float | None) -> float | None:
    """Seconds of the time left for the first of the sections that are due."""
    if left is None:
        return None
    lengths = {k: len(run.sections[k].frames) * _epochs(run, k) for k in due}
    if run.settings.searches and run.pilot in lengths:
        lengths[run.pilot] *= PILOT_TIME_FACTOR
    return left * lengths[due[0]] / sum(lengths.values())


def _memory(run: SectionedRun, begun: int) -> str | None:
    """The memory allowed, and what the process has loaded since it began: no reason to refuse one section more."""
    if run.settings.memory is None:
        return None
    return f"{(parse_bytes(run.settings.memory) + max(0, taken_bytes() - begun)) / 1000:.0f}KB"


def _perform_section(
    run: SectionedRun, k: int, limit: float | None, memory: str | None, show: Callable[[Progress], None]
) -> list[str]:
    own = run.run(k)
    pilot = None if k == run.pilot else run.run(run.pilot).summary()
    own = own.following(None if pilot is None else pilot.choice, _found_start(run, k))
    of_session = {"time": limit, "memory": memory, "device": run.settings.device}
    if pilot is not None and own.settings.precision == "auto":  # as the pilot's, whenever this section is made
        of_session["precision"] = pilot.precision
    own = replace(own, settings=own.settings.model_copy(update=of_session))
    measured = own.measured()
    truth = None if own.truth is None else load_truth(own.truth, measured.operator.clip_shape)
    doubts = [] if truth is None or k != run.pilot else truth_warnings(truth, measured)
    recovery, _, notes = execute(own, measured, truth, show=show)
    if recovery.outcome.interrupted:
        raise KeyboardInterrupt
    return [*doubts, *notes]


def _kind(own: Run) -> str | None:
    """How a section ended; None where it has not."""
    summary = own.summary()
    return None if summary is None else summary.outcome.kind


def _found_start(run: SectionedRun, k: int) -> Start | None:
    """`SectionedRun.start`, where what it names came to its end: from what was stopped or diverged none starts."""
    start = run.start(k)
    kind = None if start is None else _kind(run.run(int(start.run)))
    return start if kind in GOOD_STARTS else None


def _join(run: SectionedRun) -> tuple[Summary, list[str]]:
    """Write what the sections came to as one clip, with its picture; the summary of the whole, and notes."""
    files = [DataFile.open(run.run(k).folder / "data.safetensors") for k in range(len(run.sections))]
    times, shape, about = _about(files, run.sections)
    if all((run.run(k).folder / "baseline.npy").is_file() for k in range(len(run.sections))):
        write_npy(run.folder / "baseline.npy", _stored(run, "baseline.npy"), shape)
    scale, offset = about.get("scale", 1.0), about.get("offset", 0.0)
    names = ("recovered", "recommended") if _has_recommended(run) else ("recovered",)
    for name in names:
        write_npy(run.folder / f"{name}.npy", _stored(run, f"{name}.npy"), shape)
        frames = _in_grey_levels(run, f"{name}.npy", scale, offset)
        notes = write_video(run.folder / f"{name}.mp4", frames, **timing(times, about))
    clips = (_in_grey_levels(run, f"{name}.npy", scale, offset) for name in names)
    scores = None if run.truth is None else scored(open_truth(run.truth, shape), *clips)
    found = [_summary_of(run.run(k)) for k in range(len(run.sections))]
    summary = summarise_sections(run.sections, found, run.pilot, run.operator, scores)
    shown = frames_shown(shape[0])
    pictures = {"recovered": _recovered(run, shown, scale, offset)}
    strip = _recovered(run, frames_of_strip(shape[0]), scale, offset)
    if run.truth is not None:
        truth = open_truth(run.truth, shape)
        pictures = {"true": [truth.read(t, t + 1)[0] for t in shown], **pictures}
    draw_sections(run.folder, summary, shown, pictures, None if scores is None else scores.levels, strip)
    return summary, notes


def _summary_of(own: Run) -> Summary:
    """That of a section, which is finished. Raises InputError where it has gone since."""
    summary = own.summary()
    if summary is None:
        raise InputError(f"{own.folder}: its {FILE} has gone; go on with the run, with --resume")
    return summary


def _about(files: Sequence[DataFile], sections: Sequence[Section]) -> tuple[Tensor, tuple[int, ...], Mapping[str, Any]]:
    """Seconds of all frames, the clip's shape, and what is known of its file."""
    times = torch.empty(sections[-1].frames.stop, dtype=torch.float64)
    for file, section in zip(files, sections, strict=True):
        times[section.frames.start : section.frames.stop] = file.times
    return times, (len(times), *files[0].header["operator"]["clip_shape"][1:]), files[0].clip


def _has_recommended(run: SectionedRun) -> bool:
    """Whether another clip than the one recovered is recommended for a section."""
    return any((run.run(k).folder / "recommended.npy").is_file() for k in range(len(run.sections)))


def _stored(run: SectionedRun, name: str) -> Iterator[Tensor]:
    """The joined frames of an array of every section, a few at a time, in the units in which it is stored.

    A section without it has nothing better than what was recovered.
    """
    files = [(run.run(k).folder / name, run.run(k).folder / "recovered.npy") for k in range(len(run.sections))]
    clips = (torch.from_numpy(np.load(own if own.is_file() else recovered)) for own, recovered in files)
    for stretch in joined(run.sections, clips):
        yield from torch.split(stretch, JOINED_FRAMES)


def _in_grey_levels(run: SectionedRun, name: str, scale: float, offset: float) -> Iterator[Tensor]:
    """`_stored` in grey levels."""
    return ((stored - offset) / scale for stored in _stored(run, name))


def _recovered(run: SectionedRun, shown: Sequence[int], scale: float, offset: float) -> list[Tensor]:
    """Frames of the joined clip, (C, H, W) each, in grey levels."""
    recovered = np.load(run.folder / "recovered.npy", mmap_mode="r")
    return [(torch.from_numpy(recovered[t].copy()) - offset) / scale for t in shown]
