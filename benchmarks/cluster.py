"""What is lost when a part of a Ray cluster dies, or a node has no disk left, while a batch runs: counted.

    python -m benchmarks cluster [worker node head disk] [--times 3] [--seed 0]

A cluster of a head and two nodes of one core each, on this machine, makes four rows. At a random moment a worker, a
node or the head is killed, or from the beginning workers of one node may write no file beyond a few kilobytes. Where
the command ends without all rows, it is given once more, to a new cluster. Counted are batches of which every row has
the bits of one that was made without Ray, commands that ended in a stack trace, and rows made twice: those that were
finished before the fault and then touched again. Counts are kept in benchmarks/results/cluster.json.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .commands import DRAFT, clip
from .results import Rows
from .trees import here

EVENTS = ("worker", "node", "head", "disk")

ROWS, STEPS = 4, 60

DISK_BYTES = (2**12, 2**18)
"""That a file may have on a node whose disk is full, least and most."""

LONGEST_SECONDS = 400.0
"""After which a command counts as one that hangs."""

MOST_TRIES = 3
"""How often a batch is given to a cluster."""

FULL = """import os, resource
with open("/proc/self/cmdline", "rb") as file:
    if b"default_worker.py" in file.read():
        resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""
"""What Python runs as it starts on a node without disk: of Ray's processes only workers are bounded."""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("events", nargs="*", metavar="EVENT", help=f"of {', '.join(EVENTS)}; default: all")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    # Or Ray's workers get nothing on a busy machine.
    os.environ |= {"RAY_worker_niceness": "0", "OMP_NUM_THREADS": "1"}
    print("| event | times | batches in the same bits | tries | failed rows told | stack traces | rows made twice |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        expected, seconds = _without_ray(base / "here")
        for event in chosen.events or EVENTS:
            row = _counted(event, chosen.times, chosen.seed, base, expected, seconds)
            cells = [event, *(row[name] for name in ("times", "same", "tries", "failed", "traces", "twice"))]
            print(f"| {' | '.join(map(str, cells))} |", *row.pop("told"), sep="\n", flush=True)
            Rows("cluster").add(row | {"commit": here().commit, "seed": chosen.seed})


def _prepare(folder: Path) -> None:
    folder.mkdir()
    np.save(folder / "clip.npy", clip())
    lines = [f"r{k},clip.npy,missing --ratio 0.5,{k}" for k in range(ROWS)]
    (folder / "rows.csv").write_text("\n".join(["name,clip,operator,seed", *lines]) + "\n")


def _without_ray(folder: Path) -> tuple[list[bytes], float]:
    """What each row comes to, and the seconds that a batch takes."""
    _prepare(folder)
    begun = time.monotonic()
    code, said = _ended(_begun(folder, None), folder)
    if code != 0:
        raise RuntimeError(f"without Ray it ended with {code}: {said}")
    return _results(folder), time.monotonic() - begun


def _begun(folder: Path, address: str | None) -> subprocess.Popen[str]:
    words = f"batch rows.csv -o rows --steps {STEPS} {DRAFT}".split() + (["--ray", address] if address else [])
    line = [sys.executable, "-m", "lowreel", *words]
    with open(folder / "log.txt", "w") as log:
        return subprocess.Popen(line, cwd=folder, stdout=log, stderr=subprocess.STDOUT, text=True)


def _ended(process: subprocess.Popen[str], folder: Path) -> tuple[int, str]:
    """Its exit code, negative where it hung and was killed, and what it said."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(LONGEST_SECONDS)
    if process.poll() is None:
        process.kill()
        process.wait()
    return process.returncode, (folder / "log.txt").read_text(errors="replace")


def _results(folder: Path) -> list[bytes]:
    paths = [folder / "rows" / f"r{k}" / "recovered.npy" for k in range(ROWS)]
    return [path.read_bytes() if path.exists() else b"" for path in paths]


def _finished(folder: Path) -> dict[Path, int]:
    """Rows that are finished, and when their result was written."""
    found = (folder / "rows" / f"r{k}" for k in range(ROWS))
    there = [path / "recovered.npy" for path in found if (path / "summary.json").exists()]
    return {path: path.stat().st_mtime_ns for path in there}


@contextlib.contextmanager
def _cluster(full: str | None) -> Iterator[tuple[Any, list[Any]]]:
    """A head without cores of its own and two nodes of one each. full: a folder of what the second node's Python runs
    as it starts."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        nodes = [made.add_node(num_cpus=1)]
        paths = [*([full] if full else []), *sys.path]
        nodes.append(made.add_node(num_cpus=1, env_vars={"PYTHONPATH": os.pathsep.join(paths)}))
        made.wait_for_nodes()
        yield made, nodes
    finally:
        with contextlib.suppress(Exception):
            made.shutdown()


def _counted(event: str, times: int, seed: int, base: Path, expected: list[bytes], seconds: float) -> dict[str, Any]:
    """A row of counts of so many batches to which the same happens."""
    draw = random.Random(f"{seed} {event}")
    row: dict[str, Any] = {"event": event, "times": 0, "same": 0, "tries": 0, "failed": 0, "traces": 0, "twice": 0}
    row["told"] = []
    for k in range(times):
        folder = base / f"{event}{k}"
        _prepare(folder)
        row["times"] += 1
        _try_until_done(event, folder, draw, seconds, row)
        row["same"] += _is_right(folder, expected)
    return row


def _try_until_done(event: str, folder: Path, draw: random.Random, seconds: float, row: dict[str, Any]) -> None:
    """Give a batch to a cluster until it ends well; what its commands did is counted in `row`."""
    for number in range(MOST_TRIES):
        row["tries"] += 1
        before = _finished(folder)
        code, said = _tried(event if number == 0 else "", folder, draw, seconds)
        row["twice"] += sum(path.stat().st_mtime_ns != written for path, written in before.items())
        row["failed"] += said.count(": failed in")
        if "traceback" in said.lower() or "stack trace" in said.lower():
            row["traces"] += 1
            row["told"].append(said[-600:])
        if code == 0:
            return


def _is_right(folder: Path, expected: list[bytes]) -> bool:
    """Whether a batch has all rows once, in the bits of one that was made without Ray."""
    with (folder / "rows" / "results.csv").open() as file:
        names = [each["name"] for each in csv.DictReader(file)]
    return _results(folder) == expected and names == [f"r{k}" for k in range(ROWS)]


def _tried(event: str, folder: Path, draw: random.Random, seconds: float) -> tuple[int, str]:
    """The batch on a cluster to which something happens; how it ended."""
    full = None
    if event == "disk":
        full = str(folder / "full")
        Path(full).mkdir()
        Path(full, "sitecustomize.py").write_text(FULL.format(size=draw.randint(*DISK_BYTES)))
    with _cluster(full) as (made, nodes):
        process = _begun(folder, made.address)
        if event in ("worker", "node", "head"):
            _wait_for_worker(process)
            time.sleep(draw.uniform(0, seconds))
            match event:
                case "worker":
                    for pid in _workers()[:1]:
                        os.kill(pid, signal.SIGKILL)
                case "node":
                    made.remove_node(nodes[1], allow_graceful=False)
                case "head":
                    made.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        return _ended(process, folder)


def _workers() -> list[int]:
    """Processes of this program's that work on a row."""
    import psutil

    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "".join(process.cmdline()).startswith("ray::perform_row"):
                found.append(process.pid)
    return found


def _wait_for_worker(process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + LONGEST_SECONDS
    while not _workers() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
