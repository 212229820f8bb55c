"""What a file or folder holds, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..analysis.metrics import error_decibels
from ..data import data_header
from ..errors import InputError
from ..io.containers import Entry, clip_entry, entries_of, is_matlab
from ..io.datasets import open_source
from ..model.generators import STATE_DICTS, ZOO, load_weights, weights_header, zoo_file
from ..model.representation import Representation
from ..runs.folder import Run
from ..runs.report import figures
from ..runs.sectioned import SectionedRun, is_done
from ..runs.summary import Summary
from ..system.files import is_array_file, kind_of, split_member
from ..system.names import is_clip_name, is_wrong_clip_name
from ..training.runs import Training


def describe(path: Path) -> dict[str, Any]:
    """Facts about a clip, measured data, a representation, weights or a run. Raises InputError for anything else."""
    if str(path) in ZOO:
        return _weights(zoo_file(str(path)))
    if not path.exists() and is_wrong_clip_name(path):
        raise InputError(f"{path}: expected NAME:NUMBER, such as {str(path).split(':')[0]}:7")
    if not split_member(path)[0].exists() and not is_clip_name(path):
        raise InputError(f"{path}: no such file or folder")
    if path.name.endswith(".training") and (path / "config.json").is_file():
        return _training(path)
    if (path / "config.json").is_file():
        return _sectioned(path) if SectionedRun.is_in(path) else _run(path)
    if path.suffix == ".safetensors":
        return _tensors(path)
    if path.suffix in STATE_DICTS:
        generator = load_weights(path)
        return {"state dict": path, "generator": generator.spec(), "parameters": generator.weights_count}
    if path.is_file() and is_array_file(path) and len(entries := entries_of(path)) > 1:
        return _arrays(path, entries)
    return _clip(path)


def _arrays(path: Path, entries: list[Entry]) -> dict[str, Any]:
    """The arrays of a file, and what is known of the clip where one of them must be it."""
    clip = _clip(path) if clip_entry(entries, is_matlab(path)) else {"arrays": path}
    return clip | {entry.name: entry.problem or entry.facts for entry in entries}


def _clip(path: Path) -> dict[str, Any]:
    clip = open_source(path)
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
    """Facts about one of our safetensors files, or the InputError that says what is wrong with it."""
    match kind_of(path):
        case "representation":
            return _representation(path)
        case "weights":
            return _weights(path)
        case _:
            return _data(path)


def _data(path: Path) -> dict[str, Any]:
    header = data_header(path)
    spec = header["operator"]
    return {"data": path, "operator": spec, "noise": header.get("noise", {}), "clip shape": tuple(spec["clip_shape"])}


def _representation(path: Path) -> dict[str, Any]:
    found = Representation.load(path)
    return {
        "representation": path,
        "generator": found.generator.spec(),
        "frames": len(found.codes),
        "rank": found.codes.rank,
        "parameters": found.parameters,
    }


def _weights(path: Path) -> dict[str, Any]:
    generator, header = load_weights(path), weights_header(path)
    facts = {"weights": path, "generator": header["generator"], "parameters": generator.weights_count}
    return facts | header["provenance"] | {"sha256": header["sha256"]}


def _training(path: Path) -> dict[str, Any]:
    training = Training.open(path.with_suffix(".safetensors"))
    progress = training.load_progress()
    facts = {"training": path, **training.request, **training.settings.model_dump()}
    if progress is None:
        return facts | {"state": "not begun; go on with the command that began it and --resume"}
    at = f"step {progress.state.step} of {progress.steps}, {error_decibels(progress.state.loss):.2f} dB"
    if progress.state.step >= progress.steps:
        return facts | {"state": f"finished, {at}; --resume with more --epochs makes it longer"}
    return facts | {"state": f"{at}; go on with the command that began it and --resume"}


def _sectioned(path: Path) -> dict[str, Any]:
    run = SectionedRun.open(path)
    done = sum(is_done(run.run(k)) for k in range(len(run.sections)))
    summary = run.summary()
    if summary is None:
        at = f"{done} of {len(run.sections)} sections are done"
        return {"run": path, "state": f"unfinished, {at}; go on with: lowreel recover {path} --resume"}
    return _finished(path, summary)


def _run(path: Path) -> dict[str, Any]:
    run = Run.open(path)
    summary = run.summary()
    if summary is None:
        progress = run.load_progress()
        at = f"round {progress.state.step} of {progress.steps}" if progress else "not begun"
        return {"run": path, "state": f"unfinished, {at}; go on with: lowreel recover {path} --resume"}
    return _finished(path, summary)


def _finished(path: Path, summary: Summary) -> dict[str, Any]:
    return {
        "run": path,
        **dict(figures(summary)),
        "verdict": summary.trust,
        "outcome": summary.outcome.sentence,
    }
