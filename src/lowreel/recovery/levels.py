"""Units of data given in Python: find them, bring the data to grey levels in [0, 1], and put the result back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ..data import Levels, Noise, PoissonNoise, WhiteNoise, estimate_scaling
from ..data.scaling import PEAK_ITERATIONS, WHITE_OVER_PEAK
from ..errors import InputError
from ..operators import Data, LinearOperator, inner, map_data, project_onto_data, tensors_of
from ..system.complex_clips import to_complex
from .comparison import Baseline, Finished, OnBaseline
from .fit import Score

AS_IS = Levels(1.0)

InUnits = Callable[[Tensor], Tensor]
"""From a clip in [0, 1], (T, C, H, W), to the same in the units of the data, complex where that is."""

ROUNDING_SLACK = 1e-6
"""By how much exact grey levels may leave [0, 1]: rounding of float32."""

WIDEST_NOISE = 6.0
"""Standard deviations by which noise moves a number, at most."""

BRIGHTER_FACTOR = 1.01
"""How much brighter than white everywhere data has to be, for its clip to leave [0, 1]."""

DARKEST_PEAK = 0.01
"""A clip with a peak below this is taken for one in units of its own, not for a dark one in [0, 1]."""


@torch.no_grad()
def levels_of(data: Data, operator: LinearOperator, noise: Noise) -> Levels:
    """Scale and offset of the clip that the data comes from; `AS_IS` where that may be a clip in [0, 1].

    data: float32 or complex64, finite. Pixels tell both, sums of pixels (snapshots) the scale. Raises InputError for
    what has to be brought to [0, 1] by whoever knows how: noisy pixels far outside, and other data whose mean grey
    level is above white or which is next to black everywhere.
    """
    data = map_data(lambda y, known: torch.where(known, y, 0), data, operator.observed_mask())
    if not all(bool(y.isfinite().all()) for y in tensors_of(data)):
        return AS_IS  # it is refused later, with the count of what is no number
    if operator.is_pixel_mask:
        return _levels_of_pixels(data, operator, noise)
    if operator.sums_grey_levels():
        found = estimate_scaling(data, operator)
        return AS_IS if DARKEST_PEAK <= found.scale <= WHITE_OVER_PEAK * (1 + ROUNDING_SLACK) else found
    what = _beyond_grey_levels(data, operator, noise)
    if what is not None:
        raise InputError(
            f"data: expected that of grey levels in [0, 1], but {what}; give y / white, white being the largest "
            "level that a pixel can have in the units of the data, and the standard deviation of the noise over it too"
        )
    return AS_IS


def _beyond_grey_levels(data: Data, operator: LinearOperator, noise: Noise) -> str | None:
    """Why data that mixes pixels is of no clip in [0, 1], in words; None where it may be.

    By <A 1, y>, for which there is a largest value, and by the peak of the least-norm clip, which is smaller the fewer
    numbers there are.
    """
    white = operator(torch.ones(operator.clip_shape))
    mean, power = float(inner(white, data)), float(inner(white, white))
    most = float(operator.adjoint(white).clamp_min(0).sum()) + WIDEST_NOISE * (noise.rms or 0.0) * math.sqrt(power)
    if mean > BRIGHTER_FACTOR * most:
        return f"its mean grey level is {mean / max(power, 1e-30):.4g}"
    if not 0 <= mean < DARKEST_PEAK * power:
        return None
    numbers = sum(y.numel() for y in tensors_of(data))
    peak = estimate_scaling(data, operator).scale
    darkest = DARKEST_PEAK * min(1.0, numbers / math.prod(operator.clip_shape))
    return f"its brightest pixel is about {peak:.2g}" if 0 < peak < darkest else None


def _levels_of_pixels(data: Data, operator: LinearOperator, noise: Noise) -> Levels:
    pairs = zip(tensors_of(data), tensors_of(operator.observed_mask()), strict=True)
    known = torch.cat([y[k].flatten() for y, k in pairs])
    if not len(known):
        return AS_IS
    low, high = float(known.min()), float(known.max())
    slack = ROUNDING_SLACK
    if isinstance(noise, WhiteNoise | PoissonNoise):
        slack = max(ROUNDING_SLACK, WIDEST_NOISE * noise.sigma)
    if DARKEST_PEAK <= high <= 1 + slack and low >= -slack:
        return AS_IS
    if noise.is_exact:
        return AS_IS if low == high == 0 else estimate_scaling(data, operator)
    if noise.rms is None and low >= -1 and DARKEST_PEAK <= high <= 2:
        return AS_IS
    if -slack <= low and high < DARKEST_PEAK:
        return AS_IS
    raise InputError(
        f"data: expected grey levels in [0, 1], got {low:.4g} to {high:.4g}, which is more than noise would do; give "
        "(y - black) / (white - black), and the standard deviation of the noise over (white - black) too"
    )


def complex_levels(data: Data, operator: LinearOperator) -> Levels:
    """How large the numbers of the complex clip are that the data comes from: white, as `estimate_scaling` tells it."""
    least = project_onto_data(
        torch.zeros(operator.clip_shape), operator, data, operator.observed_mask(), iterations=PEAK_ITERATIONS
    )
    largest = float(to_complex(least).abs().max())
    return Levels(WHITE_OVER_PEAK * largest if largest > 0 else 1.0)


def in_units_of(levels: Levels, clip: Tensor, is_complex: bool = False) -> Tensor:
    """A clip in [0, 1], (T, C, H, W), in the units of the data; is_complex: its real form, from -white to white."""
    if is_complex:
        return to_complex(2 * clip - 1) * levels.scale
    return clip if levels == AS_IS else clip * levels.scale + levels.offset


def scored_in_units(back: InUnits, score: Score | None) -> Score | None:
    """A score that is given frames in the units of the data."""
    return None if score is None else lambda frames: score(back(frames))


def told_in_units(back: InUnits, tell: OnBaseline | None) -> OnBaseline | None:
    """A function that is told of baselines, given their clips in the units of the data."""
    return None if tell is None else lambda name, baseline: tell(name, replace(baseline, clip=back(baseline.clip)))


def finished_in_units(back: InUnits, data: Data, operator: LinearOperator, noise: Noise) -> InUnits:
    """A function that puts a delivered clip into the units of the data, with the exactly known pixels as they came."""
    if not (operator.is_pixel_mask and noise.is_exact):
        return back

    def exactly(clip: Tensor) -> Tensor:
        known, alive = operator.observed_mask(), noise.alive(data)
        return torch.where(known if alive is None else known & alive, data, back(clip))  # type: ignore[arg-type, operator]

    return exactly


def baselines_in_units(back: InUnits, baselines: Mapping[str, Baseline]) -> Mapping[str, Baseline]:
    """Baselines with their clips, (T, C, H, W), in the units of the data."""
    return Finished(baselines, back)
