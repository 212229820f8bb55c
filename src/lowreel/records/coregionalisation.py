"""Optimal interpolation of one variable from itself and from others of the same frames (co-kriging).

What changes of the other variables is taken to go together in space and time as this one's does, but for a factor, and
with a correlation to it: the intrinsic model of coregionalisation. What stands still of them says nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..baselines.optimal_interpolation import optimal_interpolation

if TYPE_CHECKING:
    from .methods import Section

MOST_CORRELATION = 0.98
"""Of two variables without their noise, at most."""

LEAST_TOGETHER = 50
"""Places at which both were measured, below which two variables are taken for unrelated."""


def interpolated_together(section: Section) -> np.ndarray:
    """The centred values where wanted, NaN elsewhere, (T, H, W) float32."""
    every = (section, *section.others)
    change = float(section.covariance.variances[1:].sum())
    factors = [1.0, *(np.sqrt(change / _changing(other)) for other in section.others)]
    fields = [section.centred, *(other.anomalies * f for other, f in zip(section.others, factors[1:], strict=True))]
    noise = [one.noise * f**2 for one, f in zip(every, factors, strict=True)]
    wanted = [section.wanted, *(np.zeros_like(section.wanted) for _ in section.others)]
    coupling = np.stack([_still(len(every))] + [correlations(every)] * (len(section.covariance.variances) - 1))
    found = optimal_interpolation(
        _interleaved(fields),
        _interleaved([one.known for one in every]),
        np.repeat(section.times, len(every)),
        _interleaved(wanted),
        section.covariance,
        _interleaved(noise),
        section.points,
        coupling,
    )
    return found.mean[:: len(every)]


def correlations(every: tuple[Section, ...]) -> np.ndarray:
    """Of the anomalies of each pair of variables without their noise, where both were measured; (V, V), positive
    definite."""
    found = np.eye(len(every))
    for i, one in enumerate(every):
        for k, other in enumerate(every[:i]):
            both = one.known & other.known
            if both.sum() < LEAST_TOGETHER:
                continue
            product = float((one.anomalies[both] * other.anomalies[both]).mean(dtype=np.float64))
            ratio = product / np.sqrt(_changing(one) * _changing(other))
            found[i, k] = found[k, i] = np.clip(ratio, -MOST_CORRELATION, MOST_CORRELATION)
    values, vectors = np.linalg.eigh(found)
    mended = vectors @ np.diag(np.maximum(values, (1 - MOST_CORRELATION) / len(every))) @ vectors.T
    size = np.sqrt(mended.diagonal())
    return np.asarray(mended / size[:, None] / size)


def _changing(section: Section) -> float:
    """Variance of the anomalies without their noise."""
    spread = float(np.square(section.anomalies[section.known], dtype=np.float64).mean())
    return float(max(spread - float(section.noise[section.known].mean()), 0.05 * spread, 1e-30))


def _still(count: int) -> np.ndarray:
    alone = np.zeros((count, count))
    alone[0, 0] = 1
    return alone


def _interleaved(fields: list[np.ndarray]) -> np.ndarray:
    """(T, H, W) each, as the frames of all at one time after each other, (V T, H, W)."""
    return np.stack(fields, 1).reshape(-1, *fields[0].shape[1:])
