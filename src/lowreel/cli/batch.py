"""`lowreel batch`: many recoveries from one manifest, side by side on this machine or on a Ray cluster."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ..errors import InputError
from ..settings import BatchSettings, ClipSettings, NoiseSettings, RecoverSettings, Settings
from .manifest import Row, read_manifest
from .work import Record, perform_row, prepare_worker

Output = Annotated[Path, Parameter(name=["--output", "-o"])]
Flat = Parameter(name="*")

DEATHS = 3
"""How often the worker of a row may die before the row is given up."""


def add_batch(app: App) -> None:
    """Give the command line its `batch`."""
    app.command(batch, name="batch")


def batch(
    manifest: str,
    *,
    output: Output,
    batching: Annotated[BatchSettings, Flat] = BatchSettings(),
    reading: Annotated[ClipSettings, Flat] = ClipSettings(),
    noise: Annotated[NoiseSettings, Flat] = NoiseSettings(),
    recovering: Annotated[RecoverSettings, Flat] = RecoverSettings(),
) -> None:
    """Recover many clips, one run for each row of a manifest; finished rows are passed over when it is started again.

    Rows that fail are kept with their error and do not stop the others. In the end there are results.csv and
    report.html beside the runs.

    Parameters
    ----------
    manifest
        .csv or .jsonl with columns clip and operator ("missing --ratio 0.8"), or data, and any flag of a recovery as a
        column (name, size, frames, quality, seed, ...); or a pattern such as "clips/*.mp4". Flags given here are
        those of rows that do not say otherwise
    output
        folder of the runs
    """
    common = {"operator": batching.operator} if batching.operator else {}
    common |= _given(reading) | _given(noise) | _given(recovering)
    rows = read_manifest(manifest, common)
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; give a folder for the runs")
    output.mkdir(parents=True, exist_ok=True)
    folder = output.resolve()
    from .results import Results

    results = Results(folder, rows)
    todo = [row for row in rows if not results.is_finished(row)]
    print(f"{len(rows)} rows, {len(rows) - len(todo)} of them finished before", flush=True)
    stopped = False
    try:
        for record in _performed(todo, folder, batching):
            results.add(record)
            print(results.line(record), flush=True)
    except KeyboardInterrupt:
        stopped = True
    results.write()
    print(results.closing(stopped))


def with_address(words: list[str]) -> list[str]:
    """The words with `--ray` given an address where none follows: that of a cluster of this machine alone."""
    found = []
    for k, word in enumerate(words):
        following = words[k + 1] if k + 1 < len(words) else ""
        alone = word == "--ray" and not re.fullmatch(r"auto|local|ray://.+|[\w.\[\]:-]+:\d+", following)
        found.append("--ray=local" if alone else word)
    return found


def _given(settings: Settings) -> dict[str, Any]:
    """The settings that are not as by default, as columns."""
    return settings.model_dump(exclude_defaults=True)


def _performed(rows: Sequence[Row], folder: Path, batching: BatchSettings) -> Iterator[Record]:
    if batching.ray is not None:
        from .cluster import performed_on_ray

        return performed_on_ray(rows, folder, batching)
    return performed_here(rows, folder, batching.cpus_per_clip)


def performed_here(rows: Sequence[Row], folder: Path, cpus: int) -> Iterator[Record]:
    """The rows by processes of this machine, as they end; each worker makes one row after the other.

    A worker that dies (of too little memory, say) is replaced and its row gone on with, DEATHS times at most.
    """
    workers = max(1, min(len(rows), (os.cpu_count() or 1) // cpus))
    waiting, deaths = {row.name: row for row in rows}, Counter[str]()
    while waiting:
        with _pool(workers) as pool:
            futures = {pool.submit(perform_row, row, folder, cpus): row for row in waiting.values()}
            for future, row in _as_they_end(futures):
                try:
                    record = future.result()
                except BrokenProcessPool:
                    deaths.update(name for name in waiting if _is_begun(folder, name))
                    break
                waiting.pop(row.name)
                yield record
        for name in [name for name in waiting if deaths[name] >= DEATHS]:
            row = waiting.pop(name)
            error = f"its worker died {DEATHS} times, of too little memory perhaps; use --memory or a smaller --size"
            record = Record(name, "failed", row.words(folder), error=error)
            record.save(folder)
            yield record


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Workers; on Ctrl-C, which they get too, they keep the best of their rows so far and end."""
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), prepare_worker)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _as_they_end(futures: dict[Future[Record], Row]) -> Iterator[tuple[Future[Record], Row]]:
    pending = set(futures)
    while pending:
        ended, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in ended:
            yield future, futures[future]


def _is_begun(folder: Path, name: str) -> bool:
    """Whether a row was under way when its worker died: its log is there, and nothing was kept of its end since."""
    log, kept = folder / "rows" / f"{name}.log", folder / "rows" / f"{name}.json"
    return log.is_file() and (not kept.is_file() or kept.stat().st_mtime < log.stat().st_mtime)
