"""Noise of the data, never part of the operator: its kinds, what each means for a fit, and data with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from ..errors import InputError
from ..operators.base import LinearOperator
from ..operators.tensors import Data, inner, map_data, tensors_of
from ..settings import DataTerm
from ..system import streams
from ..system.as_tensor import tensor_of
from ..system.form import as_it_came

MOST_PHOTONS = 1e12


class Noise(BaseModel):
    """What is known of the noise of some data; `kind` is its name in files. Sizes are in the units of the data.

    A kind that can be added here has a `seed`, by which it was drawn.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    kind: ClassVar[str]
    data_term: ClassVar[DataTerm]
    """What residuals cost in a fit, unless the settings say otherwise."""
    is_exact: ClassVar[bool] = False
    """Whether every number that is not left out is what A makes of the clip."""

    @property
    def rms(self) -> float | None:
        """Root mean square of the noise; None where it is not known."""
        return None

    def variance(self, found: Data) -> Data | None:
        """Variance of each number, found being what A makes of the clip; None where it is not known."""
        rms = self.rms
        return None if rms is None else map_data(lambda f: torch.full_like(f.abs(), rms**2), found)

    def weights(self, found: Data, entries: Data) -> Data | None:
        """Weights of the squared residuals at these entries, 0 at others: one over the variance, with mean 1.

        None: all alike. found: the data of the present fit.
        """
        return None

    def alive(self, data: Data) -> Data | None:
        """Booleans like the data: what the noise has not put out of use; None: everything."""
        return None

    def scaled(self, factor: float) -> Noise:
        """That of the same data in other units: every number times `factor`."""
        return self

    def entry(self) -> dict[str, Any]:
        """As JSON, for files: its kind and what is known of it."""
        return {"kind": self.kind, **self.model_dump(mode="json", exclude_unset=True)}


class NoNoise(Noise):
    """Exact data."""

    kind = "none"
    data_term = "squared"
    is_exact = True
    level: float = 0.0

    @property
    def rms(self) -> float:
        return 0.0

    def entry(self) -> dict[str, Any]:
        return {"kind": self.kind, "level": self.level}


class WhiteNoise(Noise):
    """sigma: standard deviation; level: the same in units of the operator's row norm, as it was asked for."""

    kind = "white"
    data_term = "squared"
    level: float | None = None
    sigma: float = Field(ge=0, allow_inf_nan=False)
    seed: int | None = None

    @property
    def rms(self) -> float:
        return self.sigma

    def scaled(self, factor: float) -> WhiteNoise:
        return self.model_copy(update={"sigma": self.sigma * factor})


class PoissonNoise(Noise):
    """Counted photons, `photons` where the data is 1; sigma: root mean square of the noise."""

    kind = "poisson"
    data_term = "weighted"
    photons: float = Field(gt=0, allow_inf_nan=False)
    sigma: float = Field(ge=0, allow_inf_nan=False)
    seed: int | None = None

    @property
    def rms(self) -> float:
        return self.sigma

    def variance(self, found: Data) -> Data:
        """found / photons, one photon at least."""
        return map_data(lambda f: (f.detach() * self.photons).clamp_min(1) / self.photons**2, found)

    def weights(self, found: Data, entries: Data) -> Data:
        """See `Noise`. By the data of the present fit: measured data, being noisy, would pull the clip to the dark."""

        def one(f: Tensor, e: Tensor) -> Tensor:
            weights = e / (f.detach() * self.photons).clamp_min(1)
            return weights * (e.sum() / weights.sum().clamp_min(1e-30))

        return map_data(one, found, entries)

    def scaled(self, factor: float) -> PoissonNoise:
        return self.model_copy(update={"photons": self.photons / factor, "sigma": self.sigma * factor})


class SaltAndPepper(Noise):
    """A share of the numbers is the largest or the smallest value of the data."""

    kind = "salt-and-pepper"
    data_term = "l1"
    share: float | None = None
    seed: int | None = None


class DeadColumns(Noise):
    """Some columns of y (its last axis: detectors) say nothing; the rest is exact. columns: their numbers, rising."""

    kind = "dead-columns"
    data_term = "weighted"
    is_exact = True
    columns: tuple[int, ...]
    seed: int | None = None

    @property
    def rms(self) -> float:
        return 0.0

    def alive(self, data: Data) -> Data:
        alive = torch.ones_like(tensors_of(data)[0], dtype=torch.bool)
        alive[..., list(self.columns)] = False
        return alive


class UnknownNoise(Noise):
    """Nothing is known of it."""

    kind = "unknown"
    data_term = "huber"


NOISE_KINDS: dict[str, type[Noise]] = {
    made.kind: made for made in (NoNoise, WhiteNoise, PoissonNoise, SaltAndPepper, DeadColumns, UnknownNoise)
}
"""The kinds of noise by their names in files."""


def as_noise(noise: float | Noise | Mapping[str, Any] | None) -> Noise:
    """Noise of a standard deviation in the units of y (0: exact), of a file's entry, or of None: unknown.

    Raises InputError for a negative number, and an entry of no known kind or without what its kind needs.
    """
    if noise is None:
        return UnknownNoise()
    if isinstance(noise, Noise):
        return noise
    if isinstance(noise, Mapping):
        return _of_entry(noise)
    if not (noise >= 0 and math.isfinite(noise)):
        raise InputError(f"noise: expected a standard deviation of 0 or more, got {noise!r}")
    return WhiteNoise(sigma=float(noise)) if noise else NoNoise()


def _of_entry(entry: Mapping[str, Any]) -> Noise:
    kind = entry.get("kind")
    if kind not in NOISE_KINDS:
        raise InputError(f"noise: expected a kind among {', '.join(NOISE_KINDS)}, got {kind!r}")
    needed = [name for name, field in NOISE_KINDS[kind].model_fields.items() if field.is_required()]
    if lacking := [name for name in needed if name not in entry]:
        raise InputError(f"noise: the entry of {kind} noise lacks {', '.join(lacking)}")
    try:
        return NOISE_KINDS[kind](**{name: value for name, value in entry.items() if name != "kind"})
    except ValidationError as error:
        wrong = error.errors()[0]
        raise InputError(f"noise: {wrong['loc'][0]} of {kind} noise: {wrong['msg']}, got {wrong['input']!r}") from None


Adder = TypeVar("Adder", bound=Callable[..., tuple[Any, Noise]])


def _of_any_library(add: Adder) -> Adder:
    """A function that adds noise to tensors, for data of any library, of which the noisy data is too."""

    @wraps(add)
    def added(y: Any, operator: LinearOperator, **how: Any) -> tuple[Any, Noise]:
        if all(isinstance(t, Tensor) for t in tensors_of(y)):
            return add(y, operator, **how)
        noisy, noise = add(map_data(lambda t: tensor_of(t, "data"), y), operator, **how)
        return as_it_came(y, noisy), noise

    return cast(Adder, added)


@_of_any_library
def add_white_noise(
    y: Any,
    operator: LinearOperator,
    *,
    level: float | None = None,
    snr: float | None = None,
    sigma: float | None = None,
    seed: int = 0,
    first: Sequence[int] | None = None,
) -> tuple[Any, Noise]:
    """Data, of the library of y, with white Gaussian noise, and what there is to say of the noise.

    level: standard deviation in units of the operator's row norm, so that for pixels it is in grey levels; or
    snr: 10 log10(|y|^2 / E|e|^2) in dB; or sigma: standard deviation in the units of y. Entries that observe nothing
    stay zero; complex data gets half the variance in each part. first: of an excerpt of the data, the number of its
    first row in the whole, for each tensor of a stack; the whole then gets the same noise at once or bit by bit.
    Raises InputError for several of them and a negative level.
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
        return y, NoNoise()
    rows = first or [0] * len(known)
    noisy = tuple(t + sigma * _white(t, seed, k, rows[k]) * known[k] for k, t in enumerate(tensors_of(y)))
    known_noise = WhiteNoise(level=float(level), sigma=float(sigma), seed=seed)
    return (noisy if isinstance(y, tuple) else noisy[0]), known_noise


@_of_any_library
def add_poisson_noise(y: Any, operator: LinearOperator, *, photons: float, seed: int = 0) -> tuple[Any, Noise]:
    """Photon noise: data drawn as Poisson(photons y) / photons, so that its variance is y / photons.

    Raises InputError for complex or negative data, which counts nothing, and unless 0 < photons <= MOST_PHOTONS.
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
    counts = PoissonNoise(photons=photons, sigma=sigma, seed=seed)
    return (noisy if isinstance(y, tuple) else noisy[0]), counts


@_of_any_library
def add_salt_and_pepper(y: Any, operator: LinearOperator, *, share: float, seed: int = 0) -> tuple[Any, Noise]:
    """A random share of the informative entries becomes the largest or the smallest value of the data, half each.

    Raises InputError for complex data and unless 0 < share < 1.
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
    return (noisy if isinstance(y, tuple) else noisy[0]), SaltAndPepper(share=share, seed=seed)


@_of_any_library
def add_dead_columns(y: Any, operator: LinearOperator, *, share: float, seed: int = 0) -> tuple[Any, Noise]:
    """A random share of the columns of y (its last axis: detectors) is zero throughout.

    Raises InputError for a stack, which has several detectors, and for a share that leaves none dead or none alive.
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
    return noisy, DeadColumns(columns=tuple(columns), seed=seed)


def _white(like: Tensor, seed: int, member: int, first: int) -> Tensor:
    """Unit white noise in the shape of `like`, one address for each entry of its first axis, counted from `first`."""
    reals = torch.view_as_real(like) if like.is_complex() else like
    rows, width = (reals.shape[0], math.prod(reals.shape[1:])) if reals.ndim else (1, 1)
    numbers = range(first, first + rows)
    drawn = torch.from_numpy(streams.normals(seed, streams.NOISE, member, numbers, width)).reshape(reals.shape)
    return torch.view_as_complex(drawn.contiguous()) / math.sqrt(2) if like.is_complex() else drawn
