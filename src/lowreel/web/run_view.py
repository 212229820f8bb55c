"""A run folder as the page shows it, complete or under way: frames of all there is to see, drawn when asked for."""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..analysis.manifold import embedded
from ..data import DataFile, Measured, data_header
from ..errors import InputError
from ..model.representation import Representation
from ..operators import part_frames
from ..runs.preview import LIVE, Live
from ..runs.report import measured_view
from ..runs.sections import Section
from ..runs.summary import Summary
from ..runs.truth import open_truth
from ..system.complex_clips import magnitude
from ..system.files import read_json
from ..system.frames import spread
from ..system.memory import operator_budget

CEILING_FRAMES = 5
"""Frames by which the largest standard deviation is told."""

WHITE_ERROR = 0.25
"""The error that is drawn white."""

RECOVERED, MEASURED, TRUE = "recovered", "measured", "true"
ERROR, SIGMA = f"error (white: {WHITE_ERROR})", "standard deviation"
"""What may be shown, beside the best baseline, which has a name of its own."""

READING = threading.Lock()

WHOLE_VALUES = 2**28
"""Numbers of a clip whose data is looked at as a whole, where its operator cannot be cut, at most."""


@dataclass(frozen=True)
class Look:
    """A run folder that somebody looks at. sections: () for an ordinary run; shape: of its clip, (T, C, H, W)."""

    folder: Path
    shape: tuple[int, ...]
    config: dict[str, Any]
    operator: dict[str, Any]
    sections: tuple[Section, ...]
    summary: Summary | None
    levels: tuple[float, float] = (1.0, 0.0)
    _stored: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def open(folder: Path) -> Look | None:
        """The run in a folder as it is now; None where there is none that can be read."""
        try:
            begun, end = (folder / "config.json").stat().st_mtime_ns, folder / "summary.json"
            return _opened(folder, begun, end.stat().st_mtime_ns if end.is_file() else 0)
        except (InputError, OSError, KeyError, TypeError, ValueError, IndexError):
            return None

    @property
    def layers(self) -> tuple[str, ...]:
        """What there is to show of each frame."""
        has = {name: (self.folder / f"{name}.npy").is_file() for name in ("recovered", "baseline", "uncertainty")}
        found = [RECOVERED] if has["recovered"] else []
        found += [self.baseline] if has["baseline"] else []
        found += [MEASURED] if self.operator["kind"] != "functions" else []
        if self._truth() is not None:
            found += [TRUE, *([ERROR] if has["recovered"] else [])]
        return tuple(found + ([self.sigma] if has["uncertainty"] else []))

    @property
    def sigma(self) -> str:
        """Standard deviations, and what white means among them."""
        return f"{SIGMA} (white: {self._ceiling():.2g})"

    @property
    def baseline(self) -> str:
        """The name of the baseline that is kept."""
        return f"baseline: {(self.summary.best_baseline if self.summary else None) or 'best'}"

    def frame(self, layer: str, t: int) -> np.ndarray:
        """Frame t of a layer, (H, W, 3) uint8. Raises InputError for what is not there."""
        if layer not in self.layers or not 0 <= t < self.shape[0]:
            raise InputError(f"there is no frame {t} of {layer!r}")
        if layer.startswith(SIGMA):
            return _heat(self._array("uncertainty.npy")[t] / self._ceiling())
        if layer == ERROR:
            return _heat(np.abs(self._grey("recovered.npy", t) - self._true(t).numpy()) / WHITE_ERROR)
        if layer in (RECOVERED, self.baseline):
            return _picture(self._grey("recovered.npy" if layer == RECOVERED else "baseline.npy", t))
        return _picture((self._measured(t) if layer == MEASURED else self._true(t)).numpy())

    def live(self) -> tuple[Live, str] | None:
        """How the run stands, and which section it is in, in words; None where nothing shows it."""
        if not self.sections:
            found = Live.load(self.folder)
            return None if found is None else (found, "")
        paths = [path for path in self.folder.glob(f"sections/*/{LIVE}") if path.is_file()]
        if not paths:
            return None
        newest = max(paths, key=lambda path: path.stat().st_mtime)
        found = Live.load(newest.parent)
        done = sum((path.parent / "summary.json").is_file() for path in self.folder.glob("sections/*/config.json"))
        return None if found is None else (found, f"section {done + 1} of {len(self.sections)}")

    def representation(self) -> Representation | None:
        """Codes and generator of a run that has ended."""
        path = self.folder / "representation.safetensors"
        return _representation(path, path.stat().st_mtime_ns) if path.is_file() else None

    def _array(self, name: str) -> np.ndarray:
        if name not in self._stored:
            self._stored[name] = np.load(self.folder / name, mmap_mode="r")
        return self._stored[name]

    def _grey(self, name: str, t: int) -> np.ndarray:
        scale, offset = self.levels
        frame = self._array(name)[t]
        if frame.dtype.kind == "c":
            return np.asarray(np.abs(frame) / scale, dtype=np.float32)
        return (np.asarray(frame, dtype=np.float32) - offset) / scale

    def _ceiling(self) -> float:
        """The largest standard deviation, about: that of a few frames."""
        sigma = self._array("uncertainty.npy")
        return max(float(sigma[t].max()) for t in spread(len(sigma), CEILING_FRAMES)) or 1.0

    def _truth(self) -> Any:
        reading = self.config.get("truth")
        with contextlib.suppress(InputError, OSError):
            return None if reading is None else _truth_of(json.dumps(reading), tuple(self.shape))
        return None

    def _true(self, t: int) -> Tensor:
        with READING:  # a decoder keeps its place in the file
            frame: Tensor = self._truth().read(t, t + 1)[0]
            return frame

    def _measured(self, t: int) -> Tensor:
        """Frame t of the data, as a picture one can look at."""
        folder, first = self.folder, 0
        if self.sections:
            k = next(n for n, section in enumerate(self.sections) if t in section.frames)
            folder, first = folder / f"sections/{k:03d}", self.sections[k].frames.start
        path = folder / "data.safetensors"
        return _view(path, path.stat().st_mtime_ns, t - first)


@lru_cache(maxsize=32)
def _opened(folder: Path, _begun: int, _ended: int) -> Look:
    config = read_json(folder / "config.json")
    sections = tuple(Section(range(*s["frames"]), s["scene"]) for s in config.get("sections", ()))
    first = folder / "sections/000" if sections else folder
    header = data_header(first / "data.safetensors")
    shape = tuple(header["operator"]["clip_shape"])
    if sections:
        shape = (sections[-1].frames.stop, *shape[1:])
    units = header.get("clip", {})
    levels = (float(units.get("scale", 1.0)), float(units.get("offset", 0.0)))
    return Look(folder, shape, config, header["operator"], sections, _summary(folder), levels)


def _summary(folder: Path) -> Summary | None:
    with contextlib.suppress(InputError, OSError):
        return Summary.read(folder)
    return None


@lru_cache(maxsize=16)
def _truth_of(reading: str, shape: tuple[int, ...]) -> Any:
    return open_truth(json.loads(reading), shape)


@lru_cache(maxsize=4)
def _representation(path: Path, _stamp: int) -> Representation:
    return Representation.load(path)


@lru_cache(maxsize=8)
def _view(path: Path, stamp: int, t: int) -> Tensor:
    file = DataFile.open(path)
    step = part_frames(file.spec)
    if step is None and math.prod(file.spec["clip_shape"]) > WHOLE_VALUES:
        raise InputError("what was measured of this clip is too large to be shown here")
    if step is None:
        return _whole_view(path, stamp)[t]
    start = t // step * step
    frames = range(start, min(start + step, file.spec["clip_shape"][0]))
    return measured_view(file.temporal_slice(frames, memory=operator_budget(None)))[t - start]


@lru_cache(maxsize=2)
def _whole_view(path: Path, _stamp: int) -> Tensor:
    return measured_view(Measured.load(path))


def _picture(frame: np.ndarray) -> np.ndarray:
    """(C, H, W) in [0, 1] as (H, W, 3) uint8."""
    levels = (np.clip(np.nan_to_num(frame), 0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))


LARGE = 384
"""Pixels of the longer side of a frame from which on it is large enough to be looked at."""


def enlarged(picture: np.ndarray) -> np.ndarray:
    """A frame, (H, W, 3), by a whole number of times, so that it can be looked at."""
    times = max(1, LARGE // max(picture.shape[:2]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def _heat(values: np.ndarray) -> np.ndarray:
    """(C, H, W), 0 to 1, in the colours of the report's error maps."""
    from matplotlib import colormaps

    shown = colormaps["magma"](np.clip(np.asarray(values, dtype=np.float64).mean(0), 0, 1))[..., :3]
    return np.asarray((shown * 255).round().astype(np.uint8))


def between(found: Representation, place: float) -> tuple[np.ndarray, Tensor, Tensor]:
    """The frame at a place along the path of the codes, counted in frames, (H, W, 3) uint8; the path in two
    dimensions, (T, 2), and the place on it, (2,)."""
    times, codes = found.times, found.path()
    left = max(min(int(place), len(times) - 2), 0)
    at = times[left] if len(times) == 1 else torch.lerp(times[left], times[left + 1], place - left)
    points = torch.zeros(len(codes), 2)
    path = embedded(codes, 2).coordinates.float()
    points[:, : path.shape[1]] = path
    mark = points[left] if len(times) == 1 else torch.lerp(points[left], points[left + 1], place - left)
    return _picture(magnitude(found.frames(at)[0]).numpy()), points, mark


def run_folders(roots: Sequence[Path]) -> list[Path]:
    """Run folders among these folders and right in them, by their paths."""
    found: list[Path] = []
    for root in roots:
        with contextlib.suppress(OSError):
            inside = [root, *(path for path in root.iterdir() if path.is_dir())] if root.is_dir() else []
            found += [path for path in inside if (path / "config.json").is_file() and path not in found]
    return sorted(found)
