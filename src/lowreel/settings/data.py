"""How clips and arrays are read, and which noise is added to data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from .model import Seed, Settings

Origin = Literal["corner", "middle", "height", "width"]


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
        "fourier (part of the spectrum), mri (a scan of several coils; raw ISMRMRD and fastMRI files need no "
        "--operator), or package.module:object, an operator of your own (needs --clip-shape)",
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
    spectrum_origin: Origin | None = Field(
        None,
        description="of --operator fourier: where frequency zero lies, in the corner, in the middle, or in the middle "
        "along height or width alone; default: where the numbers are largest",
    )
    image_origin: Origin | None = Field(
        None,
        description="of --operator fourier: where the origin of the images lies that the spectra are of, as "
        "--spectrum-origin; default: the corner, with a warning where images seem to be cut in four",
    )
    trajectory: str | None = Field(
        None, description="of a scan: where its samples lie in the spectrum, a name in DATA, FILE or FILE:NAME"
    )
    coil_maps: str | None = Field(
        None, description="of a scan: sensitivities of its coils, given as --trajectory; default: estimated"
    )
    coils: PositiveInt | None = Field(
        None, description="of a scan: combinations of coils that it is compressed to, where it has more; default: 8"
    )
    readouts_per_frame: PositiveInt | None = Field(
        None, description="of a scan: so many readouts, one after the other, make a frame; default: by its counters"
    )
    gating: str | None = Field(
        None,
        description="of a scan: file of the frame, from 0, of each readout in the order of measurement, below 0: left "
        "out; .txt, or an array",
    )
    frame_shape: str | None = Field(None, description="HxW of the clip of a scan, where nothing else says it")


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
