"""Make the rows of a batch in processes of this machine, several at the same time."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import resource_tracker
from pathlib import Path

from ..settings import BatchSettings
from ..system.memory import bytes_text, default_budget, machine_bytes
from ..system.processes import cores, defer_stops, ignore_stops
from .errors import in_one_line
from .manifest import Row
from .worker import Record, perform_row, prepare_worker

SMALL_CLIP_BYTES = 2 * 10**9
"""Memory that is plenty for small clips; with it, large ones are recovered in shorter sections."""

START = "spawn"
"""How the processes of workers begin: without what this one holds, whose threads a fork would leave behind."""

DEATHS = 3
"""How often the worker of a row may die before the row is given up."""


def performed(
    rows: Sequence[Row], folder: Path, batching: BatchSettings, say: Callable[[str], None], *, verbose: bool = False
) -> Iterator[Record]:
    """The rows as they end, made on this machine or on a Ray cluster. say: told how many are made at once. verbose:
    what is logged goes to the logs of the rows, and on this machine to the error output."""
    if batching.ray is not None:
        from .cluster import performed_on_ray

        return performed_on_ray(rows, folder, batching, verbose=verbose)
    at_once, cpus = rows_at_once(rows, batching.cpus_per_clip), batching.cpus_per_clip
    say(f"{at_once} at once, of {cpus} core{'s' if cpus > 1 else ''} each{_spare(rows, at_once, cpus)}")
    return performed_here(rows, folder, cpus, at_once, verbose=verbose)


def rows_at_once(rows: Sequence[Row], cpus: int) -> int:
    """How many recoveries this machine makes at once: limited by its cores, and by its memory over the largest that a
    row may take (the default, for rows that do not say)."""
    room = machine_bytes() // max(row.memory() or default_budget() for row in rows)
    return max(1, min(len(rows), cores() // cpus, room))


def _spare(rows: Sequence[Row], at_once: int, cpus: int) -> str:
    """A sentence on cores that stay idle for lack of memory, and what to do about it."""
    most = min(len(rows), cores() // cpus, machine_bytes() // SMALL_CLIP_BYTES)
    if at_once >= most:
        return ""
    enough = bytes_text(SMALL_CLIP_BYTES).replace(" ", "")
    return f": more do not fit, at the memory each may take; with --memory {enough}, {most}"


class _Worker:
    """A process that makes one row after the other; a new one where it has died."""

    def __init__(self, *, verbose: bool = False) -> None:
        self.pool, self.verbose = self._new(), verbose

    @staticmethod
    def _new() -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, multiprocessing.get_context(START), prepare_worker)

    def begin(self, row: Row, folder: Path, cpus: int) -> Future[Record]:
        """Start on a row."""
        perform = partial(perform_row, verbose=True) if self.verbose else perform_row
        try:
            return self.pool.submit(perform, row, folder, cpus)
        except BrokenProcessPool:
            self.replace()
            return self.pool.submit(perform, row, folder, cpus)

    def replace(self) -> None:
        """Take a new process for the one that has died."""
        self.pool.shutdown(wait=False)
        self.pool = self._new()

    def interrupt(self) -> None:
        """Ctrl-C for the row that it works on."""
        for pid in list(self.pool._processes or {}):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT)


def performed_here(
    rows: Sequence[Row], folder: Path, cpus: int, at_once: int, *, verbose: bool = False
) -> Iterator[Record]:
    """The rows by processes of this machine, as they end; each worker makes one row after the other.

    A worker that dies (of too little memory, say) is replaced and its row gone on with, DEATHS times at most. On Ctrl-C
    no row is begun any more, and those under way end with the best so far.
    """
    resource_tracker.ensure_running()  # which would let stops through again while the first worker starts
    waiting, deaths = deque(rows), Counter[str]()
    idle, running = [_Worker(verbose=verbose) for _ in range(at_once)], dict[Future[Record], tuple[_Worker, Row]]()
    try:
        while waiting or running:
            while waiting and idle:
                with defer_stops():  # the worker's process starts so too, until it knows what to do about it
                    worker, row = idle.pop(), waiting.popleft()
                    running[worker.begin(row, folder, cpus)] = worker, row
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                worker, row = running.pop(future)
                idle.append(worker)
                record = _record_of(future, row, deaths)
                if record is not None:
                    yield record
                    continue
                worker.replace()
                waiting.appendleft(row)
    except (KeyboardInterrupt, GeneratorExit):
        with ignore_stops():
            _end(running)
        raise
    finally:
        for worker in [*idle, *(worker for worker, _ in running.values())]:
            worker.pool.shutdown(wait=True)


def _end(running: Mapping[Future[Record], tuple[_Worker, Row]]) -> None:
    """Have the rows under way end with the best so far. They are told again and again: some are only starting."""
    left = dict(running)
    while left:
        for worker, _ in left.values():
            worker.interrupt()
        for future in wait(left, timeout=1, return_when=FIRST_COMPLETED).done:
            del left[future]


def _record_of(future: Future[Record], row: Row, deaths: Counter[str]) -> Record | None:
    """How a row ended; None where its worker died and it is to be gone on with."""
    try:
        return future.result()
    except BrokenProcessPool:
        deaths[row.name] += 1
        if deaths[row.name] < DEATHS:
            return None
        error = f"its worker died {DEATHS} times, of too little memory perhaps; use --memory or a smaller --size"
    except Exception as exception:
        error = in_one_line(exception)
    return Record(row.name, "failed", error=error)
