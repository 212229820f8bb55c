"""What is said of a recovery before it starts, against what it takes: jobs x instruction sets x threads.

    python -m benchmarks estimate [JOB ...] [--avx2 | --native] [--threads 1 2] [--table]

JOB is the beginning of rotating-mnist:7, demo, walking, bigbuckbunny (8 frames of 640x360, draft) or pincat; default:
all. Each is made in a process of its own, everything automatic. Rows are kept in benchmarks/results/estimate.json; the
table says by what factor the whole took longer than was said.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .jobs import JOBS, LARGE, SHARED, Job, wanted
from .results import Rows
from .trees import Tree, here, processor

NAMES = ("rotating-mnist:7", "demo", "walking", "bigbuckbunny", "pincat")


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks estimate", description=__doc__.splitlines()[0])
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="beginnings of names; default: all")
    sets = parser.add_mutually_exclusive_group()
    sets.add_argument("--avx2", action="store_true", help="with the instructions of AVX2 alone")
    sets.add_argument("--native", action="store_true", help="with those that the processor has; default: both in turn")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="default: 1 2")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of real clips")
    parser.add_argument("--table", action="store_true", help="print what was measured, and measure nothing")
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)  # to try this out; such rows are not kept
    chosen = parser.parse_args(arguments)
    if chosen.table:
        print(table(Rows("estimate").rows))
        return
    names = [name for name in ("native", "avx2") if not (chosen.avx2 or chosen.native) or getattr(chosen, name)]
    kept, rows, tree = Rows("estimate"), [], here()
    jobs = tuple(sorted((job for job in (*JOBS, LARGE) if job.name in NAMES), key=lambda job: NAMES.index(job.name)))
    for job in wanted(chosen.jobs, jobs, chosen.data):
        for instructions in names:
            for threads in chosen.threads:
                row = measured(tree, job, instructions, threads, chosen)
                print(f"{row['job']}, {instructions}, {threads}: {cell(row)}", flush=True)
                rows.append(row if chosen.steps else kept.add(row))
    print(table(rows))


def measured(tree: Tree, job: Job, instructions: str, threads: int, chosen: argparse.Namespace) -> dict[str, Any]:
    """One recovery: what was said of it, and what it took."""
    task = tree.task(
        what="estimate",
        job=job.name,
        data=str(chosen.data.resolve()),
        threads=threads,
        avx2=instructions == "avx2",
        quality=job.quality,
        steps=chosen.steps,
    )
    own = {"job": job.name, "instructions": instructions, "threads": threads, "quality": job.quality}
    return own | {"commit": tree.commit, "processor": processor()} | tree.run(task)


def factor(row: dict[str, Any]) -> float:
    """How many times longer than was said the fits and the baselines took."""
    return (row["fit"] + row["baselines"]) / max(row["said_fit"] + row["said_baselines"], 1e-9)


def cell(row: dict[str, Any]) -> str:
    """The factor, and the seconds that were taken and said: fits + baselines."""
    taken, said = (f"{row[fit]:.0f} + {row[rest]:.0f}" for fit, rest in (("fit", "baselines"), SAID))
    return f"{factor(row):.2f} ({taken} s, said {said})"


SAID = ("said_fit", "said_baselines")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a line for each job, a column for each instruction set and number of threads; the newest of each."""
    newest = {(row["job"], row["instructions"], row["threads"]): row for row in rows}
    columns = list(dict.fromkeys(key[1:] for key in newest))
    lines = [
        f"| job | {' | '.join(f'{instructions}, {threads}' for instructions, threads in columns)} |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for job in dict.fromkeys(key[0] for key in newest):
        cells = (newest.get((job, *column)) for column in columns)
        lines.append(f"| {job} | {' | '.join('-' if row is None else cell(row) for row in cells)} |")
    return "\n".join(lines)
