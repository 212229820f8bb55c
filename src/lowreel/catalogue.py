"""The operators that a user chooses from: their settings, and what is said of each before torch is imported."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from .errors import InputError
from .settings import Settings


class OperatorSettings(Settings):
    """What a user says of an operator; each operator has a model of its own, and `OPERATORS` is the list of them.

    The class of the operator says the rest (`LinearOperator`); it is apart because it needs torch, which reading the
    arguments and `--help` do not wait for.
    """

    name: ClassVar[str]
    """Its subcommand of `measure` and of `simulate`."""
    home: ClassVar[str]
    """Where its class is, as module:class of `operators/`."""
    measures: ClassVar[str]
    """What `measure` does with it, in a sentence."""
    simulates: ClassVar[str]
    """What `simulate` does with it, in a sentence."""
    example: ClassVar[Mapping[str, str]] = {}
    """What a form begins with, where that is not the default: the operator has to be told something."""

    def check(self) -> None:
        """Raise InputError for what can be said against these settings before torch is imported."""

    def members(self) -> list[OperatorSettings]:
        """Settings of the operators that this one is made of; none, in most. Raises InputError for what is none."""
        return []


class MissingSettings(OperatorSettings):
    """Missing pixels."""

    name = "missing"
    home = "pixels:MissingPixels"
    measures = "Drop a random share of the pixels of each frame."
    simulates = "Drop pixels, recover them, compare with the truth."

    ratio: float = Field(0.8, description="share of the pixels dropped in each frame, between 0 and 1")

    def check(self) -> None:
        """See `OperatorSettings`."""
        _check_ratio(self.ratio)


class BlocksSettings(OperatorSettings):
    """Missing blocks."""

    name = "blocks"
    home = "pixels:MissingBlocks"
    measures = "Drop square blocks of each frame."
    simulates = "Drop blocks, fill them in, compare with the truth."

    ratio: float = Field(0.5, description="share of the blocks dropped in each frame, between 0 and 1")
    block: PositiveInt = Field(8, description="side of a block in pixels")

    def check(self) -> None:
        """See `OperatorSettings`."""
        _check_ratio(self.ratio)


class FramesSettings(OperatorSettings):
    """Missing frames."""

    name = "frames"
    home = "pixels:MissingFrames"
    measures = "Drop whole frames."
    simulates = "Drop frames, draw them from the codes between, compare with the truth."

    ratio: float | None = Field(None, description="share of the frames dropped, between 0 and 1; default: 0.5")
    drop: str | None = Field(
        None, description="A:B: frames A to B - 1, counted from 0, are dropped in place of a random share"
    )

    def check(self) -> None:
        """See `OperatorSettings`."""
        if self.ratio is not None:
            _check_ratio(self.ratio)
        if self.drop is not None:
            if self.ratio is not None:
                raise InputError("frames: give --ratio (a random share) or --drop (named frames), one of them")
            self.dropped()

    def dropped(self) -> range | None:
        """The frames of --drop A:B, or None where a random share is dropped. Raises InputError for another text."""
        if self.drop is None:
            return None
        first, _, end = self.drop.partition(":")
        if all(text.isascii() and text.isdecimal() for text in (first, end)) and int(first) < int(end):
            return range(int(first), int(end))
        raise InputError(f"--drop: expected A:B, frames A to B - 1 counted from 0, such as 10:15, got {self.drop!r}")


def _check_ratio(ratio: float) -> None:
    if not 0 < ratio < 1:
        raise InputError(f"--ratio: expected the share dropped, between 0 and 1, got {ratio:g}")


class CountSettings(OperatorSettings):
    """How many numbers are measured: as such, or as a share of all."""

    example: ClassVar[Mapping[str, str]] = {"sampling": "0.1"}

    m: PositiveInt | None = Field(None, description="numbers per frame")
    sampling: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="numbers per frame as a share of C H W, in place of --m"
    )

    def check(self) -> None:
        """See `OperatorSettings`."""
        if (self.m is None) == (self.sampling is None):
            raise InputError(f"{self.name}: give --m (a number) or --sampling (a share), one of them")

    def numbers(self, pixels: int) -> int:
        """Numbers out of so many."""
        return self.m or round((self.sampling or 0) * pixels)


class ChannelCountSettings(CountSettings):
    """The same, of each channel alone."""

    m: PositiveInt | None = Field(None, description="numbers per frame and channel")
    sampling: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="numbers per frame as a share of all, in place of --m"
    )


class GaussianSettings(CountSettings):
    """Gaussian projections."""

    name = "gaussian"
    home = "projections:Gaussian"
    measures = "Take m random Gaussian projections of each frame."
    simulates = "Take Gaussian projections, recover the clip, compare with the truth."


class SignsSettings(CountSettings):
    """Projections of random signs."""

    name = "signs"
    home = "projections:Signs"
    measures = "Take m projections of each frame with random signs."
    simulates = "Take projections with random signs, recover the clip, compare with the truth."


class SinglePixelSettings(ChannelCountSettings):
    """A single-pixel camera with Hadamard patterns."""

    name = "single-pixel"
    home = "transforms:SinglePixel"
    measures = "Take m numbers of each frame with a single-pixel camera and Hadamard patterns."
    simulates = "Take numbers with a single-pixel camera, recover the clip, compare with the truth."

    order: Literal["cake", "random"] = Field(
        "cake", description="cake: the patterns of fewest pieces first; random: randomised patterns, others each frame"
    )


class CosineSettings(ChannelCountSettings):
    """Coefficients of the cosine transform of every frame."""

    name = "dct"
    home = "transforms:Cosine"
    measures = "Take m coefficients of the cosine transform of each frame."
    simulates = "Take cosine coefficients, recover the clip, compare with the truth."

    order: Literal["random", "low"] = Field(
        "random", description="random: a quarter of low frequency, the rest at random; low: the lowest ones"
    )


class FourierSettings(OperatorSettings):
    """Part of the spectrum of every frame."""

    name = "fourier"
    home = "transforms:Fourier"
    measures = "Take part of the spectrum of each frame (dynamic MRI)."
    simulates = "Take part of each frame's spectrum, recover the clip, compare with the truth."
    example: ClassVar[Mapping[str, str]] = {"sampling": "0.25"}

    sampling: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="share of the rows of the spectrum, those around zero among them"
    )
    lines: PositiveInt | None = Field(None, description="radial lines per frame, in place of --sampling")

    def check(self) -> None:
        """See `OperatorSettings`."""
        if (self.lines is None) == (self.sampling is None):
            raise InputError("fourier: give --sampling (share of the rows) or --lines (radial lines per frame)")


class MriSettings(OperatorSettings):
    """A scanner with several coils, radial, spiral or along rows."""

    name = "mri"
    home = "mri:MRI"
    measures = "Scan each frame with several coils (dynamic MRI): complex data."
    simulates = "Scan each frame with several coils, recover the complex clip, compare with the truth."
    example: ClassVar[Mapping[str, str]] = {"spokes": "13"}

    coils: PositiveInt = Field(8, description="coils, with simulated sensitivities")
    spokes: PositiveInt | None = Field(None, description="radial spokes per frame")
    spirals: PositiveInt | None = Field(None, description="spirals per frame, in place of --spokes")
    golden_angle: bool = Field(
        False,
        description="turn each spoke or spiral by a golden angle from the one before; else all frames have the same",
    )
    acceleration: Annotated[float, Field(ge=1)] | None = Field(
        None, description="one row in so many, more of them around zero, others in each frame; in place of --spokes"
    )
    phase: bool = Field(False, description="give the clip a smooth phase before it is measured")

    def check(self) -> None:
        """See `OperatorSettings`."""
        chosen = [self.spokes, self.spirals, self.acceleration]
        if sum(value is not None for value in chosen) != 1:
            raise InputError(
                "mri: give --spokes (radial), --spirals or --acceleration (Cartesian rows), one of them, such as "
                "--golden-angle --spokes 13"
            )
        if self.golden_angle and self.acceleration is not None:
            raise InputError(
                "mri: --golden-angle is for --spokes and --spirals; rows are other ones in each frame anyway"
            )


class SnapshotSettings(OperatorSettings):
    """Coded frames added into one picture."""

    name = "snapshot"
    home = "snapshot:Snapshot"
    measures = "Add several coded frames into one picture (snapshot compressive imaging)."
    simulates = "Add coded frames into one picture, take them apart, compare with the truth."

    together: PositiveInt = Field(8, description="frames that are added into one picture")


class BlurSettings(OperatorSettings):
    """Frames out of focus."""

    name = "blur"
    home = "resample:Blur"
    measures = "Blur each frame."
    simulates = "Blur the frames, sharpen them, compare with the truth."

    sigma: PositiveFloat = Field(1.5, description="standard deviation of the Gaussian blur in pixels")


class DownsampleSettings(OperatorSettings):
    """Coarser pixels."""

    name = "downsample"
    home = "resample:Downsample"
    measures = "Make the pixels of each frame coarser."
    simulates = "Make the pixels coarser, refine them, compare with the truth."

    factor: Annotated[int, Field(ge=2)] = Field(2, description="pixels across whose mean is one of the data")


class BayerSettings(OperatorSettings):
    """A colour filter array."""

    name = "bayer"
    home = "resample:Bayer"
    measures = "See one colour of each pixel (colour filter array)."
    simulates = "See one colour of each pixel, find the others, compare with the truth."

    pattern: Literal["rggb", "bggr", "grbg", "gbrg"] = Field(
        "rggb", description="colours of the upper and lower row of a tile of 2x2 pixels"
    )


class ExposureSettings(OperatorSettings):
    """Exposures longer than a frame."""

    name = "exposure"
    home = "resample:LongExposure"
    measures = "Expose several frames together (temporal blur)."
    simulates = "Expose frames together, take them apart, compare with the truth."

    together: Annotated[int, Field(ge=2)] = Field(4, description="frames whose mean is one picture")


class SeveralSettings(OperatorSettings):
    """Operators that are used together."""

    of: tuple[str, ...] = ()

    def check(self) -> None:
        """See `OperatorSettings`."""
        if not self.of:
            raise InputError(f'{self.name}: say which operators with --of, such as --of "blur --sigma 1"')
        for text in self.of:
            parse_operator(text).check()

    def members(self) -> list[OperatorSettings]:
        return [parse_operator(text) for text in self.of]


class ChainSettings(SeveralSettings):
    """Operators one after the other."""

    name = "chain"
    home = "base:Composed"
    measures = "Measure with several operators, each seeing what the one before makes of the clip."
    simulates = "Measure with operators one after the other, recover the clip, compare with the truth."
    example: ClassVar[Mapping[str, str]] = {"of": "blur --sigma 1\nmissing --ratio 0.5"}

    of: tuple[str, ...] = Field(
        (), description='an operator with its flags, such as --of "blur --sigma 1"; repeat it, the first comes first'
    )


class StackSettings(SeveralSettings):
    """Several operators that look at the same clip."""

    name = "stack"
    home = "stack:Stacked"
    measures = "Measure the same clip with several operators."
    simulates = "Measure with several operators at once, recover the clip, compare with the truth."
    example: ClassVar[Mapping[str, str]] = {"of": "missing --ratio 0.9\nblur --sigma 2"}

    of: tuple[str, ...] = Field(
        (), description='an operator with its flags, such as --of "missing --ratio 0.9"; repeat it'
    )


class IdentitySettings(OperatorSettings):
    """Every pixel; nothing to set."""

    name = "identity"
    home = "pixels:Identity"
    measures = "Keep every pixel: for a compact representation, or to take noise off."
    simulates = "Represent a clip that is known in full."


OPERATORS: tuple[type[OperatorSettings], ...] = (
    MissingSettings,
    BlocksSettings,
    FramesSettings,
    GaussianSettings,
    SignsSettings,
    SinglePixelSettings,
    CosineSettings,
    FourierSettings,
    MriSettings,
    SnapshotSettings,
    BlurSettings,
    DownsampleSettings,
    BayerSettings,
    ExposureSettings,
    ChainSettings,
    StackSettings,
    IdentitySettings,
)
"""All operators, in the order in which `--help` lists them."""


def parse_operator(text: str) -> OperatorSettings:
    """The settings that an operator with its flags stands for, such as "blur --sigma 1". Raises InputError."""
    from cyclopts import App, CycloptsError, Parameter

    parser = App(name="--of", help_flags=(), version_flags=(), default_parameter=Parameter(negative=()))
    for kind in OPERATORS:
        _add_reader(parser, kind)
    try:
        words = shlex.split(text) or ["nothing"]
        found = parser(words, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, ValueError) as error:
        raise InputError(f"--of {text!r}: {' '.join(str(error).split())}") from None
    if not isinstance(found, OperatorSettings):
        names = ", ".join(kind.name for kind in OPERATORS)
        raise InputError(f"--of {text!r}: expected an operator with its flags, one of {names}")
    return found


def _add_reader(parser: Any, kind: type[OperatorSettings]) -> None:
    from cyclopts import Parameter

    def read(*, operator: OperatorSettings = kind()) -> OperatorSettings:  # noqa: B008 (how cyclopts flattens it)
        return operator

    shown = Parameter(name="*") if kind.model_fields else Parameter(parse=False)
    read.__annotations__["operator"] = Annotated[kind, shown]
    parser.command(read, name=kind.name)
