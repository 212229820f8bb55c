"""Settings of one fit, and the presets."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from .model import Settings

DataTerm = Literal["squared", "weighted", "huber", "l1"]
Preset = Literal["default", "paper-latent", "paper-joint"]
Precision = Literal["float32", "bfloat16"]


class SolverSettings(Settings):
    """One recovery's algorithm. A preset is one of these; `PRESETS` holds them."""

    algorithm: Literal["joint", "alternating"] = Field(
        "joint",
        description="joint: one backward pass for codes and weights, Adam on both, minibatches of frames, a schedule. "
        "alternating: Algorithm 1 of the paper, a gradient step on the codes, projection, an Adam step on the weights",
    )
    steps: PositiveInt | None = Field(
        None, description="epochs, each of which sees every frame once; None chooses them from the size of the clip"
    )
    epoch_factor: PositiveInt = Field(1, description="how many times as many epochs, where `steps` is None")
    fit_weights: bool = Field(True, description="fit the generator's weights too (eq. 5), or the codes alone (eq. 4)")
    rank: PositiveInt | None = Field(None, description="rank of the T x K code matrix (eq. 7); None leaves it free")
    linear: bool = Field(False, description="codes as mean plus rank - 1 principal vectors: with rank 2 on a line")
    ordered: bool = Field(
        False, description="codes on a line, `linear` with rank 2, along which they start in time and never turn back"
    )
    similarity: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="1 - lambda of eq. (6): weight of the similarity of neighbouring codes"
    )
    tv_weight: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="joint: weight of the variation of the frames, where all frames are measured alike and not in full",
    )
    code_lr: NonNegativeFloat = Field(
        4e-3, description="step on the codes, 0 leaves them as they are; alternating: times T"
    )
    weight_lr: PositiveFloat = Field(4e-3, description="Adam's step on the weights; alternating: times T")
    matrix_lr: PositiveFloat | None = Field(
        None,
        description="joint: step on weight matrices by orthogonalised momentum, root mean square of its entries; "
        "None leaves them to Adam",
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="joint: weight matrices shrink by this times the step on them, at each step; of large frames "
        "of which enough pixels are known exactly, by a third of it",
    )
    early_weight_decay: Annotated[float, Field(ge=0)] | None = Field(
        None, description="joint: that of the first half of the epochs, where it is another one"
    )
    batch_size: PositiveInt | None = Field(
        4, description="frames in a minibatch, fewer of large frames; None takes them all at once"
    )
    precision: Precision = Field(
        "float32", description="joint: what the generator's products are computed in during the first part of the fit"
    )
    init: Literal["smooth", "shared"] = Field(
        "smooth", description="first codes: a smooth path around one random code, or one unit vector for all frames"
    )

    @model_validator(mode="after")
    def _line_has_a_rank(self) -> Self:
        if self.linear and self.rank is None:
            raise ValueError("linear: give the rank too; 2 puts the codes on a line")
        if self.ordered and not (self.linear and self.rank == 2):
            raise ValueError("ordered: only codes on a line have an order; give linear and rank 2")
        return self

    def frames_at_once(self, frames: int, pixels: int) -> int:
        """Frames in a minibatch of a clip of so many frames of so many pixels each."""
        return frames if self.batch_size is None else min(self.batch_size, max(1, BATCH_PIXELS // pixels))

    def epochs(self, minibatches: int) -> int:
        """`steps`, or as many epochs of so many minibatches each as come to about UPDATES."""
        return self.steps or self.epoch_factor * max(round(UPDATES / minibatches), 40)


BATCH_PIXELS = 2**16
"""Pixels of a minibatch, where its frames are more than one: large frames tell enough each (docs/choices.md)."""

UPDATES = 700
"""Minibatches that the default preset spends on a clip (docs/choices.md)."""

_PAPER = {"algorithm": "alternating", "steps": 2000, "batch_size": None, "init": "shared"}

_PAPER |= {"code_lr": 200 / 256, "weight_lr": 0.001 / 256}

PRESETS: dict[str, SolverSettings] = {
    "default": SolverSettings(similarity=0.01, matrix_lr=1e-3, weight_decay=3.0, tv_weight=5e-3),
    "paper-latent": SolverSettings(**_PAPER, fit_weights=False),
    "paper-joint": SolverSettings(**_PAPER),
}
"""Named settings: our own, and the authors' (steps 200 T/256 and 0.001 T/256, 2000 epochs)."""
