"""What a user chooses for one recovery, and how long clips are cut into sections."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from .model import Seed, Settings
from .search import LONGER, Quality
from .solver import BATCH_PIXELS, PRESETS, Precision, Preset, SolverSettings

Auto = Literal["auto"]
Device = Literal["auto", "cpu", "cuda", "mps"]

WARM_EPOCHS_SHARE, WARM_STEP_FACTOR = 0.6, 1.4
"""A section that starts from its neighbour: its share of the epochs, and how many times the step (docs/choices.md)."""

SECTION_FRAMES, LARGE_SECTION_FRAMES = 64, 32
"""Frames of a section, about, and where frames have more than BATCH_PIXELS: enough that they help each other, few
enough for one generator, and for the search over settings, which is made for one section, to be a small part."""

LEAST_HELDOUT_SHARE, MOST_HELDOUT_SHARE, ENOUGH_HELDOUT_NUMBERS = 0.02, 0.05, 1000
"""Share of the data that is held out: the smallest, the largest, and how many numbers judge well enough."""


def enough_share(numbers: int) -> float:
    """Share of so many numbers that judges well enough where fits are to be told apart."""
    return min(MOST_HELDOUT_SHARE, max(LEAST_HELDOUT_SHARE, ENOUGH_HELDOUT_NUMBERS / max(numbers, 1)))


class RecoverSettings(Settings):
    """What a user chooses for one recovery; what is None comes from the preset."""

    preset: Preset = Field("default", description="default, or the paper's eq. (4) or eq. (5) with its own settings")
    quality: Quality = Field(
        "standard",
        description="time that the choice of settings by held-out data may take: draft, one fit with fixed settings; "
        "standard, a handful of fits; best, a dozen, twice as long. The paper's presets have nothing to choose",
    )
    rank: PositiveInt | Auto = Field(
        "auto",
        description="rank of the T x K code matrix, eq. (7); auto: the smallest one that held-out data allows",
    )
    linear: bool = Field(False, description="codes on a line: mean plus one principal vector (rank 2 unless given)")
    ordered: bool = Field(
        False, description="codes on a line in the order of time: they never turn back along it; means --linear too"
    )
    similarity: Annotated[float, Field(ge=0, lt=1)] | Auto = Field(
        "auto", description="1 - lambda of eq. (6), from 0 (off) to below 1; auto: chosen by held-out data"
    )
    steps: PositiveInt | None = Field(
        None,
        description="epochs of each fit; each sees every frame once. After a search a last fit, with all data, makes "
        "some more: a quarter as many, or as many as the best fit made until its best epoch",
    )
    time: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="seconds at most for the optimisation, search, last fit and checks included, the baselines not; "
        "the schedule is shortened to end in time",
    )
    generator: str = Field(
        "auto",
        description="decoder (any size), lean (the same of fewer weights) or dcgan (64x64) from random weights; "
        "paper-grey or paper-rgb, the dcgan trained on MNIST or CIFAR-10; or a file of weights. auto: decoder, in the "
        "paper's presets the trained dcgan",
    )
    seed: Seed = Field(0, description="seed of everything random")
    heldout: Annotated[float, Field(gt=0, lt=0.5)] | None = Field(
        None,
        description="share of the data that is not fitted but used to choose and to judge; default: 0.02, up to 0.05 "
        "where that is less than 1000 numbers and the last fit sees them all",
    )
    precision: Precision | Auto = Field(
        "auto",
        description="products of the first part of a fit: float32 or bfloat16; auto: what this machine is faster in, "
        "by a short trial (give it to have the same numbers everywhere)",
    )
    data_term: Literal["auto", "squared", "weighted", "huber", "l1"] = Field(
        "auto",
        description="what residuals cost: squared; weighted by the noise's variances; huber or l1, which outliers "
        "hardly move. auto: what suits the noise that the data file names",
    )
    baselines: Literal["none", "quick", "all"] = Field(
        "quick",
        description="which simpler methods are run for comparison; all: also a deep image prior per frame and the "
        "paper's two presets, which take minutes to hours",
    )
    section_frames: Annotated[int, Field(ge=8)] | Auto = Field(
        "auto",
        description="frames of a section, about: long clips are recovered in sections, each by a generator of its own; "
        "auto: 64, or 32 of large frames, less where memory is short, and the whole clip with --linear, --rank and the "
        "paper's presets",
    )
    cuts: Literal["find", "none"] = Field(
        "find",
        description="scene cuts: found in the data, so that each scene is recovered by itself; none: there are none",
    )
    memory: str | None = Field(
        None, description="memory the recovery may take, such as 4GB; default: a quarter of the machine's"
    )
    device: Device = Field(
        "auto",
        description="what the fit is computed on; the baselines always are on the CPU. auto: cuda where there is a "
        "card, else cpu; mps, a Mac's, only where it is asked for: it has not been tried",
    )

    def frames_of_section(self, pixels: int) -> int | None:
        """Frames of a section, about, of frames of so many pixels; None where the clip is recovered whole.

        That is where its codes have a form together.
        """
        together = self.preset != "default" or self.is_line or self.rank != "auto"
        if self.section_frames != "auto":
            return self.section_frames
        return None if together else LARGE_SECTION_FRAMES if pixels > BATCH_PIXELS else SECTION_FRAMES

    @field_validator("rank", "similarity", mode="before")
    @classmethod
    def _none_is_auto(cls, value: object) -> object:
        """Runs begun before there was "auto" say null."""
        return "auto" if value is None else value

    @model_validator(mode="after")
    def _line_with_an_order_has_rank_2(self) -> Self:
        if self.ordered and self.rank not in ("auto", 2):
            raise ValueError(f"ordered: only codes on a line have an order, of rank 2; got rank {self.rank}")
        return self

    @property
    def is_line(self) -> bool:
        """Whether codes are to lie on a line, or in a plane through their mean: an order is one along a line."""
        return self.linear or self.ordered

    @property
    def searches(self) -> bool:
        """Whether settings are chosen by held-out data."""
        return self.preset == "default" and self.quality != "draft"

    @property
    def follows_camera(self) -> bool:
        """Whether frames may be read from a larger picture by the motion of the camera: where neither the generator nor
        a form of the codes is given."""
        return self.preset == "default" and self.generator == "auto" and not self.is_line and self.rank == "auto"

    @property
    def continues(self) -> bool:
        """Whether a section may start from its neighbour: the paper's presets have a start of their own, and codes on
        a line keep the order that they start with."""
        return self.preset == "default" and not self.is_line

    def solver(self) -> SolverSettings:
        """The preset with the user's choices put in; what is chosen by held-out data is as in the preset."""
        chosen = {"rank": self.rank, "similarity": self.similarity, "steps": self.steps}
        changes: dict[str, object] = {name: v for name, v in chosen.items() if v not in (None, "auto")}
        if self.precision != "auto" and PRESETS[self.preset].algorithm == "joint":
            changes["precision"] = self.precision
        if self.is_line:
            changes |= {"linear": True, "rank": changes.get("rank", 2), "ordered": self.ordered}
        if self.searches:
            changes["epoch_factor"] = LONGER[self.quality]
        return PRESETS[self.preset].model_copy(update=changes)

    def heldout_share(self, numbers: int) -> float:
        """Share of so many numbers that is held out."""
        if self.heldout is not None:
            return self.heldout
        return enough_share(numbers) if self.searches else LEAST_HELDOUT_SHARE

    def generator_name(self, channels: int) -> str:
        """`generator`, or what `auto` means for clips of so many channels."""
        if self.generator != "auto":
            return self.generator
        return "decoder" if self.preset == "default" else "paper-grey" if channels == 1 else "paper-rgb"


class ContinuedSettings(RecoverSettings):
    """Those of a section that starts from its neighbour, whose `steps` are the fewer epochs that it then needs."""

    def solver(self) -> SolverSettings:
        """As usual, with larger steps."""
        usual = super().solver()
        steps = {name: getattr(usual, name) for name in ("code_lr", "weight_lr", "matrix_lr")}
        return usual.model_copy(
            update={name: WARM_STEP_FACTOR * step for name, step in steps.items() if step is not None}
        )
