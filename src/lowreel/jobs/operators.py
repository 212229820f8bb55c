"""The operators of the command line: how they are read and built."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from ..catalogue import OPERATORS, Operator, name_of
from ..errors import InputError
from ..settings import (
    BayerSettings,
    BlocksSettings,
    BlurSettings,
    ChainSettings,
    CosineSettings,
    CountSettings,
    DownsampleSettings,
    ExposureSettings,
    FourierSettings,
    FramesSettings,
    GaussianSettings,
    MeasureSettings,
    MissingSettings,
    Settings,
    SignsSettings,
    SinglePixelSettings,
    SnapshotSettings,
    StackSettings,
)
from ..system.memory import operator_budget
from ..system.values import parse_stretch

if TYPE_CHECKING:
    from ..operators import LinearOperator


def check_operator_settings(settings: Settings) -> None:
    """What can be said against the settings of an operator before torch is imported. Raises InputError."""
    match settings:
        case MissingSettings() | BlocksSettings() | FramesSettings(ratio=float()) if not 0 < (settings.ratio or 0) < 1:
            raise InputError(f"--ratio: expected the share dropped, between 0 and 1, got {settings.ratio:g}")
        case FramesSettings(drop=str(text)):
            if settings.ratio is not None:
                raise InputError("frames: give --ratio (a random share) or --drop (named frames), one of them")
            parse_stretch("--drop", text)
        case CountSettings() if (settings.m is None) == (settings.sampling is None):
            raise InputError(f"{name_of(settings)}: give --m (a number) or --sampling (a share), one of them")
        case FourierSettings() if (settings.lines is None) == (settings.sampling is None):
            raise InputError("fourier: give --sampling (share of the rows) or --lines (radial lines per frame)")
        case ChainSettings() | StackSettings():
            if not settings.of:
                raise InputError(f'{name_of(settings)}: say which operators with --of, such as --of "blur --sigma 1"')
            for text in settings.of:
                check_operator_settings(parse_operator(text))


def parse_operator(text: str) -> Settings:
    """The settings that an operator with its flags stands for, such as "blur --sigma 1". Raises InputError."""
    parser = App(name="--of", help_flags=(), version_flags=(), default_parameter=Parameter(negative=()))
    for kind in OPERATORS:
        _add_reader(parser, kind)
    try:
        words = shlex.split(text) or ["nothing"]
        found = parser(words, exit_on_error=False, print_error=False, result_action="return_value")
    except (CycloptsError, ValueError) as error:
        raise InputError(f"--of {text!r}: {' '.join(str(error).split())}") from None
    if not isinstance(found, Settings):
        names = ", ".join(kind.name for kind in OPERATORS)
        raise InputError(f"--of {text!r}: expected an operator with its flags, one of {names}")
    return found


def _add_reader(parser: App, kind: Operator) -> None:
    def read(*, operator: Settings = kind.settings()) -> Settings:
        return operator

    shown = Parameter(name="*") if kind.settings.model_fields else Parameter(parse=False)
    read.__annotations__["operator"] = Annotated[kind.settings, shown]
    parser.command(read, name=kind.name)


def build(settings: Settings, clip_shape: tuple[int, ...], seed: int, memory: int) -> LinearOperator:
    """The operator of these settings for a clip of this shape, holding at most `memory` bytes."""
    from .. import operators as m

    shape: Any = clip_shape
    pixels = clip_shape[2] * clip_shape[3]
    match settings:
        case MissingSettings():
            return m.MissingPixels(shape, settings.ratio, seed=seed)
        case BlocksSettings():
            return m.MissingBlocks(shape, settings.ratio, settings.block, seed=seed)
        case FramesSettings():
            return m.MissingFrames(shape, settings.ratio or 0.5, dropped=_dropped(settings), seed=seed)
        case GaussianSettings():
            return m.Gaussian(shape, settings.numbers(clip_shape[1] * pixels), seed=seed, memory=memory)
        case SignsSettings():
            return m.Signs(shape, settings.numbers(clip_shape[1] * pixels), seed=seed, memory=memory)
        case SinglePixelSettings():
            return m.SinglePixel(shape, settings.numbers(pixels), settings.order, seed=seed)
        case CosineSettings():
            return m.Cosine(shape, settings.numbers(pixels), settings.order, seed=seed)
        case FourierSettings(lines=int(lines)):
            return m.Fourier(shape, "radial", lines, seed=seed)
        case FourierSettings(sampling=float(share)):
            return m.Fourier(shape, "rows", share, seed=seed)
        case SnapshotSettings():
            return m.Snapshot(shape, settings.together, seed=seed)
        case BlurSettings():
            return m.Blur(shape, settings.sigma)
        case DownsampleSettings():
            return m.Downsample(shape, settings.factor)
        case BayerSettings():
            return m.Bayer(shape, settings.pattern)
        case ExposureSettings():
            return m.LongExposure(shape, settings.together)
        case ChainSettings():
            return _chained(settings.of, clip_shape, seed, memory)
        case StackSettings():
            share_of = memory // len(settings.of)
            members = enumerate(settings.of)
            return m.Stacked([build(parse_operator(text), clip_shape, seed + k, share_of) for k, text in members])
        case _:
            return m.Identity(shape)


def first_parts(settings: Settings, clip_shape: tuple[int, ...], measuring: MeasureSettings) -> LinearOperator | None:
    """The operator of these settings for the first parts of the clip alone, or None where it cannot be cut.

    Its spec with the number of all frames (`extend`) is the operator's for them all.
    """
    part = _part_frames(settings)
    if part is None or part >= clip_shape[0]:
        return None
    frames = part * max(1, min(PROBED, clip_shape[0]) // part)
    memory = operator_budget(measuring.memory)
    return build(settings, (frames, *clip_shape[1:]), measuring.seed, memory)


PROBED = 16
"""Frames by which the norm of an operator's rows is told, where it is told by a probe."""


def _part_frames(settings: Settings) -> int | None:
    match settings:
        case SnapshotSettings():
            return settings.together
        case FramesSettings() | ExposureSettings():
            return None
        case ChainSettings() | StackSettings():
            each = [_part_frames(parse_operator(text)) for text in settings.of]
            mixes = isinstance(settings, ChainSettings) and any(n != 1 for n in each[:-1])
            return None if mixes or None in each else math.lcm(*each)  # type: ignore[arg-type]
        case _:
            return 1


def _dropped(settings: FramesSettings) -> range | None:
    """The frames of --drop A:B, or None where a random share is dropped."""
    return None if settings.drop is None else range(*parse_stretch("--drop", settings.drop))


def _chained(texts: tuple[str, ...], clip_shape: tuple[int, ...], seed: int, memory: int) -> LinearOperator:
    chain = build(parse_operator(texts[0]), clip_shape, seed, memory // len(texts))
    for number, text in enumerate(texts[1:], start=1):
        shape = tuple(chain.data_shape)
        if len(shape) != 4 or not all(isinstance(n, int) for n in shape):
            raise InputError(f"chain: what comes before {text!r} gives data of shape {shape}, which is no clip")
        chain = build(parse_operator(text), shape, seed + number, memory // len(texts)) @ chain
    return chain
