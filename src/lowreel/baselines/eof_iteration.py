"""Gaps filled by a few empirical orthogonal functions, the truncated SVD that is computed again until it settles.

The method of DINEOF (Beckers and Rixen, 2003): gaps begin at zero anomaly, the number of functions is chosen by values
that were put aside.
"""

from __future__ import annotations

import numpy as np

ASIDE_SHARE = 0.02
"""Share of the known values by which the number of functions is chosen."""

MOST_MODES = 12
"""Functions that are tried, at most."""

EOF_ITERATIONS = 40
"""Of each number of functions, at most."""

SETTLED_SHARE = 1e-3
"""Change of what is filled in, as a share of the spread of the known values, at which it has settled."""


def eof_iteration(anomalies: np.ndarray, known: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Anomalies (T, H, W) float32 with the unknown ones filled in; known: (T, H, W) bool.

    Pixels that were never known stay at zero. The number of functions is that whose error at 2 % of the known values is
    smallest, from none to 12.
    """
    ever = known.any(0)
    x = np.where(known, anomalies, 0)[:, ever].astype(np.float32)
    seen = known[:, ever]
    aside = seen & (np.random.default_rng(seed).random(seen.shape, np.float32) < ASIDE_SHARE)
    modes = _modes(x, seen & ~aside, aside)
    filled = np.where(seen, x, 0)
    for count in range(1, modes + 1):
        filled = _settled(filled, seen, count)
    clip = np.zeros(known.shape, np.float32)
    clip[:, ever] = filled
    return clip


def _modes(x: np.ndarray, fitted: np.ndarray, aside: np.ndarray) -> int:
    """How many functions give the smallest error at the values that were put aside."""
    if not aside.any():
        return 1
    filled = np.where(fitted, x, 0)
    errors = [float(np.square(x[aside]).mean())]
    for count in range(1, min(len(x) - 1, MOST_MODES) + 1):
        filled = _settled(filled, fitted, count)
        errors.append(float(np.square(filled[aside] - x[aside]).mean()))
        if errors[-1] > 1.2 * min(errors):
            break
    return int(np.argmin(errors))


def _settled(filled: np.ndarray, seen: np.ndarray, count: int) -> np.ndarray:
    """What is not seen replaced by its projection on `count` functions, again and again."""
    spread = float(filled[seen].std()) if seen.any() else 0.0
    for _ in range(EOF_ITERATIONS):
        before = filled
        _, vectors = np.linalg.eigh(filled @ filled.T)
        top = vectors[:, -count:].astype(np.float32)
        filled = np.where(seen, filled, top @ (top.T @ filled))
        if float(np.sqrt(np.square(filled - before).mean())) <= SETTLED_SHARE * spread:
            break
    return filled
