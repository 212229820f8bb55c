"""`lowreel.load`: the recovery in a run folder."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data import Levels, Measured
from ..errors import InputError
from ..model.representation import Representation
from ..operators.shapes import without_channel
from ..recovery.comparison import Baseline
from ..recovery.recommendation import Recommended
from ..recovery.result import Recovery as Found
from ..recovery.sharing import Sharing
from ..recovery.verdict import Outcome, Verdict
from ..runs.folder import Run
from ..runs.sectioned import SectionedRun
from ..runs.summary import SharingFigures, Summary
from ..settings import SolverSettings
from ..system.form import Form
from .recovery import Recovery, Source


def load(path: str | Path, *, like: Any = None) -> Recovery[Any]:
    """The recovery in a run folder that `Recovery.save`, `lowreel.run` or the command line wrote.

    path: the folder; of a run in sections that of one section, RUN/sections/000. like: an array, of whose library the
    clips are: a tensor for tensors on its device, the xarray.DataArray of the data for its coordinates; NumPy's arrays
    if None; of grey clips (T, H, W) without an axis of channels where it has none. What a folder does not keep is
    empty: `trials`, and the clips of all baselines but the best.

    Raises InputError for a folder that holds no run, a run that has not ended, and files that are damaged.
    """
    folder = Path(path)
    if SectionedRun.is_in(folder):
        raise InputError(
            f"{folder}: a run in sections, each of which is a recovery: load {folder}/sections/000 and so on; the "
            f"whole clip is numpy.load('{folder}/recovered.npy')"
        )
    run = Run.open(folder)
    summary = run.summary()
    if summary is None:
        raise InputError(f"{folder}: its run has not ended; go on with it first: lowreel recover {folder} --resume")
    try:
        measured = run.measured()
    except InputError:  # an operator of somebody's own, which no file holds
        measured = None
    found = _found(run, summary, measured)
    recommended = _array(folder, "recommended")
    source = Source(measured, run=folder)
    return Recovery(found, _form(like, found.clip), source, recommended, summary)


def _form(like: Any, clip: Tensor) -> Form:
    """The form of clips like an array; of a grey clip, (T, 1, H, W), (T, H, W) where that is so."""
    if like is None:
        return Form()
    shape = tuple(getattr(like, "shape", ()))
    return replace(Form.of(like), squeezed=shape if without_channel(shape, tuple(clip.shape)) else None)


def _found(run: Run, summary: Summary, measured: Measured | None) -> Found:
    folder, about = run.folder, {} if measured is None else measured.clip
    clip, baseline = _array(folder, "recovered"), _array(folder, "baseline")
    if clip is None:
        raise InputError(f"{folder}/recovered.npy: is not there; restore it, or recover the clip again")
    solver = run.settings.solver() if summary.solver is None else SolverSettings(**summary.solver)
    held = {name: _level(level) for name, level in summary.baselines_heldout_db.items()}
    best = {} if baseline is None else {str(summary.best_baseline): baseline}
    return Found(
        clip=clip,
        representation=Representation.load(folder / "representation.safetensors"),
        history=_history(folder / "history.jsonl"),
        outcome=Outcome(summary.outcome.kind, summary.outcome.sentence),
        heldout_db=_level(summary.heldout_db),
        heldout_db_representation=_level(summary.drawn_db) if summary.refined else None,
        chosen=summary.chosen or 0,
        verdict=Verdict(summary.verdict, summary.trust),
        steps=summary.steps,
        seconds=summary.seconds,
        settings=run.settings,
        solver=solver,
        weight_decay=summary.weight_decay,
        device=summary.device,
        baselines={name: Baseline(array, held.get(name, math.nan)) for name, array in best.items()},
        uncertainty=_array(folder, "uncertainty"),
        last_steps=summary.last_steps,
        delivered=summary.delivered,
        together=None if summary.together is None else _sharing(summary.together),
        recommended=Recommended.named(summary.recommended, _level(summary.recommended_heldout_db)),
        levels=Levels(float(about.get("scale", 1.0)), float(about.get("offset", 0.0))),
        clip_range=summary.clip_range or (0.0, 1.0),
    )


def _sharing(figures: SharingFigures) -> Sharing:
    """How a clip of a group was recovered."""
    known = figures.model_dump()
    return Sharing(**known | {name: _level(known[name]) for name in ("together_db", "alone_db")})


def _level(level: float | None) -> float:
    return math.nan if level is None else float(level)


def _array(folder: Path, name: str) -> Tensor | None:
    """An array of the run, None where it has none of the name. Raises InputError for a damaged file."""
    path = folder / f"{name}.npy"
    if not path.is_file():
        return None
    try:
        return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error}); restore it, or recover the clip again") from None


def _history(path: Path) -> tuple[dict[str, Any], ...]:
    """The rows of history.jsonl; none where that is not there. Raises InputError for a damaged file."""
    if not path.is_file():
        return ()
    try:
        return tuple(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    except ValueError as error:
        raise InputError(f"{path}: cannot be read ({error}); restore it, or recover the clip again") from None
