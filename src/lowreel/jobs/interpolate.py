"""Frames between those of a recovery, or in place of missing ones, drawn from its codes as a request asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..analysis.embedding import path_of
from ..analysis.manifold import cross_faded, evenly, frames_without_data, gaps_in, nearest
from ..analysis.metrics import psnr, psnr_range
from ..data import data_header
from ..errors import InputError
from ..io.video import open_clip, write_npy, write_video
from ..model.representation import Representation
from ..operators import class_of
from ..packing import read_packed
from ..runs.folder import Run
from ..runs.report import decibels
from ..runs.truth import load_truth
from ..settings import InterpolateSettings
from ..system.complex_clips import magnitude
from ..system.files import is_packed, split_member
from ..system.memory import default_budget
from ..system.names import is_clip_name
from .request import InterpolateRequest

FRAMES_DRAWN_AT_ONCE = 16
"""Frames drawn together: bounds the memory of a long video."""

FASTEST_FRAMES_A_SECOND = 60.0
"""Frames a second above which players leave some out."""

MOST_A_SECOND = {".gif": 100.0, ".mkv": 1000.0}
"""Frames a second that a kind of file can tell apart, where that is less than 10,000."""


def interpolate(request: InterpolateRequest) -> list[str]:
    """Draw the frames that are asked for and write them; sentences that tell what was written and how good it is.

    Raises InputError for a file that is there already, a run that is not finished, frames that the clip does not have,
    and a rate that the file cannot hold.
    """
    request.check()
    file, settings = request.file(), request.settings
    recovery = opened_recovery(Path(request.recovery))
    lines = _fill(file, recovery, settings) if settings.missing else _draw(file, recovery, settings)
    path = path_of(recovery.name.name, recovery.seen, recovery.kept)
    return [*lines, *_frozen(recovery, settings), path.sentence]


@dataclass(frozen=True)
class OpenedRecovery:
    """A representation, the frames of which nothing was measured (None where that is not known), and its run if any."""

    name: Path
    found: Representation
    left_out: list[int] | None
    run: Run | None = None

    @property
    def kept(self) -> list[int]:
        """The other frames."""
        left_out = set(self.left_out or ())
        return [t for t in range(len(self.found.codes)) if t not in left_out]

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a pixel over its height, by the file that was measured."""
        about = {} if self.run is None else data_header(self.run.folder / "data.safetensors").get("clip", {})
        return Fraction(about.get("pixel_aspect", "1"))

    @property
    def seen(self) -> Representation:
        """The representation with the codes of the other frames alone. Raises InputError where fewer than two are
        left."""
        if len(self.kept) < 2:
            raise InputError(f"{self.name}: expected two measured frames or more, got {len(self.kept)}")
        return replace(self.found, codes=self.found.codes.of(self.kept))

    def delivered(self) -> Tensor:
        """The clip as it was recovered, observed pixels as they were; without its run as the generator draws it."""
        return self.found.frames() if self.run is None else self._read(self.run.folder / "recovered.npy")

    def best(self) -> Tensor:
        """The clip that is best by held-out data: the recommended one of a run that has one, else as `delivered`."""
        file = self._recommended
        return self.delivered() if file is None else self._read(file)

    def best_db(self) -> float | None:
        """Level of `best` on held-out data, peak 1; None where it is not known."""
        summary = None if self.run is None else self.run.summary()
        if summary is None:
            return None
        is_read = self._recommended is not None or summary.recommended == summary.delivered
        return summary.recommended_heldout_db if is_read else summary.delivered_db

    @property
    def _recommended(self) -> Path | None:
        """The file of the clip that is recommended in place of the delivered one; None where it is not there."""
        file = None if self.run is None else self.run.folder / "recommended.npy"
        return file if file is not None and file.is_file() else None

    def _read(self, file: Path) -> Tensor:
        """A clip of the run in grey levels."""
        assert self.run is not None
        units = data_header(self.run.folder / "data.safetensors").get("clip", {})
        levels = (units.get("scale", 1.0), units.get("offset", 0.0))
        if self.found.is_complex:
            return torch.from_numpy(np.load(file, allow_pickle=False) / levels[0])
        return open_clip(file, levels=levels).read()


def opened_recovery(run: Path) -> OpenedRecovery:
    """The recovery in the folder of a finished run, or in a file of a representation, packed or not.

    Raises InputError for others.
    """
    if not run.exists():
        raise InputError(f"{run}: no such file or folder; expected a finished run, or a representation.safetensors")
    if is_packed(run):
        packed = read_packed(run)
        packed.check_drawing_fits(run, default_budget(), f"draw them with lowreel unpack {run} --memory")
        return OpenedRecovery(run, packed.representation(), None)
    if not run.is_dir():
        return OpenedRecovery(run, Representation.load(run), None)
    opened = Run.open(run)
    if opened.summary() is None:
        raise InputError(f"{run}: this run is not finished; go on with: lowreel recover {run} --resume")
    found = Representation.load(run / "representation.safetensors")
    kind = data_header(run / "data.safetensors")["operator"].get("kind")
    return OpenedRecovery(run, found, _left_out(opened, kind), opened)


def _left_out(run: Run, kind: str | None) -> list[int] | None:
    """Frames of which nothing was measured; None for an operator of somebody's own, which is not here to ask."""
    if kind == "functions":
        return None
    measured_with = class_of({"kind": kind})
    may_skip = measured_with is not None and measured_with.may_skip_frames
    return frames_without_data(run.measured().operator) if may_skip else []


def _draw(file: Path, recovery: OpenedRecovery, settings: InterpolateSettings) -> list[str]:
    """Frames evenly in time, from one frame to another; what to tell of them."""
    first, last = settings.between or (0, len(recovery.found.codes) - 1)
    count = settings.frames or 10 * max(last - first, 1) + 1
    times = evenly(recovery.found.times, count, (first, last))
    slow = _slowness(file, recovery, times, settings.slow)
    seen = recovery.seen
    parts = torch.split(seen.codes.at(times, settings.curve), FRAMES_DRAWN_AT_ONCE)
    _write(file, (seen.drawn(part) for part in parts), times, slow, recovery)
    return [f"wrote {file}: {count} frames from frame {first} to frame {last}, {_speed(times, slow)}"]


def _fill(file: Path, recovery: OpenedRecovery, settings: InterpolateSettings) -> list[str]:
    """The recovered clip with its missing frames drawn; what to tell of them."""

    own = recovery.found.times
    drawn = torch.cat([own[recovery.left_out or []], torch.tensor(gaps_in(own), dtype=own.dtype)])
    if not len(drawn):
        raise InputError(f"{recovery.name}: {_nothing_missing(recovery)}")
    slow = _slowness(file, recovery, own, settings.slow)
    delivered, frames = recovery.delivered(), recovery.seen.frames(drawn, settings.curve)
    times, order = torch.cat([own[recovery.kept], drawn]).sort()
    clip = torch.cat([delivered[recovery.kept], frames])[order]
    _write(file, iter([clip]), times, slow, recovery)
    told = f"wrote {file}: {len(times)} frames, {len(drawn)} of which were missing, {_speed(times, slow)}"
    return [told, *_scores(recovery, delivered, settings)]


def _nothing_missing(recovery: OpenedRecovery) -> str:
    if recovery.left_out is not None:
        return "no frame is missing: each was measured, and they follow each other evenly"
    if recovery.run is None:
        return "a representation does not say which frames were measured, and its times have no gaps; give its run"
    return "which frames its operator measured is not known, it is one of your own; and its times have no gaps"


def _write(file: Path, parts: Iterator[Tensor], times: Tensor, slow: float, recovery: OpenedRecovery) -> None:

    with torch.no_grad():
        if file.suffix == ".npy":
            write_npy(file, parts, (len(times), *recovery.found.frame_shape))
            return
        shown = [Fraction(t).limit_denominator(1_000_000) for t in ((times - times[0]) * slow).tolist()]
        rate = max(Fraction(_rate(times) / slow).limit_denominator(1000), Fraction(1, 1000))
        write_video(file, map(magnitude, parts), times=shown, rate=rate, aspect=recovery.pixel_aspect)


def _slowness(file: Path, recovery: OpenedRecovery, times: Tensor, wanted: float | None) -> float:
    """How many times slower than the clip the video plays. Raises InputError where the file cannot hold that rate."""
    rate, own = _rate(times), _rate(recovery.found.times)
    slow = wanted if wanted is not None else 1.0 if rate <= max(FASTEST_FRAMES_A_SECOND, own) else rate / own
    most = MOST_A_SECOND.get(file.suffix.lower(), 10_000.0)
    if file.suffix != ".npy" and rate / slow > most:
        raise InputError(
            f"{file}: {rate / slow:.4g} frames a second are more than the {most:g} that it can hold; use --slow "
            f"{math.ceil(rate / most)} or more, or fewer --frames"
        )
    return slow


def _rate(times: Tensor) -> float:
    return 1 / float(times.diff().median())


def _speed(times: Tensor, slow: float) -> str:
    pace = f"{slow:.4g} times slower than" if slow > 1 else f"{1 / slow:.4g} times faster than"
    return f"{_rate(times) / slow:.4g} a second, {'as fast as' if abs(slow - 1) < 1e-6 else pace} the clip"


def _frozen(recovery: OpenedRecovery, settings: InterpolateSettings) -> list[str]:
    """A line for frames before the first or after the last measured one, which repeat it."""
    first, last = settings.between or (0, len(recovery.found.codes) - 1)
    kept = recovery.kept
    told = []
    if first < kept[0]:
        told.append(f"Frames {first} to {kept[0] - 1} lie before the first measured one and repeat it.")
    if last > kept[-1]:
        told.append(f"Frames {kept[-1] + 1} to {last} lie after the last measured one and repeat it.")
    return told


def _scores(recovery: OpenedRecovery, delivered: Tensor, settings: InterpolateSettings) -> list[str]:
    """How near the frames that were left out come to the true ones, beside what a user would try first."""
    truth = true_clip(recovery)
    if truth is None or not recovery.left_out:
        return []

    at, true = recovery.found.times[recovery.left_out], truth[recovery.left_out]
    seen, clip = recovery.seen, delivered[recovery.kept]
    clips = {
        "drawn from the codes": seen.frames(at, settings.curve),
        "cross-fading": cross_faded(clip, seen.times, at),
        "nearest frame": nearest(clip, seen.times, at),
    }
    told = [f"PSNR of the {len(true)} frames of which nothing was measured (peak 1, and peak max - min):"]
    true, clips = magnitude(true), {name: magnitude(clip) for name, clip in clips.items()}
    told += [f"  {name:<22} {decibels(psnr(c, true))}, {decibels(psnr_range(c, true))}" for name, c in clips.items()]
    ours, simple = (psnr(clips[name], true) for name in ("drawn from the codes", "cross-fading"))
    return told if ours > simple else [*told, "Cross-fading is as good here."]


def true_clip(recovery: OpenedRecovery) -> Tensor | None:
    """The true clip of the run, where there is one and it is still there."""
    if recovery.run is None or recovery.run.truth is None:
        return None
    path = Path(str(recovery.run.truth["path"]))
    if not is_clip_name(path) and not split_member(path)[0].exists():
        return None
    return load_truth(recovery.run.truth, (len(recovery.found.codes), *recovery.found.frame_shape))
