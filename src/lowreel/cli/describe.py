"""What a file or folder holds, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import InputError
from ..measure import Measured
from ..representation import Representation
from ..runs import Run
from ..video import open_clip


def describe(path: Path) -> dict[str, Any]:
    """Facts about a clip, measured data, a representation or a run. Raises InputError for anything else."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if (path / "config.json").is_file():
        return _run(path)
    if path.suffix == ".safetensors":
        return _tensors(path)
    clip = open_clip(path)
    frames, channels, height, width = clip.shape
    return {
        "clip": path,
        "frames": frames,
        "size": f"{height}x{width}, {'grey' if channels == 1 else 'colour'}",
        "rate": f"{float(clip.rate):.4g} frames a second",
        "seconds": f"{float(clip.times[-1] - clip.times[0]):.3f} from the first frame to the last",
        "audio": "yes" if clip.has_audio else "no",
        "grey levels": f"stored values less {clip.offset:g}, over {clip.scale:g}",
    }


def _tensors(path: Path) -> dict[str, Any]:
    try:
        measured = Measured.load(path)
    except InputError as first:
        if "expected a data file, got a representation" not in str(first):
            raise
        found = Representation.load(path)
        return {
            "representation": path,
            "generator": found.generator.spec(),
            "frames": len(found.codes),
            "rank": found.codes.rank,
            "parameters": found.parameters,
        }
    return {
        "data": path,
        "operator": measured.operator.spec(),
        "noise": dict(measured.noise),
        "clip shape": measured.operator.clip_shape,
        "data shape": measured.operator.data_shape,
    }


def _run(path: Path) -> dict[str, Any]:
    run = Run.open(path)
    summary = run.summary()
    if summary is None:
        progress = run.load_progress()
        at = f"round {progress.state.step} of {progress.steps}" if progress else "not begun"
        return {"run": path, "state": f"unfinished, {at}; go on with: lowreel recover {path} --resume"}
    return {"run": path, **summary}
