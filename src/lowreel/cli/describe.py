"""What a file or folder holds, in words. What is about clips of files alone imports no torch: it answers at once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..io.containers import RAW, Array, Entry, entries_of, is_series, load, origin_text
from ..io.video import Clip, open_clip, series_of
from ..system.files import TIFF_FILES, is_array_file, is_packed, kind_of, read_tensors, split_member
from ..system.names import GENERATORS, is_clip_name, is_wrong_clip_name

if TYPE_CHECKING:
    from ..runs.summary import Summary


FIRST_PICTURES = 8
"""Pictures of complex numbers that are looked at."""


def describe(path: Path) -> dict[str, Any]:
    """Facts about a clip, measured data, a representation, weights or a run. Raises InputError for anything else."""
    if not path.exists() and is_wrong_clip_name(path):
        raise InputError(f"{path}: expected NAME:NUMBER, such as {str(path).split(':')[0]}:7")
    if str(path) in GENERATORS and not path.exists():
        return _of_the_zoo(str(path))
    if not split_member(path)[0].exists() and not is_clip_name(path):
        raise InputError(f"{path}: no such file or folder")
    if path.name.endswith(".training") and (path / "config.json").is_file():
        return _training(path)
    if (path / "config.json").is_file():
        return _run(path)
    if is_packed(path):
        return _packed(path)
    if path.suffix == ".safetensors":
        return _tensors(path)
    if path.suffix in (".pth", ".pt"):
        return _state_dict(path)
    if path.exists() and (is_array_file(path) or is_series(path)):
        return _arrays(path, entries_of(path))
    return _clip(path)


def _arrays(path: Path, entries: list[Entry]) -> dict[str, Any]:
    """The arrays of a file, and what is known of the clip where one of them is it, or why none is."""
    if all(entry.problem for entry in entries) and not any(entry.problem.startswith(RAW) for entry in entries):
        return _clip(path)  # which says why there is none
    scan = _scan(path, entries)
    try:
        clip = _clip(path)
    except InputError as error:
        clip = {} if scan else {"arrays": path, "no clip": str(error)}
    clip |= _origins(path, entries)
    shown = [entry for entry in entries if not (scan and entry.problem)]
    return scan | clip | {entry.name or "array": entry.problem or entry.facts for entry in shown}


def _origins(path: Path, entries: list[Entry]) -> dict[str, Any]:
    """Of complex pictures one after the other: where frequency zero lies, by the first of them; or why they are not
    read."""
    found: dict[str, Any] = {}
    for entry in entries:
        if "complex" not in entry.dtype or entry.problem or len(entry.shape) not in (2, 3) or 0 in entry.shape:
            continue
        try:
            array = load(path, entry.name)
            told = origin_text(_first_pictures(array)) if array.dtype.kind == "c" else ""
        except InputError as error:
            told = str(error)
        found |= {f"origin of {entry.name or 'array'}": told} if told else {}
    return found


def _first_pictures(array: Array) -> np.ndarray:
    """The first frames (T, H, W) of an array of one picture, or of pictures one after the other."""
    if len(array.shape) == 2:
        return np.asarray(array.stored[:, :])[None]
    if array.matlab:
        return np.moveaxis(np.asarray(array.stored[:, :, :FIRST_PICTURES]), -1, 0)
    return np.asarray(array.stored[:FIRST_PICTURES, :, :])


def _scan(path: Path, entries: list[Entry]) -> dict[str, Any]:
    """The raw data of a scanner in a file, and what to type; empty where there is none."""
    names = {entry.name for entry in entries}
    if not any(entry.problem.startswith(RAW) for entry in entries) and not names >= {"kspace", "ismrmrd_header"}:
        return {}
    from ..io.scans import facts_of

    facts = facts_of(split_member(path)[0])
    return {"scan": path, **facts} if facts else {}


def _clip(path: Path) -> dict[str, Any]:
    try:
        clip = open_clip(path)
    except InputError as error:
        file = split_member(path)[0]
        if not file.is_file() or file.suffix.lower() not in TIFF_FILES:
            raise
        return {"TIFF": path, **_series(file), "no clip": str(error)}
    frames, channels, height, width = clip.shape
    return {
        "clip": path,
        "frames": frames,
        "size": f"{height}x{width}, {'grey' if channels == 1 else 'colour'}",
        "T, C, H, W": clip.shape,
        **({"axes": clip.axes} if clip.axes else {}),
        **({"spacing": clip.grid} if clip.grid else {}),
        "rate": f"{float(clip.rate):.4g} frames a second{_evenness(clip)}",
        "seconds": f"{float(clip.times[-1] - clip.times[0]):.3f} from the first frame to the last",
        "audio": "yes" if clip.has_audio else "no",
        **_levels(clip),
    }


def _evenness(clip: Clip) -> str:
    """Which times the rate is of, where frames are not even: by more than a tenth, as files round them."""
    steps = [b - a for a, b in pairwise(clip.times)]
    return ", on average" if steps and max(steps) - min(steps) > sum(steps) / len(steps) / 10 else ""


def _levels(clip: Clip) -> dict[str, Any]:
    """Which numbers are black and white, and where this comes from; of a large file, by a few of its frames."""
    try:
        levels = clip.levels_at_a_glance()
    except InputError as error:
        return {"no levels": str(error)}
    return {"black": levels.offset, "white": levels.offset + levels.scale, "levels": levels.why}


def _series(file: Path) -> dict[str, Any]:
    """The series of a TIFF."""
    found = series_of(file)
    return {
        f"series {s['series']}": f"{s['name'] or 'without name'}, {s['axes']} {s['shape']} {s['type']}" for s in found
    }


def _tensors(path: Path) -> dict[str, Any]:
    """Facts about one of our safetensors files, or the InputError that says what is wrong with it."""
    match kind_of(path):
        case "representation":
            return _representation(path)
        case "weights":
            return _weights(path)
        case "state" | "training" as kind:
            return _checkpoint(path, kind)
        case "live":
            return _preview(path)
        case _:
            return _data(path)


def _checkpoint(path: Path, kind: str) -> dict[str, Any]:
    header = read_tensors(path, kind, {})[1]
    planned = "epochs" if kind == "state" else "steps"
    facts = {planned: header.get("steps"), "stage": header.get("stage"), "seconds": header.get("seconds")}
    return {"checkpoint": path, **{name: fact for name, fact in facts.items() if fact is not None}, "of": path.parent}


def _preview(path: Path) -> dict[str, Any]:
    """What a run under way shows of itself."""
    from ..runs.preview import Live

    found = Live.read(path)
    shown = f"{', '.join(map(str, found.shown))} of {len(found.path)}, {found.frames.shape[2]}x{found.frames.shape[3]}"
    return {
        "preview": path,
        "state": " · ".join(found.told),
        "seconds": found.about["seconds"],
        "frames": f"{shown}; watch them with: lowreel serve {quote(str(path.parent))}",
        "of": path.parent,
    }


def _data(path: Path) -> dict[str, Any]:
    from ..data import data_header

    header = data_header(path)
    spec = header["operator"]
    return {"data": path, "operator": spec, "noise": header.get("noise", {}), "clip shape": tuple(spec["clip_shape"])}


def _representation(path: Path) -> dict[str, Any]:
    from ..model.representation import Representation

    found = Representation.load(path)
    return {
        "representation": path,
        "generator": found.generator.spec(),
        "frames": len(found.codes),
        "rank": found.codes.rank,
        "parameters": found.parameters,
    }


def _packed(path: Path) -> dict[str, Any]:
    from ..packing import read_packed

    found, size = read_packed(path), path.stat().st_size
    channels, height, width = found.frame_shape
    numbers = sum(values.size for values in found.values.values())
    zeros = sum(int((values == 0).sum()) for values in found.values.values())
    return {
        "packed clip": path,
        "frames": len(found.times),
        "size": f"{height}x{width}, {'grey' if channels == 1 else 'colour'}",
        "seconds": f"{float(found.times[-1] - found.times[0]):.3f} from the first frame to the last",
        "bytes": size,
        "bits a pixel": round(8 * size / (len(found.times) * height * width), 4),
        "generator": dict(found.spec),
        "numbers": f"{numbers:,} in all, {numbers - zeros:,} of which are not zero",
    }


def _of_the_zoo(name: str) -> dict[str, Any]:
    from ..model.generators import ZOO, zoo_file

    if name not in ZOO:
        raise InputError(f"{name}: is a generator of random weights; there is nothing to tell of it")
    return _weights(zoo_file(name))


def _state_dict(path: Path) -> dict[str, Any]:
    from ..model.generators import load_weights

    generator = load_weights(path)
    return {"state dict": path, "generator": generator.spec(), "parameters": generator.weights_count}


def _weights(path: Path) -> dict[str, Any]:
    from ..model.generators import load_weights, weights_header

    generator, header = load_weights(path), weights_header(path)
    facts = {"weights": path, "generator": header["generator"], "parameters": generator.weights_count}
    return {**facts, **header["provenance"], "sha256": header["sha256"]}


def _training(path: Path) -> dict[str, Any]:
    from ..analysis.metrics import error_decibels
    from ..system.checkpoints import is_locked
    from ..training.runs import Training

    training = Training.open(path.with_suffix(".safetensors"))
    progress = training.load_progress()
    facts = {"training": path, **training.request, **training.settings.model_dump()}
    at = "not begun"
    if progress is not None:
        at = f"step {progress.state.step} of {progress.steps}, {error_decibels(progress.state.loss):.2f} dB"
    if is_locked(path):
        return facts | {"state": f"under way: {at if progress else 'no checkpoint yet'}"}
    if progress is not None and progress.state.step >= progress.steps:
        return facts | {"state": f"finished, {at}; --resume with more --epochs makes it longer"}
    return facts | {"state": f"{at}; go on with the command that began it and --resume"}


def _sectioned(path: Path) -> dict[str, Any]:
    from ..runs.sectioned import SectionedRun, is_done

    run = SectionedRun.open(path)
    done = sum(is_done(run.run(k)) for k in range(len(run.sections)))
    summary = run.summary()
    if summary is None:
        return {"run": path, "state": _unfinished(path, f"{done} of {len(run.sections)} sections are done")}
    return _finished(path, summary)


def _unfinished(path: Path, at: str) -> str:
    """The state of a run that has no summary yet: at work now, or to be gone on with; at: how far it is."""
    from ..runs.preview import Live
    from ..system.checkpoints import is_locked

    if is_locked(path):
        live = Live.load(path)
        told = at if live is None else " · ".join(live.told)
        return f"under way: {told}; watch it with: lowreel serve {quote(str(path))}"
    return f"unfinished, {at}; go on with: lowreel recover {quote(str(path))} --resume"


def _grouped(path: Path) -> dict[str, Any]:
    from ..runs.grouped import GroupRun

    run = GroupRun.open(path)
    found = run.summaries()
    done = sum(summary is not None and summary.is_complete for summary in found.values())
    at = f"{done} of {len(found)} clips are done"
    told = {name: "not finished" if summary is None else summary.trust for name, summary in found.items()}
    return {
        "run": path,
        "clips": f"{len(found)} together, {done} of them done",
        "state": "finished" if run.is_done else _unfinished(path, at),
        **told,
    }


def _run(path: Path) -> dict[str, Any]:
    from ..runs.folder import Run
    from ..runs.grouped import GroupRun
    from ..runs.sectioned import SectionedRun

    if SectionedRun.is_in(path):
        return _sectioned(path)
    if GroupRun.is_in(path):
        return _grouped(path)
    run = Run.open(path)
    summary = run.summary()
    if summary is None:
        progress = run.load_progress()
        at = f"epoch {progress.state.step} of {progress.steps}" if progress else "not begun"
        return {"run": path, "state": _unfinished(path, at)}
    return _finished(path, summary)


def _finished(path: Path, summary: Summary) -> dict[str, Any]:
    from ..runs.report import figures

    return {
        "run": path,
        **dict(figures(summary)),
        "verdict": summary.trust,
        "outcome": summary.outcome.sentence,
    }
