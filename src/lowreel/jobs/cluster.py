"""The rows of a batch as tasks of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..settings import BatchSettings
from ..system.processes import ignore_stops
from .errors import in_one_line
from .manifest import Row
from .worker import Record, perform_row

RETRIES = 5
"""How often a row is gone on with after its worker or its node has died."""

LOCAL = "local"
"""The address, in Ray too, that stands for a new cluster of this machine alone."""

STOPPING_SECONDS = 120.0
"""Seconds that rows under way have to end with the best so far."""


def performed_on_ray(
    rows: Sequence[Row], folder: Path, batching: BatchSettings, *, verbose: bool = False
) -> Iterator[Record]:
    """The rows as Ray tasks, as they end.

    Each goes on from its last checkpoint in FOLDER, which all nodes have to see, when its worker or node dies. Ctrl-C
    ends those under way with the best so far. Raises InputError without Ray, or where no cluster answers.
    """
    ray = _started(batching.ray or LOCAL)
    try:
        if batching.gpus_per_clip > 1 and batching.gpus_per_clip % 1:
            raise InputError(f"--gpus-per-clip: a part of one, or whole ones, got {batching.gpus_per_clip:g}")
        wanted = {"CPU": batching.cpus_per_clip, "GPU": batching.gpus_per_clip}
        wanted["memory"] = max((row.memory() or 0 for row in rows), default=0)
        check_room([node["Resources"] for node in ray.nodes() if node["Alive"]], wanted)
        needs = {"num_cpus": batching.cpus_per_clip, "num_gpus": batching.gpus_per_clip}
        task = ray.remote(max_retries=RETRIES, **needs)(perform_row)
        given = (folder, batching.cpus_per_clip)
        tasks = {task.options(memory=row.memory()).remote(row, *given, verbose=verbose): row for row in rows}
        yield from _as_they_end(ray, tasks)
    finally:
        ray.shutdown()


def check_room(nodes: Sequence[Mapping[str, float]], wanted: Mapping[str, float]) -> None:
    """Raise InputError where no node has all that one recovery asks for: it would wait for ever."""
    if any(all(node.get(what, 0.0) >= amount for what, amount in wanted.items()) for node in nodes):
        return
    raise InputError(f"--ray: one row asks for {_told(wanted)}, and no node has that: {'; '.join(map(_told, nodes))}")


def _told(resources: Mapping[str, float]) -> str:
    told = [f"{resources[what]:g} {what}" for what in ("CPU", "GPU") if resources.get(what)]
    told += [f"{resources['memory'] / 1e9:.3f} GB of memory"] if resources.get("memory") else []
    return " and ".join(told) or "nothing"


def _as_they_end(ray: Any, pending: dict[Any, Row]) -> Iterator[Record]:
    try:
        while pending:
            (reference,), _ = ray.wait(list(pending), num_returns=1)
            row = pending.pop(reference)
            try:
                yield ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                yield Record(row.name, "failed", error=in_one_line(error.cause))
            except ray.exceptions.RayError as error:
                told = f"its worker or node died {RETRIES + 1} times: {type(error).__name__}"
                yield Record(row.name, "failed", error=told)
    except (KeyboardInterrupt, GeneratorExit):
        with ignore_stops():
            for reference in pending:
                ray.cancel(reference, force=False)
            if pending:
                ray.wait(list(pending), num_returns=len(pending), timeout=STOPPING_SECONDS)
        raise


def _started(address: str) -> Any:
    try:
        import ray
    except ImportError:
        raise InputError("--ray: Ray is not installed; add it with: pip install 'lowreel[cluster]'") from None
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, configure_logging=False)
    except ImportError as error:
        what = f"--ray {address}: this kind of address needs more of Ray ({error})"
        raise InputError(f"{what}; add it with: pip install 'ray[client]'") from None
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"--ray {address}: no cluster answers: {' '.join(str(error).split())[:200]}") from None
    return ray
