"""What of the missing pixels the held-out ones can speak for, and what of the picture no frame observes."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from ..data.distances import are_scattered, share_beyond
from ..operators import Data, LinearOperator, tensors_of
from ..operators.arrangement import Lines, Pixels
from ..solver.problem import Problem

WORDLESS_SHARE = 0.05
"""Nothing is said where less than this share of the missing pixels is beyond what the held-out ones can speak for."""

MOST_UNJUDGED_SHARE = 0.5
"""From this share on there is no verdict, and no baseline is recommended."""


def unseen_share(operator: LinearOperator, known: Data) -> float:
    """Share of the places of the picture that no frame observes, where the data is pixels; else 0.

    known: booleans like the data. Places of operators that scatter what they miss do not count: all are near others.
    """
    shares = [float((~k.any(0)).double().mean()) for k in _pixels(operator, known)]
    return max(shares, default=0.0)


def unjudged_share(problem: Problem) -> float:
    """Share of the missing pixels that are farther from what was measured than any that is held out; 0 where what is
    missing is scattered, or no pixels."""
    if problem.heldout is None:
        return 0.0
    pairs = zip(_pixels(problem.operator, problem.known), _pixels(problem.operator, problem.heldout), strict=True)
    masks = [(k.any(1).cpu().numpy(), h.any(1).cpu().numpy()) for k, h in pairs]
    return max((share_beyond(k, h) for k, h in masks if not are_scattered(k)), default=0.0)


def judged_by(problem: Problem) -> str:
    """What a result is judged by, in words: held-out data, or so many holes, frames or lines."""
    count = problem.hole_count
    if count is None or problem.heldout is None:
        return "held-out data"
    kinds = {type(arrangement) for arrangement in problem.operator.arrangements()}
    if kinds == {Lines}:
        return f"{count} held-out lines"
    if kinds != {Pixels}:
        return "held-out data"
    pairs = zip(tensors_of(problem.heldout), tensors_of(problem.known), strict=True)
    are_whole = all(bool((held == known)[held.flatten(1).any(1)].all()) for held, known in pairs)
    return f"{count} held-out {'frames' if are_whole else 'holes'}"


def caveat(unseen: float, unjudged: float = 0.0) -> str:
    """What a verdict leaves out, as a sentence; empty where that is next to nothing."""
    if unseen > 0:
        return f"No frame observes {_percent(unseen)} of the picture: there nothing can be checked."
    if unjudged > WORDLESS_SHARE:
        told = f"Of what is missing {_percent(unjudged)} lies farther from what was measured than anything held out"
        return f"{told}: there nothing can be checked."
    return ""


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"


def _pixels(operator: LinearOperator, data: Data) -> Iterator[Tensor]:
    """Those tensors of the data that are pixels with holes between them, (T, C, H, W)."""
    for arrangement, tensor in zip(operator.arrangements(), tensors_of(data), strict=True):
        if isinstance(arrangement, Pixels) and tensor.ndim == 4:
            yield tensor
