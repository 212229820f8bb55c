"""MATLAB files up to version 7 (`save`, `save -v7`).

Version 5 and later are read here, since SciPy's reader ends the program on some damaged files; SciPy reads version 4.
Layout: MathWorks, "MAT-File Format", chapter 1.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

import numpy as np

from ...errors import InputError
from .base import DEEPEST, DEFLATE_FACTOR, Entry, check_size, reading

KIND, REMEDY = "a MATLAB file", "copy it again, or save it again in MATLAB"
HEADER, CHUNK = 128, 1 << 16
MATRIX, COMPRESSED = 14, 15
COMPLEX, LOGICAL = 0x0800, 0x0200
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
NUMBERS = {6: "double", 7: "single", 8: "int8", 9: "uint8", 10: "int16", 11: "uint16"}
NUMBERS |= {12: "int32", 13: "uint32", 14: "int64", 15: "uint64"}
STRUCT = 2
PROBLEMS = {
    1: "a cell array",
    2: "a struct array",
    3: "an object",
    4: "text",
    5: "a sparse array; save full(...) of it",
}
PROBLEMS |= {16: "a function", 17: "an object"}
FLOATS = ("double", "single")


def entries(path: Path) -> list[Entry]:
    """The variables of a file, their data unread."""
    with reading(path, KIND, REMEDY), open(path, "rb") as file:
        if _is_old(file):
            return _old_entries(path)
        return [found.entry for variable in _variables(file) for found in variable.parts()]


def load(path: Path, entry: Entry) -> np.ndarray:
    """A variable, in MATLAB's order of axes.

    MATLAB stores whole numbers of class double as bytes: they stay so, but for zeros and ones, which are no bytes of
    grey levels. Raises InputError for one that is damaged or too large.
    """
    if math.prod(entry.shape) > DEFLATE_FACTOR * path.stat().st_size:
        raise InputError(f"{path}:{entry.name}: says that it has shape {entry.shape}, which the file cannot hold")
    check_size(path, entry, 1)
    with reading(path, KIND, REMEDY), open(path, "rb") as file:
        if _is_old(file):
            return _old_values(path, entry.name)
        for variable in _variables(file):
            for found in variable.parts():
                if found.entry == entry:
                    values = found.values()
                    variable.check_sum()
                    return values
        raise ValueError(f"{entry.name} is gone")


class _Stream(Protocol):
    def read(self, count: int, /) -> bytes: ...


class _Inflated:
    """What `length` bytes of a file hold when decompressed, as far as it is asked for."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left, self._inflate, self._ready = file, length, zlib.decompressobj(), bytearray()

    def read(self, count: int, /) -> bytes:
        while len(self._ready) < count:
            packed = self._inflate.unconsumed_tail or self._file.read(min(CHUNK, self._left))
            if not packed:
                break
            if not self._inflate.unconsumed_tail:
                self._left -= len(packed)
            self._ready += self._inflate.decompress(packed, max(CHUNK, count - len(self._ready)))
        part = bytes(self._ready[:count])
        del self._ready[:count]
        return part

    def check_sum(self) -> None:
        """Go to the end, where zlib compares its checksum: damaged bytes may else be numbers like any others."""
        while self.read(CHUNK):
            pass
        if not self._inflate.eof:
            raise ValueError("its compressed numbers have no end: they are damaged or cut short")


class _Counted:
    """A stream that knows how far it has been read."""

    def __init__(self, stream: _Stream) -> None:
        self.inner, self.at = stream, 0

    def read(self, count: int, /) -> bytes:
        part = self.inner.read(count)
        self.at += len(part)
        return part


class _Variable:
    """A matrix element whose header has been read and whose data comes next in its stream.

    prefix: the names of the structs that it is a field of, as STRUCT/, which stands before its own.
    """

    def __init__(self, stream: _Stream, order: str, prefix: str = "", field: str = "") -> None:
        self._stream, self._order, self._prefix = _Counted(stream), order, prefix
        flags, *_ = struct.unpack(order + "II", self._element())
        self._class, self._flags = flags & 0xFF, flags
        if self._class == 17:  # its names stand where the shape is in others
            self.entry = Entry(prefix + (self._element().decode("latin-1") or field), (), "", PROBLEMS[17])
            return
        shape = tuple(int(n) for n in np.frombuffer(self._element(), order + "i4"))
        name = prefix + (self._element().decode("latin-1") or field)
        if min(shape, default=-1) < 0:
            raise ValueError(f"{name} has the shape {shape}")
        problem = "" if self._class in NUMBERS else PROBLEMS.get(self._class, "of an unknown class")
        kind = "logical" if flags & LOGICAL else NUMBERS.get(self._class, "")
        kind += " complex" if flags & COMPLEX else ""
        self.entry = Entry(name, shape, kind, problem or ("" if math.prod(shape) else "empty"))

    def parts(self) -> Iterator[_Variable]:
        """Itself, or of a single struct its fields, STRUCT/FIELD; each can be read until the next is asked for."""
        if self._class != STRUCT or math.prod(self.entry.shape) != 1 or self.entry.name.count("/") >= DEEPEST:
            yield self
            return
        width = int(np.frombuffer(self._element(), self._order + "i4")[0])
        names = self._element()
        if width < 1 or len(names) % width:
            raise ValueError(f"{self.entry.name} has names of {width} bytes in {len(names)}")
        for k in range(len(names) // width):
            kind, length = struct.unpack(self._order + "II", _exactly(self._stream, 8))
            if kind != MATRIX:
                raise ValueError(f"an element of type {kind} among the fields of {self.entry.name}")
            start = self._stream.at
            if length:  # a field that was never set has no matrix
                field = names[k * width : (k + 1) * width].split(b"\0")[0].decode("latin-1")
                yield from _Variable(self._stream, self._order, f"{self.entry.name}/", field).parts()
            _skip(self._stream, start + length - self._stream.at)

    def check_sum(self) -> None:
        """Raise ValueError or zlib.error where a compressed variable is not whole to its end."""
        if isinstance(self._stream.inner, _Inflated):
            self._stream.inner.check_sum()

    def values(self) -> np.ndarray:
        """The numbers, in MATLAB's order of axes."""
        real = self._part()
        if self._flags & COMPLEX:
            return real + 1j * self._part()
        if self._flags & LOGICAL:
            return real.astype(bool)
        if NUMBERS[self._class] not in FLOATS:
            return real.astype(NUMBERS[self._class])
        return real.astype(np.float32) if real.dtype == np.uint8 and real.max() <= 1 else real

    def _part(self) -> np.ndarray:
        kind, data = self._typed_element(8 * math.prod(self.entry.shape))
        stored = np.dtype(self._order + STORED[kind])
        values = np.frombuffer(data, stored).reshape(self.entry.shape, order="F")
        return values.astype(stored.newbyteorder("="))

    def _element(self) -> bytes:
        return self._typed_element(CHUNK)[1]

    def _typed_element(self, most: int) -> tuple[int, bytes]:
        """Type and data of the next element, at most so many bytes."""
        start = _exactly(self._stream, 8)
        kind, length = struct.unpack(self._order + "II", start)
        if kind >> 16:  # a small element: type, length and up to 4 bytes of data in 8
            kind, length = kind & 0xFFFF, kind >> 16
            if length > 4:
                raise ValueError(f"a small element of {length} bytes")
            return kind, start[4 : 4 + length]
        if length > most:
            raise ValueError(f"an element of {length} bytes where at most {most} belong")
        data = _exactly(self._stream, length)
        self._stream.read(-length % 8)
        return kind, data


def _variables(file: IO[bytes]) -> Iterator[_Variable]:
    """The variables one after another; each can be read until the next is asked for."""
    file.seek(0)
    order = {b"IM": "<", b"MI": ">"}[_exactly(file, HEADER)[-2:]]
    end, position = file.seek(0, 2), HEADER
    while position < end:
        file.seek(position)
        kind, length = struct.unpack(order + "II", _exactly(file, 8))
        position += 8 + length
        if position > end:
            raise ValueError("the file is cut short")
        if kind == COMPRESSED:
            stream: _Stream = _Inflated(file, length)
            kind, _ = struct.unpack(order + "II", _exactly(stream, 8))
        else:
            stream = file
        if kind != MATRIX:
            raise ValueError(f"an element of type {kind} among the variables")
        variable = _Variable(stream, order)
        if variable.entry.name:  # MATLAB keeps the insides of objects in one without a name
            yield variable


def _skip(stream: _Stream, count: int) -> None:
    if count < 0:
        raise ValueError("a field is longer than it says")
    while count > 0:
        count -= len(_exactly(stream, min(CHUNK, count)))


def _exactly(stream: _Stream, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise ValueError("the file is cut short")
    return data


def _is_old(file: IO[bytes]) -> bool:
    """Whether it is of version 4, which has no text at its beginning."""
    file.seek(0)
    return 0 in _exactly(file, 4)


def _old_entries(path: Path) -> list[Entry]:
    from scipy.io import whosmat

    kinds = {"char": "text", "sparse": PROBLEMS[5]}
    found = whosmat(str(path), appendmat=False)
    return [Entry(name, tuple(int(n) for n in shape), kind, kinds.get(kind, "")) for name, shape, kind in found]


def _old_values(path: Path, name: str) -> np.ndarray:
    from scipy.io import loadmat

    return np.asarray(loadmat(str(path), appendmat=False, variable_names=[name])[name])
