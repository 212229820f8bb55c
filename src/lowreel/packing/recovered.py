"""A recovery of pixels as one file: by a pyramid fitted anew, or by the generator that recovered it, whichever
held-out data says is the better one.

A pyramid is fitted to the best clip that is known, with the pixels that were measured, which are exact. What is d off
from that in mean square, and by chance, has against the clip that is not known the error

.. math::
    e = d + (1 - p) \\, m

where p is the share of measured pixels and m the mean squared error of the others, which held-out pixels tell. Good
fits are better, as measured pixels draw them towards the truth between them, too; poor ones are not (docs/choices.md).
What the generator draws has m of its own at the others, and at measured pixels, which it has seen, the error k that it
is found to have there: p k + (1 - p) m.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from ..analysis.metrics import error_decibels
from ..data import FEW_NUMBERS, Measured, NoNoise, held_out_by, hold_out
from ..errors import InputError
from ..model.representation import Representation
from ..operators import count_of, tensors_of
from ..settings import DEFAULT_LOSS_DB, LEAST_CLIP_UPDATES, PackSettings, RecoverSettings
from .direct import pack_clip
from .pack import PackedResult, pack

CANNOT_BE_ANEW = "Maps fitted anew cannot have what was asked for; the generator's own numbers are packed."
LOSES_LESS = "Maps fitted anew lose more, by {:,} held-out numbers; the generator's own numbers are packed."
"""Why maps are not in the file, though they might have been."""

PRECISION_IS_FOR_MAPS = (
    "The generator's own numbers are fitted in float32; --precision bfloat16 is for a clip that is fitted anew."
)


@dataclass(frozen=True)
class RecoveredPixels:
    """The best that is known of a clip of which pixels were measured exactly.

    clip: (T, C, H, W) in [0, 1], measured pixels as they are; known: booleans, (T, 1 or C, H, W), which these are;
    missing_error: mean squared error of the others; drawn_error: of what the generator draws there, None where nobody
    has told it of these alone; held_count: how many held-out numbers tell both.
    """

    clip: Tensor
    known: Tensor
    missing_error: float
    drawn_error: float | None = None
    held_count: int = FEW_NUMBERS

    @staticmethod
    def of(
        measured: Measured,
        settings: RecoverSettings,
        clip: Callable[[], Tensor],
        heldout_db: float,
        drawn_db: float | None = None,
        holdout: Any = None,
    ) -> RecoveredPixels | None:
        """From the data, the settings of its recovery, and the clip, (T, C, H, W), that held-out data says is best,
        with its level and that of what the generator draws; None where the data is not exact pixels of every frame, or
        nobody knows how good the clip is, as where few numbers were held out. It is then not read. holdout: pixels that
        somebody chose to hold out, as in `recover`."""
        operator = measured.operator
        if not (operator.is_pixel_mask and isinstance(measured.noise, NoNoise) and math.isfinite(heldout_db)):
            return None
        (known,) = tensors_of(operator.observed_mask())
        if not _sees_every_frame(known):
            return None
        held = _held_count(measured, settings, holdout)
        if held < FEW_NUMBERS:
            return None
        drawn_error = None if drawn_db is None else error_of_level(drawn_db)
        return RecoveredPixels(clip(), known.bool(), error_of_level(heldout_db), drawn_error, held)

    def unpacked_error(self, drawn: Tensor) -> float | None:
        """Mean squared error of what the generator draws, (T, C, H, W), against the clip that is not known; None where
        its error at pixels that were not measured is not known."""
        if self.drawn_error is None:
            return None
        seen = float((drawn - self.clip).square().mul(self.known).mean(dtype=torch.float64))
        return seen + self._missing_share * self.drawn_error

    def expected_error(self, distance: float) -> float:
        """Mean squared error of a fit, at this distance in mean square, against the clip that is not known."""
        return distance + self._own_error

    def distance(self, error: float) -> float:
        """The mean squared distance from `clip` at which a fit has that error; not above zero where none has."""
        return error - self._own_error

    @property
    def _own_error(self) -> float:
        return self._missing_share * self.missing_error

    @property
    def _missing_share(self) -> float:
        return 1 - float(self.known.mean(dtype=torch.float64))


def error_of_level(level: float) -> float:
    """Of a level in dB, peak 1."""
    return float(10 ** (-level / 10))


def _sees_every_frame(known: Tensor) -> bool:
    return bool(known.flatten(1).any(1).all())


def _held_count(measured: Measured, settings: RecoverSettings, holdout: Any) -> int:
    """How many numbers a recovery with these settings holds out; holdout: those that somebody chose, None of others."""
    operator, known = measured.operator, measured.operator.observed_mask()
    if holdout is not None:
        return count_of(held_out_by(holdout, operator, known))
    share = settings.heldout_share(count_of(known))
    return count_of(hold_out(operator, share, settings.seed, known=known, data=measured.data))


def pack_recovered(
    found: Representation,
    settings: PackSettings,
    *,
    recovered: Callable[[], RecoveredPixels | None] | None,
    error: float | None,
    toward: Tensor | None = None,
    levels: tuple[float, float] = (1.0, 0.0),
    rate: Fraction = Fraction(25),
    show: Callable[[int, int], None] | None = None,
) -> PackedResult:
    """Pack what was recovered for settings.bytes or settings.loss by a pyramid fitted anew, where that does not lose
    more than the default loss; else as `pack` does, or by what loses less.

    recovered: gives the clip and its pixels, None where it is not one of exact pixels; called only where a pyramid may
    stand for the representation; error: as in `pack`, of what the representation draws; `unpacked_error` of what
    `recovered` gives takes its place where that is known; the others as there. Raises InputError as `pack` does.
    """
    how: dict[str, Any] = {"levels": levels, "rate": rate, "show": show}

    def as_it_is(why: str = "") -> PackedResult:
        own = pack(found, settings, error=error, toward=toward, **how)
        precision = PRECISION_IS_FOR_MAPS if settings.precision == "bfloat16" else ""
        return replace(own, note=" ".join(filter(None, (own.note, why, precision))))

    if recovered is None or error is None or not _may_be_anew(found, settings):
        return as_it_is()
    best = recovered()
    if best is None:
        return as_it_is()
    error = best.unpacked_error(found.frames()) or error
    anew = _anew(found, settings, best, error, how)
    if anew is None:
        return as_it_is(CANNOT_BE_ANEW)
    if settings.bytes is None or _loss(anew, error) <= DEFAULT_LOSS_DB:
        return anew
    try:
        own = as_it_is(LOSES_LESS.format(best.held_count))
    except InputError:
        return anew
    return anew if _loss(anew, error) < _loss(own, error) else own


def _may_be_anew(found: Representation, settings: PackSettings) -> bool:
    """Whether a pyramid may stand for a representation: not where its codes lie on a line, whose path is wanted, nor
    where packed frames are to be near to its own; nor in fewer updates than a pyramid has at least."""
    is_long = settings.updates is None or settings.updates >= LEAST_CLIP_UPDATES
    return is_long and settings.psnr is None and found.codes.mean is None and not found.is_complex


def _anew(
    found: Representation, settings: PackSettings, recovered: RecoveredPixels, error: float, how: dict[str, Any]
) -> PackedResult | None:
    """The recovered clip by a pyramid; None where that cannot be as good, or as small."""
    asked = settings
    if settings.bytes is None:
        loss = DEFAULT_LOSS_DB if settings.loss is None else settings.loss
        distance = recovered.distance(error_of_level(-loss) * error)
        if distance <= 0:
            return None
        asked = settings.model_copy(update={"loss": None, "psnr": error_decibels(distance)})
    try:
        result = pack_clip(recovered.clip, found.times, asked, known=recovered.known, **how)
    except InputError:
        return None
    expected = recovered.expected_error(result.error)
    return replace(result, expected_error=expected, unpacked_error=error, held_count=recovered.held_count)


def _loss(result: PackedResult, error: float) -> float:
    """Decibels that a packed clip is worse than unpacked ones of this error, by held-out data: what rounding adds to it
    is at random."""
    expected = error + result.error if result.expected_error is None else result.expected_error
    return 10 * math.log10(expected / error)
