"""`lowreel recover` of data that others saved: which arrays are meant, in which units. Torch comes with the data."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..settings import ArraysSettings
from ..system.files import ARRAY_FILES, is_array_file, split_member
from ..system.names import source_text
from ..system.values import parse_clip_shape, parse_frames, parse_size
from .measured_scan import SCAN, is_scan

if TYPE_CHECKING:
    from ..data import Given, Measured
    from ..io.containers import Array


def is_own_operator(operator: str) -> bool:
    """Whether this names an operator of one's own: package.module:object."""
    return ":" in operator


def are_arrays_meant(data: Path, wish: ArraysSettings) -> bool:
    """Whether DATA is a file of others, with flags that fit; InputError where flags and file do not."""
    given = [f"--{name.replace('_', '-')}" for name, value in wish.model_dump().items() if value is not None]
    if not is_array_file(data):
        if given:
            raise InputError(f"{data}: {given[0]} is for files of arrays ({', '.join(ARRAY_FILES)}); leave it out")
        return False
    if is_scan(data, wish):
        _check_scan(wish)
        return True
    of_scans = [f"--{name.replace('_', '-')}" for name in OF_SCANS if getattr(wish, name) is not None]
    if of_scans:
        raise InputError(f"{of_scans[0]} is for scans; add --operator {SCAN}, or leave it out")
    of_spectra = [f"--{name.replace('_', '-')}" for name in OF_SPECTRA if getattr(wish, name) is not None]
    if of_spectra and wish.operator != SPECTRA:
        raise InputError(f"{of_spectra[0]} is for spectra of one coil; add --operator {SPECTRA}, or leave it out")
    if wish.operator is None:
        raise InputError(
            f"{data}: expected a lowreel data file, or --operator with a file of arrays: "
            "--operator snapshot --y NAME --mask NAME (lowreel info lists the names)"
        )
    parse_frames(wish.frames)
    if is_own_operator(wish.operator):
        if wish.clip_shape is None or wish.mask is not None or wish.frames is not None:
            raise InputError(f"--operator {wish.operator}: give --clip-shape TxCxHxW, and neither --mask nor --frames")
        parse_clip_shape(wish.clip_shape)
    elif wish.clip_shape is not None:
        raise InputError(f"--clip-shape is for an operator of your own; {wish.operator} takes it from its arrays")
    return True


OF_SCANS = ("trajectory", "coil_maps", "coils", "readouts_per_frame", "gating", "frame_shape")
"""Settings that scans alone have."""

SPECTRA, OF_SPECTRA = "fourier", ("spectrum_origin", "image_origin")
"""The --operator of spectra, and the settings that these alone have."""


def _check_scan(wish: ArraysSettings) -> None:
    if wish.spectrum_origin is not None or wish.image_origin is not None:
        raise InputError(f"--spectrum-origin and --image-origin are for --operator {SPECTRA}; leave them out of a scan")
    if wish.clip_shape is not None:
        raise InputError("--clip-shape is for an operator of your own; a scan has --frame-shape HxW")
    parse_frames(wish.frames)
    parse_size(wish.frame_shape)


def measured_arrays(data: Path, wish: ArraysSettings, say: Callable[[str], None] = lambda sentence: None) -> Measured:
    """Data and operator of a file of arrays, brought to grey levels in [0, 1]; says which level is white.

    The file's units stay with it as scale and offset. Raises InputError for arrays that are not there or do not fit.
    """
    import torch

    from ..data import Levels, Measured, as_noise, check_finite, estimate_scaling, in_levels

    file, name = split_member(data)
    y = _array(file, wish.y or name)
    given = _given(y, file, wish)
    check_finite(given, y.label)
    levels = Levels(wish.scale) if wish.scale else estimate_scaling(given.data, given.operator)
    say(_sentence(levels, y, wish.scale is None))
    start, stop = given.frames
    rate, times = _times(y, stop)
    information = {"source": source_text(y.label), "rate": str(rate), "audio": False}
    information |= {"scale": levels.scale, "offset": levels.offset}
    information |= {"reading": {"fit": "squash", "frames": [start, stop]}}
    exact = wish.sigma is None and given.operator.is_pixel_mask
    noise = as_noise(0.0 if exact else None if wish.sigma is None else wish.sigma / levels.scale)
    return Measured(
        in_levels(given.data, given.operator, levels),
        given.operator,
        torch.tensor(times[start:stop], dtype=torch.float64),
        noise,
        information,
    )


def _times(y: Array, stop: int) -> tuple[Fraction, list[float]]:
    """Frames a second, and seconds of the frames, as the axis of time of the data tells them where it is that of the
    clip; else 25 a second."""
    from ..io.video.reader import RATE

    frames = y.shape[y.roles.index("T")] if "T" in y.roles else 0
    rate = y.rate if y.rate is not None and frames >= stop else RATE
    own = y.times if rate == y.rate else None
    return rate, [float(time) for time in own or (k / rate for k in range(stop))]


def _given(y: Array, file: Path, wish: ArraysSettings) -> Given:
    from ..data import ARRAY_KINDS, Given, data_of
    from ..operators import operator_from_name

    assert wish.operator is not None
    if is_own_operator(wish.operator):
        shape = parse_clip_shape(wish.clip_shape)
        assert shape is not None
        operator = operator_from_name(wish.operator, shape)
        return Given(operator, data_of(y, operator), (0, shape[0]))
    if wish.operator not in ARRAY_KINDS:
        known = ", ".join(ARRAY_KINDS)
        raise InputError(f"--operator: expected {known} or package.module:object, got {wish.operator}")
    mask = None if wish.mask is None else _other_array(file, wish.mask)
    origins = {name: getattr(wish, name) for name in OF_SPECTRA if getattr(wish, name) is not None}
    return ARRAY_KINDS[wish.operator](y, mask, slice(*(parse_frames(wish.frames) or [None])), **origins)


def _array(file: Path, name: str | None) -> Array:
    from ..io.containers import load, load_named

    return load_named(file) if name is None else load(file, name)


def _other_array(file: Path, text: str) -> Array:
    """An array of DATA, or one of another file."""
    from ..io.containers import entries_of, load, load_named

    here = text in {entry.name for entry in entries_of(file)} or not is_array_file(text)
    return load(file, text) if here else load_named(text)


def _sentence(levels: Any, y: Array, found: bool) -> str:
    how = "found from the data; --scale S sets another" if found else "as --scale says"
    black = f"black is {levels.offset:g} and " if levels.offset else ""
    return f"In the units of {y.label} {black}white is {levels.scale + levels.offset:g} ({how})."
