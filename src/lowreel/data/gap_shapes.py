"""Held-out entries that are shaped like what is missing: gaps of other frames laid over observed pixels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEAST_LEFT_SHARE = 0.2
"""Share of the observed pixels of a frame that stay, unless the frame is hidden whole as others are missing whole."""

LEAST_HIDDEN_SHARE = 0.01
"""Share of a frame's observed pixels below which a gap, as it lies, hides too little: it is moved and turned then."""

DONOR_FRAMES = 8
"""How many places and turns of a gap are tried."""


def shaped_like(mask: Tensor, share: float, seed: int = 0) -> Tensor:
    """Booleans (T, 1, H, W): about `share` of the observed pixels, in holes of the shapes that the real gaps have.

    mask: (T, 1, H, W) bool, True where a pixel was observed. Frames are taken in random order, and over each the gap
    of another one is laid, moved and turned where it would hide next to nothing, until the share is reached. A frame is
    hidden whole where the other one is missing whole. All False where nothing is missing, or nothing can be hidden.
    """
    observed = mask[:, 0].cpu().numpy().astype(bool)
    rng = np.random.default_rng(seed)
    hidden = np.zeros_like(observed)
    total, ever = observed.sum(), np.asarray(observed.any(0))
    for t in rng.permutation(len(observed)):
        if hidden.sum() >= share * total or not observed[t].any():
            continue
        hidden[t] = _hole(observed, int(t), ever, rng)
    return torch.from_numpy(hidden)[:, None]


def _hole(observed: NDArray[np.bool_], t: int, ever: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """What is hidden of a frame, (H, W): the gap of another frame, or nothing where no gap of others fits."""
    here = observed[t]
    others = [int(k) for k in rng.permutation(len(observed)) if k != t] or [t]
    best: NDArray[np.bool_] = np.zeros_like(here)
    for k in others[:DONOR_FRAMES]:
        missing = ever & ~observed[k]
        if not observed[k].any() and observed.any((1, 2)).sum() > 2:
            return np.array(here, dtype=np.bool_)  # whole frames are missing: this one is hidden whole
        for hole in (missing, _moved(missing if missing.any() else ~observed[k], rng)):
            found: NDArray[np.bool_] = here & hole
            if found.sum() > (1 - LEAST_LEFT_SHARE) * here.sum():
                continue
            if found.sum() >= LEAST_HIDDEN_SHARE * here.sum():
                return found
            best = found if found.sum() > best.sum() else best
    return best


def _moved(hole: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The hole at another place, mirrored at random; what leaves on one side comes in on the other."""
    turned = hole[:: rng.choice([1, -1]), :: rng.choice([1, -1])]
    shift = tuple(int(rng.integers(1, max(n, 2))) for n in hole.shape)
    moved: NDArray[np.bool_] = np.roll(turned, shift, (0, 1))
    return moved
