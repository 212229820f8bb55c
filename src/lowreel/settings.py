"""Every setting of the product, defined once: default, meaning, bounds. Imports no torch.

The command line, the run folder's `config.json` and the Python functions all use these models.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from .errors import InputError

Seed = Annotated[int, Field(ge=0, lt=2**32)]
DataTerm = Literal["squared", "weighted", "huber", "l1"]
Preset = Literal["default", "paper-latent", "paper-joint"]
Quality = Literal["draft", "standard", "best"]
Auto = Literal["auto"]
Precision = Literal["float32", "bfloat16"]
Device = Literal["auto", "cpu", "cuda", "mps"]


class _InOneSentence(type(BaseModel)):  # type: ignore[misc]
    """Wrong settings are the caller's: an InputError that names them, what was wanted and what came.

    In the call, and not in a validator: pydantic would put a ValueError of a validator into an error of its own.
    """

    def __call__(cls, **values: Any) -> Any:
        try:
            return super().__call__(**values)
        except ValidationError as error:
            raise InputError(settings_sentence(error)) from error


def settings_sentence(error: ValidationError, *, flags: bool = False) -> str:
    """What is wrong with each setting; one that may be a number or a word has an error for each of these.

    flags: with the names that settings have on the command line.
    """
    wanted: dict[str, list[str]] = {}
    came: dict[str, str] = {}
    for e in error.errors():
        name = str(e["loc"][0]) + ": " if e["loc"] else ""
        name = f"--{name.replace('_', '-')}" if flags and name else name
        wanted.setdefault(name, []).append(e["msg"].removeprefix("Value error, "))
        came[name] = f", got {e['input']!r}" if e["loc"] and e["type"] != "missing" else ""
    return "; ".join(f"{name}{', or '.join(messages)}{came[name]}" for name, messages in wanted.items())


if TYPE_CHECKING:  # the type checker knows the fields of each model
    _Model = BaseModel
else:

    class _Model(BaseModel, metaclass=_InOneSentence):
        """A model whose errors are in one sentence."""


class Settings(_Model):
    """Frozen; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SolverSettings(Settings):
    """One recovery's algorithm. A preset is one of these; `PRESETS` holds them."""

    algorithm: Literal["joint", "alternating"] = Field(
        "joint",
        description="joint: one backward pass for codes and weights, Adam on both, minibatches of frames, a schedule. "
        "alternating: Algorithm 1 of the paper, a gradient step on the codes, projection, an Adam step on the weights",
    )
    steps: PositiveInt | None = Field(
        None, description="rounds, each of which sees every frame once; None chooses them from the size of the clip"
    )
    epoch_factor: PositiveInt = Field(1, description="how many times as many rounds, where `steps` is None")
    fit_weights: bool = Field(True, description="fit the generator's weights too (eq. 5), or the codes alone (eq. 4)")
    rank: PositiveInt | None = Field(None, description="rank of the T x K code matrix (eq. 7); None leaves it free")
    linear: bool = Field(False, description="codes as mean plus rank - 1 principal vectors: with rank 2 on a line")
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
        0.0, description="joint: weight matrices shrink by this times the step on them, at each step"
    )
    early_weight_decay: Annotated[float, Field(ge=0)] | None = Field(
        None, description="joint: that of the first half of the rounds, where it is another one"
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
        return self

    def frames_at_once(self, frames: int, pixels: int) -> int:
        """Frames in a minibatch of a clip of so many frames of so many pixels each."""
        return frames if self.batch_size is None else min(self.batch_size, max(1, BATCH_PIXELS // pixels))

    def rounds(self, minibatches: int) -> int:
        """`steps`, or as many rounds of so many minibatches each as come to about UPDATES."""
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
"""Named settings: our own, and the authors' (steps 200 T/256 and 0.001 T/256, 2000 rounds)."""


class Candidate(Settings):
    """What the search over settings chooses by held-out data: the settings of one of its fits."""

    extra_stages: Annotated[int, Field(ge=0)] = Field(
        0, description="stages of upsampling of the decoder beyond its usual ones: it then starts from a coarser grid"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(description="`SolverSettings.weight_decay`")
    similarity: Annotated[float, Field(ge=0, lt=1)] = Field(description="`SolverSettings.similarity`")
    early_weight_decay: Annotated[float, Field(ge=0)] | None = Field(
        None, description="`SolverSettings.early_weight_decay`"
    )

    def solver(self, base: SolverSettings) -> SolverSettings:
        """`base` with this choice put in."""
        chosen = {
            "weight_decay": self.weight_decay,
            "similarity": self.similarity,
            "early_weight_decay": self.early_weight_decay,
        }
        return base.model_copy(update=chosen)

    def going_on(self) -> Candidate:
        """The same for a fit that starts from the weights of another one: what is done early only is behind it."""
        return self.model_copy(update={"early_weight_decay": None})

    @property
    def begins_afresh(self) -> bool:
        """Whether its fit differs from the preset's before `BRANCH_SHARE` of the rounds: it cannot go on from that."""
        return self.extra_stages > 0 or self.early_weight_decay is not None


MOVES: dict[Quality, tuple[dict[str, float], ...]] = {
    "draft": (),
    "standard": ({"early_weight_decay": 10.0}, {"similarity": 0.1}),
    "best": (
        {"early_weight_decay": 10.0},
        {"similarity": 0.1},
        {"extra_stages": 1},
        {"weight_decay": 10.0},
        {"similarity": 0.001},
    ),
}
"""What the search changes of the preset, one at a time; "best" does so a second time, with the best of the first."""

SWEEPS: dict[Quality, int] = {"draft": 0, "standard": 1, "best": 2}
"""How often `MOVES` are tried."""

BRANCH_SHARE, LOOK_SHARE = 0.5, 0.75
"""Shares of the rounds: up to the first all settings that are tried share one fit, and after the second the best alone
goes on (docs/choices.md)."""

LONGER: dict[Quality, int] = {"draft": 1, "standard": 1, "best": 2}
"""How many times as many rounds a fit gets."""

LAST_ROUNDS_SHARE, LAST_STEP_SHARE = 0.25, 0.3
"""The last fit, with all data, goes on from the best one: its share of the rounds, and of the step."""

WARM_ROUNDS_SHARE, WARM_STEP_FACTOR = 0.6, 1.4
"""A section that starts from its neighbour: its share of the rounds, and how many times the step (docs/choices.md)."""

SECTION_FRAMES, LARGE_SECTION_FRAMES = 64, 32
"""Frames of a section, about, and where frames have more than BATCH_PIXELS: enough that they help each other, few
enough for one generator, and for the search over settings, which is made for one section, to be a small part."""

LEAST_HELDOUT_SHARE, MOST_HELDOUT_SHARE, ENOUGH_HELDOUT_NUMBERS = 0.02, 0.05, 1000
"""Share of the data that is held out: the smallest, the largest, and how many numbers judge well enough."""


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
    similarity: Annotated[float, Field(ge=0, lt=1)] | Auto = Field(
        "auto", description="1 - lambda of eq. (6), from 0 (off) to below 1; auto: chosen by held-out data"
    )
    steps: PositiveInt | None = Field(
        None,
        description="rounds of each fit; each sees every frame once. After a search a last fit, with all data, makes "
        "some more: a quarter as many, or as many as the best fit made until its best round",
    )
    time: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None,
        description="seconds at most for the optimisation, search, last fit and checks included, the baselines not; "
        "the schedule is shortened to end in time",
    )
    generator: str = Field(
        "auto",
        description="decoder (any size) or dcgan (64x64) from random weights; paper-grey or paper-rgb, the dcgan "
        "trained on MNIST or CIFAR-10; or a file of weights. auto: decoder, in the paper's presets the trained dcgan",
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
        together = self.preset != "default" or self.linear or self.rank != "auto"
        if self.section_frames != "auto":
            return self.section_frames
        return None if together else LARGE_SECTION_FRAMES if pixels > BATCH_PIXELS else SECTION_FRAMES

    @field_validator("rank", "similarity", mode="before")
    @classmethod
    def _none_is_auto(cls, value: object) -> object:
        """Runs begun before there was "auto" say null."""
        return "auto" if value is None else value

    @property
    def searches(self) -> bool:
        """Whether settings are chosen by held-out data."""
        return self.preset == "default" and self.quality != "draft"

    @property
    def continues(self) -> bool:
        """Whether a section may start from its neighbour: the paper's presets have a start of their own, and codes on
        a line keep the order that they start with."""
        return self.preset == "default" and not self.linear

    def solver(self) -> SolverSettings:
        """The preset with the user's choices put in; what is chosen by held-out data is as in the preset."""
        chosen = {"rank": self.rank, "similarity": self.similarity, "steps": self.steps}
        changes: dict[str, object] = {name: v for name, v in chosen.items() if v not in (None, "auto")}
        if self.precision != "auto" and PRESETS[self.preset].algorithm == "joint":
            changes["precision"] = self.precision
        if self.linear:
            changes |= {"linear": True, "rank": changes.get("rank", 2)}
        if self.searches:
            changes["epoch_factor"] = LONGER[self.quality]
        return PRESETS[self.preset].model_copy(update=changes)

    def heldout_share(self, numbers: int) -> float:
        """Share of so many numbers that is held out."""
        if self.heldout is not None:
            return self.heldout
        return (
            min(MOST_HELDOUT_SHARE, max(LEAST_HELDOUT_SHARE, ENOUGH_HELDOUT_NUMBERS / max(numbers, 1)))
            if self.searches
            else LEAST_HELDOUT_SHARE
        )

    def generator_name(self, channels: int) -> str:
        """`generator`, or what `auto` means for clips of so many channels."""
        if self.generator != "auto":
            return self.generator
        return "decoder" if self.preset == "default" else "paper-grey" if channels == 1 else "paper-rgb"


class ContinuedSettings(RecoverSettings):
    """Those of a section that starts from its neighbour, whose `steps` are the fewer rounds that it then needs."""

    def solver(self) -> SolverSettings:
        """As usual, with larger steps."""
        usual = super().solver()
        steps = {name: getattr(usual, name) for name in ("code_lr", "weight_lr", "matrix_lr")}
        return usual.model_copy(
            update={name: WARM_STEP_FACTOR * step for name, step in steps.items() if step is not None}
        )


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


class BatchSettings(Settings):
    """How the rows of a batch are worked on."""

    operator: str | None = Field(
        None, description='what clips are measured with, such as "missing --ratio 0.8", where a row does not say it'
    )
    cpus_per_clip: PositiveInt = Field(1, description="cores of each recovery; there are as many at once as fit")
    gpus_per_clip: NonNegativeFloat = Field(0.0, description="graphics cards of each recovery, on a Ray cluster")
    ray: str | None = Field(
        None,
        description="make the rows tasks of a Ray cluster: at an address such as auto or HOST:6379, of this machine "
        "alone without one; all nodes have to see the folder of the runs",
    )


class ServeSettings(Settings):
    """Who may use the page, and how much of the machine."""

    host: str = Field(
        "127.0.0.1",
        description="address to listen on; another than this machine's own, such as 0.0.0.0, asks visitors for the "
        "password in $LOWREEL_PASSWORD, or for a token that is printed",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(7860, description="port to listen on; 0: any that is free")
    at_once: PositiveInt = Field(
        1, description="recoveries at the same time, which share the cores; the others wait in a queue"
    )
    waiting: PositiveInt = Field(50, description="recoveries in the queue at most")
    minutes: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        60.0, description="minutes that a recovery may take; it then ends with the best so far"
    )
    upload: str = Field("200MB", description="size of an upload at most, all its files together")
    frames: PositiveInt = Field(1000, description="frames of an upload at most")
    pixels: PositiveInt = Field(1920 * 1080, description="pixels of a frame of an upload at most")
    memory: str | None = Field(
        None, description="memory that each recovery may take, such as 4GB; default: a quarter of the machine's"
    )


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


class FillSettings(Settings):
    """How the gaps of a record are filled."""

    quality: Quality = Field(
        "draft",
        description="which methods are tried: draft, all but the generator, within minutes; standard and best, the "
        "generator too, whose three fits take many times as long",
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


class ClipSettings(Settings):
    """How a clip is read from its file."""

    size: str | None = Field(None, description="resize to exactly N (square) or HxW, such as 64 or 48x64")
    fit: Literal["squash", "crop"] = Field("squash", description="squash to that size, or crop to its shape first")
    channels: Annotated[int, Field(ge=1, le=3)] | None = Field(
        None, description="1 grey, 3 colour; default: the file's own"
    )
    frames: str | None = Field(None, description="N (the first N frames), A:B or A:B:STEP; default: all")
    white: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None,
        description="white, in the numbers of the file, such as 4095; default: what the file declares, else that of "
        "the bits that are used (docs/files-of-others.md)",
    )
    black: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="black, in the numbers of the file; default: 0, or the smallest number below it"
    )
    channel: Annotated[int, Field(ge=0)] | None = Field(
        None, description="of a TIFF with channels that are no colour: which one, counted from 0"
    )
    plane: Annotated[int, Field(ge=0)] | None = Field(
        None, description="of a TIFF with depth beside time: which plane, counted from 0"
    )


class ArraysSettings(Settings):
    """Which arrays of a file of others are the data and what it was measured with."""

    operator: str | None = Field(
        None,
        description="what made the data of a file of arrays: snapshot (needs --mask), mask (pixels that are missing), "
        "fourier (part of the spectrum), or package.module:object, an operator of your own (needs --clip-shape)",
    )
    y: str | None = Field(None, description="name of the array of data in DATA; default: the only one")
    mask: str | None = Field(None, description="name of the operator's mask in DATA, or another FILE or FILE:NAME")
    frames: str | None = Field(None, description="recover only the first N frames, or A:B; default: all")
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="white, in the units of the data, such as 255; default: found from the data"
    )
    sigma: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None,
        description="standard deviation of the noise, in the units of the data; 0: exact; default: not known, and "
        "held-out data decides whether the clip has to agree (pixels are kept)",
    )
    clip_shape: str | None = Field(None, description="TxCxHxW of the clip, for an operator of your own")


class NoiseSettings(Settings):
    """Noise added to the data, one kind at a time."""

    noise: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        None, description="standard deviation, times the operator's row norm; for pixels in grey levels"
    )
    snr: Annotated[float, Field(ge=-100, le=200)] | None = Field(
        None, description="signal-to-noise ratio in dB, in place of --noise"
    )
    photons: Annotated[float, Field(ge=1e-3, le=1e12)] | None = Field(
        None, description="photon noise: photons counted where the data is 1"
    )
    salt_and_pepper: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="share of the numbers replaced by the largest or smallest one"
    )
    dead_columns: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="share of the columns of the data that are zero throughout"
    )
    blind: bool = Field(False, description="keep from the recovery what noise there is")

    def kinds(self) -> list[str]:
        """Names of the kinds of noise that are asked for."""
        return [name for name in type(self).model_fields if name != "blind" and getattr(self, name) is not None]


class MeasureSettings(Settings):
    """What `measure` needs beside the operator."""

    seed: Seed = Field(0, description="seed of the operator and the noise")
    memory: str | None = Field(
        None, description="memory the operator may take, such as 4GB; default: a quarter of the machine's"
    )
