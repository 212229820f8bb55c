"""Settings of a recovery as keywords of a function, for type checkers; RecoverSettings is what checks their values."""

from __future__ import annotations

from typing import Literal, TypedDict

from .recovery import Auto, Device
from .search import Quality
from .solver import Precision, Preset


class RecoverKeywords(TypedDict, total=False):
    """Fields of `RecoverSettings`, which says what they mean; `generator`, which may also be a model, is left out."""

    preset: Preset
    quality: Quality
    rank: int | Auto
    linear: bool
    similarity: float | Auto
    steps: int | None
    time: float | None
    seed: int
    heldout: float | None
    precision: Precision | Auto
    data_term: Literal["auto", "squared", "weighted", "huber", "l1"]
    baselines: Literal["none", "quick", "all"]
    section_frames: int | Auto
    cuts: Literal["find", "none"]
    memory: str | None
    device: Device
