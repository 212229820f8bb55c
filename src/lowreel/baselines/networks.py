"""Baselines that fit a network: a deep image prior of each frame, and the paper's two presets. They are slow."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..data import hold_out
from ..errors import InputError
from ..model.generators import Decoder, Generator, make, subpixel_stages
from ..operators import Data, LinearOperator, map_data
from ..settings import PRESETS, Preset, RecoverSettings, SolverSettings
from ..solver.iteration import iterate
from ..solver.problem import Problem
from ..solver.schedule import planned_epochs
from .validation import LEFT_OUT_SHARE, error_on

DEEP_PRIOR_SETTINGS = SolverSettings(steps=300, code_lr=0.0, weight_lr=1e-2, batch_size=None)
"""Of a deep image prior: the code stays what it was drawn to be."""

PAPER_PRESETS: tuple[Preset, ...] = ("paper-latent", "paper-joint")
"""The paper's presets."""

LOOKS_PER_FIT = 30
"""How often in a fit the entries that it does not see are looked at."""


def deep_image_prior(data: Data, operator: LinearOperator, entries: Data, start: Tensor) -> Tensor:
    """A decoder with random weights and a fixed input, fitted to each frame alone (Ulyanov et al., 2018); (T, C, H, W).

    Where several frames are measured together one decoder makes these, from a fixed code for each. Frames that no
    entry tells of are those of `start`.
    """
    clip = start.clone()
    for k, part in enumerate(operator.parts()):
        alone = operator.subset([k])
        generator = Decoder(operator.clip_shape[1:], subpixel_stages=subpixel_stages(alone))
        found = _early_stopped(
            operator.take(data, [k]), operator.take(entries, [k]), alone, generator, DEEP_PRIOR_SETTINGS
        )
        if found is not None:
            clip[part.frames.start : part.frames.stop] = found
    return clip


def paper_clips(data: Data, operator: LinearOperator, entries: Data) -> dict[str, Tensor]:
    """The clips of the paper's eq. (4) and eq. (5) by the names of their presets, for frames of their size alone."""
    if not has_paper_size(operator):
        return {}
    channels, found = operator.clip_shape[1], {}
    for name in PAPER_PRESETS:
        generator = make(RecoverSettings(preset=name).generator_name(channels), operator.clip_shape[1:])
        found[name] = _early_stopped(data, entries, operator, generator, PRESETS[name])
    return {name: clip for name, clip in found.items() if clip is not None}


def has_paper_size(operator: LinearOperator) -> bool:
    """Whether the paper's networks make such frames: 64x64, grey or colour."""
    return operator.clip_shape[1:] in ((1, 64, 64), (3, 64, 64))


def _early_stopped(
    data: Data, entries: Data, operator: LinearOperator, generator: Generator, solver: SolverSettings
) -> Tensor | None:
    """The clip, on the way of a fit, that agrees best with entries which it has not seen; None without such entries."""
    try:
        held = hold_out(operator, LEFT_OUT_SHARE, known=entries)
    except InputError:
        return None
    problem = _problem(data, operator, entries, held, generator)
    epochs = planned_epochs(problem, solver)
    best, least = None, math.inf
    for state in iterate(problem, solver):
        if state.step % max(1, epochs // LOOKS_PER_FIT) and state.step < epochs:
            continue
        clip = state.representation(problem, solver).frames()
        error = error_on(held, operator, clip, data)
        if error < least:
            best, least = clip, error
    return best


def _problem(data: Data, operator: LinearOperator, entries: Data, held: Data, generator: Generator) -> Problem:
    """To fit these entries but for those held out; what is no entry is not to be fitted either."""
    left_out = map_data(lambda known, e, h: known & (~e | h), operator.observed_mask(), entries, held)
    times = torch.arange(operator.clip_shape[0], dtype=torch.float64)
    return Problem(data, operator, generator, times, heldout=left_out)
