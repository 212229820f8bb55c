"""The preview of a run under way, in a small file: a few frames, the path of its codes, the curves."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ..analysis.manifold import embedded
from ..errors import InputError
from ..model.representation import Representation
from ..recovery.fit import Progress
from ..system.complex_clips import magnitude
from ..system.files import read_tensors, write_tensors
from ..system.frames import spread

LIVE = "live.safetensors"

PREVIEW_TIME_SHARE = 0.02
"""Part of a run's time that is spent on showing it, at most."""

PREVIEW_SECONDS = 1.0
"""Seconds from one picture to the next, at least."""

PREVIEW_FRAMES, PREVIEW_PIXELS = 6, 240
"""Frames that are drawn, and the pixels of their longer side, at most."""

CURVE_POINTS = 300
"""Points of a curve, at most."""


@dataclass(frozen=True)
class Live:
    """A run as it stands.

    frames: (N, C, h, w) uint8, those of the numbers `shown`; path: (T, 2), the codes in their first two principal
    directions; about: `stage`, `number` of the fit in a search, `fits` that are done, `step` of `steps`, `made` epochs
    of all `planned`, `seconds`, `loss`, `heldout_db`, `picture` (what the frames are of: "generator", or a baseline
    that is better so far), and `curve`, rows of step, loss and held-out error.
    """

    frames: Tensor
    shown: tuple[int, ...]
    path: Tensor
    about: dict[str, Any]

    @staticmethod
    def of(progress: Progress) -> Live | None:
        """How a run stands; None where nothing can be drawn: it has diverged."""
        if progress.now is None or not math.isfinite(progress.state.loss):
            return None
        found = progress.now()
        if not bool(found.codes.matrix().isfinite().all()):
            return None
        count = len(found.codes)
        shown = spread(count, PREVIEW_FRAMES)
        path = embedded(found.path(), 2).coordinates.float()
        padded = torch.zeros(count, 2)
        padded[:, : path.shape[1]] = path
        return Live(_drawn(found, shown), tuple(shown), padded, _about(progress))

    @staticmethod
    def of_baseline(name: str, clip: Tensor, heldout_db: float) -> Live:
        """A run that has a first picture: a baseline's clip, (T, C, H, W), and its level on held-out data."""
        about = {"stage": "baselines", "picture": name, "number": 0, "fits": 0, "step": 0, "steps": 0, "made": 0}
        known = heldout_db if math.isfinite(heldout_db) else None
        about |= {"planned": 0, "seconds": 0.0, "loss": None, "heldout_db": known, "curve": []}
        shown = spread(len(clip), PREVIEW_FRAMES)
        return Live(_bytes(magnitude(clip[shown])), tuple(shown), torch.zeros(len(clip), 2), about)

    def with_picture(self, first: Live) -> Live:
        """The same with the frames of a first picture, which is better so far."""
        about = {"picture": first.about["picture"], "heldout_db": first.about["heldout_db"]}
        return replace(self, frames=first.frames, shown=first.shown, about=self.about | about)

    @property
    def told(self) -> list[str]:
        """What is being done, which epoch it is in, and how good what is shown is; a few words each."""
        about = self.about
        level = "" if about["heldout_db"] is None else f"{about['heldout_db']:.2f} dB"
        first = f"First picture: {about['picture']}" + (f", {level} on held-out data" if level else "")
        if about["stage"] == "baselines":
            return [first, "the other baselines are run"]
        what = {"fit": "Fitting", "search": "Choosing settings", "last": "Last fit, with all data"}[about["stage"]]
        done = f": {about['fits']} fits done" if about["stage"] == "search" else ""
        held = first if about["picture"] != "generator" else f"held-out {level}" if level else ""
        return [text for text in (f"{what}{done}; epoch {about['step']} of {about['steps']}", held) if text]

    def save(self, folder: Path) -> None:
        """Write RUN/live.safetensors, in place of the one before."""
        tensors = {"frames": self.frames, "path": self.path}
        write_tensors(folder / LIVE, "live", tensors, {"shown": self.shown, **self.about})

    @staticmethod
    def load(folder: Path) -> Live | None:
        """What a run wrote last; None where there is nothing, or nothing that can be read."""
        try:
            return Live.read(folder / LIVE)
        except (InputError, OSError):
            return None

    @staticmethod
    def read(path: Path) -> Live:
        """The preview in a file. Raises InputError for one that is damaged, or is none."""
        tensors, header = read_tensors(path, "live")
        try:
            return Live(tensors["frames"], tuple(header["shown"]), tensors["path"], header)
        except (KeyError, TypeError):
            raise InputError(f"{path}: damaged; the run writes a new one while it goes on") from None


def _drawn(found: Representation, shown: list[int]) -> Tensor:
    return _bytes(magnitude(found.frames(found.times[shown])))


def _bytes(frames: Tensor) -> Tensor:
    side = max(frames.shape[2:])
    if side > PREVIEW_PIXELS:
        size = [max(1, round(n * PREVIEW_PIXELS / side)) for n in frames.shape[2:]]
        frames = interpolate(frames, size=size, mode="area")
    return (frames.clamp(0, 1) * 255).round().to(torch.uint8)


def _about(progress: Progress) -> dict[str, Any]:
    seconds = progress.before + (0.0 if progress.stage == "search" else progress.seconds)
    known = math.isfinite(progress.best_error) and progress.best_error > 0
    rows = [[row["step"], row["loss"], row["heldout"]] for row in progress.history]
    every = max(1, math.ceil(len(rows) / CURVE_POINTS))
    return {
        "stage": progress.stage,
        "picture": "generator",
        "number": progress.number,
        "fits": len(progress.trials),
        "step": progress.state.step,
        "steps": progress.steps,
        "made": progress.made,
        "planned": progress.planned,
        "seconds": round(seconds, 2),
        "loss": progress.state.loss,
        "heldout_db": progress.heldout_db if known else None,
        "curve": [row for k, row in enumerate(rows) if k % every == 0 or row[2] is not None or k == len(rows) - 1],
    }


@dataclass
class PreviewWriter:
    """Called after every epoch; draws the run now and then, in no more than PREVIEW_TIME_SHARE of the time.

    Of fits side by side it keeps to the first one that is not over.
    """

    folder: Path
    due: float = 0.0
    number: int = 0
    fits: int = -1
    first: Live | None = None

    def begin(self, name: str, clip: Tensor, heldout_db: float) -> None:
        """Draw a baseline's clip, (T, C, H, W): shown until a fit is better on held-out data."""
        self.first = Live.of_baseline(name, clip, heldout_db)
        with contextlib.suppress(OSError):
            self.first.save(self.folder)

    def __call__(self, progress: Progress) -> None:
        """Draw the run, where it is time to."""
        now = time.monotonic()
        if progress.stage == "search" and len(progress.trials) != self.fits:
            self.number, self.fits = progress.number, len(progress.trials)
        if now < self.due or (progress.stage == "search" and progress.number != self.number):
            return
        with contextlib.suppress(OSError, RuntimeError):  # a run does not end because it cannot be shown
            live = Live.of(progress)
            if live is not None:
                self._best_of(live).save(self.folder)
        spent = time.monotonic() - now
        self.due = time.monotonic() + max(PREVIEW_SECONDS, spent * (1 / PREVIEW_TIME_SHARE - 1))

    def _best_of(self, live: Live) -> Live:
        """The run as it stands, with the first picture as long as that is better by held-out data."""
        level = live.about["heldout_db"]
        bar = None if self.first is None else self.first.about["heldout_db"]
        if self.first is None or bar is None or live.about["stage"] == "last" or (level is not None and level >= bar):
            return live
        return live.with_picture(self.first)
