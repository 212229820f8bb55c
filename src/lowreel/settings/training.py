"""How a generator is trained, and on which images."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from .model import Seed, Settings
from .recovery import Auto
from .solver import Precision

TRAINING_STEPS = 2000
"""Minibatches that a training takes at least, where the epochs are not given."""


class TrainSettings(Settings):
    """How a generator is trained on images."""

    epochs: PositiveInt | None = Field(
        None, description="how often each image is seen; default: 20, more where that makes less than 2000 steps"
    )
    batch_size: PositiveInt | None = Field(
        None, description="images in a minibatch; default: 256, at most an eighth of the images"
    )
    code_lr: PositiveFloat = Field(0.1, description="step on the codes, as a share of their spread")
    weight_lr: PositiveFloat = Field(2e-3, description="step on the weights: root mean square of its entries")
    seed: Seed = Field(0, description="seed of the first weights and of the order of the images")
    precision: Precision | Auto = Field(
        "auto",
        description="products of the network: float32 or bfloat16; auto: what this machine is faster in, by a short "
        "trial (give it to have the same numbers everywhere)",
    )

    def for_images(self, count: int) -> TrainSettings:
        """These settings with what is None chosen for so many images."""
        batch = self.batch_size or min(256, max(1, count // 8))
        epochs = self.epochs or max(20, math.ceil(TRAINING_STEPS / math.ceil(count / batch)))
        return self.model_copy(update={"batch_size": batch, "epochs": epochs})


class ImagesSettings(Settings):
    """Which images of a data set a generator is trained on, and how they are read."""

    size: str | None = Field(None, description="resize to exactly N (square) or HxW; default: 64")
    channels: Annotated[int, Field(ge=1, le=3)] | None = Field(
        None, description="1 grey, 3 colour; default: the data set's own"
    )
    images: PositiveInt | None = Field(None, description="take only so many, evenly spaced over the set")
