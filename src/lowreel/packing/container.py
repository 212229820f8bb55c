"""The file of a packed clip: a short header, the coded numbers, a checksum over all of it (docs/format.md)."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..model.generators import Generator, Pyramid
from ..model.generators.layers import to_channels_last
from ..model.representation import Representation, frames_at_once
from ..system.files import PACKED_MAGIC, VersionError, atomic_write, is_packed
from ..system.memory import bytes_text
from .coding import Grid, decoded, encoded
from .parts import (
    CODE_COEFFICIENTS,
    FIRST_LAYERS,
    MOST_OCTAVES_OF_STEPS,
    STEPS_AN_OCTAVE,
    Part,
    parts_of,
    representation_of,
    skeleton,
    step_of,
)

MOST_RATE = 10**6
"""Frames a second that a packed clip may have, less than."""

PACKED_VERSION = 3
"""Of files that are written anew. What was read keeps its own: 1 coded 8 rows at once, and maps one after the other;
in 2 all counts began anew with each part, and no maps moved."""

FIXED = struct.Struct("<8sHII")
"""Magic, version, bytes of the header, bytes of the coded numbers."""

CHECKSUM_BYTES = 32

DRAWING_ARRAYS = 4
"""Arrays of the size of the largest layer's output that drawing takes at once; measured are 2.8 to 3.8."""

BYTES_OF_A_CODE, BYTES_OF_A_COSINE = 8 + 4, 3 * 8
"""Of each number of the maps of all frames, which are restored in float64 and kept in float32: they are not small as
other codes are; and of each of the cosines, of all frames at all frequencies, by which they are."""

MOST_HEADER_BYTES = 2**22
MOST_PACKED_FRAMES, MOST_SIDE, MOST_PIXELS, MOST_CODE_DIM, MOST_STAGES = 2**18, 2**15, 2**26, 2**14, 16
MOST_MAPS = 2**12
"""At a scale of a generator."""

MOST_FILE_BYTES, MOST_NUMBERS = 2**28, 2**28
"""Of a file that is read, and in it: larger ones are refused before they are read."""

NUMBERS_A_BYTE, NUMBERS_ANYWAY = 2**7, 2**16
"""Numbers that a byte of the file may stand for at most, and those that a file of any size may hold: a header that
promises more is refused before memory is taken. The writer fills a file up that would fall short."""


@dataclass(frozen=True)
class Packed:
    """A clip as it is packed: whole numbers by part, the exponents of their steps, and what frames need besides.

    spec: of the generator; codes: shapes of the tensors of the codes; times: (T,) seconds; values: int32 by the name of
    the part, as its grid has them; exponents: of the steps of each; levels: scale and offset that turn grey levels in
    [0, 1] into the units of the clip; rate: frames a second of its source; version: of the file.
    """

    spec: Mapping[str, Any]
    codes: Mapping[str, tuple[int, ...]]
    times: Tensor
    values: Mapping[str, np.ndarray]
    exponents: Mapping[str, np.ndarray]
    is_complex: bool = False
    levels: tuple[float, float] = (1.0, 0.0)
    rate: Fraction = field(default_factory=lambda: Fraction(25))
    version: int = PACKED_VERSION

    @property
    def parts(self) -> list[Part]:
        """What is quantised, in the order in which it is coded."""
        return parts_of(skeleton(self.spec), self.codes)

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the frames that are drawn."""
        channels, height, width = skeleton(self.spec).frame_shape
        return channels // 2 if self.is_complex else channels, height, width

    @property
    def frames_at_once(self) -> int:
        """How many frames are best drawn together."""
        return frames_at_once(self.frame_shape)

    @torch.no_grad()
    def drawing_bytes(self) -> int:
        """About what memory it takes to draw `frames_at_once` frames, told without taking it."""
        generator, largest = skeleton(self.spec).eval(), 0

        def see(_: Any, __: Any, output: Tensor) -> None:
            nonlocal largest
            largest = max(largest, output.numel() * output.element_size())

        for layer in generator.modules():
            layer.register_forward_hook(see)
        generator(torch.empty(self.frames_at_once, generator.code_dim, device="meta"))
        codes = BYTES_OF_A_CODE * math.prod(self.codes["coefficients"]) + BYTES_OF_A_COSINE * len(self.times) ** 2
        return DRAWING_ARRAYS * largest + (codes if isinstance(generator, Pyramid) else 0)

    def check_drawing_fits(self, name: Path, budget: int, remedy: str) -> None:
        """Raise InputError, before memory is taken, where frames cannot be drawn within so many bytes.

        name: of the file; remedy: what to do where there is more memory, before the amount.
        """
        needed, (_, height, width) = self.drawing_bytes(), self.frame_shape
        if needed > budget:
            amount = bytes_text(1.5 * needed).replace(" ", "")
            raise InputError(
                f"{name}: drawing its frames of {height}x{width} takes about {bytes_text(needed)}, "
                f"{bytes_text(budget)} are allowed; where there is more memory {remedy} {amount}"
            )

    def representation(self) -> Representation:
        """Codes and generator, from which frames at any time are drawn."""
        tensors = {}
        for part in self.parts:
            steps = torch.tensor([step_of(int(n)) for n in self.exponents[part.name]], dtype=torch.float64)
            whole = torch.from_numpy(self.values[part.name].astype(np.float64))
            tensors[part.name] = part.restored(part.shaped(whole * steps)).float()
        found = representation_of(self.spec, tensors, self.times, self.is_complex)
        to_channels_last(found.generator)  # frames are drawn a fifth sooner
        return found

    def without_idle_codes(self) -> Packed:
        """The same clip without the numbers of the codes whose weights, or values, have all been rounded to zero."""
        first = FIRST_LAYERS.get(str(self.spec["kind"]))
        if first is None:
            return self
        maps, codes = self.values[first], self.values[CODE_COEFFICIENTS]
        by_code = maps.reshape(1 + codes.shape[1], -1)
        acting = np.flatnonzero(by_code[1:].any(1) & codes.any(0))
        acting = acting if len(acting) else np.array([0])
        kept = by_code[np.concatenate([[0], 1 + acting])].reshape(-1, maps.shape[1])
        return replace(
            self,
            spec={**self.spec, "code_dim": len(acting)},
            codes={"coefficients": (len(codes), len(acting) + skeleton(self.spec).motion_numbers)},
            values={**self.values, first: kept, CODE_COEFFICIENTS: codes[:, acting]},
            exponents={**self.exponents, CODE_COEFFICIENTS: self.exponents[CODE_COEFFICIENTS][acting]},
        )

    def to_bytes(self) -> bytes:
        """The file as bytes. Raises InputError for a clip of more numbers than a packed one may have."""
        parts = self.parts
        steps = np.concatenate([self.exponents[part.name] for part in parts])
        own = [steps, *(part.coded(self.values[part.name], self.version) for part in parts)]
        arrays = list(zip(_grids(parts, self.version), own, strict=True))
        numbers = encoded(arrays)
        times, moments = _times_entry(self.times, self.rate)
        header: dict[str, Any] = {
            "generator": dict(self.spec),
            "codes": {n: list(s) for n, s in self.codes.items()},
            "times": times,
        }
        header |= {"complex": True} if self.is_complex else {}
        header |= {} if self.levels == (1.0, 0.0) else {"levels": list(self.levels)}
        header |= {} if "rate" in times else {"rate": str(self.rate)}
        text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode() + b"\n" + moments
        counted = sum(grid.size for grid, _ in arrays)
        numbers += bytes(max(0, math.ceil((counted - NUMBERS_ANYWAY) / NUMBERS_A_BYTE) - len(numbers)))
        size = FIXED.size + len(text) + len(numbers) + CHECKSUM_BYTES
        if counted > MOST_NUMBERS or size > MOST_FILE_BYTES:
            raise InputError(f"pack: {counted:,} numbers in {size:,} bytes are more than a packed clip may have")
        content = FIXED.pack(PACKED_MAGIC, self.version, len(text), len(numbers)) + text + numbers
        return content + hashlib.sha256(content).digest()

    def save(self, path: str | Path, *, overwrite: bool = False) -> int:
        """Write the file, whole or not at all; how many bytes it has. Raises InputError where its folder is missing, or
        a file of this name is there, but for overwrite=True.
        """
        path = Path(path)
        if path.is_dir():
            raise InputError(f"{path}: is a folder; give the name of a file")
        if path.exists() and not overwrite:
            raise InputError(f"{path}: exists already; give another name, or overwrite=True")
        if not path.parent.is_dir():
            raise InputError(f"{path.parent}: no such folder; make it first")
        content = self.to_bytes()
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)
        return len(content)

    @staticmethod
    def of_bytes(content: bytes, name: str = "packed clip") -> Packed:
        """What `to_bytes` made. Raises InputError, with the name, for bytes that are damaged or make no sense."""
        version, text, numbers = _checked_content(content, name)
        try:
            return _parsed(version, text, numbers)
        except InputError as error:
            raise InputError(f"{name}: not a packed clip that can be read: {error}") from None


def read_packed(path: str | Path) -> Packed:
    """The packed clip in a file. Raises InputError where it is missing, damaged, or of another kind or version."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; expected one that lowreel pack wrote")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a file that lowreel pack wrote")
    if not is_packed(path):
        raise InputError(f"{path}: not a packed clip; expected a file that lowreel pack wrote")
    with path.open("rb") as file:
        start = file.read(FIXED.size)
        _check_length(start, path.stat().st_size, str(path))
        return Packed.of_bytes(start + file.read(), str(path))


def _check_length(start: bytes, size: int, name: str) -> None:
    """Raise InputError where a file that begins so cannot be a packed clip of this size in bytes."""
    if size < FIXED.size + CHECKSUM_BYTES:
        raise InputError(f"{name}: damaged: {size} bytes are no packed clip; copy it again")
    magic, _, header_bytes, number_bytes = FIXED.unpack_from(start)
    if magic != PACKED_MAGIC:
        raise InputError(f"{name}: not a packed clip; expected a file that lowreel pack wrote")
    if size != FIXED.size + header_bytes + number_bytes + CHECKSUM_BYTES:
        raise InputError(f"{name}: damaged: its {size} bytes are not as many as it should have; copy it again")
    if size > MOST_FILE_BYTES:
        raise InputError(f"{name}: has {size:,} bytes, expected a packed clip of {MOST_FILE_BYTES:,} at most")


def _checked_content(content: bytes, name: str) -> tuple[int, bytes, bytes]:
    """Version, header and coded numbers of bytes whose checksum is right."""
    _check_length(content, len(content), name)
    _, version, header_bytes, _ = FIXED.unpack_from(content)
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if hashlib.sha256(body).digest() != checksum:
        raise InputError(f"{name}: damaged: its checksum is not that of its {len(content)} bytes; copy it again")
    if not version:
        raise InputError(f"{name}: has file version 0, which there never was")
    if version > PACKED_VERSION:
        raise VersionError(f"{name}: packed by a newer lowreel (file version {version}); upgrade to read it")
    if header_bytes > MOST_HEADER_BYTES:
        raise InputError(f"{name}: its header has {header_bytes} bytes, expected {MOST_HEADER_BYTES} at most")
    return version, body[FIXED.size : FIXED.size + header_bytes], body[FIXED.size + header_bytes :]


def _parsed(version: int, text: bytes, numbers: bytes) -> Packed:
    line, _, moments = text.partition(b"\n")
    try:
        header = json.loads(line)
        spec, levels = dict(header["generator"]), tuple(float(v) for v in header.get("levels", (1.0, 0.0)))
        codes = {str(name): tuple(int(n) for n in shape) for name, shape in header["codes"].items()}
        _check_sizes(spec, codes)
        times, rate = _times(header["times"], moments)
        rate = _rate(header["rate"]) if "rate" in header else rate
        is_complex = header.get("complex", False) is True
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise InputError(f"its header is not one of a packed clip ({error!r})") from None
    if len(levels) != 2 or not all(map(math.isfinite, levels)) or levels[0] == 0 or not 0 < rate < MOST_RATE:
        raise InputError("its header has levels or a rate that no clip has")
    parts = checked_parts(spec, codes, len(times), is_complex)
    grids = _grids(parts, version)
    counted = sum(grid.size for grid in grids)
    if counted > NUMBERS_ANYWAY + NUMBERS_A_BYTE * len(numbers):
        raise InputError(f"its header promises {counted} numbers, more than its {len(numbers)} bytes can hold")
    steps, *values = decoded(numbers[: len(numbers) // 4 * 4], grids)
    if np.abs(steps).max(initial=0) > MOST_OCTAVES_OF_STEPS * STEPS_AN_OCTAVE:
        raise InputError("it has steps that no packed clip has")
    cuts = np.cumsum([part.steps for part in parts])[:-1]
    exponents = dict(zip((p.name for p in parts), np.split(steps[:, 0], cuts), strict=True))
    found = {p.name: p.decoded(v, version) for p, v in zip(parts, values, strict=True)}
    return Packed(spec, codes, times, found, exponents, is_complex, (levels[0], levels[1]), rate, version)


def checked_parts(
    spec: Mapping[str, Any], codes: Mapping[str, tuple[int, ...]], frames: int, is_complex: bool
) -> list[Part]:
    """The parts of a packed clip of so many frames, told by its header alone, before memory is taken.

    spec, codes, is_complex: as in `Packed`. Raises InputError for sizes, channels and codes that are no packed clip's,
    and for more than MOST_NUMBERS numbers: a writer that asks first makes no file that cannot be read.
    """
    _check_sizes(spec, codes)
    generator = skeleton(spec)
    _check_channels(generator, is_complex)
    _check_codes(generator, codes, frames)
    parts = parts_of(generator, codes)
    counted = sum(grid.size for grid in _grids(parts, PACKED_VERSION))
    if counted > MOST_NUMBERS:
        raise InputError(f"it has {counted:,} numbers, expected {MOST_NUMBERS:,} at most")
    return parts


def _grids(parts: list[Part], version: int) -> list[Grid]:
    """Of the exponents of the steps, and of each part, as they are coded."""
    return [Grid(sum(part.steps for part in parts), 1), *(part.coded_grid(version) for part in parts)]


def _check_sizes(spec: Mapping[str, Any], codes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise InputError for a spec or codes whose sizes are no clip's, before anything is made of them."""
    bounds = {"code_dim": (1, MOST_CODE_DIM), "upsampling_stages": (1, MOST_STAGES), "channels": (1, MOST_SIDE)}
    bounds["subpixel_stages"] = (0, MOST_STAGES)
    for name, (least, most) in bounds.items():
        value = spec.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InputError(f"its header has {name} {value!r}, expected {least} to {most}")
    for name, least in (("maps", 0), ("widths", 1), ("margin", 0)):
        counts = spec.get(name, [])
        if len(counts) > MOST_STAGES or not all(type(n) is int and least <= n <= MOST_MAPS for n in counts):
            raise InputError(f"its header has {name} {str(counts)[:60]}, which are no generator's")
    shape = spec.get("frame_shape", [1, 1, 1])
    sides_are_sizes = all(isinstance(n, int) and 1 <= n <= MOST_SIDE for n in shape)
    if len(shape) != 3 or not sides_are_sizes or math.prod(shape) > MOST_PIXELS:
        raise InputError(f"its header has frames of shape {str(shape)[:60]}, which are no clip's")
    headroom = spec.get("headroom", 1.0)
    if not isinstance(headroom, int | float) or not 0 < headroom < 10**6:
        raise InputError(f"its header has headroom {headroom!r}, which is no generator's")
    for name, sizes in codes.items():
        if name not in ("coefficients", "basis", "mean") or not 1 <= len(sizes) <= 2:
            raise InputError(f"its header has codes {name[:60]!r}, which no clip has")
        # of maps fewer frequencies are stored than there are frames: what is stored is counted instead
        is_stored_whole = spec.get("kind") != Pyramid.kind or list(codes) != ["coefficients"]
        too_many = is_stored_whole and math.prod(sizes) > MOST_PIXELS
        if min(sizes) < 1 or sizes[0] > MOST_PACKED_FRAMES or too_many:
            raise InputError(f"its header has codes of shape {sizes}, which are no clip's")


def _check_channels(generator: Generator, is_complex: bool) -> None:
    """Raise InputError where a generator draws frames of no grey, colour or complex clip."""
    channels = generator.frame_shape[0]
    if channels not in ((2,) if is_complex else (1, 3)):
        kind = "complex clip, which has 2" if is_complex else "clip, which has 1 or 3"
        raise InputError(f"its generator draws {channels} channels, not those of a {kind}")


def _check_codes(generator: Generator, codes: Mapping[str, tuple[int, ...]], frames: int) -> None:
    """Raise InputError where codes of these shapes are not those of a clip of so many frames by this generator."""
    wide = generator.code_dim
    rank = codes["basis"][0] if "basis" in codes else wide
    wanted = {"coefficients": (frames, rank), "basis": (rank, wide), "mean": (wide,)}
    if "coefficients" not in codes or any(shape != wanted[name] for name, shape in codes.items()):
        raise InputError(f"its codes {dict(codes)} do not fit {frames} frames and a generator of {wide} numbers each")


def _times_entry(times: Tensor, rate: Fraction) -> tuple[dict[str, Any], bytes]:
    """The times for the header: evenly spaced ones by the first and the rate, others as they are, packed, behind it."""
    count, first = len(times), float(times[0])
    if torch.equal(even_times(first, count, rate), times):
        return {"count": count, "first": first, "rate": str(rate)}, b""
    return {"count": count}, zlib.compress(times.numpy().astype("<f8").tobytes(), 9)


def _times(entry: Mapping[str, Any], moments: bytes) -> tuple[Tensor, Fraction]:
    """The times and, where they are even, the rate; 25 where they are not. Raises InputError for what are no times."""
    count = int(entry["count"])
    if not 1 <= count <= MOST_PACKED_FRAMES:
        raise InputError(f"its header has {count} frames, expected 1 to {MOST_PACKED_FRAMES}")
    rate = _rate(entry.get("rate", "25"))
    if "rate" in entry:
        times = even_times(float(entry["first"]), count, rate)
    else:
        unpacker = zlib.decompressobj()
        try:
            raw = unpacker.decompress(moments, 8 * count + 1)
        except zlib.error as error:
            raise InputError(f"its times cannot be read ({error})") from None
        if len(raw) != 8 * count:
            raise InputError("its times are not those of its frames")
        times = torch.from_numpy(np.frombuffer(raw, "<f8").astype(np.float64))
    if not bool(torch.isfinite(times).all() and (times.diff() > 0).all()):
        raise InputError("its times do not rise")
    return times, rate


def _rate(text: Any) -> Fraction:
    """Frames a second of N or N/D. Raises ValueError for anything else, such as 1e999999999."""
    if not re.fullmatch(r"[1-9][0-9]{0,11}(/[1-9][0-9]{0,11})?", str(text)):
        raise ValueError(f"rate {str(text)[:40]!r}")
    return Fraction(str(text))


def even_times(first: float, count: int, rate: Fraction) -> Tensor:
    """Seconds of frames that follow each other evenly, (count,)."""
    return first + torch.arange(count, dtype=torch.float64) * rate.denominator / rate.numerator
