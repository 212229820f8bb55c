"""Which frames of a clip stand for all of them."""

from __future__ import annotations


def spread(count: int, most: int) -> list[int]:
    """The numbers of at most so many of `count` frames, spread evenly, rising: the first and the last are among them,
    where there are two; none of none."""
    few = min(count, most)
    step = (count - 1) / max(few - 1, 1)
    return sorted({min(round(k * step), count - 1) for k in range(few)})
