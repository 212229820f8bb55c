"""How the numbers of an operator's data are related: some of them, held out, are to stand for those that are
missing."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Alone:
    """Each number by itself: what is missing is like any of those that are there."""


@dataclass(frozen=True)
class Pixels:
    """Pixels as they are, (T, C, H, W): what is missing are holes between them."""


@dataclass(frozen=True)
class Ordered:
    """The numbers along the last axis go from coarse to fine; all channels, on the axis before it, have the same
    patterns."""


@dataclass(frozen=True)
class Lines:
    """Whole lines of a spectrum: what is missing are lines too.

    numbers: that of the line of each entry, (T, 1, H, W); -1 of what lies on several, or is never missing. pieces: of
    a line, from its middle outwards, that are off independently of each other.
    """

    numbers: Tensor
    pieces: int = 1


Arrangement = Alone | Pixels | Ordered | Lines
