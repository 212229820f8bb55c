"""Where the data of a request comes from: a clip that is measured, a damaged clip, a data file, arrays of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

from ..catalogue import MriSettings, OperatorSettings
from ..data import (
    DataFile,
    Measured,
    Noise,
    add_dead_columns,
    add_poisson_noise,
    add_salt_and_pepper,
    add_white_noise,
    as_noise,
)
from ..errors import InputError
from ..io.video import Clip, check_way_round, mask_and_sentence, open_clip
from ..operators import (
    Data,
    LinearOperator,
    Mask,
    extend,
    from_settings,
    is_of_complex_clips,
    part_frames,
    part_frames_of,
    with_phase,
)
from ..recovery.cost import check_clip_fits
from ..runs.folder import clip_information, clip_times
from ..runs.planning import is_short
from ..runs.sections import ClipSource, Source
from ..runs.truth import in_levels_of
from ..settings import ArraysSettings, ClipSettings, MeasureSettings, NoiseSettings
from ..system.memory import operator_budget, parse_bytes
from ..system.names import source_text
from ..system.values import parse_frames, parse_size
from .measured_arrays import measured_arrays
from .measured_scan import is_scan, measured_scan
from .request import RunRequest

Say = Callable[[str], None]


def source_of(request: RunRequest, say: Say) -> tuple[Source, dict[str, Any] | None, Tensor | None]:
    """The data that a request is about, and how to read the true clip, where there is one: arguments of `open_clip`;
    and that clip, (T, C, H, W) in [0, 1], where it was read already.

    What is long or large is not held: its data is read, or measured, section by section. say: called with a sentence
    on the units of arrays, or on what a mask keeps. Raises InputError for files that are not there, or cannot be what
    they should be.
    """
    if request.data is not None:
        source = _recorded(request, request.data, say)
        return source, None if request.truth is None else _truth_reading(request.truth, source), None
    assert request.clip is not None
    if request.operator is not None:
        return _simulated(request, Path(request.clip), request.operator)
    assert request.mask is not None
    return _damaged(request, Path(request.clip), Path(request.mask), say), None, None


def measured_clip(
    clip: Path,
    operator: OperatorSettings,
    reading: ClipSettings,
    noise: NoiseSettings,
    measuring: MeasureSettings,
    arrays: int | None = None,
) -> tuple[Measured, dict[str, Any], Tensor]:
    """Data of a clip, how to read it again, and the clip itself. arrays: how many of its size there has to be room for.

    Raises InputError where clip, operator and memory do not fit each other.
    """
    source, budget = _open(clip, reading), parse_bytes(measuring.memory)
    check_clip_fits(source.shape, budget, arrays)
    made = from_settings(operator, source.shape, seed=measuring.seed, memory=budget // 2)
    how = _reading(clip, reading) | _simulated_phase(operator, measuring.seed)
    read = source.read() if how.get("phase") is None else with_phase(source.read(), how["phase"])
    data, entry = _with_noise(made(read), made, noise, measuring.seed)
    information = clip_information(source) | {"reading": how}
    return Measured(data, made, clip_times(source), entry, information), how, read


def _simulated_phase(operator: OperatorSettings, seed: int) -> dict[str, int]:
    """What says, in how a clip is read, that a scanner gave it a phase; nothing where none was asked for."""
    return {"phase": seed} if isinstance(operator, MriSettings) and operator.phase else {}


def _with_noise(data: Data, operator: LinearOperator, noise: NoiseSettings, seed: int) -> tuple[Data, Noise]:
    """The data with the noise asked for, and what is told of it."""
    noisy, entry = data, as_noise(0.0)
    if noise.photons is not None:
        noisy, entry = add_poisson_noise(data, operator, photons=noise.photons, seed=seed)
    elif noise.salt_and_pepper is not None:
        noisy, entry = add_salt_and_pepper(data, operator, share=noise.salt_and_pepper, seed=seed)
    elif noise.dead_columns is not None:
        noisy, entry = add_dead_columns(data, operator, share=noise.dead_columns, seed=seed)
    elif noise.kinds():
        noisy, entry = add_white_noise(data, operator, level=noise.noise, snr=noise.snr, seed=seed)
    return noisy, as_noise(None) if noise.blind else entry


def _simulated(
    request: RunRequest, clip: Path, operator: OperatorSettings
) -> tuple[Source, dict[str, Any], Tensor | None]:
    """Data of a clip: measured whole, or, where it is long or large, section by section; how to read it again; and the
    clip where it was read."""
    reading, noise, settings = request.reading, request.noise, request.settings
    measuring = MeasureSettings(seed=settings.seed, memory=settings.memory)
    opened = _open(clip, reading)
    is_whole = is_short(opened.shape, settings) or is_of_complex_clips(operator)
    part = None if is_whole else _first_parts(operator, opened.shape, measuring)
    if part is None or noise.kinds() not in ([], ["noise"]) or noise.blind:
        return measured_clip(clip, operator, reading, noise, measuring)
    how = _reading(clip, reading)
    about = clip_information(opened) | {"reading": how}
    spec, level = extend(part.spec(), opened.shape[0]), noise.noise or 0.0
    sigma = level * part.row_norm()
    return ClipSource(opened, spec, {}, clip_times(opened), about, level, sigma, measuring.seed), how, None


NORM_PROBE_FRAMES = 16
"""Frames by which the norm of an operator's rows is told, where it is told by a probe."""


def _first_parts(
    settings: OperatorSettings, clip_shape: tuple[int, ...], measuring: MeasureSettings
) -> LinearOperator | None:
    """The operator of these settings for the first parts of the clip alone, or None where it cannot be cut.

    Its spec with the number of all frames (`extend`) is the operator's for them all.
    """
    part = part_frames_of(settings)
    if part is None or part >= clip_shape[0]:
        return None
    shape = (part * max(1, min(NORM_PROBE_FRAMES, clip_shape[0]) // part), *clip_shape[1:])
    return from_settings(settings, shape, seed=measuring.seed, memory=operator_budget(measuring.memory))


def _damaged(request: RunRequest, clip: Path, mask: Path, say: Say) -> Source:
    """The pixels of a clip that its mask keeps."""
    opened = _open(clip, request.reading)
    kept, sentence = mask_and_sentence(mask, opened.shape, request.keep)
    check_way_round(opened, kept, mask)
    say(sentence)
    operator = Mask(opened.shape, kept)
    times, about = clip_times(opened), clip_information(opened)
    if is_short(opened.shape, request.settings):
        return Measured(operator(opened.read()), operator, times, clip=about)
    return ClipSource(opened, operator.spec(), operator.spec_tensors(), times, about)


def _recorded(request: RunRequest, data: str, say: Say) -> Source:
    """Data that was measured before: of lowreel's own files a long one is read section by section."""
    wish = request.arrays or ArraysSettings()
    if is_scan(Path(data), wish):
        if request.truth is not None:
            raise InputError(
                f"{request.truth}: the gain of a scanner is not known, so that no true clip is in the units of a scan; "
                "leave out --truth, and compare RUN/recovered.npy with it times one factor"
            )
        return measured_scan(Path(data), wish, request.settings.memory, say)
    if request.arrays is not None:
        return measured_arrays(Path(data), wish, say)
    source, settings = DataFile.open(data), request.settings
    is_whole = part_frames(source.spec) is None or is_of_complex_clips(source.spec)
    if is_whole or is_short(tuple(source.spec["clip_shape"]), settings):
        return Measured.load(data, memory=operator_budget(settings.memory))
    return source


def _truth_reading(truth: str, source: Source) -> dict[str, Any]:
    """The true clip is read as the measured one was, or else to the data's shape."""
    frames, channels, height, width = source.spec["clip_shape"]
    known = dict(source.clip.get("reading") or {"fit": "squash", "frames": [frames]})
    if known.get("path") != source_text(truth):  # another file has its own
        known = {name: how for name, how in known.items() if name not in CHOSEN}
    reading = {**known, "path": source_text(truth), "size": [height, width], "channels": channels}
    return in_levels_of(source, reading) if isinstance(source, Measured) else reading


def _open(clip: Path, reading: ClipSettings) -> Clip:
    how = _reading(clip, reading)
    frames = slice(*how["frames"]) if how["frames"] else None
    size = (how["size"][0], how["size"][1]) if how["size"] else None
    chosen = {name: how[name] for name in ("channels", *CHOSEN)}
    return open_clip(clip, size=size, fit=how["fit"], frames=frames, **chosen)


CHOSEN = ("white", "black", "channel", "plane")
"""Of `ClipSettings` what depends on the one file that is read."""


def _reading(clip: Path, reading: ClipSettings) -> dict[str, Any]:
    """How a clip is read, as plain data: the arguments of `open_clip`."""
    return {
        "path": source_text(clip),
        "size": parse_size(reading.size),
        "fit": reading.fit,
        "channels": reading.channels,
        "frames": parse_frames(reading.frames),
        **{name: getattr(reading, name) for name in CHOSEN},
    }
