"""The operators that a user chooses from: their names, their settings, and what each does in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

from .settings import (
    BayerSettings,
    BlocksSettings,
    BlurSettings,
    ChainSettings,
    CosineSettings,
    DownsampleSettings,
    ExposureSettings,
    FourierSettings,
    FramesSettings,
    GaussianSettings,
    IdentitySettings,
    MissingSettings,
    Settings,
    SignsSettings,
    SinglePixelSettings,
    SnapshotSettings,
    StackSettings,
)


@dataclass(frozen=True)
class Operator:
    """An operator: its name, its settings, and what `measure` and `simulate` do with it."""

    name: str
    settings: type[Settings]
    measure: str
    simulate: str


OPERATORS = (
    Operator(
        "missing",
        MissingSettings,
        "Drop a random share of the pixels of each frame.",
        "Drop pixels, recover them, compare with the truth.",
    ),
    Operator(
        "blocks",
        BlocksSettings,
        "Drop square blocks of each frame.",
        "Drop blocks, fill them in, compare with the truth.",
    ),
    Operator(
        "frames",
        FramesSettings,
        "Drop whole frames.",
        "Drop frames, draw them from the codes between, compare with the truth.",
    ),
    Operator(
        "gaussian",
        GaussianSettings,
        "Take m random Gaussian projections of each frame.",
        "Take Gaussian projections, recover the clip, compare with the truth.",
    ),
    Operator(
        "signs",
        SignsSettings,
        "Take m projections of each frame with random signs.",
        "Take projections with random signs, recover the clip, compare with the truth.",
    ),
    Operator(
        "single-pixel",
        SinglePixelSettings,
        "Take m numbers of each frame with a single-pixel camera and Hadamard patterns.",
        "Take numbers with a single-pixel camera, recover the clip, compare with the truth.",
    ),
    Operator(
        "dct",
        CosineSettings,
        "Take m coefficients of the cosine transform of each frame.",
        "Take cosine coefficients, recover the clip, compare with the truth.",
    ),
    Operator(
        "fourier",
        FourierSettings,
        "Take part of the spectrum of each frame (dynamic MRI).",
        "Take part of each frame's spectrum, recover the clip, compare with the truth.",
    ),
    Operator(
        "snapshot",
        SnapshotSettings,
        "Add several coded frames into one picture (snapshot compressive imaging).",
        "Add coded frames into one picture, take them apart, compare with the truth.",
    ),
    Operator(
        "blur",
        BlurSettings,
        "Blur each frame.",
        "Blur the frames, sharpen them, compare with the truth.",
    ),
    Operator(
        "downsample",
        DownsampleSettings,
        "Make the pixels of each frame coarser.",
        "Make the pixels coarser, refine them, compare with the truth.",
    ),
    Operator(
        "bayer",
        BayerSettings,
        "See one colour of each pixel (colour filter array).",
        "See one colour of each pixel, find the others, compare with the truth.",
    ),
    Operator(
        "exposure",
        ExposureSettings,
        "Expose several frames together (temporal blur).",
        "Expose frames together, take them apart, compare with the truth.",
    ),
    Operator(
        "chain",
        ChainSettings,
        "Measure with several operators, each seeing what the one before makes of the clip.",
        "Measure with operators one after the other, recover the clip, compare with the truth.",
    ),
    Operator(
        "stack",
        StackSettings,
        "Measure the same clip with several operators.",
        "Measure with several operators at once, recover the clip, compare with the truth.",
    ),
    Operator(
        "identity",
        IdentitySettings,
        "Keep every pixel: for a compact representation, or to take noise off.",
        "Represent a clip that is known in full.",
    ),
)


def name_of(settings: Settings) -> str:
    """The name of the operator with these settings."""
    return next(operator.name for operator in OPERATORS if operator.settings is type(settings))
