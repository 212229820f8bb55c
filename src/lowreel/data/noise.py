"""Noise of the data, never part of the operator; and what is known of it when a clip is fitted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..operators.base import LinearOperator
from ..operators.tensors import Data, inner, map_data, tensors_of
from ..system import streams

DATA_TERMS = {
    "none": "squared",
    "white": "squared",
    "poisson": "weighted",
    "salt-and-pepper": "l1",
    "dead-columns": "weighted",
    "unknown": "huber",
}
"""Which data term suits a kind of noise."""

NEEDED = {"white": ("sigma",), "poisson": ("photons", "sigma"), "dead-columns": ("columns",)}
"""What a noise entry has to say beside its kind."""

MOST_PHOTONS = 1e12


def add_white_noise(
    y: Data,
    operator: LinearOperator,
    *,
    level: float | None = None,
    snr: float | None = None,
    sigma: float | None = None,
    seed: int = 0,
    first: Sequence[int] | None = None,
) -> tuple[Data, dict[str, Any]]:
    """Data with white Gaussian noise, and the noise entry that goes into its file.

    level: standard deviation in units of the operator's row norm, so that for pixels it is in grey levels; or
    snr: 10 log10(|y|^2 / E|e|^2) in dB; or sigma: standard deviation in the units of y. Entries that observe nothing
    stay zero; complex data gets half the variance in each part. first: of an excerpt of the data, the number of its
    first row in the whole, for each tensor of a stack; the whole then gets the same noise at once or bit by bit. The
    entry holds kind, level, sigma (in the units of y) and seed. Raises InputError for several of them and a negative
    level.
    """
    if sum(given is not None for given in (level, snr, sigma)) != 1:
        raise InputError("noise: give its level or the signal-to-noise ratio, not both")
    known = tensors_of(operator.observed_mask())
    if snr is not None:
        count = sum(int(k.sum()) for k in known)
        sigma = math.sqrt(float(inner(y, y)) / count) * 10 ** (-snr / 20)
        level = sigma / operator.row_norm()
    elif sigma is not None:
        level = sigma / operator.row_norm()
    else:
        assert level is not None
        if not (level >= 0 and math.isfinite(level)):
            raise InputError(f"noise: expected a standard deviation of 0 or more, got {level:g}")
        sigma = level * operator.row_norm()
    if sigma == 0:
        return y, no_noise()
    rows = first or [0] * len(known)
    noisy = tuple(t + sigma * _white(t, seed, k, rows[k]) * known[k] for k, t in enumerate(tensors_of(y)))
    entry = {"kind": "white", "level": float(level), "sigma": float(sigma), "seed": seed}
    return (noisy if isinstance(y, tuple) else noisy[0]), entry


def add_poisson_noise(
    y: Data, operator: LinearOperator, *, photons: float, seed: int = 0
) -> tuple[Data, dict[str, Any]]:
    """Photon noise: data drawn as Poisson(photons y) / photons, so that its variance is y / photons.

    The entry holds kind, photons, sigma (root mean square, in the units of y) and seed. Raises InputError for complex
    or negative data, which counts nothing, and unless 0 < photons <= MOST_PHOTONS.
    """
    if not 0 < photons <= MOST_PHOTONS:
        raise InputError(f"poisson noise: expected photons above 0 and at most {MOST_PHOTONS:g}, got {photons:g}")
    if any(t.is_complex() or float(t.min()) < -1e-6 for t in tensors_of(y)):
        raise InputError(
            f"poisson noise: {operator.kind} gives negative or complex numbers, which are no counts; use --noise"
        )

    def counted(t: Tensor, source: np.random.Generator) -> Tensor:
        rates = np.maximum(t.double().numpy(), 0) * photons
        return torch.from_numpy(source.poisson(rates) / photons).to(t.dtype)

    noisy = tuple(counted(t, streams.generator(seed, streams.NOISE, k)) for k, t in enumerate(tensors_of(y)))
    numbers = sum(int(k.sum()) for k in tensors_of(operator.observed_mask()))
    sigma = math.sqrt(sum(float(t.sum()) for t in tensors_of(y)) / photons / numbers)
    entry = {"kind": "poisson", "photons": photons, "sigma": sigma, "seed": seed}
    return (noisy if isinstance(y, tuple) else noisy[0]), entry


def add_salt_and_pepper(
    y: Data, operator: LinearOperator, *, share: float, seed: int = 0
) -> tuple[Data, dict[str, Any]]:
    """A random share of the informative entries becomes the largest or the smallest value of the data, half each.

    The entry holds kind, share and seed. Raises InputError for complex data and unless 0 < share < 1.
    """
    if not 0 < share < 1:
        raise InputError(f"salt and pepper: expected a share between 0 and 1, got {share:g}")
    if any(t.is_complex() for t in tensors_of(y)):
        raise InputError(f"salt and pepper: {operator.kind} gives complex numbers, which have no largest; use --noise")

    def sprinkled(t: Tensor, known: Tensor, member: int) -> Tensor:
        drawn = torch.from_numpy(streams.uniforms(seed, streams.NOISE, member, t.numel())).reshape(t.shape)
        values = t[known]
        salted = torch.where(drawn < share / 2, values.max(), torch.where(drawn < share, values.min(), t))
        return torch.where(known, salted, t)

    pairs = zip(tensors_of(y), tensors_of(operator.observed_mask()), strict=True)
    noisy = tuple(sprinkled(t, known, k) for k, (t, known) in enumerate(pairs))
    return (noisy if isinstance(y, tuple) else noisy[0]), {"kind": "salt-and-pepper", "share": share, "seed": seed}


def add_dead_columns(y: Data, operator: LinearOperator, *, share: float, seed: int = 0) -> tuple[Data, dict[str, Any]]:
    """A random share of the columns of y (its last axis: detectors) is zero throughout.

    The entry holds kind, columns (their numbers, rising) and seed. Raises InputError for a stack, which has several
    detectors, and for a share that leaves none dead or none alive.
    """
    if isinstance(y, tuple):
        raise InputError("dead columns: the data is of several detectors; measure with each operator alone")
    count = y.shape[-1]
    dead = round(share * count)
    if not 0 < dead < count:
        raise InputError(
            f"dead columns: a share of {share:g} makes {dead} of {count} columns dead; expected some, not all"
        )
    order = np.argsort(streams.raw(seed, streams.NOISE, 0, 0, count), kind="stable")
    columns = sorted(order[:dead].tolist())
    noisy = y.clone()
    noisy[..., columns] = 0
    return noisy, {"kind": "dead-columns", "columns": columns, "seed": seed}


def no_noise() -> dict[str, Any]:
    """The noise entry of data that is exact."""
    return {"kind": "none", "level": 0.0}


def noise_entry(noise: float | Mapping[str, Any] | None) -> dict[str, Any]:
    """The noise entry of a standard deviation in the units of y (0: exact), of an entry itself, or of None: unknown.

    Raises InputError for a negative number and a kind that is not one of DATA_TERMS.
    """
    if noise is None:
        return {"kind": "unknown"}
    if isinstance(noise, Mapping):
        if noise.get("kind") not in DATA_TERMS:
            raise InputError(f"noise: expected a kind among {', '.join(DATA_TERMS)}, got {noise.get('kind')!r}")
        if lacking := [name for name in NEEDED.get(noise["kind"], ()) if name not in noise]:
            raise InputError(f"noise: the entry of {noise['kind']} noise lacks {', '.join(lacking)}")
        return dict(noise)
    if not (noise >= 0 and math.isfinite(noise)):
        raise InputError(f"noise: expected a standard deviation of 0 or more, got {noise!r}")
    return {"kind": "white", "sigma": float(noise)} if noise else no_noise()


def is_exact(noise: Mapping[str, Any]) -> bool:
    """Whether every number that is not left out is what A makes of the clip."""
    return noise["kind"] in ("none", "dead-columns")


def alive_in(noise: Mapping[str, Any], data: Data) -> Data | None:
    """Booleans like the data: what the noise has not put out of use (dead columns); None: everything."""
    if noise["kind"] != "dead-columns":
        return None
    alive = torch.ones_like(tensors_of(data)[0], dtype=torch.bool)
    alive[..., noise["columns"]] = False
    return alive


def weights_of(noise: Mapping[str, Any], found: Data, entries: Data) -> Data | None:
    """Weights of the squared residuals at these entries, 0 at others: one over the variance, with mean 1; None: alike.

    Photons: the variance is found / photons, one photon at least; found: the data of the present fit (that of the
    measured data, being noisy itself, would pull the clip to the dark).
    """
    if noise["kind"] != "poisson":
        return None

    def one(f: Tensor, e: Tensor) -> Tensor:
        weights = e / (f.detach() * noise["photons"]).clamp_min(1)
        return weights * (e.sum() / weights.sum().clamp_min(1e-30))

    return map_data(one, found, entries)


def _white(like: Tensor, seed: int, member: int, first: int) -> Tensor:
    """Unit white noise in the shape of `like`, one address for each entry of its first axis, counted from `first`."""
    reals = torch.view_as_real(like) if like.is_complex() else like
    rows, width = (reals.shape[0], math.prod(reals.shape[1:])) if reals.ndim else (1, 1)
    numbers = range(first, first + rows)
    drawn = torch.from_numpy(streams.normals(seed, streams.NOISE, member, numbers, width)).reshape(reals.shape)
    return torch.view_as_complex(drawn.contiguous()) / math.sqrt(2) if like.is_complex() else drawn
