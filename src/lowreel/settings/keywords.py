"""Settings as keywords of functions, for type checkers; the models of the same names check the values."""

from __future__ import annotations

from typing import Literal, TypedDict

from .records import FillQuality
from .recovery import Auto, Device
from .search import Quality
from .solver import Precision, Preset


class FillKeywords(TypedDict, total=False):
    """Fields of `FillSettings`, which says what they mean."""

    quality: FillQuality
    max_gap: float | None
    max_gap_time: float | None
    find_duplicates: bool
    seed: int


class PackKeywords(TypedDict, total=False):
    """Fields of `PackSettings`, which says what they mean."""

    bytes: int | None
    psnr: float | None
    loss: float | None
    updates: int | None
    seed: int
    precision: Precision | Auto


class RecoverKeywords(TypedDict, total=False):
    """Fields of `RecoverSettings`, which says what they mean; `generator`, which may also be a model, is left out."""

    preset: Preset
    quality: Quality
    rank: int | Auto
    linear: bool
    ordered: bool
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
