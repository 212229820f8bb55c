"""The problem that a fit solves: data, operator, generator, and what is known of the frames."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from ..data import Noise, NoNoise, WhiteNoise, gap_factor, holes
from ..errors import InputError
from ..model.generators import Generator
from ..operators import Data, LinearOperator, count_of, map_data, project_onto_data, taken_at, tensors_of
from ..operators.arrangement import Lines, Ordered
from ..settings import DataTerm
from .losses import JUDGED_SPREAD_PERCENT, data_fidelity, residual_terms
from .probe import energy_seen, gap_share, levelling, member_weights, natural_probe, scale_of

FOLLOWED_SHARE = 0.25
"""Of the noise that is lacking in the residuals of fitted samples of a spectrum, the share that counts as error
(docs/choices.md)."""


@dataclass(frozen=True)
class Problem:
    """Data, the operator that made it, the generator to start from, and what is known of the frames.

    heldout: booleans like the data, entries that are followed but never fitted; None holds out nothing; is_own_holdout:
    whether a user has chosen them. times: seconds of the frames, (T,). sequences: lengths of stretches without a cut.
    beta: weights of eq. (6). rank_of: whether a rank that is wanted is that of all codes together, or of those of each
    sequence. start: first codes, (T, K), of a fit that goes on from another one's generator; None draws them. motion:
    of a camera, (T, 6), as codes that have one begin. noise: entries that it has destroyed are not used at all.
    data_term: what residuals cost in the fit, see `residual_terms`; "weighted" is the square over the variance that the
    noise has at A G(z).
    """

    data: Data
    operator: LinearOperator
    generator: Generator
    times: Tensor
    heldout: Data | None = None
    sequences: tuple[int, ...] = ()
    beta: Tensor | None = None
    start: Tensor | None = None
    motion: Tensor | None = None
    noise: Noise = field(default_factory=NoNoise)
    data_term: DataTerm = "squared"
    seed: int = 0
    is_own_holdout: bool = False
    rank_of: Literal["all", "each"] = "all"

    def __post_init__(self) -> None:
        self.operator.checked_data(self.data)
        frames, *shape = self.operator.clip_shape
        if tuple(shape) != self.generator.frame_shape:
            raise InputError(
                f"generator: it makes frames (C, H, W) = {self.generator.frame_shape}, the data is of {tuple(shape)}; "
                "use --generator decoder, which takes any size, or resize the clip"
            )
        if self.sequences and sum(self.sequences) != frames:
            raise InputError(f"sequences: their lengths {self.sequences} should add up to the {frames} frames")
        if self.beta is not None and len(self.beta) != frames - 1:
            expected = f"one weight for each of {frames - 1} pairs of frames"
            raise InputError(f"beta: expected {expected}, got {len(self.beta)}")
        wanted = (frames, self.generator.code_dim)
        if self.start is not None and tuple(self.start.shape) != wanted:
            raise InputError(f"start: expected codes of shape {wanted}, got {tuple(self.start.shape)}")

    @property
    def device(self) -> torch.device:
        """Where the fit is computed."""
        return tensors_of(self.data)[0].device

    def on(self, device: torch.device) -> Problem:
        """The same problem on a device, all but the times; itself where it is there."""
        if self.device.type == device.type:
            return self

        def moved(data: Any) -> Any:
            return None if data is None else map_data(lambda t: t.to(device), data)

        return replace(
            self,
            data=moved(self.data),
            operator=self.operator.on(device),
            generator=copy.deepcopy(self.generator).to(device),
            heldout=moved(self.heldout),
            beta=moved(self.beta),
            start=moved(self.start),
            motion=moved(self.motion),
        )

    @cached_property
    def known(self) -> Data:
        """Booleans like the data: the entries that say something of the clip and that the noise has not destroyed."""
        alive = self.noise.alive(self.data)
        observed_mask = self.operator.observed_mask()
        return observed_mask if alive is None else map_data(lambda a, b: a & b, observed_mask, alive)

    @cached_property
    def known_share(self) -> float:
        """Numbers that are known for each number of the clip."""
        return count_of(self.known) / math.prod(self.operator.clip_shape)

    @cached_property
    def fitted(self) -> Data:
        """Booleans like the data: the known entries that are not held out."""
        return self.known if self.heldout is None else map_data(lambda a, b: a & ~b, self.known, self.heldout)

    @cached_property
    def fit_weights(self) -> Data:
        """What the square of each residual counts in the fit, shaped as the data: 1 where it is fitted, else 0.

        Of samples of a spectrum it is more, the farther they lie apart (`density_weights`), and 1 in the mean.
        """
        weights = self.operator.density_weights()
        if weights is None or not isinstance(self.fitted, Tensor):
            return self.fitted
        counts = weights.to(self.device).expand(self.fitted.shape) * self.fitted
        return counts / counts[self.fitted].mean()

    @property
    def has_density(self) -> bool:
        """Whether residuals count by how far apart samples of a spectrum lie."""
        return self.fit_weights is not self.fitted

    @cached_property
    def is_time_invariant(self) -> bool:
        """Whether all parts are measured by the same rows, and not completely: more frames of a still scene then add
        nothing."""
        known = tensors_of(self.operator.observed_mask())
        rows = self.operator.repeated_rows(known)
        return all(n < len(entries) for n, entries in zip(rows, known, strict=True))

    @cached_property
    def mean_row_norm_sq(self) -> float:
        """Mean squared norm of the operator's rows: how many times steeper eq. (5) is than for plain pixels."""
        return 1.0 if self.operator.is_pixel_mask else self.operator.row_norm() ** 2

    @cached_property
    def grey_level(self) -> float:
        """One hundredth of the way from black to white, in the units of the data."""
        return 0.01 * self.operator.row_norm()

    def data_fidelity(self, found: Data, data: Data, entries: Data) -> Tensor:
        """Sum over these entries of what their residuals cost in the fit (`data_term`); found: A G(z)."""
        weights = self.noise.weights(found, entries) if self.data_term == "weighted" else None
        return data_fidelity(
            found, data, entries if weights is None else weights, self.data_term, least=self.grey_level
        )

    def validation_loss(self, residuals: Tensor) -> Tensor:
        """What each residual, of any shape, costs when a clip is judged: the same measure for every clip.

        The square; where the fit is robust Huber's term with a bound of 5 grey levels in 100, so that outliers do not
        decide.
        """
        term: DataTerm = "huber" if self.data_term in ("huber", "l1") else "squared"
        return residual_terms(residuals, term, JUDGED_SPREAD_PERCENT * self.grey_level)

    def natural_response(self) -> tuple[float, Data]:
        """Mean square of a clip of natural spectrum, and the data it would give, of pixels those of all that are not
        known, too: made anew each time, as both are large."""
        probe = natural_probe(self.operator.clip_shape).to(self.device)
        data = probe if self.operator.is_pixel_mask else self.operator(probe)
        return float(torch.linalg.vector_norm(probe)) ** 2 / probe.numel(), data

    def scale(self, entries: Data) -> float:
        """Turns a sum of squared residuals over `entries` into an estimate of the squared error per pixel.

        Raises InputError when these entries tell nothing of a clip, as when there are none.
        """
        power, response = self.natural_response()
        return scale_of(power, energy_seen(response, entries))

    @cached_property
    def fit_scale(self) -> float:
        """`scale` of what is fitted, as it is weighted."""
        power, fitted, _ = self.probed
        return scale_of(power, fitted)

    @cached_property
    def probed(self) -> tuple[float, float, float]:
        """Mean square of a clip of natural spectrum, and what is seen of it where data is fitted and where it is held
        out: both of one such clip, which is not kept."""
        power, response = self.natural_response()
        held = 0.0 if self.heldout is None else energy_seen(response, self.heldout)
        return power, energy_seen(response, self.fit_weights), held

    def heldout_terms(self, clip: Tensor) -> Tensor:
        """What each hole adds to the held-out error of a clip (T, C, H, W): their sum is the squared error per pixel.

        Returns (N,) on the CPU, N the number of holes: of held-out entries where these lie apart, else of what lies
        together (`data.holes`); (0,) when nothing is held out. Where the data term is robust, outliers count little,
        see `validation_loss`. Where the data is samples of a spectrum, each hole has its part of the error at the
        fitted samples, too.
        """
        if self.heldout is None:
            return torch.zeros(0)
        return self.heldout_terms_of(self.judged_data(clip))

    def judged_data(self, clip: Tensor) -> Data:
        """What `heldout_terms_of` needs of A x: all of it; of pixels the held-out ones, (N,), as all of them take as
        much memory as the clip."""
        if self.operator.is_pixel_mask and isinstance(self.heldout, Tensor):
            (found,) = tensors_of(taken_at(self.heldout, clip))
            return found.to(torch.promote_types(found.dtype, torch.float32))
        made: Data = self.operator(clip)
        return made

    def heldout_terms_of(self, made: Data) -> Tensor:
        """`heldout_terms` of a clip of which this is `judged_data`, where something is held out."""
        weighted = [terms.cpu() for terms in self._at_heldout(made)]
        each = torch.cat([_summed(*pair) for pair in zip(weighted, self._holes, strict=True)])
        if self._spectrum_weights is None:
            return each
        return each + (1 - self._gap_share) * self._at_fitted_samples(made) / len(each)

    def heldout_misfit(self, clip: Tensor) -> float:
        """What the held-out entries alone say of a clip (T, C, H, W), with their noise: `heldout_error` without what it
        adds for fitted samples of a spectrum. NaN if nothing is held out."""
        if self.heldout is None:
            return math.nan
        return sum(float(terms.double().sum()) for terms in self._at_heldout(self.judged_data(clip)))

    def _at_heldout(self, made: Data) -> list[Tensor]:
        """The weighted terms of the held-out entries, by tensor of the data; made: `judged_data`."""
        assert self.heldout is not None
        if self.operator.is_pixel_mask:
            found, y = tensors_of(made)[0], tensors_of(taken_at(self.heldout, self.data))[0]
            return [self._heldout_weights[0] * self.validation_loss(found - y)]
        parts = zip(self._heldout_weights, *map(tensors_of, (made, self.data, self.heldout)), strict=True)
        return [weight * self.validation_loss(found[h] - y[h]) for weight, found, y, h in parts]

    @cached_property
    def _holes(self) -> tuple[Tensor | None, ...]:
        assert self.heldout is not None
        return holes(self.operator, self.heldout, self.known)

    @property
    def hole_count(self) -> int | None:
        """How many holes, or whole lines, are held out; None where all that is held out are single numbers."""
        if self.heldout is None or all(numbers is None for numbers in self._holes):
            return None
        pieces = [a.pieces if isinstance(a, Lines) else 1 for a in self.operator.arrangements()]
        parts = zip(tensors_of(self.heldout), self._holes, pieces, strict=True)
        return sum(int(h.sum()) if own is None else len(torch.unique(own // n)) for h, own, n in parts)

    @cached_property
    def _heldout_weights(self) -> tuple[float | Tensor, ...]:
        """What turns the squared residuals of the held-out entries, by tensor of the data, into error per pixel.

        One number for all, but where numbers are ordered from coarse to fine: there each counts by what it holds of a
        natural clip. The few coarse ones, which hold most of the energy, would otherwise outweigh all others. Held-out
        lines of a spectrum stand only for the missing lines, because around frequency zero everything is measured;
        where it is known for how many missing ones each stands, that is its weight (`LinearOperator.sample_weights`).
        Of a stack the numbers of each member have a weight of their own (`probe.member_weights`).
        """
        assert self.heldout is not None
        if self._spectrum_weights is not None and isinstance(self.heldout, Tensor):
            own = self._spectrum_weights[self.heldout]
            own = own if bool((own > 0).any()) else torch.ones_like(own)  # held out by a user where all is measured
            return (own * (self._gap_share / (float(own.sum()) * self.mean_row_norm_sq)),)
        if isinstance(self.heldout, tuple):
            return self._weights_of_members
        power, _, seen = self.probed
        scale, arrangements = scale_of(power, seen), self.operator.arrangements()
        scale *= self._unfitted_share if all(isinstance(a, Lines) for a in arrangements) else 1.0
        if not any(isinstance(arrangement, Ordered) for arrangement in arrangements):
            return (scale,) * len(arrangements)
        parts = zip(arrangements, tensors_of(self.natural_response()[1]), tensors_of(self.heldout), strict=True)
        return tuple(
            scale * levelling(r.abs().square(), h) if isinstance(arrangement, Ordered) else scale
            for arrangement, r, h in parts
        )

    @property
    def _weights_of_members(self) -> tuple[float | Tensor, ...]:
        """The same of a stack. Raises InputError where the held-out numbers of all members say nothing of a clip."""
        assert self.heldout is not None
        members = tensors_of(self.heldout)
        known = [response.abs().square() for response in tensors_of(self.natural_response()[1])]
        each = [
            levelling(r, h) if isinstance(arrangement, Ordered) and bool(h.any()) else torch.ones_like(r[h])
            for arrangement, r, h in zip(self.operator.arrangements(), known, members, strict=True)
        ]
        counted = tuple(torch.zeros_like(r).masked_scatter(h, c) for r, h, c in zip(known, members, each, strict=True))
        held = [int(h.sum()) if own is None else len(own.unique()) for h, own in zip(members, self._holes, strict=True)]
        weights = member_weights(self.operator, counted, self.fitted, held)
        if not any(weights):
            raise InputError("data: no entry is left to fit or to hold out; use more measurements")
        return tuple(w * c / c.sum().clamp_min(1e-30) for w, c in zip(weights, each, strict=True))

    @cached_property
    def _spectrum_weights(self) -> Tensor | None:
        """`LinearOperator.sample_weights` in the shape of the data; None where there are none, or nothing held out."""
        weights = self.operator.sample_weights()
        if weights is None or not isinstance(self.heldout, Tensor):
            return None
        return weights.to(self.device).expand(self.heldout.shape)

    @cached_property
    def _gap_share(self) -> float:
        """The mean error over the spectrum as a share of the error at held-out samples, at most 1; see `gap_share`."""
        assert self.heldout is not None
        assert self._spectrum_weights is not None
        held, fitted = (tensors_of(entries)[0] for entries in (self.heldout, self.fitted))
        return gap_share(self.operator, held, fitted, self._spectrum_weights)

    def _at_fitted_samples(self, found: Data) -> float:
        """Squared error per pixel at the fitted samples of a spectrum; 0 where the size of white noise is not known.

        What their residuals have beyond the noise; and where they have less, the clip has followed the noise, and
        FOLLOWED_SHARE of what is lacking counts: else a clip would be the better for it.
        """
        if not (self.noise.is_exact or isinstance(self.noise, WhiteNoise)):
            return 0.0
        weights, y, entries = self._spectrum_weights, tensors_of(self.data)[0], tensors_of(self.fitted)[0]
        assert weights is not None
        variance = self.noise.sigma**2 if isinstance(self.noise, WhiteNoise) else 0.0
        costs = self.validation_loss(tensors_of(found)[0] - y) - variance
        counted = weights * entries
        beyond = float((costs * counted).sum() / counted.sum().clamp_min(1e-30)) / self.mean_row_norm_sq
        return max(beyond, -FOLLOWED_SHARE * beyond)

    @property
    def _unfitted_share(self) -> float:
        """Share of the energy of a natural clip that the fitted entries do not determine."""
        probe = natural_probe(self.operator.clip_shape).to(self.device)
        found = project_onto_data(torch.zeros_like(probe), self.operator, self.operator(probe), self.fitted)
        return max(1 - float(found.square().sum() / probe.square().sum()), 1e-6)

    def heldout_error(self, clip: Tensor) -> float:
        """Squared error per pixel that the held-out data gives for a clip (T, C, H, W); NaN if nothing is held out."""
        return math.nan if self.heldout is None else float(self.heldout_terms(clip).double().sum())

    def fitted_error(self, clip: Tensor) -> float:
        """Squared error per pixel that the fitted data gives for a clip (T, C, H, W)."""
        made = clip if self.operator.is_pixel_mask else self.operator(clip)
        parts = zip(*(tensors_of(taken_at(self.fitted, data)) for data in (made, self.data)), strict=True)
        total = sum(float(self.validation_loss(found - y).double().sum()) for found, y in parts)
        scale = self.scale(self.fitted) if self.has_density else self.fit_scale
        return scale * total

    @cached_property
    def gap_factor(self) -> float:
        """How many times larger the squared error is at what is missing than at what is held out, as far as a simple
        guess foretells it (`data.gap_factor`); 1 where a user has chosen what is held out, and where outliers count
        little."""
        if self.heldout is None or self.is_own_holdout or self.data_term in ("huber", "l1"):
            return 1.0
        sigma = self.noise.sigma if isinstance(self.noise, WhiteNoise) else 0.0
        return gap_factor(self.operator, self.data, self.known, self.heldout, self.seed, sigma=sigma)

    @cached_property
    def held_count(self) -> int:
        """How many numbers are held out."""
        return 0 if self.heldout is None else count_of(self.heldout)

    def without_noise(self, error: float) -> float:
        """A held-out squared error per pixel less what white noise of known size adds to it.

        Where little is left that is about the standard error of what was taken off, and less the smaller the error is:
        of clips that explain the data to the noise the better one still has the smaller error.
        """
        added, doubt = self._heldout_noise
        left = error - added
        size = math.hypot(left, 2 * doubt)
        return (left + size) / 2 if left >= 0 or not doubt else 2 * doubt**2 / (size - left)

    def is_noise(self, error: float) -> bool:
        """Whether a held-out squared error per pixel is what white noise of known size alone would make of it, within
        two standard errors."""
        added, doubt = self._heldout_noise
        return doubt > 0 and error - added <= 2 * doubt

    @cached_property
    def _heldout_noise(self) -> tuple[float, float]:
        """What white noise of known size adds to the held-out error, on average, and its standard deviation."""
        if self.heldout is None or not isinstance(self.noise, WhiteNoise):
            return 0.0, 0.0
        added = spread = 0.0
        for weight, held, y in zip(self._heldout_weights, *map(tensors_of, (self.heldout, self.data)), strict=True):
            each = torch.as_tensor(weight, dtype=torch.float64).expand(int(held.sum()))
            added += float(each.sum())
            spread += float(each.square().sum()) * (1 if y.is_complex() else 2)
        return added * self.noise.sigma**2, math.sqrt(spread) * self.noise.sigma**2


def _summed(terms: Tensor, holes: Tensor | None) -> Tensor:
    """The sum of the terms of each hole; the terms where each is a hole of its own."""
    if holes is None:
        return terms
    different, numbers = torch.unique(holes, return_inverse=True)
    return terms.new_zeros(len(different)).index_add_(0, numbers, terms)
