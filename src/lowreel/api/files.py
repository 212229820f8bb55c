"""A recovery on disk: the run folder, as the command line makes it, and the film alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..data import Measured
from ..errors import InputError
from ..io.video import write_video
from ..recovery.result import Recovery as Found
from ..runs.folder import Run
from ..runs.outputs import timing, write_results
from ..runs.report import draw_report
from ..system.as_tensor import tensor_of
from ..system.complex_clips import magnitude
from ..system.files import new_folder


def write_film(path: Path, found: Found, *, overwrite: bool) -> Path:
    """The clip of a recovery in grey levels as a film. Raises InputError where the file is there already."""
    if path.exists() and not overwrite:
        raise InputError(f"{path}: exists already; give another name, or overwrite=True")
    write_video(path, magnitude(found.clip), **timing(found.representation.times, {}))
    return path


def save_run(path: Path, found: Found, measured: Measured, holdout: Any) -> Path:
    """Write a recovery in grey levels as a run folder, whole or not at all.

    Raises InputError where the folder holds anything already.
    """
    about = {"rate": "25", "source": "", "audio": False, **measured.clip}
    own = Measured(measured.data, measured.operator, measured.times, measured.noise, about)
    _check_free(path)
    with new_folder(path.resolve()) as draft:
        run = Run(draft, found.settings)
        run.begin(own, None if holdout is None else _booleans(holdout))
        run.write_history(found.history)
        summary, _ = write_results(draft, found, own, None)
        draw_report(draft, found, own, None)
        run.finish(summary)
    return path


def copy_run(run: Path, path: Path) -> Path:
    """Copy a run folder. Raises InputError where the folder to write holds anything already."""
    _check_free(path)
    with new_folder(path.resolve()) as draft:
        shutil.copytree(run, draft, dirs_exist_ok=True)
    return path


def _check_free(path: Path) -> None:
    """Raise InputError unless a run can be saved here: there is nothing, or an empty folder."""
    if path.is_file():
        raise InputError(f"{path}: is a file; save to a folder that is new or empty")
    if path.is_dir() and any(path.iterdir()):
        what = "a run" if (path / "config.json").exists() else "other files"
        raise InputError(f"{path}: holds {what} already; save to a folder that is new or empty")


def _booleans(holdout: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(tensor_of(holdout, "holdout").cpu() != 0))
