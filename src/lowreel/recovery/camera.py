"""Whether a recovery follows the camera: by a rough first guess of the clip, from its measured pixels alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..baselines.interpolation import rough_clip
from ..model.camera import camera_motion
from ..model.generators import Decoder, MovingDecoder, margin_of
from ..model.generators.moving import covered
from ..model.generators.pyramid import MOTION_NUMBERS
from ..settings import RecoverSettings
from ..solver.problem import Problem
from ..system.memory import trim_heap
from .fit import Progress

SPARE_PIXELS = 2
"""Beyond what frames are found to see, as the fit corrects the motion (docs/choices.md)."""

MOST_TURN = 0.25
"""Radians by which a camera may turn: what turns farther is a thing before a background that rests, as a rule."""

FEWEST_FRAMES_OF_A_CAMERA = 3
"""By which a camera is told: of two the median is one of them, which shows itself well."""

Margin = tuple[int, int]
"""Rows and columns of a picture beyond each side of the frame."""


def following(problem: Problem, settings: RecoverSettings, margin: Margin | None = None) -> Problem:
    """The problem with a `MovingDecoder` where the camera is found to move; else as it is.

    Pixels are what shows a camera before any fit; and codes of which a form is wanted have it without a motion. margin:
    of a run that goes on, which keeps its generator though another machine might round the motion otherwise.
    """
    usual, data, fitted = problem.generator, problem.data, problem.fitted
    if not settings.follows_camera or type(usual) is not Decoder or not problem.operator.is_pixel_mask:
        return problem
    if problem.sequences or not isinstance(data, Tensor) or not isinstance(fitted, Tensor):
        return problem
    motion = _motion(data, fitted.expand_as(data))
    trim_heap()  # what registration has freed
    if margin is None:
        if motion is None:
            return problem
        margin = margin_of(motion, usual.frame_shape, SPARE_PIXELS)
    moving = MovingDecoder(
        usual.frame_shape,
        margin=margin,
        upsampling_stages=usual.upsampling_stages,
        subpixel_stages=usual.subpixel_stages,
        seed=problem.seed,
    )
    return replace(
        problem, generator=moving, motion=torch.zeros(len(data), MOTION_NUMBERS) if motion is None else motion
    )


def _motion(data: Tensor, known: Tensor) -> Tensor | None:
    """The motion of the camera, (T, 6); None where it is not found to move. Frames of which nothing is known are taken
    for the one before."""
    measured = known.flatten(1).any(1).nonzero().flatten()
    if len(measured) < FEWEST_FRAMES_OF_A_CAMERA:
        return None
    guess = rough_clip(torch.where(known, data, 0), known)
    if len(measured) < len(known):
        before = torch.searchsorted(measured, torch.arange(len(known)), right=True) - 1
        guess = guess[measured[before.clamp(min=0)]]
    camera = camera_motion(guess, known)
    is_turned = camera is not None and _turn(camera.motion, data.shape[1:]) > MOST_TURN
    return None if camera is None or is_turned else camera.motion


def _turn(motion: Tensor, frame_shape: Sequence[int]) -> float:
    """The largest angle by which frames of this motion, (T, 6), are turned against the middle one, radians."""
    _, height, width = frame_shape
    turns = motion[:, 3] / (covered(width) / 2) - motion[:, 1] / (covered(height) / 2)
    return float(turns.abs().max()) / 2


def margin_so_far(resume: Progress | None) -> Margin | None:
    """The margin of a run that goes on with a `MovingDecoder`; None of others, and of those of before there was one."""
    if resume is None:
        return None
    known = (resume.state.identity, *(trial.identity for trial in resume.trials))
    specs = [one["generator"] for one in known if MovingDecoder.kind in one.get("generator", "")]
    told = re.search(r"'margin': \[(\d+), (\d+)\]", specs[0]) if specs else None
    return None if told is None else (int(told[1]), int(told[2]))
