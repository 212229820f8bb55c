"""The operators of the command line: how they are checked and built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..catalogue import OperatorSettings
from ..settings import MeasureSettings
from ..system.memory import operator_budget

if TYPE_CHECKING:
    from ..operators import LinearOperator

PROBED = 16
"""Frames by which the norm of an operator's rows is told, where it is told by a probe."""


def check_operator_settings(settings: OperatorSettings) -> None:
    """What can be said against the settings of an operator before torch is imported. Raises InputError."""
    settings.check()


def build(settings: OperatorSettings, clip_shape: tuple[int, ...], seed: int, memory: int) -> LinearOperator:
    """The operator of these settings for a clip of this shape, holding at most `memory` bytes."""
    from ..operators import from_settings

    return from_settings(settings, clip_shape, seed=seed, memory=memory)


def first_parts(
    settings: OperatorSettings, clip_shape: tuple[int, ...], measuring: MeasureSettings
) -> LinearOperator | None:
    """The operator of these settings for the first parts of the clip alone, or None where it cannot be cut.

    Its spec with the number of all frames (`extend`) is the operator's for them all.
    """
    from ..operators import part_frames_of

    part = part_frames_of(settings)
    if part is None or part >= clip_shape[0]:
        return None
    frames = part * max(1, min(PROBED, clip_shape[0]) // part)
    return build(settings, (frames, *clip_shape[1:]), measuring.seed, operator_budget(measuring.memory))
