"""Updates of one fit with the packages of two commits, in alternation within one run; the smallest form of `speed`.

Each package has a process of its own, which waits for a line, then makes the rounds of a short fit of 8 grey frames of
64x64 with missing pixels, and says how many CPU seconds they took: the forward and the backward pass, the optimiser,
and what a round brings with it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from .homes import found
from .timed import prepared
from .trees import ROOT, Tree

ROUNDS, PASSES, LEAST_PASSES = 6, 7, 3
"""Rounds of a fit, the first of which starts everything up and is not counted; fits; and fits at least."""

PATIENCE = 20.0
"""Seconds after which no further fit is begun."""


def cores() -> int:
    """Threads that torch takes here."""
    import torch

    return torch.get_num_threads()


def compare(theirs: Tree, ours: Tree, at_most: float, *, avx2: bool = False) -> int:
    """The exit code: 1 where an update of `ours` takes more than `at_most` times as long as one of `theirs`."""
    trees = (theirs, ours)
    processes = [_started(tree, avx2) for tree in trees]
    found: list[list[float]] = [[], []]
    start = time.monotonic()
    try:
        for k in range(PASSES):
            if k >= LEAST_PASSES and time.monotonic() - start > PATIENCE:
                break
            for tree, process, seconds in zip(trees, processes, found, strict=True):
                seconds.append(_fed(tree, process))
    finally:
        for process in processes:
            process.kill()
            process.wait()
    least = [min(seconds) for seconds in found]
    ratio = least[1] / least[0]
    told = f"{1000 * least[0]:.1f} ms of CPU time at {theirs.commit}, {1000 * least[1]:.1f} ms here ({ours.commit})"
    print(f"a round of 8 frames of 64x64, least of {len(found[0])}: {told}: {verdict(ratio, at_most)}")
    return int(ratio > at_most)


def verdict(ratio: float, at_most: float) -> str:
    """What the ratio of the time now to the time before means, in words."""
    change = f"{ratio:.2f} times slower" if ratio > 1 else f"{1 / ratio:.2f} times faster"
    return f"{change}, more than the {at_most:g} that are allowed" if ratio > at_most else change


def _started(tree: Tree, avx2: bool) -> Any:
    task = tree.task(threads=1, avx2=avx2)
    return subprocess.Popen(
        tree.command("updates", task),
        cwd=ROOT,
        env=tree.environment(task),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _fed(tree: Tree, process: Any) -> float:
    """CPU seconds of a round in one more fit."""
    try:
        process.stdin.write("\n")
        process.stdin.flush()
        return float(process.stdout.readline())
    except (OSError, ValueError):
        sys.exit(f"the process with the package of {tree.commit} ended with {process.wait()}")


def seconds_of_a_round() -> float:
    """CPU seconds of a round, in a fit from its start to its end; of one thread."""
    import lowreel

    prepare = found("recovery.preparation:prepare", "recovery.recover:prepare", "recover:prepare")

    clip = lowreel.open_clip("rotating-mnist:7", frames=slice(8)).read()
    operator = lowreel.MissingPixels(tuple(clip.shape), 0.8)
    settings = lowreel.RecoverSettings(quality="draft", steps=ROUNDS)
    rounds = lowreel.iterate(prepare(operator(clip), operator, settings), settings.solver())
    next(rounds)
    start = time.process_time()
    made = sum(1 for _ in rounds)
    return (time.process_time() - start) / made


if __name__ == "__main__":
    prepared(sys.argv[1:])
    for _ in sys.stdin:
        print(seconds_of_a_round(), flush=True)
