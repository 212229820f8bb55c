"""Torch's threads: how many there are, and work that is shared out among them piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch with so many threads, and with those of before at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Share(Protocol):
    """Has `work` make something of each piece, by several threads; what comes out is in their order."""

    def __call__(self, work: Callable[[Piece], Result], pieces: Iterable[Piece], /) -> list[Result]: ...


@contextmanager
def sharing(count: int) -> Iterator[Share]:
    """What shares out `count` pieces, or of more of them so many at a time, among torch's threads: as many pieces at a
    time as there are threads, and where these are fewer, each has several.

    Threads with a piece each wait for each other once, at the end; those that share every sum and product of a piece,
    as torch's own do, thousands of times. A single piece has all threads.
    """
    count = min(torch.get_num_threads(), count)
    if count <= 1:
        yield _one_by_one
        return
    with threads(torch.get_num_threads() // count), ThreadPoolExecutor(count) as pool:
        yield lambda work, pieces: list(pool.map(work, pieces))


def shared_out(work: Callable[[Piece], Result], pieces: Sequence[Piece], *, at_once: int | None = None) -> list[Result]:
    """What `work` makes of each piece, in their order, by torch's threads (`sharing`); at_once: pieces at a time, at
    most."""
    with sharing(min(len(pieces), at_once or len(pieces))) as share:
        return share(work, pieces)


def _one_by_one(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    return [work(piece) for piece in pieces]
