"""What a file says of its variables, what comes out of it, and what both have to pass."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...system.memory import machine_bytes


@dataclass(frozen=True)
class Entry:
    """A variable of a file, as its header tells, before anything is read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    problem: str = ""
    """Why it is no array of numbers ("a cell array"); empty where it is one."""

    def __str__(self) -> str:
        return f"{self.name} ({self.problem})" if self.problem else f"{self.name} {self.facts}".strip()

    @property
    def facts(self) -> str:
        """Shape and type in words."""
        return f"{self.shape} {self.dtype}"


@dataclass(frozen=True)
class Array:
    """An array with its place, FILE:NAME, for messages. matlab: its axes are (H, W, ...), as MATLAB orders them."""

    values: np.ndarray
    label: str
    matlab: bool = False


@contextlib.contextmanager
def reading(path: Path, kind: str, remedy: str) -> Iterator[None]:
    """Whatever a reader says of a damaged file becomes an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:  # parsers of others meet damage with whatever comes: zlib.error, KeyError, TypeError
        text = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: cannot be read as {kind} ({text}); {remedy}") from None


def check_size(path: Path, entry: Entry, item: int) -> None:
    """Raise InputError where the header claims an array beyond the machine's memory, or an empty one."""
    size, memory = item * math.prod(entry.shape), machine_bytes()
    if size > memory:
        there = f"this machine's memory has {memory / 1e9:.3g} GB"
        raise InputError(f"{path}:{entry.name}: says that it takes {size / 1e9:.3g} GB, and {there}; cut it smaller")
    if size == 0:
        raise InputError(f"{path}:{entry.name}: is empty, {entry.facts}; expected an array of numbers")
