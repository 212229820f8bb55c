"""Whether a result can be trusted: by its error on held-out data, and by that of the baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from ..analysis.metrics import stated_peak_decibels
from ..data import FEW_NUMBERS
from ..operators import Data, inner, map_data, taken_at, tensors_of
from ..solver.problem import Problem
from .chance import is_chance
from .comparison import Baseline, best_by_heldout
from .coverage import MOST_UNJUDGED_SHARE, caveat, judged_by, unjudged_share, unseen_share
from .fit import SHORT_EPOCHS
from .verdict import Outcome, Verdict, judge, judge_within_noise

UNEXPLAINED_SHARE = 0.25
"""A result may leave this share of the data unexplained, counted beyond a constant clip and beyond the noise;
docs/choices.md tells how it was found."""

FLAT_ENERGY_SHARE = 1e-6
"""Exact data counts as constant where less than this share of its energy is beyond a constant clip."""

REASONS = {
    "fitted": "Likely reasons, the likeliest first: the clip's levels leave [0, 1] (range); the data follows another "
    "convention than the operator (order of axes, origin of image or spectrum, sign, normalisation); it was made by "
    "another operator, or with another seed or mask.",
    "held-out": "It meets what it was fitted to and does not foretell the rest. Likely reasons, the likeliest first: "
    "too few numbers, or too much noise, for this clip; another convention than the operator's; another operator, "
    "seed or mask than the data was made with.",
}


def judged(
    problem: Problem,
    outcome: Outcome,
    epochs: int,
    delivered: Tensor,
    frames: Tensor,
    heldout_db: float,
    compared: Mapping[str, Baseline],
    clip_range: tuple[float, float],
) -> Verdict:
    """`judge`, and what that cannot see: a fit that diverged, too few held-out numbers, holes of a mask that no
    held-out number speaks for, data that the result does not explain, and data that is constant.

    epochs: of the fit; delivered: frames that are delivered, (T, C, H, W), as the representation draws them or refined,
    before they are made to agree with exact data; frames: made in the same way by the fit that the held-out data
    judged; heldout_db: their level there, with peak 1; compared: baselines that have not seen that data
    either; clip_range: lowest and highest grey level of the clip that is delivered, whose difference is the peak of the
    levels in the sentence.
    """
    if outcome.kind == "diverged" and math.isnan(heldout_db):
        return Verdict("do_not_use", "Do not use: the fit diverged before anything was found.")
    count, where = problem.held_count, judged_by(problem)
    are_holes = problem.operator.is_pixel_mask and where != "held-out data"
    beyond = _beyond_constant(problem)
    shares = {"fitted": unexplained(problem, delivered, problem.fitted, beyond)}
    held = None
    if problem.heldout is not None and count >= FEW_NUMBERS:
        held = unexplained(problem, frames, problem.heldout, beyond)
        shares |= {} if are_holes else {"held-out": held}  # a hole may hide what no data foretells
    wrong = {what: s.share for what, s in shares.items() if s and s.share - s.chance > UNEXPLAINED_SHARE}
    if wrong:
        return _misfit(wrong, problem, outcome.kind == "stopped" or epochs < SHORT_EPOCHS)
    if count < FEW_NUMBERS:
        told = f"Nothing can be said: only {count} numbers were held out. Look at the clip, or use more data."
        return Verdict("unknown", told)
    found = _compared(problem, frames, heldout_db, compared, stated_peak_decibels(*clip_range))
    is_flat = problem.noise.is_exact and beyond.said <= beyond.doubt
    if heldout_db == math.inf or is_flat:
        told = "the numbers are met exactly, as those of a constant clip are by any method; look at the clip."
        return Verdict("undecided", f"Undecided: {told}")
    if found.kind in ("use", "use_with_care") and held and held.share > UNEXPLAINED_SHARE:
        told = f"on {_counted(problem)} it misses {min(held.share, 1):.0%} of what the data says"
        return Verdict("undecided", f"Undecided: {told} beyond a constant clip; look at it, or use a larger --heldout.")
    unjudged = unjudged_share(problem)
    if unjudged > MOST_UNJUDGED_SHARE and found.kind != "unknown":
        told = "what was held out lies nearer to measured pixels than most of what is missing; look at the clip."
        return Verdict("undecided", f"Undecided: {told}")
    return found.with_more(caveat(unseen_share(problem.operator, problem.known), unjudged))


def _compared(
    problem: Problem, frames: Tensor, heldout_db: float, compared: Mapping[str, Baseline], peak: float
) -> Verdict:
    """The verdict by the baselines. frames, heldout_db, compared: as in `judged`; peak: that of the levels, in dB."""
    best, where = best_by_heldout(compared), judged_by(problem)
    levels = {name: baseline.heldout_db + peak for name, baseline in compared.items()}
    if best is None:
        return judge(heldout_db + peak, levels, "", where)
    own, other = (problem.heldout_terms(clip) for clip in (frames, compared[best].clip))
    errors, chance = [float(terms.double().sum()) for terms in (own, other)], is_chance(other - own)
    if all(map(problem.is_noise, errors)):
        return judge_within_noise(best, errors[0] < errors[1], chance or errors[0] == errors[1], where)
    return judge(heldout_db + peak, levels, _counted(problem) if chance else "", where)


def _counted(problem: Problem) -> str:
    """What a result is judged by, in words with a number."""
    where = judged_by(problem)
    return f"{problem.held_count} held-out numbers" if where == "held-out data" else where


def _misfit(wrong: Mapping[str, float], problem: Problem, is_short: bool) -> Verdict:
    """The verdict on a result that misses these shares of its data; is_short: whether more epochs may help."""
    told = " and ".join(f"{min(share, 1):.0%} of what the {what} numbers say" for what, share in wrong.items())
    told = f"the result does not explain the data; it misses {told} beyond a constant clip."
    short = "The fit was short: give it more epochs or time first. " if is_short else ""
    reasons = short + REASONS[next(iter(wrong))]
    if problem.noise.rms is None:
        return Verdict("undecided", f"Undecided: {told} The noise, which is not known, may be that large. {reasons}")
    return Verdict("do_not_use", f"Do not use: {told} {reasons}")


class Unexplained(NamedTuple):
    """A share of the data, and how much of it may be chance: two standard errors."""

    share: float
    chance: float


class BeyondConstant(NamedTuple):
    """What the known numbers say beyond the nearest constant clip and the noise, a mean over them; and how much of it
    may be rounding and chance."""

    said: float
    doubt: float


def unexplained(problem: Problem, clip: Tensor, entries: Data, beyond: BeyondConstant) -> Unexplained | None:
    """Share of what the data says beyond a constant clip that a clip leaves unexplained at these entries.

    clip: (T, C, H, W) in [0, 1]; beyond: of the problem. Noise of known size apart. 0: all is explained; 1: the clip is
    no nearer than a constant one. Residuals count as in `Problem.validation_loss`. None where the data says no more
    than a constant clip and the noise.
    """
    said, doubt = beyond
    if said <= doubt:
        return None
    missed = _residuals(problem, _made(problem, clip, entries), entries)
    chance = 2 * float(missed.std(correction=0)) / math.sqrt(len(missed))
    return Unexplained(max(float(missed.mean(dtype=torch.float64)), 0.0) / said, chance / said)


def _beyond_constant(problem: Problem) -> BeyondConstant:
    known = problem.known
    ones = _made(problem, torch.ones(1).expand(problem.operator.clip_shape), known)
    data = taken_at(known, problem.data)
    grey = float(inner(ones, data)) / max(float(inner(ones, ones)), 1e-30)
    said = _residuals(problem, map_data(lambda o: grey * o, ones), known)
    noise = 4 * (problem.noise.rms or 0.0) ** 2 * math.sqrt(2 / len(said))
    energy = sum(float(y.abs().square().sum(dtype=torch.float64)) for y in tensors_of(data))
    rounding = FLAT_ENERGY_SHARE * energy / len(said)
    return BeyondConstant(float(said.mean(dtype=torch.float64)), rounding + noise)


def _residuals(problem: Problem, found: Data, entries: Data) -> Tensor:
    """What the residuals of these entries cost, beyond the variance of the noise where that is known; (N,).

    found: what A makes of a clip at these entries alone, (n,) for each tensor of the data.
    """
    pairs = zip(tensors_of(found), tensors_of(taken_at(entries, problem.data)), strict=True)
    cost = torch.cat([problem.validation_loss(f - y) for f, y in pairs])
    variance = problem.noise.variance(found)
    return cost if variance is None else cost - torch.cat(tensors_of(variance))


def _made(problem: Problem, clip: Tensor, entries: Data) -> Data:
    """What A makes of a clip at these entries, (n,) for each tensor of the data; of pixels without a copy of all."""
    return taken_at(entries, clip if problem.operator.is_pixel_mask else problem.operator(clip))
