"""How small a packed clip is to be, or how near to what is packed; which of its frames are drawn."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from .model import Seed, Settings
from .recovery import Auto
from .solver import Precision

DEFAULT_LOSS_DB = 0.3

PACK_UPDATES = 600
"""Minibatches that the fit of a packed clip takes (docs/pack.md)."""


CLIP_EPOCHS, LEAST_CLIP_UPDATES = 100, 2000
"""How often each frame is drawn in the fit of a clip that is packed directly, and minibatches of short clips at least
(docs/pack.md)."""

RECOVERED_SHARE = 0.5
"""Of that what the fit of a recovered clip takes, whose own errors are larger than what a longer one would gain."""


class PackSettings(Settings):
    """What a packed clip is held to: one of bytes, psnr and loss; without any of them the loss is 0.3 dB."""

    bytes: PositiveInt | None = Field(None, description="bytes that the file has at most")
    psnr: Annotated[float, Field(gt=0, le=120)] | None = Field(
        None,
        description="dB, peak 1, that the packed frames are from those unpacked at least; of a clip, from the clip",
    )
    loss: Annotated[float, Field(gt=0, le=60)] | None = Field(
        None,
        description="dB that the clip may be worse than unpacked, by the error that the run's held-out data tells, "
        f"or of a clip, which is fitted first, by its own; default: {DEFAULT_LOSS_DB}",
    )
    updates: NonNegativeInt | None = Field(
        None,
        description="minibatches of the fit that the quantised numbers get, and half as many again where psnr or loss "
        f"is not met by then; 0: they are only rounded; default: {PACK_UPDATES}. Of a clip that is packed for bytes or "
        "psnr all that its fit takes, and up to three times its last fifth again where they are not met by then; 0: "
        "fitted first, as a recovery is, and only rounded; default: as many as draw each frame "
        f"{CLIP_EPOCHS} times, {LEAST_CLIP_UPDATES} at least; half as often where the clip of a run is fitted anew, "
        f"which takes {LEAST_CLIP_UPDATES} at least",
    )
    seed: Seed = Field(0, description="seed of the order of the frames in that fit, and of a clip's first numbers")
    precision: Precision | Auto = Field(
        "auto",
        description="products of the network while a clip, or that of a run, is fitted, but at its end: float32 or "
        "bfloat16; auto: what this machine is faster in, by a short trial (give it to have the same file again)",
    )

    @model_validator(mode="after")
    def _one_is_asked_for(self) -> Self:
        asked = [f"--{name}" for name in ("bytes", "psnr", "loss") if getattr(self, name) is not None]
        if len(asked) > 1:
            raise ValueError(f"pack: give one of --bytes, --psnr and --loss, not {' and '.join(asked)}")
        return self


class UnpackSettings(Settings):
    """Which frames of a packed clip are drawn, and within how much memory."""

    at: tuple[float, ...] | None = Field(
        None,
        description="seconds of the frames to draw, on the clock of the clip; between its frames they are drawn from "
        "codes between",
    )
    frames: str | None = Field(None, description="N (the first N frames), A:B or A:B:STEP; default: all")
    memory: str | None = Field(
        None, description="memory that drawing may take, such as 4GB; default: a quarter of the machine's"
    )
