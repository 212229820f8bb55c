"""Videos that the page makes: frames between those of a run, in a process of its own, and two pictures side by side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..jobs.request import InterpolateRequest

DRAWING_SECONDS = 600.0
"""Seconds that drawing a video may take."""


def drawn(request: InterpolateRequest) -> str:
    """Draw a video in a process of its own; what that said, without the server's folders. Raises InputError in its
    words."""
    video, folder = str(request.output), request.recovery
    asked = Path(video).with_suffix(".json")
    request.save(asked)
    process = [sys.executable, "-m", "lowreel.web.session", "interpolate", str(asked)]
    try:
        done = subprocess.run(
            process, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DRAWING_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError("Drawing that video takes too long here; ask for fewer frames.") from None
    finally:
        asked.unlink(missing_ok=True)
    told = done.stdout if done.returncode == 0 else done.stderr.removeprefix("lowreel: error: ")
    told = told.replace(video, "the video").replace(folder, "the run")
    if done.returncode != 0:
        raise InputError(told.strip().splitlines()[-1] if told.strip() else "It could not be drawn.")
    return told


def beside(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Two pictures in one, the smaller one with black below it."""
    high = max(len(first), len(second))
    padded = [np.pad(p, ((0, high - len(p)), (0, 0), (0, 0))) for p in (first, second)]
    return np.concatenate(padded, axis=1)
