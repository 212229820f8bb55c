"""Which frames are drawn between those of a recovery."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .model import Settings


class InterpolateSettings(Settings):
    """Which frames are drawn between those of a recovery, and how they are written."""

    frames: Annotated[int, Field(ge=2, le=100_000)] | None = Field(
        None, description="how many to draw, evenly spaced in time; default: ten for each step of the clip"
    )
    between: tuple[int, int] | None = Field(
        None, description="A B: from frame A to frame B, counted from 0; default: the first and the last"
    )
    missing: bool = Field(
        False, description="the whole clip as it was recovered, with the frames of which nothing was measured drawn"
    )
    curve: Literal["linear", "cubic"] = Field(
        "linear", description="how the codes go from frame to frame: linear, or cubic, which is smooth"
    )
    slow: Annotated[float, Field(ge=1e-3, le=1e4)] | None = Field(
        None,
        description="how many times slower than the clip the video plays; default: as fast as the clip, or, where that "
        "were more than 60 frames a second, at the clip's own number of frames a second",
    )
