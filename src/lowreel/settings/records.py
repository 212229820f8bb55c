"""How the gaps of a record are filled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .model import Seed, Settings

FillQuality = Literal["draft", "standard"]


class FillSettings(Settings):
    """How the gaps of a record are filled."""

    quality: FillQuality = Field(
        "draft",
        description="which methods are tried: draft, all but the generator, within minutes; standard, the generator "
        "too, whose three fits (two to judge it, one to fill) take many times as long",
    )
    max_gap: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="pixels from the nearest measured one of the same frame beyond which nothing is filled"
    )
    max_gap_time: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="time from the nearest frame in which a pixel was measured beyond which it is not filled, in the "
        "unit of the record's times (such as days; frames where it has none)",
    )
    find_duplicates: bool = Field(False, description="find frames that repeat the one before, and count them as gaps")
    seed: Seed = Field(0, description="seed of everything random")
