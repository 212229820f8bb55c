"""How long a classic NetCDF file has to be: the netCDF library gives zeros for what lies behind the end of a short one.

Layout: Unidata, "NetCDF Classic Format Specification", versions 1, 2 and 5.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import IO

BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
MOST = 1 << 20
"""Entries of a list in a header that is not damaged."""


def is_classic(path: Path) -> bool:
    """Whether the file begins as a classic one."""
    with open(path, "rb") as file:
        return file.read(4) in (b"CDF\x01", b"CDF\x02", b"CDF\x05")


def least_size(path: Path) -> int:
    """The bytes up to the last number that the header speaks of. Raises ValueError for a damaged header."""
    with open(path, "rb") as file:
        version = file.read(4)[3]
        return _Header(file, ">q" if version == 5 else ">i", ">i" if version == 1 else ">q").least_size()


class _Header:
    """Reads the lists of a header. count, offset: how numbers of entries and places in the file are stored."""

    def __init__(self, file: IO[bytes], count: str, offset: str) -> None:
        self._file, self._count, self._offset = file, count, offset

    def least_size(self) -> int:
        records = self._number(self._count)
        dimensions = [self._dimension() for _ in range(self._entries())]
        self._attributes()
        fixed, record, ends = 0, 0, []
        for shape, size, begin in [self._variable(dimensions) for _ in range(self._entries())]:
            length = size * math.prod(shape[1:] if shape and shape[0] == 0 else shape)
            if shape and shape[0] == 0:  # the axis of records
                record += -(-length // 4) * 4
                ends.append((begin, length))
            else:
                fixed = max(fixed, begin + length)
        if len(ends) == 1:
            record = ends[0][1]  # a single variable of records is not filled up to whole words
        behind = [begin + (records - 1) * record + length for begin, length in ends if records > 0]
        return max([fixed, *behind])

    def _number(self, form: str) -> int:
        (found,) = struct.unpack(form, self._exactly(struct.calcsize(form)))
        return int(found)

    def _entries(self) -> int:
        """How many entries follow; a list that is absent has none."""
        self._number(">i")
        return self._length()

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count) if 0 <= count <= MOST else b""
        if len(data) < count or count < 0:
            raise ValueError("the file is cut short")
        return data

    def _name(self) -> None:
        self._exactly(-(-self._number(self._count) // 4) * 4)

    def _dimension(self) -> int:
        self._name()
        return self._number(self._count)

    def _attributes(self) -> None:
        for _ in range(self._entries()):
            self._name()
            size = BYTES[self._number(">i")]
            self._exactly(-(-size * self._number(self._count) // 4) * 4)

    def _variable(self, dimensions: list[int]) -> tuple[list[int], int, int]:
        """Lengths of the axes, 0 for that of records; bytes of a number; the place of the first."""
        self._name()
        shape = [dimensions[self._number(self._count)] for _ in range(self._length())]
        self._attributes()
        size = BYTES[self._number(">i")]
        self._number(self._count)  # the size, which large variables do not fit in
        return shape, size, self._number(self._offset)

    def _length(self) -> int:
        found = self._number(self._count)
        if not 0 <= found <= MOST:
            raise ValueError(f"a list of {found} entries")
        return found
