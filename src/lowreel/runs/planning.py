"""Plans the sections of a clip: from the cuts in its data, its size, and the memory allowed."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ..data import Measured
from ..operators import is_of_complex_clips, is_rebuilt, part_frames
from ..recovery.cost import clip_fits
from ..settings import RecoverSettings
from ..system.memory import operator_budget, parse_bytes, taken_bytes
from .scenes import SHORTEST_SCENE_FRAMES, cuts, outlines
from .sectioned import longest_section
from .sections import Section, Source, sections_of

MEMORY_OVER_SMALL_CLIP = 8
"""A clip whose arrays take less than this part of the memory is small: no trial is needed to see that it fits."""

FRAMES_SEARCHED_AT_ONCE = 32
"""Frames that are looked at together for cuts."""


def is_short(clip_shape: tuple[int, ...], settings: RecoverSettings) -> bool:
    """Whether a clip of this shape would be one section if it had no cuts: it can then be held in memory whole."""
    if not clip_fits(clip_shape, parse_bytes(settings.memory)):
        return False
    usual = settings.frames_of_section(clip_shape[2] * clip_shape[3])
    return usual is None or len(sections_of(clip_shape[0], usual=usual)) == 1


def planned_sections(source: Source, settings: RecoverSettings) -> list[Section]:
    """The sections in which a clip is recovered; one where it is not cut, as a complex one never is.

    Raises InputError where memory does not allow a few frames.
    """
    spec = source.spec
    own = isinstance(source, Measured) and not is_rebuilt(source.operator)
    frames, step = spec["clip_shape"][0], None if own else part_frames(spec)
    usual = settings.frames_of_section(spec["clip_shape"][2] * spec["clip_shape"][3])
    if step is None or usual is None or is_of_complex_clips(spec):
        return [Section(range(frames), 0)]
    starts = _cuts(source, frames, step, settings)
    taken = 0 if settings.memory is None else taken_bytes()
    is_small = clip_fits(spec["clip_shape"], (parse_bytes(settings.memory) - taken) // MEMORY_OVER_SMALL_CLIP)
    most = None if is_small else longest_section(source, frames, step, settings)
    return sections_of(frames, starts, most=most, usual=usual, step=step)


def _cuts(source: Source, frames: int, step: int, settings: RecoverSettings) -> list[int]:
    if settings.cuts == "none" or frames < 2 * SHORTEST_SCENE_FRAMES:
        return []
    if isinstance(source, Measured):
        return cuts([outlines(source)], step)

    def stretches() -> Iterator[Tensor]:
        each, budget = step * max(1, FRAMES_SEARCHED_AT_ONCE // step), operator_budget(settings.memory)
        for start in range(0, frames, each):
            yield outlines(source.temporal_slice(range(start, min(start + each, frames)), memory=budget))

    return cuts(stretches(), step)
