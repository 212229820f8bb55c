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
    """What shares out `count` pieces among as many threads as torch has, of which each has a thread of torch's alone.

    Such threads wait for each other once, at the end; those that share every sum and product of a piece, as torch's own
    do, thousands of times. A single piece has all threads.
    """
    count = min(torch.get_num_threads(), count)
    if count <= 1:
        yield _one_by_one
        return
    with threads(1), ThreadPoolExecutor(count) as pool:
        yield lambda work, pieces: list(pool.map(work, pieces))


def shared_out(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """What `work` makes of each piece, in their order, by as many threads as torch has (`sharing`)."""
    with sharing(len(pieces)) as share:
        return share(work, pieces)


def _one_by_one(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> list[Result]:
    return [work(piece) for piece in pieces]
