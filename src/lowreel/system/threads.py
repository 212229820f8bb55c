"""Threads: how many torch takes, and work that is shared out among them in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Given = TypeVar("Given")
Made = TypeVar("Made")


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Torch with so many threads, and with those of before at the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_order(make: Callable[[Given], Made], given: Iterable[Given], at_once: int) -> Iterator[Made]:
    """What is made of each, in their order, so many at once by a thread each, in which torch has one.

    While one is looked at, so many others are made, or wait to be. An error of one is raised in its turn, and what is
    not begun then is never made.
    """
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for one in given:
                waiting.append(pool.submit(make, one))
                if len(waiting) > at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            # The number is each thread's own, but those that are begun later, and MKL, take the one that was set last.
            torch.set_num_threads(torch.get_num_threads())
