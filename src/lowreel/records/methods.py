"""What a gap may be filled by: the background, interpolation in space, in space and time, functions, the generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..baselines.background import Background, additive_background
from ..baselines.covariance import SpaceTimeCovariance, estimate_covariance
from ..baselines.eof_iteration import eof_iteration
from ..baselines.optimal_interpolation import KRIGING_POINTS, TILE, Interpolated, optimal_interpolation
from .coregionalisation import interpolated_together
from .gap_distances import pixels_to_measured

GENERATOR_SPREADS = 4.0
"""Standard deviations of the anomalies on each side of grey between black and white, for the generator."""

EDGE_PIXELS = 2
"""Pixels beside a real gap whose values may be touched by what makes the gap, as those beside a cloud are."""

OPTIMAL = "optimal interpolation"
BACKGROUND = "frame mean + pixel anomaly"
EOFS_TOGETHER = "EOF iteration with the other variables"
TOGETHER = "optimal interpolation with the other variables"
JOINT = (EOFS_TOGETHER, TOGETHER)
"""Methods that use other variables."""


@dataclass(frozen=True)
class Section:
    """Frames that are filled together. values: (T, H, W) float32, anything where not known; times: (T,).

    wanted: (T, H, W) bool, what is to be filled. given: the covariance, where it is known from before. points: values
    by which optimal interpolation fills a tile. edges: (T, H, W) bool, measured pixels beside real gaps; None finds
    them. others: the same frames of other variables, that may help. year: its length in the unit of the times,
    where the background has a yearly cycle. tell: told the share of optimal interpolation that is done, now and then.
    """

    values: np.ndarray
    known: np.ndarray
    times: np.ndarray
    wanted: np.ndarray
    seed: int = 0
    given: SpaceTimeCovariance | None = None
    edges: np.ndarray | None = None
    points: int = KRIGING_POINTS
    others: tuple[Section, ...] = ()
    year: float | None = None
    tell: Callable[[float], None] | None = None

    @cached_property
    def background(self) -> Background:
        """Means of pixels and frames, and yearly cycles."""
        return additive_background(self.values, self.known, self.times, self.year)

    @cached_property
    def anomalies(self) -> np.ndarray:
        """What the background leaves, 0 where not known."""
        return np.where(self.known, self.values - self.background.clip, 0).astype(np.float32)

    @cached_property
    def mean(self) -> float:
        """Of all known values, frames' anomalies and yearly cycles taken off."""
        return float((self.values - self.background.changes)[self.known].mean(dtype=np.float64))

    @cached_property
    def centred(self) -> np.ndarray:
        """The values less the frames' anomalies, yearly cycles and the mean, 0 where not known."""
        shift = self.background.changes + self.mean
        return np.where(self.known, self.values - shift, 0).astype(np.float32)

    @cached_property
    def covariance(self) -> SpaceTimeCovariance:
        """Given, or estimated."""
        return self.given or estimate_covariance(
            self.centred, self.known, self.times, edges=self.beside_gaps, seed=self.seed
        )

    @cached_property
    def optimal(self) -> Interpolated:
        """Optimal interpolation of the centred values, where wanted."""
        return optimal_interpolation(
            self.centred,
            self.known,
            self.times,
            self.wanted,
            self.covariance,
            self.noise,
            self.points,
            tell=self.tell,
        )

    @cached_property
    def noise(self) -> np.ndarray:
        """Variance of the noise of each value, (T, H, W) float32."""
        edges = self.beside_gaps if self.edges is None else self.edges
        return (self.covariance.noise + self.covariance.edge_noise * edges).astype(np.float32)

    @cached_property
    def distances(self) -> np.ndarray:
        """Pixels to the nearest known one of the same frame, (T, H, W)."""
        return pixels_to_measured(self.known)

    @cached_property
    def variance(self) -> np.ndarray:
        """Of a measured value around optimal interpolation, by the covariance, noise included, where wanted, (n,)."""
        own = np.where(np.isfinite(self.optimal.variance), self.optimal.variance, self.covariance.variance)
        smooth = smooth_across_tiles(own, self.distances, self.wanted)
        return np.asarray(smooth[self.wanted] + self.covariance.noise)

    @cached_property
    def beside_gaps(self) -> np.ndarray:
        """Measured pixels EDGE_PIXELS or less beside gaps; land, which is never measured, is no gap."""
        from scipy.ndimage import maximum_filter

        gaps = ~self.known & self.known.any(0)
        side = 2 * EDGE_PIXELS + 1
        beside: np.ndarray = self.known & maximum_filter(gaps, (1, side, side))
        return beside

    @cached_property
    def range(self) -> tuple[float, float]:
        """The lowest known value, and how much higher the highest is."""
        seen = self.values[self.known]
        return float(seen.min()), float(seen.max() - seen.min()) or 1.0


def smooth_across_tiles(variance: np.ndarray, distances: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Variances (T, H, W) without the steps between tiles, each of which was filled from other values.

    What is smoothed, over the size of a tile and within a frame, is the ratio to the mean variance at the same distance
    (`distances`, in whole pixels, of all frames): the variance still rises from the edge of a gap inwards.
    """
    from scipy.ndimage import uniform_filter

    far = int(np.ceil(max(distances.shape[1:])))
    bins = np.minimum(distances, far).astype(np.int32)
    counts = np.bincount(bins[wanted], minlength=far + 1)
    means = np.bincount(bins[wanted], variance[wanted], far + 1) / np.maximum(counts, 1)
    usual = np.where(wanted, means[bins], 1).astype(np.float32)
    usual[usual == 0] = 1
    size = (1, TILE, TILE)
    weight = uniform_filter(wanted.astype(np.float32), size, mode="constant")
    ratio = uniform_filter(np.where(wanted, variance / usual, 0).astype(np.float32), size, mode="constant")
    return np.asarray(np.where(wanted, usual * np.maximum(ratio, 0) / np.maximum(weight, 1e-3), variance))


def _background(section: Section) -> np.ndarray:
    return np.zeros(section.known.shape, np.float32)


def _optimal(section: Section) -> np.ndarray:
    return _from_background(section, section.optimal.mean)


def _together(section: Section) -> np.ndarray:
    return _from_background(section, interpolated_together(section))


def _from_background(section: Section, centred: np.ndarray) -> np.ndarray:
    found = centred + section.mean - section.background.pixels
    return np.where(section.wanted & np.isfinite(found), found, 0).astype(np.float32)


def _eofs(section: Section) -> np.ndarray:
    return eof_iteration(section.anomalies, section.known, seed=section.seed)


def _eofs_together(section: Section) -> np.ndarray:
    """Functions of time that all variables share, each in units of its spread."""
    every = (section, *section.others)
    spreads = [float(one.anomalies[one.known].std()) or 1.0 for one in every]
    scaled = np.concatenate([one.anomalies / spread for one, spread in zip(every, spreads, strict=True)], 2)
    found = eof_iteration(scaled, np.concatenate([one.known for one in every], 2), seed=section.seed)
    return found[:, :, : section.known.shape[2]] * spreads[0]


def _biharmonic(section: Section) -> np.ndarray:
    import torch

    from ..baselines import biharmonic

    low, high = section.range
    grey = np.where(section.known, (section.values - low) / high, 0).astype(np.float32)
    found = biharmonic(torch.from_numpy(grey)[:, None], torch.from_numpy(section.known)[:, None])[:, 0].numpy()
    some = np.asarray(section.known.any((1, 2)))[:, None, None]
    return np.where(some, found * high + low - section.background.clip, 0).astype(np.float32)


def _variation(section: Section) -> np.ndarray:
    import torch

    from ..baselines import chosen_variation
    from ..baselines.interpolation import local_means
    from ..operators import Mask

    low, high = section.range
    grey = torch.from_numpy(np.where(section.known, (section.values - low) / high, 0).astype(np.float32))[:, None]
    known = torch.from_numpy(section.known)[:, None]
    found = chosen_variation(grey, Mask(tuple(grey.shape), known), known, local_means(grey, known))
    anomalies: np.ndarray = found[:, 0].numpy() * high + low - section.background.clip
    return anomalies.astype(np.float32)


def _generator(section: Section) -> np.ndarray:
    """A generator that corrects the background: fitted to the anomalies, whose noise is known."""
    import torch

    from ..operators import Mask
    from ..recovery.recover import recover
    from ..settings import RecoverSettings

    spread = 2 * GENERATOR_SPREADS * (float(section.anomalies[section.known].std()) or 1.0)
    grey = np.clip(section.anomalies / spread + 0.5, 0, 1) * section.known
    data = torch.from_numpy(grey.astype(np.float32))[:, None]
    mask = Mask(tuple(data.shape), torch.from_numpy(section.known)[:, None])
    steps = np.diff(section.times)
    beta = torch.from_numpy((np.median(steps) / steps).astype(np.float32)) if len(steps) else None
    found = recover(
        data,
        mask,
        RecoverSettings(quality="draft", baselines="none", seed=section.seed),
        noise=max(float(np.sqrt(section.covariance.noise)) / spread, 1e-4),
        levels=(1.0, 0.0),
        beta=beta,
    )
    return ((found.representation.frames()[:, 0].numpy() - 0.5) * spread).astype(np.float32)


METHODS: dict[str, Callable[[Section], np.ndarray]] = {
    BACKGROUND: _background,
    "EOF iteration": _eofs,
    "biharmonic interpolation": _biharmonic,
    "3-D total variation": _variation,
    OPTIMAL: _optimal,
    EOFS_TOGETHER: _eofs_together,
    TOGETHER: _together,
    "generator": _generator,
}
"""By name what each makes of a section: anomalies from its background, (T, H, W) float32, good where wanted."""


def methods_for(section: Section, *, generator: bool) -> list[str]:
    """Those that can be tried: with other variables where there are any."""
    left_out = (*(() if section.others else JOINT), *(() if generator else ("generator",)))
    return [name for name in METHODS if name not in left_out]


def predictions(
    section: Section, names: Sequence[str], tell: Callable[[float], None] | None = None
) -> dict[str, np.ndarray]:
    """Anomalies from the background by each of these methods, at the wanted pixels, (n,). tell: told which share of the
    methods is done."""
    found = {}
    for name in names:
        found[name] = METHODS[name](section)[section.wanted]
        if tell is not None:
            tell(len(found) / len(names))
    return found
