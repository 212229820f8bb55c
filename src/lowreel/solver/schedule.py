"""How large a step is at a point of a run."""

from __future__ import annotations

import math


def one_cycle(progress: float, warm_up: float = 0.1) -> float:
    """Share of the full step: up in a line over the first `warm_up` of the run, then down a half cosine to 0."""
    if progress < warm_up:
        return progress / warm_up
    return 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))
