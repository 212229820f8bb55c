"""The run folder: one recovery on disk, complete or unfinished, that survives being killed at any moment."""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from ..analysis.metrics import psnr
from ..data import Levels, Measured, data_header
from ..errors import InputError
from ..model.generators import Generator, from_spec
from ..model.representation import Representation
from ..operators import operator_from_name
from ..recovery.comparison import Baseline, OnBaseline
from ..recovery.fit import Progress, Score, Trial
from ..recovery.logs import EpochsLogged, log_baseline
from ..recovery.recover import recover
from ..recovery.result import Recovery
from ..recovery.verdict import Outcome
from ..recovery.warm_start import Neighbour
from ..settings import Candidate, RecoverSettings
from ..solver.state import State
from ..system.checkpoints import NEWEST, PREVIOUS, folder_lock, load_checkpoint, save_checkpoint
from ..system.complex_clips import magnitude
from ..system.files import atomic_write, new_folder, read_json, remove_leftovers, write_json
from ..system.memory import operator_budget, trim_heap
from ..system.names import source_text
from .config import CONFIG_VERSION, check_version, names_in
from .environment import reproducible
from .outputs import read_chosen, write_baseline, write_chosen, write_clip, write_results
from .preview import LIVE, PreviewWriter
from .report import draw_report
from .summary import FILE, Summary

LOG = logging.getLogger(__name__)

CHECKPOINT_SECONDS, CHECKPOINT_TIME_SHARE, MOST_CHECKPOINT_SECONDS = 10.0, 0.01, 60.0
"""Seconds from one checkpoint to the next, at least, the share of the time that they may take, up to 200 MB of large
frames, which the fit waits for, and the seconds after which the next one is made all the same."""


@dataclass(frozen=True)
class Start:
    """run: a finished run beside this one, by the name of its folder; shift: as in `Neighbour`."""

    run: str
    shift: int | None


@dataclass(frozen=True)
class Run:
    """A folder with config.json, data.safetensors, and what the recovery has written so far."""

    folder: Path
    settings: RecoverSettings
    truth: dict[str, Any] | None = None
    """How to read the true clip again: the arguments of `video.open_clip`, or None."""
    request: dict[str, Any] | None = None
    """What was asked for (`RunRequest.asked`), to which a resume has to agree; None: nothing to check."""
    choice: Candidate | None = None
    """What was chosen for another section of the same clip, and is not to be chosen anew."""
    start: Start | None = None
    """The section from which this one starts; None: from nothing."""

    @staticmethod
    def create(
        folder: str | Path,
        measured: Measured,
        settings: RecoverSettings,
        truth: dict[str, Any] | None = None,
        request: dict[str, Any] | None = None,
        holdout: Tensor | None = None,
    ) -> Run:
        """Make the folder and write settings and data. Raises InputError when it holds anything already.

        holdout: which pixels are held out, (T, 1, H, W), where somebody chose them.
        """
        run = Run(Path(folder).resolve(), settings, truth, request)
        with new_folder(run.folder) as draft:
            replace(run, folder=draft).begin(measured, holdout)
        return run

    def begin(self, measured: Measured, holdout: Tensor | None = None) -> None:
        """Write settings and data into the folder, which is there and empty; holdout: (T, 1, H, W), as in
        `create`."""
        measured.save(self.folder / "data.safetensors")
        if holdout is not None:
            write_chosen(self.folder, holdout)
        write_json(self.folder / "config.json", self._config())

    def holdout(self) -> np.ndarray | None:
        """Which pixels are held out, (T, 1, H, W), where somebody chose them. Raises InputError for a damaged file."""
        return read_chosen(self.folder)

    def _config(self) -> dict[str, Any]:
        chosen = {} if self.choice is None else {"choice": self.choice.model_dump()}
        begun = {} if self.start is None else {"start": asdict(self.start)}
        known = {"settings": self.settings.model_dump(), "truth": self.truth, "request": self.request}
        return {"version": CONFIG_VERSION, **known, **chosen, **begun}

    def following(self, choice: Candidate | None, start: Start | None) -> Run:
        """This run with the settings that another section chose, and with that section as its start; kept on disk.

        What it has already stays, and one that has begun goes on as it was begun.
        """
        run = replace(self, choice=self.choice or choice)
        if self.start is None and not any((self.folder / name).exists() for name in (NEWEST, PREVIOUS)):
            run = replace(run, start=start)
        if run != self:
            write_json(self.folder / "config.json", run._config())
        return run

    def neighbour(self) -> Neighbour | None:
        """What the run that this one starts from has found. Raises InputError where that is gone or damaged."""
        if self.start is None:
            return None
        path = self.folder.parent / self.start.run / "representation.safetensors"
        if not path.is_file():
            raise InputError(f"{path}: {self.folder} starts from it; restore it, or recover the whole run again")
        return Neighbour(Representation.load(path), self.start.shift)

    @staticmethod
    def open(folder: str | Path) -> Run:
        """The run in a folder. Raises InputError when there is none."""
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise InputError(f"{folder}: expected a run folder (with config.json); check the path")
        config = read_json(folder / "config.json")
        if isinstance(config, dict):
            check_version(folder, config)
        if isinstance(config, dict) and "sections" in config:
            raise InputError(f"{folder}: a run in {len(config['sections'])} sections; give one: {folder}/sections/000")
        if names := names_in(folder, config):
            raise InputError(f"{folder}: a run of several clips; give one: {folder}/clips/{names[0]}")
        try:
            settings = RecoverSettings(**config["settings"])
            choice = Candidate(**config["choice"]) if config.get("choice") else None
            start = Start(**config["start"]) if config.get("start") else None
            return Run(folder, settings, config.get("truth"), config.get("request"), choice, start)
        except (KeyError, TypeError, ValueError) as error:
            cause = error.__cause__
            what = ", ".join(str(e["loc"][0]) for e in cause.errors()) if isinstance(cause, ValidationError) else error
            raise InputError(f"{folder}/config.json: cannot use {what}; restore the file or start a new run") from None

    def measured(self, operator: Any = None) -> Measured:
        """The data and its operator; one of somebody's own is given again, or its name package.module:object."""
        path = self.folder / "data.safetensors"
        if isinstance(operator, str):
            operator = operator_from_name(operator, data_header(path)["operator"]["clip_shape"])
        return Measured.load(path, operator, memory=operator_budget(self.settings.memory))

    def summary(self) -> Summary | None:
        """The summary of a finished run, or None. Raises InputError where it cannot be read."""
        return Summary.read(self.folder)

    def finish(self, recovery: Recovery, measured: Measured, truth: Tensor | None) -> tuple[Summary, list[str]]:
        """Write history, clips, report and, last of all, summary.json, which says that the others are complete.

        truth: the true clip, (T, C, H, W) in [0, 1], where it is known. Returns the summary and notes for the user.
        """
        (self.folder / FILE).unlink(missing_ok=True)
        self.write_history(recovery.history)
        found, notes = write_results(self.folder, recovery, measured, truth)
        draw_report(self.folder, recovery, measured, truth)
        summary = reproducible(found, self.request, self.settings)
        summary.write(self.folder)
        (self.folder / LIVE).unlink(missing_ok=True)
        if summary.is_complete:
            (self.folder / PREVIOUS).unlink(missing_ok=True)
        return summary, notes

    def save_progress(self, progress: Progress) -> None:
        """Write a checkpoint; the one before is kept as state.previous.safetensors until the next."""
        tensors: dict[str, Tensor] = {}
        header: dict[str, Any] = {"stage": progress.stage, "state": None, "best": None, "before": progress.before}
        header |= {"at_once": progress.at_once, "precision": progress.precision, "trunk": None}
        if progress.stage != "search":  # its fits under way are made again, from where they part
            tensors |= {f"state.{name}": t for name, t in progress.state.tensors().items()}
            header["state"] = progress.state.header()
            if progress.best.step != progress.state.step:
                tensors |= {f"best.{name}": t for name, t in progress.best.tensors().items()}
                header["best"] = progress.best.header()
            if progress.least is not None:
                tensors["least"] = progress.least
        if progress.stage == "search" and progress.trunk is not None:
            tensors |= {f"trunk.{name}": t for name, t in progress.trunk.state.tensors().items()}
            header["trunk"] = _trunk_header(progress.trunk)
        for k, trial in enumerate(progress.trials):
            tensors |= {f"trial.{k}.{name}": t for name, t in trial.representation.tensors().items()}
        error = progress.best_error if math.isfinite(progress.best_error) else None
        header |= {"best_error": error, "steps": progress.steps, "seconds": progress.seconds}
        header |= {"history": list(progress.history), "trials": [_trial_header(trial) for trial in progress.trials]}
        save_checkpoint(self.folder, "state", tensors, header)

    def load_progress(self, generator: Generator | None = None) -> Progress | None:
        """The newest checkpoint that can be read, or None when there is none; generator: somebody's own, if any."""
        return load_checkpoint(self.folder, "state", partial(_progress, own=generator))

    def write_history(self, history: Sequence[dict[str, Any]]) -> None:
        """Write history.jsonl: one line an epoch."""
        with atomic_write(self.folder / "history.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in history), encoding="utf-8")


def _trunk_header(trunk: Progress) -> dict[str, Any]:
    """The trunk of a search, where its fits part, as JSON; without the tensors of its state."""
    about = {"steps": trunk.steps, "seconds": trunk.seconds, "history": list(trunk.history)}
    return {"state": trunk.state.header(), **about}


def _trial_header(trial: Trial) -> dict[str, Any]:
    """A trial as JSON, but for the tensors of its representation."""
    error = trial.error if math.isfinite(trial.error) else None
    return {
        "choice": trial.choice.model_dump(),
        "generator": trial.representation.generator.spec(),
        "error": error,
        "step": trial.step,
        "steps": trial.steps,
        "seconds": trial.seconds,
        "outcome": {"kind": trial.outcome.kind, "sentence": trial.outcome.sentence},
        "history": list(trial.history),
        "identity": trial.identity,
    }


def _progress(tensors: dict[str, Tensor], header: dict[str, Any], own: Generator | None = None) -> Progress:
    def named(start: str) -> dict[str, Tensor]:
        return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}

    def trial(k: int, known: dict[str, Any]) -> Trial:
        known = dict(known)
        made = from_spec(known["generator"]) if own is None else copy.deepcopy(own)
        del known["generator"]
        representation = Representation.of(named(f"trial.{k}."), made)
        error = math.inf if known["error"] is None else known["error"]
        parsed = {"choice": Candidate(**known["choice"]), "outcome": Outcome(**known["outcome"]), "error": error}
        return Trial(representation=representation, **(known | parsed | {"history": tuple(known["history"])}))

    last = State.of(named("state."), header["state"]) if header["state"] else State(0, math.nan, {}, {}, {}, {})
    best = State.of(named("best."), header["best"]) if header["best"] else last
    best_error = math.inf if header["best_error"] is None else header["best_error"]
    about: dict[str, Any] = {
        "stage": header.get("stage", "fit"),
        "before": header.get("before", 0.0),
        "least": tensors.get("least"),
    }
    about |= {"at_once": header.get("at_once", 1), "precision": header.get("precision", "float32")}
    if (known := header.get("trunk")) is not None:
        state = State.of(named("trunk."), known["state"])
        rows = tuple(known["history"])
        error = math.inf if rows[-1]["heldout"] is None else rows[-1]["heldout"]
        about["trunk"] = Progress(state, state, error, known["steps"], known["seconds"], rows)
    trials = tuple(trial(k, known) for k, known in enumerate(header.get("trials", [])))
    history = tuple(header["history"])
    return Progress(last, best, best_error, header["steps"], header["seconds"], history, trials=trials, **about)


def _has_more(progress: Progress, before: Progress | None) -> bool:
    """Whether a fit of a search has ended since, or the trunk has come to where the fits part."""
    trials, had_trunk = (0, False) if before is None else (len(before.trials), before.trunk is not None)
    return len(progress.trials) > trials or (progress.trunk is not None and not had_trunk)


@dataclass
class CheckpointCallback:
    """Writes a checkpoint and the history from time to time; what `recover` calls after each epoch.

    took: seconds of the last one.
    """

    run: Run
    sketch: PreviewWriter
    show: Callable[[Progress], None] | None = None
    last: Progress | None = None
    log: EpochsLogged = field(default_factory=EpochsLogged)
    written: float = field(default_factory=time.monotonic)
    took: float = 0.0

    def __call__(self, progress: Progress) -> None:
        """Note the progress, save it when it is time, show it."""
        if self.last is None:  # what could be refused has been: the run goes on
            (self.run.folder / FILE).unlink(missing_ok=True)
        before, self.last = self.last, progress
        self.log(progress)
        pause = max(CHECKPOINT_SECONDS, min(self.took / CHECKPOINT_TIME_SHARE, MOST_CHECKPOINT_SECONDS))
        if time.monotonic() - self.written > pause or _has_more(progress, before):
            self.save()
        self.sketch(progress)
        if self.show:
            self.show(progress)

    def save(self) -> None:
        """Save the progress noted last."""
        begun = time.monotonic()
        if self.last is not None:
            self.run.save_progress(self.last)
            self.run.write_history(self.last.history)
            LOG.debug("checkpoint after epoch %d in %s", self.last.made, self.run.folder)
        self.written = time.monotonic()
        self.took = self.written - begun


def execute(
    run: Run,
    measured: Measured,
    truth: Tensor | None = None,
    *,
    generator: Generator | None = None,
    show: Callable[[Progress], None] | None = None,
    on_baseline: OnBaseline | None = None,
) -> tuple[Recovery, Summary, list[str]]:
    """Recover a run's clip from where it stands and write the results into its folder.

    truth: the true clip, (T, C, H, W) in [0, 1], where it is known. Returns the recovery, its summary, and notes for
    the user. What is on disk survives a kill at any moment: `execute` on the same folder goes on from the last
    checkpoint and ends in the same bits. Before the fit begins the best baseline is there as recovered.* and
    baseline.npy; on_baseline: told of it. Raises InputError as `recover` does.
    """
    keeper = CheckpointCallback(run, PreviewWriter(run.folder), show)
    with folder_lock(run.folder):
        resume = run.load_progress(generator)
        remove_leftovers(run.folder)
        try:
            recovery = recover(
                measured.data,
                measured.operator,
                run.settings,
                noise=measured.noise,
                generator=generator,
                times=measured.times,
                callback=keeper,
                resume=resume,
                score=None if truth is None else score_of(magnitude(truth)),
                choice=run.choice,
                on_baseline=partial(_first_picture, run, measured, keeper.sketch, on_baseline),
                neighbour=run.neighbour(),
                levels=Levels(1.0),
                holdout=run.holdout(),
            )
        finally:
            keeper.save()
            del keeper  # with all that the fit would need to go on
        trim_heap()
        return recovery, *run.finish(recovery, measured, truth)


def score_of(truth: Tensor) -> Score:
    """A function that gives the PSNR of frames against the true clip, (T, C, H, W), for the history; of complex clips
    that of the magnitudes."""
    return lambda frames: round(psnr(magnitude(frames), truth), 3)


def _first_picture(
    run: Run, measured: Measured, sketch: PreviewWriter, tell: OnBaseline | None, name: str, baseline: Baseline
) -> None:
    """Write a baseline as the result so far, unless there are checkpoints: a run that goes on may have come further."""
    log_baseline(name, baseline)
    sketch.begin(name, baseline.clip, baseline.heldout_db)
    if not any((run.folder / name).exists() for name in (NEWEST, PREVIOUS)):
        write_clip(run.folder, measured, baseline.clip)
        write_baseline(run.folder, measured, baseline.clip)
    if tell is not None:
        tell(name, baseline)


def clip_information(clip: Any) -> dict[str, Any]:
    """What of a `video.Clip` is kept with its data.

    Scale and offset are kept for arrays and TIFF, whose units `recovered.npy` has to have; others stay in [0, 1].
    """
    array = clip.keeps_units
    told: dict[str, Any] = {} if clip.spacing is None else {"spacing": list(clip.spacing)}
    told |= {} if clip.pixel_aspect == 1 else {"pixel_aspect": str(clip.pixel_aspect)}
    return told | {
        "source": source_text(clip.source),
        "rate": str(clip.rate),
        "scale": float(clip.scale) if array else 1.0,
        "offset": float(clip.offset) if array else 0.0,
        "audio": bool(clip.has_audio),
    }


def clip_times(clip: Any) -> Tensor:
    """Seconds of a clip's frames, (T,) float64."""
    return torch.tensor([float(t) for t in clip.times], dtype=torch.float64)
