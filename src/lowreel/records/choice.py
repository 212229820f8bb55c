"""What the gaps are filled by, and how sure that is: chosen by gaps cut into what was measured.

Some measured values are hidden under gaps of other frames, all methods fill them, and the errors decide: the best
method, or a weighted mean of several, whose weights go with the distance to the nearest measured pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from ..baselines.optimal_interpolation import TILE
from ..data.hole_cutting import cut_holes
from .methods import BACKGROUND, JOINT, OPTIMAL, Section, predictions

SPLITS = 2
"""How often other values are hidden."""

HIDDEN_SHARE = 0.2
"""Share of the measured values that is hidden each time."""

KNOTS = (0.1, 0.5, 0.9)
"""Quantiles of the distances of hidden pixels at which the weights of the mean are their own."""

MOST_VALUES = 100_000
"""Hidden values of a split that are used, about, at most: those of tiles that are drawn at random."""

SHRINKAGE = 0.1
"""How much the weights of the mean are held to the best method alone, as a share of what the data says of them."""

MOST_WEIGHT = 1.25
"""Sum of the weights at a distance, at most: few hidden values far from data may ask for any, and be wrong."""

WEIGHTED_MEAN = "weighted mean"

MEAN_ALLOWANCE = 0.05
"""By how much the weighted mean may seem worse than the best method and be delivered: the weights that are judged are
fitted to half of the hidden values, those that are delivered to all (docs/choices.md)."""

COVERED = 0.95
"""Share of the hidden values that are within twice the standard deviation."""


@dataclass(frozen=True)
class Choice:
    """weights: (methods, knots), of the anomalies of each at these distances. deviation: coefficients of `variances`.

    errors: root mean square error at hidden values by method, that of the weighted mean cross-fitted between splits.
    delivered: the name of the best. noise: standard deviation of the noise. hidden: how many values judged.
    """

    names: tuple[str, ...]
    knots: np.ndarray
    weights: np.ndarray
    deviation: np.ndarray
    delivered: str
    errors: dict[str, float] = field(default_factory=dict)
    noise: float = 0.0
    hidden: int = 0

    @property
    def expected_error(self) -> float:
        """Root mean square error of what is delivered, at the values that were hidden."""
        return self.errors.get(self.delivered, float("nan"))

    @property
    def used(self) -> tuple[str, ...]:
        """The methods that take part in what is delivered."""
        parts = zip(self.names, self.weights, strict=True)
        return tuple(name for name, w in parts if w.any() and name != BACKGROUND)

    @property
    def is_joint(self) -> bool:
        """Whether other variables take part in what is delivered."""
        return any(name in JOINT for name in self.used)

    def filled(self, found: dict[str, np.ndarray], distances: np.ndarray) -> np.ndarray:
        """Anomalies (n,) by the methods that are used, mixed by distance."""
        basis = hats(distances, self.knots)
        parts = zip(self.names, self.weights, strict=True)
        mixed = [found[name] * (basis @ w) for name, w in parts if name in self.used]
        return np.asarray(sum(mixed, np.zeros(len(distances))), np.float32)

    def deviations(self, filled: np.ndarray, found: dict[str, np.ndarray], variance: np.ndarray) -> np.ndarray:
        """Standard deviation of measured values around what is filled in, (n,)."""
        used = [found[name] for name in self.used]
        spread: np.ndarray = np.sqrt(variances(filled, used, variance) @ self.deviation)
        return spread


@dataclass(frozen=True)
class _Trial:
    """Hidden values of one split: true anomalies, those of each method, distances, variance by the covariance."""

    truth: np.ndarray
    found: dict[str, np.ndarray]
    distances: np.ndarray
    variance: np.ndarray


Tell = Callable[[float], None]
"""Told which share of something is done, 0 to 1."""


def chosen(section: Section, names: Sequence[str], tell: Tell | None = None) -> Choice:
    """The best of these methods and of their weighted mean, by SPLITS sets of hidden values of a section."""
    trials = _trials(section, names, tell)
    noise = float(np.sqrt(section.covariance.noise))
    if not trials:
        return _unjudged(section, noise)
    errors = {name: _rms([trial.truth - trial.found[name] for trial in trials]) for name in names}
    distances = np.concatenate([trial.distances for trial in trials])
    finite = distances[np.isfinite(distances)]
    knots = np.unique(np.quantile(finite, KNOTS)) if len(finite) else np.zeros(1)
    crossed = [_weights([t for t in trials if t is not trial] or trials, names, knots) for trial in trials]
    mixes = [Choice(tuple(names), knots, w, np.zeros(3), WEIGHTED_MEAN) for w in crossed]
    mixed = [mix.filled(trial.found, trial.distances) for mix, trial in zip(mixes, trials, strict=True)]
    if len(trials) > 1:  # else the weights would be judged by what they were fitted to
        errors[WEIGHTED_MEAN] = _rms([trial.truth - m for trial, m in zip(trials, mixed, strict=True)])
    best = min(errors, key=lambda name: errors[name] * (1 - MEAN_ALLOWANCE if name == WEIGHTED_MEAN else 1))
    if best == WEIGHTED_MEAN:
        weights = _weights(trials, names, knots)
    else:
        weights = np.array([[float(name == best)] * len(knots) for name in names])
        mixed = [trial.found[best] for trial in trials]
    choice = Choice(tuple(names), knots, weights, np.zeros(3), best, errors, noise, len(distances))
    return replace(choice, deviation=_deviation(choice, trials, mixed))


def hidden_values(section: Section, number: int) -> np.ndarray | None:
    """Measured values under whole gaps of other frames, (T, H, W) bool, others for each number; None: no gap fits."""
    draw, ever = np.random.default_rng(section.seed + number), np.asarray(section.known.any(0))
    return cut_holes(section.known, HIDDEN_SHARE, draw, section.centred, inside=ever, whole=True)


def _trials(section: Section, names: Sequence[str], tell: Tell | None) -> list[_Trial]:
    """What the methods make of SPLITS sets of hidden values, none of which is in two of them."""
    trials, taken = [], np.zeros_like(section.known)
    for k in range(SPLITS):
        hidden = hidden_values(section, k)
        if hidden is None:
            continue
        hidden &= ~taken
        taken |= hidden
        trial = _tried(section, names, hidden, section.seed + k, None if tell is None else partial(_of_all, tell, k))
        trials += [] if trial is None else [trial]
    return trials


def _of_all(tell: Tell, number: int, share: float) -> None:
    tell((number + share) / SPLITS)


def _unjudged(section: Section, noise: float) -> Choice:
    """Optimal interpolation with the deviation that its covariance gives: nothing could be hidden."""
    return Choice((OPTIMAL,), np.zeros(1), np.ones((1, 1)), np.array([1.0, 0.0, section.covariance.noise]), OPTIMAL)


def _tried(
    section: Section, names: Sequence[str], hidden: np.ndarray, seed: int, tell: Tell | None = None
) -> _Trial | None:
    """What the methods make of values that they do not see; None where nothing is hidden."""
    fitted = section.known & ~hidden
    count = int(hidden.sum())
    if not count or not fitted.any():
        return None
    wanted = hidden & _drawn(hidden.shape, MOST_VALUES / count, seed)
    if not wanted.any():
        return None
    others = tuple(_without(other, section.known, hidden, seed) for other in section.others)
    trial = replace(
        section, known=fitted, wanted=wanted, given=section.covariance, edges=section.beside_gaps, others=others
    )
    found = predictions(trial, names, tell)
    truth = (section.values - trial.background.clip)[wanted]
    return _Trial(truth, found, trial.distances[wanted], trial.variance)


def _without(other: Section, known: np.ndarray, hidden: np.ndarray, seed: int) -> Section:
    """Another variable as it is where the first has holes: hidden there too, in as many frames as it is in the gaps of
    the first, or it would seem to tell more of these than it can."""
    gaps = ~known & known.any(0)
    share = float((~other.known[gaps]).mean()) if gaps.any() else 0.0
    frames = np.random.default_rng(seed).random(len(known)) < share
    there = other.known & ~(hidden & frames[:, None, None])
    return replace(other, known=there, given=other.covariance, edges=other.beside_gaps)


def _drawn(shape: tuple[int, ...], share: float, seed: int) -> np.ndarray:
    """A share of the tiles that optimal interpolation fills at once, as a mask (T, H, W)."""
    frames, height, width = shape
    tiles = np.random.default_rng(seed).random((frames, -(-height // TILE), -(-width // TILE)), np.float32) < share
    return tiles.repeat(TILE, 1).repeat(TILE, 2)[:, :height, :width]


def variances(filled: np.ndarray, others: Sequence[np.ndarray], variance: np.ndarray) -> np.ndarray:
    """What the variance is made of, (n, 3): that of the covariance, where methods disagree, the same everywhere."""
    apart = np.mean([np.square(other - filled) for other in others], 0) if others else np.zeros(len(filled))
    return np.stack([variance, apart, np.ones(len(filled))], 1)


def hats(distances: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """How much each knot counts at these distances, (n, knots): linear between them, constant beyond."""
    return np.stack([np.interp(distances, knots, unit) for unit in np.eye(len(knots))], 1)


def _weights(trials: Sequence[_Trial], names: Sequence[str], knots: np.ndarray) -> np.ndarray:
    """Weights (methods, knots), none negative, with which the mean has the least squares of errors; held to the best
    method by SHRINKAGE, because values of few gaps tell little of many weights."""
    from scipy.optimize import nnls

    truth = np.concatenate([trial.truth for trial in trials])
    basis = hats(np.concatenate([trial.distances for trial in trials]), knots)
    found = np.stack([np.concatenate([trial.found[name] for trial in trials]) for name in names], 1)
    columns = (found[:, :, None] * basis[:, None]).reshape(len(truth), -1).astype(np.float64)
    gram, right = columns.T @ columns, columns.T @ truth
    best = np.square(found - truth[:, None]).mean(0).argmin()
    alone = np.repeat(np.arange(len(names)) == best, len(knots))
    held = SHRINKAGE * gram.diagonal() + 1e-6 * (np.trace(gram) / len(gram) + 1e-30)
    # Non-negative least squares of the normal equations' Cholesky factor: as many rows as columns.
    factor, right = np.linalg.cholesky(gram + np.diag(held)), right + held * alone
    weights = nnls(factor.T, np.linalg.solve(factor, right))[0].reshape(len(names), len(knots))
    weights /= np.maximum(weights.sum(0) / MOST_WEIGHT, 1)
    return np.where(weights < 0.02 * weights.sum(0).max(initial=1e-9), 0, weights)


def _deviation(choice: Choice, trials: Sequence[_Trial], mixed: Sequence[np.ndarray]) -> np.ndarray:
    """Coefficients of `variances` that fit the squared errors, scaled so that COVERED of them are within twice."""
    from scipy.optimize import nnls

    parts, squares = [], []
    for trial, filled in zip(trials, mixed, strict=True):
        parts.append(variances(filled, [trial.found[name] for name in choice.used], trial.variance))
        squares.append(np.square(trial.truth - filled))
    part, square = np.concatenate(parts), np.concatenate(squares).astype(np.float64)
    floor = 0.05 * float(square.mean()) + 1e-30
    found = np.array([0.0, 0.0, float(square.mean())])
    for _ in range(4):  # squared errors vary as their own square does
        size = part @ found + floor
        found = nnls(part / size[:, None], square / size)[0]
    found[2] += floor
    reach = float(np.quantile(np.sqrt(square / (part @ found)), COVERED))
    scaled: np.ndarray = found * (reach / 2) ** 2
    return scaled


def _rms(parts: Sequence[np.ndarray]) -> float:
    return float(np.sqrt(np.square(np.concatenate(parts), dtype=np.float64).mean()))
