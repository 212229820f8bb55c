"""The rows of a batch as tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import BatchSettings
from .manifest import Row
from .work import Record, perform_row

RETRIES = 5
"""How often a row is gone on with after its worker or its node has died."""

LOCAL = "local"
"""In place of an address: a cluster of this machine alone."""


def performed_on_ray(rows: Sequence[Row], folder: Path, batching: BatchSettings) -> Iterator[Record]:
    """The rows as Ray tasks, as they end.

    Each goes on from its last checkpoint in FOLDER, which all nodes have to see, when its worker or node dies. Ctrl-C
    ends those under way with the best so far. Raises InputError without Ray, or where no cluster answers.
    """
    ray = _started(batching.ray or LOCAL)
    task = ray.remote(
        num_cpus=batching.cpus_per_clip, num_gpus=batching.gpus_per_clip, max_retries=RETRIES, max_calls=0
    )(perform_row)
    pending = {task.remote(row, folder, batching.cpus_per_clip): row for row in rows}
    try:
        yield from _as_they_end(ray, pending, folder)
    except KeyboardInterrupt:
        for reference in pending:
            ray.cancel(reference, force=False)
        ray.wait(list(pending), num_returns=len(pending))
        raise
    finally:
        ray.shutdown()


def _as_they_end(ray: Any, pending: dict[Any, Row], folder: Path) -> Iterator[Record]:
    while pending:
        (reference,), _ = ray.wait(list(pending), num_returns=1)
        row = pending[reference]
        try:
            record = ray.get(reference)
        except ray.exceptions.RayError as error:
            told = f"its worker died {RETRIES + 1} times: {type(error).__name__}"
            record = Record(row.name, "failed", row.words(folder), error=told)
            record.save(folder)
        del pending[reference]
        yield record


def _started(address: str) -> Any:
    try:
        import ray
    except ImportError:
        raise InputError("--ray: Ray is not installed; add it with: pip install 'lowreel[cluster]'") from None
    try:
        where: dict[str, Any] = {} if address == LOCAL else {"address": address}
        ray.init(**where, log_to_driver=False, include_dashboard=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"--ray {address}: no cluster answers: {' '.join(str(error).split())[:200]}") from None
    return ray
