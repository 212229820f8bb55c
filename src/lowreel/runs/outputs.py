"""The files of a run with its clips: what was recovered, what is recommended, the best baseline, what is held out."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..data import Measured
from ..errors import InputError
from ..io.video import write_npy, write_video
from ..recovery.result import Recovery
from ..system.complex_clips import magnitude
from ..system.memory import trim_heap
from .summarise import summarise
from .summary import Summary

HOLDOUT = "holdout.npy"
"""File of a run with the pixels that are held out, where somebody chose them."""


def write_chosen(folder: Path, holdout: Tensor) -> None:
    """Keep which pixels are held out, (T, 1, H, W)."""
    np.save(folder / HOLDOUT, holdout.numpy())


def read_chosen(folder: Path) -> np.ndarray | None:
    """What `write_chosen` kept, None where it has not. Raises InputError for a damaged file."""
    path = folder / HOLDOUT
    if not path.is_file():
        return None
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error}); restore it, or start a new run") from None


def write_clip(folder: Path, measured: Measured, clip: Tensor, name: str = "recovered") -> list[str]:
    """recovered.npy and recovered.mp4, or those of another name; notes for the user. The film of a complex clip has its
    magnitudes. clip: (T, C, H, W) in grey levels."""
    about = measured.clip
    levels = {"scale": about.get("scale", 1.0), "offset": about.get("offset", 0.0)}
    write_npy(folder / f"{name}.npy", clip, tuple(clip.shape), **levels)
    return write_video(folder / f"{name}.mp4", magnitude(clip), **timing(measured.times, about))


def write_baseline(folder: Path, measured: Measured, clip: Tensor) -> None:
    """Write baseline.npy; clip: (T, C, H, W) in grey levels."""
    levels = {"scale": measured.clip.get("scale", 1.0), "offset": measured.clip.get("offset", 0.0)}
    write_npy(folder / "baseline.npy", clip, tuple(clip.shape), **levels)


def write_results(
    folder: Path, recovery: Recovery, measured: Measured, truth: Tensor | None
) -> tuple[Summary, list[str]]:
    """All files of a finished recovery but picture and summary; the summary, and notes for the user. truth: the true
    clip, (T, C, H, W), where it is known."""
    clip = measured.clip
    recovery.representation.save(folder / "representation.safetensors")
    if (name := recovery.best_baseline(truth)) is not None:
        write_baseline(folder, measured, recovery.baselines[name].clip)
    (folder / "uncertainty.npy").unlink(missing_ok=True)
    if recovery.uncertainty is not None:
        in_units = {"scale": clip.get("scale", 1.0), "offset": 0.0}
        write_npy(folder / "uncertainty.npy", recovery.uncertainty, tuple(recovery.clip.shape), **in_units)
    notes = write_clip(folder, measured, recovery.clip)
    for suffix in ("npy", "mp4"):
        (folder / f"recommended.{suffix}").unlink(missing_ok=True)
    if recovery.has_better:
        write_clip(folder, measured, recovery.recommended_clip, "recommended")
    trim_heap()  # what the films have taken
    return summarise(recovery, measured, truth), notes


def timing(seconds: Tensor, clip: Mapping[str, Any]) -> dict[str, Any]:
    """Frame times, rate, shape of pixels and audio of the source file, as `write_video` takes them. seconds: of the
    frames, (T,); clip: as in `Measured`."""
    times = [Fraction(t).limit_denominator(1_000_000) for t in seconds.tolist()]
    source = Path(clip["source"]) if clip.get("audio") and Path(clip["source"]).is_file() else None
    rate = Fraction(clip.get("rate", "25"))
    span = (float(times[0]), float(times[-1] + 1 / rate)) if source else None
    aspect = Fraction(clip.get("pixel_aspect", "1"))
    return {"times": times, "rate": rate, "aspect": aspect, "audio": source, "audio_span": span}
