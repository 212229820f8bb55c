"""One task in a process of its own, by whichever package of Lowreel PYTHONPATH names: prints a line of JSON.

`benchmarks.trees` starts it as `python -m benchmarks.timed TASK`. Nothing but the standard library is loaded before
the libraries are set up as the command line does it.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from . import homes

Point = tuple[float, float]
"""Seconds since the start, and a PSNR in dB."""

LAST_SHARES = ("LAST_EPOCHS_SHARE", "LAST_ROUNDS_SHARE", "LAST_ROUNDS")
"""Names that the share of the last fit has, or had in earlier commits."""


@dataclass(frozen=True)
class Task:
    """package: the folder that `import lowreel` has to find; is_old: see `trees.Tree`; job: a name in `jobs`, of which
    data is the folder; what: "recover", or "estimate". rounds: after which the fits of a recovery are cut off, and the
    whole is computed; steps: as in `RecoverSettings`, for trying this out."""

    package: str
    threads: int
    is_old: bool = False
    avx2: bool = False
    job: str = ""
    data: str = ""
    what: str = "recover"
    quality: str = "standard"
    rounds: int | None = None
    steps: int | None = None


def prepared(arguments: list[str]) -> Task:
    """The task, and this process as the command line would set it up for it."""
    task = Task(**json.loads(arguments[0]))
    import lowreel

    found = Path(str(lowreel.__file__)).resolve().parent
    if found != Path(task.package).resolve():
        sys.exit(f"{task.package} is to be measured, but `import lowreel` finds {found}")
    for name in ("die_with_parent", "set_libraries"):
        homes.found(f"system.processes:{name}", f"processes:{name}")()
    import torch

    torch.set_num_threads(task.threads)
    if task.is_old and task.avx2:
        without_bfloat16()
    return task


def without_bfloat16() -> None:
    """Has the package believe that bfloat16 is not native, as it does on a processor that has AVX2 alone.

    A package that finds out by measuring has no such function, and is left as it is.
    """
    for name in ("precision", "solver", "train"):
        module = import_module(f"lowreel.{name}") if homes.has_module(name) else None
        if hasattr(module, "bfloat16_is_native"):
            module.bfloat16_is_native = lambda device: False  # type: ignore[union-attr]


@dataclass
class Trace:
    """The PSNR of the clip that a call would deliver, from check to check.

    Of several fits that is the one which held-out data prefers so far, and of it the iterate that held-out data
    prefers; in the last fit, which holds out nothing, where it stands.
    """

    start: float = field(default_factory=time.perf_counter)
    points: list[Point] = field(default_factory=list)
    fits: dict[int, Point] = field(default_factory=dict)

    def note(self, progress: Any) -> None:
        """Look at a fit after a round; only checks bring something new."""
        level = progress.history[-1].get("score")
        if level is None:
            return
        if getattr(progress, "stage", "fit") != "last":
            scores = {row["step"]: row.get("score") for row in progress.history}
            preferred = scores.get(progress.best.step)
            error = progress.best_error if math.isfinite(progress.best_error) else math.inf
            self.fits[getattr(progress, "number", 0)] = (error, level if preferred is None else preferred)
            level = min(self.fits.values())[1]
        self.points.append((time.perf_counter() - self.start, level))


@dataclass
class Pace:
    """Rounds of all fits together against the clock; cuts the fits off after `rounds` each."""

    rounds: int | None
    first: Point | None = None
    last: Point = (0.0, 0.0)
    planned: float = 0.0
    is_cut: bool = False

    def note(self, progress: Any) -> None:
        """Look at a fit after a round; raises KeyboardInterrupt when there were enough."""
        if self.rounds is None or self.is_cut:
            return
        self.last = (time.perf_counter(), progress.made)
        at_once = getattr(progress, "at_once", 1)
        if self.first is None and progress.made >= at_once:  # what starts up is no pace
            self.first = self.last
        is_search = getattr(progress, "stage", "fit") == "search"
        known = vars(import_module("lowreel.settings"))
        last_rounds = next((known[name] for name in LAST_SHARES if name in known), 0.0) if is_search else 0.0
        self.planned = progress.planned + last_rounds * progress.steps
        if progress.made >= self.rounds * at_once:
            self.is_cut = True
            raise KeyboardInterrupt

    def left(self) -> float:
        """Seconds that the rounds would have taken which were cut off."""
        if not self.is_cut or self.first is None or self.last[1] <= self.first[1]:
            return 0.0
        pace = (self.last[0] - self.first[0]) / (self.last[1] - self.first[1])
        return pace * max(self.planned - self.last[1], 0.0)


def level_of(case: Any, looked: list[float]) -> Callable[[Any], float]:
    """PSNR, peak 1, of frames that are made to agree with the data, as they are before they are delivered.

    A little less closely than there: it takes time from the fits, which `looked` adds up.
    """
    import lowreel

    clip, operator, data = case
    nearest = homes.found("operators:project_onto_data", "measure:nearest_consistent")
    known = homes.observed(operator)

    def level(frames: Any) -> float:
        start = time.perf_counter()
        agreeing = nearest(frames, operator, data, known, tolerance=0.01).clamp(0, 1)
        psnr = round(lowreel.psnr(agreeing, clip), 3)
        looked.append(time.perf_counter() - start)
        return psnr

    return level


def settings_of(task: Task) -> Any:
    """Everything automatic, but for what the task says."""
    import lowreel

    steps = {} if task.steps is None else {"steps": task.steps}
    return lowreel.RecoverSettings(quality=task.quality, **steps)


def case_of(task: Task) -> Any:
    from .jobs import named

    return named(task.job).build(Path(task.data))


def recovered(task: Task) -> dict[str, Any]:
    """A whole recovery: its seconds, those of its fits, PSNR with peak 1, that of its best baseline, and the trace."""
    import lowreel

    case = case_of(task)
    clip, operator, data = case
    looked: list[float] = []
    settings, level = settings_of(task), level_of(case, looked)
    trace, pace = Trace(), Pace(task.rounds)

    def callback(progress: Any) -> None:
        trace.note(progress)
        pace.note(progress)

    recovery = lowreel.recover(data, operator, settings, score=level, **homes.watching(lowreel.recover, callback))
    whole = time.perf_counter() - trace.start
    end = round(lowreel.psnr(recovery.clip, clip), 3)
    baselines = {name: round(lowreel.psnr(b.clip, clip), 3) for name, b in recovery.baselines.items()}
    best = max(baselines, key=baselines.__getitem__) if baselines else None
    found = {
        "seconds": round(whole + pace.left(), 2),
        "fit_seconds": round(recovery.seconds + pace.left(), 2),
        "looking_seconds": round(sum(looked), 2),
        "baseline": best,
        "baseline_psnr": baselines.get(best or ""),
    }
    if pace.is_cut:
        return found | {"computed_from": task.rounds}
    return found | {"psnr": end, "trace": [*heights(trace.points), (round(whole, 2), end)]}


def heights(points: Sequence[Point]) -> list[Point]:
    """The points at which the PSNR was larger than at all before."""
    kept: list[Point] = []
    for seconds, level in points:
        if not kept or level > kept[-1][1]:
            kept.append((round(seconds, 2), level))
    return kept


def estimated(task: Task) -> dict[str, Any]:
    """What is said of a recovery before it starts, and what it takes; seconds."""
    import lowreel
    from lowreel.recovery.policy import planned
    from lowreel.recovery.preparation import prepare

    _, operator, data = case_of(task)
    settings = settings_of(task)
    problem = prepare(data, operator, settings)
    start = time.perf_counter()
    _, said = planned(problem, settings)
    planning = time.perf_counter() - start
    start = time.perf_counter()
    recovery = lowreel.recover(data, operator, settings)
    whole = time.perf_counter() - start - planning  # it plans once more
    return {
        "said_fit": round(said.seconds, 2),
        "said_baselines": round(said.baselines, 2),
        "fit": round(recovery.seconds, 2),
        "baselines": round(whole - recovery.seconds, 2),
        "planning": round(planning, 2),
    }


if __name__ == "__main__":
    here = prepared(sys.argv[1:])
    print(json.dumps({"recover": recovered, "estimate": estimated}[here.what](here)))
