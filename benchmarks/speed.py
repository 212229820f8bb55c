"""The working tree against another commit: seconds to that commit's PSNR, everything automatic, in one call.

    python -m benchmarks speed --against REV [JOB ...] [--avx2 | --native] [--quality draft] [--repeat 2] [--rounds N]
    python -m benchmarks speed --update --against REV
    python -m benchmarks speed --table

JOB is the beginning of demo, walking, rotating-mnist:7, drop or pincat; default: all. REV is checked out into a
temporary folder, and each job is done with its package and with that of the working tree in turn, each in a process of
its own, with the instructions that the processor has and with AVX2 alone. With AVX2, REV is told that bfloat16 is not
native, where it asks for that: a processor with more does not hide it. What both took, and how good their clips are, is
kept in benchmarks/results/speed.json.

"Seconds to the PSNR of REV": until the clip that would be delivered is as good as the one that REV delivers in the end.
In the search that is the iterate, of all fits, that held-out data prefers so far, in the last fit where it stands, both
made to agree with the data as they are before delivery; at last the delivered clip itself. It is looked at when the
held-out error is, of REV and of the working tree alike. Whole seconds are those of the whole call, the quick baselines
and the search included.

--rounds N cuts the fits off after N rounds each, and computes the whole from their pace: for commits that are too slow.
--update times updates alone, those of one fit of a small clip, and ends with 1 where the working tree's take more than
1.5 times as many CPU seconds as REV's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from . import updates
from .jobs import JOBS, SHARED, Job, wanted
from .results import Rows
from .timed import Point
from .trees import Tree, checked_out, here, processor


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="beginnings of names; default: all")
    parser.add_argument("--against", metavar="REV", help="the commit to compare with")
    sets = parser.add_mutually_exclusive_group()
    sets.add_argument("--avx2", action="store_true", help="with the instructions of AVX2 alone")
    sets.add_argument("--native", action="store_true", help="with those that the processor has; default: both in turn")
    parser.add_argument("--quality", choices=["draft", "standard", "best"], help="default: standard")
    parser.add_argument("--repeat", type=int, default=1, help="how often each job is done with both")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="compute the whole from N rounds of each fit, 2 or more"
    )
    parser.add_argument("--threads", type=int, help="default: as many as torch would take")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of real clips")
    parser.add_argument("--table", action="store_true", help="print what was measured, and measure nothing")
    parser.add_argument("--update", action="store_true", help="time updates alone, in less than a minute")
    parser.add_argument("--at-most", type=float, default=1.5, help="with --update: how many times slower is too slow")
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)  # to try this out; such rows are not kept
    chosen = parser.parse_args(arguments)
    if chosen.table:
        print(table(Rows("speed").rows))
        return
    if chosen.against is None:
        parser.error("--against: expected a commit to compare with, such as --against HEAD~1")
    if chosen.rounds is not None and chosen.rounds < 2:
        parser.error("--rounds: expected 2 or more, since the first one starts everything up")
    ours = here()
    with checked_out(chosen.against) as theirs:
        if chosen.update:
            sys.exit(updates.compare(theirs, ours, chosen.at_most, avx2=chosen.avx2))
        print(table(compared(theirs, ours, chosen)))


def compared(theirs: Tree, ours: Tree, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each job, instruction set and repetition; kept as they come."""
    kept, rows = Rows("speed"), []
    sets = [name for name in ("native", "avx2") if not (chosen.avx2 or chosen.native) or getattr(chosen, name)]
    threads = chosen.threads or updates.cores()
    for job in wanted(chosen.jobs, JOBS, chosen.data):
        for _ in range(chosen.repeat):
            for instructions in sets:
                row = pair(theirs, ours, job, instructions, threads, chosen)
                print(table([row]).splitlines()[-1], flush=True)
                rows.append(row if chosen.steps else kept.add(row))
    return rows


def pair(
    theirs: Tree, ours: Tree, job: Job, instructions: str, threads: int, chosen: argparse.Namespace
) -> dict[str, Any]:
    """One job with the package of the other commit, then with that of the working tree."""
    given = {
        "job": job.name,
        "data": str(chosen.data.resolve()),
        "threads": threads,
        "avx2": instructions == "avx2",
        "quality": chosen.quality or job.quality,
        "rounds": chosen.rounds,
        "steps": chosen.steps,
    }
    found = [tree.run(tree.task(**given)) for tree in (theirs, ours)]
    wanted_psnr = found[0].get("psnr")
    for one in found:
        trace = one.pop("trace", [])
        one["seconds_to_psnr"] = None if wanted_psnr is None else reached(trace, wanted_psnr)
    return {
        "job": job.name,
        "instructions": instructions,
        "threads": threads,
        "quality": given["quality"],
        "processor": processor(),
        "against": {"commit": theirs.commit} | found[0],
        "ours": {"commit": ours.commit} | found[1],
    }


def reached(trace: Sequence[Point], level: float) -> float | None:
    """Seconds of the first point of a trace whose PSNR is this one or more; None where there is none."""
    return next((seconds for seconds, psnr in trace if psnr >= level), None)


HEADER = """\
| job | instructions, threads | against | whole: before | now | to its PSNR: before | now | times sooner | \
PSNR: before | now | best quick baseline |
|---|---|---|---|---|---|---|---|---|---|---|"""


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: of each job, instruction set, threads, quality and processor the last two commits that were compared,
    in means over repetitions; seconds and dB."""
    return "\n".join([HEADER, *(line(group) for group in newest(rows))])


def newest(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows of a kind together, those of its last comparison alone."""

    def kind(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("job", "instructions", "threads", "quality", "processor"))

    def commits(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple((row[side]["commit"], row[side].get("computed_from")) for side in ("against", "ours"))

    last = {kind(row): commits(row) for row in rows}
    return [[row for row in rows if (kind(row), commits(row)) == one] for one in last.items()]


def line(rows: Sequence[dict[str, Any]]) -> str:
    """The line of a table of rows of one kind."""
    row = rows[-1]
    quality = "" if row["quality"] == "standard" else f", {row['quality']}"
    whole = [_seconds([r[side] for r in rows]) for side in ("against", "ours")]
    levels = [_mean([r[side].get("psnr") for r in rows]) for side in ("against", "ours")]
    there = [_mean([r[side].get("seconds_to_psnr") for r in rows]) for side in ("against", "ours")]
    baseline = _mean([r["ours"].get("baseline_psnr") for r in rows])
    cells = [
        row["job"] + quality,
        f"{row['instructions']}, {row['threads']}",
        f"{row['against']['commit']}, now {row['ours']['commit']}",
        *whole,
        *(_cell(seconds, ".1f") for seconds in there),
        _sooner(there, levels, rows),
        *(_cell(level, ".2f") for level in levels),
        "-" if baseline is None else f"{baseline:.2f} ({row['ours']['baseline']})",
    ]
    return f"| {' | '.join(cells)} |"


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return mean(known) if len(known) == len(values) else None


def _cell(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _seconds(sides: Sequence[dict[str, Any]]) -> str:
    """Whole seconds, and from how many rounds they were computed where they were."""
    rounds = sides[-1].get("computed_from")
    return f"{mean(side['seconds'] for side in sides):.1f}" + (f" (computed from {rounds} rounds)" if rounds else "")


def _sooner(there: Sequence[float | None], levels: Sequence[float | None], rows: Sequence[dict[str, Any]]) -> str:
    """How many times sooner the PSNR of the other commit was reached, and the whole made; or what is missing to it."""
    whole = mean(r["against"]["seconds"] for r in rows) / mean(r["ours"]["seconds"] for r in rows)
    before, now = there
    if before is not None and now is not None:
        return f"{before / now:.1f} (whole: {whole:.1f})"
    if levels[0] is not None and levels[1] is not None:
        return f"not reached by {levels[0] - levels[1]:.2f} dB (whole: {whole:.1f})"
    return f"whole: {whole:.1f}"
