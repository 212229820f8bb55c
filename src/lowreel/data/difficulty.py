"""How much harder the gaps of a clip are to fill than what is held out of it, as far as a simple guess foretells it.

Of a small clip few things move, and whether held-out holes hide them is luck that all methods share. A guess, a
straight line in time, costs next to nothing: so it is tried under holes that are drawn several times, its error is told
from what is known around each pixel, and by that it is foretold at the gaps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..operators.base import LinearOperator
from ..operators.tensors import Data, tensors_of
from ..system import streams
from .distances import Booleans, Places, Values, are_scattered, change_at, sampled
from .hole_cutting import cut_holes

DRAWINGS, FEWER_PROPOSALS, DRAWN_PIXELS = 16, 3, 2**16
"""How often other holes are drawn; among how many each next one is chosen; and the pixels of the clip in which they
are, at most: of a larger one every n-th row and column."""

GUESSED_POINTS = 4096
"""Pixels by which each drawing, and the gaps, are told, at most."""

LEAST_CHANGE = 0.01
"""Grey levels that count as no change."""

RIDGE, STEPS = 0.1, 30
"""Weight of the squared slopes, and Newton steps, of the fit that tells errors from what is known around."""

MOST_FACTOR = 100.0
"""How much harder, or easier, gaps are taken to be at most."""

MOST_LOGARITHM = 12.0
"""Of an error over the mean one, in that fit."""

FIRST_STREAM = 2**16
"""Of random numbers: beyond those of the members of a stack, which draw what is held out."""

Floats = NDArray[np.float64]


def gap_factor(
    operator: LinearOperator, data: Data, known: Data, heldout: Data, seed: int = 0, *, sigma: float = 0.0
) -> float:
    """How many times larger the squared error of the guess is at the gaps of a mask than at the held-out pixels, as
    foretold with seeded drawings.

    data: pixels with grey levels in [0, 1]; known, heldout: booleans like it; sigma: standard deviation of white noise
    in the data, whose part is taken off the guess's errors. Of channels with gaps of their own the mean. 1 where the
    data is no pixels, where what is missing is scattered, and where it cannot be told: where the guess is off by no
    more than noise may be.
    """
    if not (operator.is_pixel_mask and isinstance(data, Tensor) and data.ndim == 4):
        return 1.0
    masks, held = tensors_of(known)[0], tensors_of(heldout)[0]
    rows = operator.repeated_rows((masks,))[0]
    alike = torch.equal(masks, masks[:, :1].expand_as(masks))
    step = math.ceil(math.sqrt(masks[:, 0].numel() / DRAWN_PIXELS))
    values, thin, holes = (tensor[..., ::step, ::step] for tensor in (data, masks, held))
    factors = []
    for channel in range(1 if alike else masks.shape[1]):
        if are_scattered(masks[:, channel].cpu().numpy()):
            factors.append(1.0)
            continue
        levels = values.mean(1) if alike else values[:, channel]
        own, under = (entries[:, channel].cpu().numpy() for entries in (thin, holes))
        draw = streams.generator(seed, streams.HELDOUT, FIRST_STREAM + channel)
        noise = sigma / math.sqrt(values.shape[1]) if alike else sigma
        factors.append(_factor(levels.float().cpu().numpy(), own, under, rows, draw, noise))
    return float(np.mean(factors))


def _factor(
    values: Values, known: Booleans, held: Booleans, rows: int, draw: np.random.Generator, sigma: float
) -> float:
    """The same of one mask, (T, H, W) each. rows: frames after which the mask, and what is held out, is repeated.

    sigma: of the noise in the values, whose part is taken off each squared error, which may then be below 0: a floor
    under each would raise their means.
    """
    if not held.any() or known.all() or not (known & ~held).any():
        return 1.0
    share = held.sum() / known.sum()
    drawn = (cut_holes(known[:rows], share, draw, values[:rows], proposals=FEWER_PROPOSALS) for _ in range(DRAWINGS))
    others = [np.resize(holes, known.shape) & known for holes in drawn if holes is not None]
    each = [_guessed(values, known & ~holes, holes, draw) for holes in (held, *others)]
    errors = [np.square(guess.levels - values[guess.places]) - sigma**2 * (1 + guess.noise) for guess in each]
    all_of_them, around = np.concatenate(errors), np.concatenate([guess.around for guess in each])
    own = float(errors[0].mean())
    if not _is_told(own, each[0], sigma) or all_of_them.mean() <= 0:
        return 1.0
    foretell = _told_by(around, all_of_them)
    gaps = _guessed(values, known, ~known, draw).around.clip(around.min(0), around.max(0))
    harder = float(all_of_them.mean() / own * foretell(gaps).mean() / foretell(around).mean())
    return min(max(harder, 1 / MOST_FACTOR), MOST_FACTOR)


@dataclass(frozen=True)
class _Guess:
    """A guess at pixels that are not fitted.

    levels: (n,); around: what is known around each that foretells its error, (n, 3); noise: variance of the guess in
    units of that of the values, (n,); places: which pixels these are, of many those that are drawn.
    """

    levels: Floats
    around: Floats
    noise: Floats
    places: Places


def _is_told(own: float, guess: _Guess, sigma: float) -> bool:
    """Whether a mean squared error is more than chance leaves of white noise that was taken off, by two deviations."""
    variances = np.square(sigma**2 * (1 + guess.noise))
    return own > 2 * math.sqrt(2 * float(variances.sum())) / len(variances)


def _guessed(values: Values, fitted: Booleans, where: Booleans, draw: np.random.Generator) -> _Guess:
    """A guess at pixels that are not fitted.

    It lies on the straight line between the nearest frames that know the pixel; where none does it is the nearest known
    pixel of the frame, or else the mean of what is known. Its error is foretold by the logarithms of its
    difference from that nearest pixel, of the difference of the two ends of the line, and of how much changes around.
    """
    places = times, rows, columns = sampled(where, GUESSED_POINTS, draw)
    count = len(values)
    seen: Booleans = fitted[:, rows, columns]
    steps = np.arange(count)[:, None] - times
    before = np.where(seen & (steps < 0), steps, -count).max(0)
    after = np.where(seen & (steps > 0), steps, count).min(0)
    has_first, has_last = before > -count, after < count
    first = values[np.maximum(times + before, 0), rows, columns]
    last = values[np.minimum(times + after, count - 1), rows, columns]
    has_both = has_first & has_last
    share = np.where(has_both, -before / (after - before), has_last)
    guess, noise = first + share * (last - first), share**2 + (1 - share) ** 2
    near = _nearest(values, fitted, places)
    guess = np.where(has_first | has_last, guess, near)
    noise = np.where(np.isnan(guess), 0.0, noise)
    guess = np.where(np.isnan(guess), values[fitted].mean(), guess)
    near = np.where(np.isnan(near), guess, near)
    apart = np.where(has_both, last - first, 0.0)
    changes = (guess - near, apart, change_at(values, fitted, places))
    return _Guess(guess, np.stack([np.log(np.abs(change) + LEAST_CHANGE) for change in changes], 1), noise, places)


def _nearest(values: Values, fitted: Booleans, places: Places) -> Floats:
    """The nearest fitted pixel of the frame of each of these, (n,); not a number where it has none."""
    from scipy.ndimage import distance_transform_edt

    times, rows, columns = places
    found = np.full(len(times), np.nan)
    for t in np.unique(times):
        if fitted[t].any():
            at = times == t
            down, right = distance_transform_edt(~fitted[t], return_distances=False, return_indices=True)
            found[at] = values[t, down[rows[at], columns[at]], right[rows[at], columns[at]]]
    return found


def _told_by(around: Floats, errors: Floats) -> Callable[[Floats], Floats]:
    """A function from what is known around pixels, (n, 3), to the squared error there, up to a factor: the exponential
    of a linear one that suits these errors, (n,), counted as Poisson numbers are, so that no few large ones decide."""
    middle, spread = around.mean(0), around.std(0) + 1e-6

    def columns(x: Floats) -> Floats:
        return np.concatenate([np.ones((len(x), 1)), (x - middle) / spread], 1)

    def foretold(x: Floats, slopes: Floats) -> Floats:
        return np.asarray(np.exp((columns(x) @ slopes).clip(-MOST_LOGARITHM, MOST_LOGARITHM)), np.float64)

    of_all, wanted = columns(around), errors / errors.mean()
    ridge = RIDGE * np.diag([0.0, *np.ones(around.shape[1])])
    slopes = np.zeros(of_all.shape[1])
    for _ in range(STEPS):
        rate = foretold(around, slopes)
        down = of_all.T @ (wanted - rate) / len(wanted) - ridge @ slopes
        bend = (of_all.T * rate) @ of_all / len(wanted) + ridge
        slopes += np.linalg.solve(bend + 1e-9 * np.eye(len(bend)), down).clip(-1, 1)
    return partial(foretold, slopes=slopes)
